//! What is measured.

use serde_json::{Value, json};

/// Class that is read.
pub(crate) const CLASS: &str = "GameScore";
/// Name and password of who logs in.
pub(crate) const USER: &str = "bench";
/// See [`USER`].
pub(crate) const PASSWORD: &str = "a password of usual length";
/// Objects in it.
pub(crate) const OBJECTS: usize = 10_000;

/// One kind of request.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
}

/// Servers and data that some scenarios need.
pub(crate) struct Stage {
    pub(crate) setting: Setting,
    pub(crate) scenarios: &'static [Scenario],
}

/// What the servers work on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Setting {
    /// Ten thousand objects, every server on a database of its own.
    Usual,
    /// A class of ten thousand and one of a million objects; Parse Server and ours on one database.
    Large,
}

/// What is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One object by id.
    Get,
    /// One object by id, as a logged-in user who has roles.
    GetWithSession,
    /// A log-in by name and password.
    LogIn,
    /// One object by id, while as many others log in.
    GetDuringLogIns,
    /// Ten objects by an indexed range of ids.
    Find10,
    /// A hundred objects, sorted.
    Find100Sorted,
    /// A new object.
    Create,
    /// Something of a class of this size.
    Large(Large, &'static str),
    /// One object by id, as a user whose thousand roles are all direct ones; nobody caches them.
    GetWithManyRoles,
    /// One object by id, as a user whose role passes on fifty others, one after the other; nobody caches them.
    GetWithDeepRoles,
    /// A thousand new objects in one request.
    Batch,
}

/// What is asked of a large class.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Large {
    /// One object by id.
    Get,
    /// Ten objects by a range of an indexed number.
    IndexedFind,
    /// How many objects a range of an indexed number has, without the objects.
    Count,
    /// A hundred objects with what their pointers lead to.
    Include,
    /// The first hundred objects by id.
    FirstPage,
    /// A hundred objects by id, after an id.
    PageAfter,
}

/// Every scenario, in the order of the report.
pub(crate) const STAGES: [Stage; 2] = [
    Stage {
        setting: Setting::Usual,
        scenarios: &[
            Scenario { name: "get", kind: Kind::Get },
            Scenario { name: "get with session", kind: Kind::GetWithSession },
            Scenario { name: "find 10", kind: Kind::Find10 },
            Scenario { name: "find 100 sorted", kind: Kind::Find100Sorted },
            Scenario { name: "create", kind: Kind::Create },
            Scenario { name: "log in", kind: Kind::LogIn },
            Scenario { name: "get in a storm", kind: Kind::GetDuringLogIns },
        ],
    },
    Stage {
        setting: Setting::Large,
        scenarios: &[
            Scenario { name: "get of 10 k", kind: Kind::Large(Large::Get, SMALL_CLASS) },
            Scenario { name: "get of 1 M", kind: Kind::Large(Large::Get, LARGE_CLASS) },
            Scenario { name: "indexed of 10 k", kind: Kind::Large(Large::IndexedFind, SMALL_CLASS) },
            Scenario { name: "indexed of 1 M", kind: Kind::Large(Large::IndexedFind, LARGE_CLASS) },
            Scenario { name: "count of 10 k", kind: Kind::Large(Large::Count, SMALL_CLASS) },
            Scenario { name: "count of 1 M", kind: Kind::Large(Large::Count, LARGE_CLASS) },
            Scenario { name: "include of 1 M", kind: Kind::Large(Large::Include, LARGE_CLASS) },
            Scenario { name: "page 1 of 10 k", kind: Kind::Large(Large::FirstPage, SMALL_CLASS) },
            Scenario { name: "page 1 of 1 M", kind: Kind::Large(Large::FirstPage, LARGE_CLASS) },
            Scenario { name: "page n of 10 k", kind: Kind::Large(Large::PageAfter, SMALL_CLASS) },
            Scenario { name: "page n of 1 M", kind: Kind::Large(Large::PageAfter, LARGE_CLASS) },
            Scenario { name: "1000 roles", kind: Kind::GetWithManyRoles },
            Scenario { name: "50 levels of roles", kind: Kind::GetWithDeepRoles },
            Scenario { name: "batch of 1000", kind: Kind::Batch },
        ],
    },
];

/// A class of [`OBJECTS`].
pub(crate) const SMALL_CLASS: &str = "Small";
/// A class of a million objects, or of as many as `BENCH_OBJECTS` says.
pub(crate) const LARGE_CLASS: &str = "Large";
/// Session of a user with a thousand roles.
pub(crate) const MANY_ROLES_TOKEN: &str = "r:00000000000000000000000000001000";
/// Session of a user with a role at the end of a chain of fifty.
pub(crate) const DEEP_ROLES_TOKEN: &str = "r:00000000000000000000000000000050";

impl Kind {
    /// Paths of the requests, below the mount path, for objects with these ids.
    pub(crate) fn paths(self, ids: &[String]) -> Vec<String> {
        match self {
            Self::Get | Self::GetWithSession | Self::GetDuringLogIns => {
                ids.iter().map(|id| format!("/classes/{CLASS}/{id}")).collect()
            }
            Self::Find10 => ids
                .iter()
                .map(|id| {
                    format!("/classes/{CLASS}?limit=10&where=%7B%22objectId%22%3A%7B%22%24gte%22%3A%22{id}%22%7D%7D")
                })
                .collect(),
            Self::Find100Sorted => vec![format!("/classes/{CLASS}?limit=100&order=-createdAt")],
            Self::Create => vec!["/classes/Created".to_owned()],
            Self::LogIn => vec!["/login".to_owned()],
            Self::Large(what, class) => what.paths(class, ids),
            Self::GetWithManyRoles | Self::GetWithDeepRoles => Large::Get.paths(SMALL_CLASS, ids),
            Self::Batch => vec!["/batch".to_owned()],
        }
    }

    /// How long it takes until a figure means something, in seconds.
    pub(crate) fn least_seconds(self) -> u32 {
        match self {
            // 64 clients wait for each other, for some seconds each.
            Self::LogIn => 15,
            // One takes Parse Server a second or more, as does a read while it hashes.
            Self::Batch | Self::GetDuringLogIns => 10,
            _ => 1,
        }
    }

    /// Body of the requests.
    pub(crate) fn body(self) -> Option<Value> {
        let create = |number| json!({ "method": "POST", "path": "/parse/classes/Created", "body": object(number) });
        match self {
            Self::Create => Some(object(7)),
            Self::LogIn => Some(json!({ "username": USER, "password": PASSWORD })),
            Self::Batch => Some(json!({ "requests": (0..1000).map(create).collect::<Vec<_>>() })),
            _ => None,
        }
    }
}

impl Large {
    fn paths(self, class: &str, ids: &[String]) -> Vec<String> {
        let query = |parameters: &[(&str, String)]| {
            let mut url = reqwest::Url::parse("http://path").expect("a constant URL");
            url.query_pairs_mut().extend_pairs(parameters);
            format!("/classes/{class}?{}", url.query().unwrap_or_default())
        };
        // Numbers that both classes have.
        let scores = (0..OBJECTS - 100).step_by(7);
        match self {
            Self::Get => ids.iter().map(|id| format!("/classes/{class}/{id}")).collect(),
            Self::IndexedFind => scores
                .map(|score| {
                    let filter = json!({ "score": { "$gte": score } });
                    query(&[("where", filter.to_string()), ("order", "score".into()), ("limit", "10".into())])
                })
                .collect(),
            Self::Count => scores
                .map(|score| {
                    let filter = json!({ "score": { "$gte": score, "$lt": score + 100 } });
                    query(&[("where", filter.to_string()), ("limit", "0".into()), ("count", "1".into())])
                })
                .collect(),
            Self::Include => scores
                .map(|score| {
                    let filter = json!({ "score": { "$gte": score, "$lt": score + 100 } });
                    query(&[("where", filter.to_string()), ("limit", "100".into()), ("include", "player".into())])
                })
                .collect(),
            Self::FirstPage => vec![query(&[("order", "objectId".into()), ("limit", "100".into())])],
            Self::PageAfter => ids
                .iter()
                .map(|id| {
                    let filter = json!({ "objectId": { "$gt": id } });
                    query(&[("where", filter.to_string()), ("order", "objectId".into()), ("limit", "100".into())])
                })
                .collect(),
        }
    }
}

/// An object of about 800 bytes as apps have them: texts, numbers, a date, a pointer, a place, a list, an object.
pub(crate) fn object(number: usize) -> Value {
    json!({
        "score": number,
        "ratio": number as f64 / 7.0,
        "playerName": format!("Player {number}"),
        "cheatMode": number.is_multiple_of(3),
        "about": "A text as people write them, long enough to matter and short enough to be common in apps. ".repeat(3),
        "playedAt": { "__type": "Date", "iso": "2026-01-02T03:04:05.678Z" },
        "player": { "__type": "Pointer", "className": "Player", "objectId": "abcdefghij" },
        "place": { "__type": "GeoPoint", "latitude": 52.5, "longitude": 13.4 },
        "tags": ["one", "two", "three", number],
        "settings": { "sound": true, "level": { "name": "Boss", "number": 12 }, "colours": ["red", "green"] },
    })
}
