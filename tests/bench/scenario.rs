//! What is measured.

use serde_json::{Value, json};

/// Class that is read.
pub(crate) const CLASS: &str = "GameScore";
/// Objects in it.
pub(crate) const OBJECTS: usize = 10_000;

/// One kind of request.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
}

/// What is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One object by id.
    Get,
    /// One object by id, as a logged-in user who has roles.
    GetWithSession,
    /// Ten objects by an indexed range of ids.
    Find10,
    /// A hundred objects, sorted.
    Find100Sorted,
    /// A new object.
    Create,
}

/// Every scenario, in the order of the report.
pub(crate) const SCENARIOS: [Scenario; 5] = [
    Scenario { name: "get", kind: Kind::Get },
    Scenario { name: "get with session", kind: Kind::GetWithSession },
    Scenario { name: "find 10", kind: Kind::Find10 },
    Scenario { name: "find 100 sorted", kind: Kind::Find100Sorted },
    Scenario { name: "create", kind: Kind::Create },
];

impl Kind {
    /// Paths of the requests, below the mount path, for objects with these ids.
    pub(crate) fn paths(self, ids: &[String]) -> Vec<String> {
        match self {
            Self::Get | Self::GetWithSession => ids.iter().map(|id| format!("/classes/{CLASS}/{id}")).collect(),
            Self::Find10 => ids
                .iter()
                .map(|id| {
                    format!("/classes/{CLASS}?limit=10&where=%7B%22objectId%22%3A%7B%22%24gte%22%3A%22{id}%22%7D%7D")
                })
                .collect(),
            Self::Find100Sorted => vec![format!("/classes/{CLASS}?limit=100&order=-createdAt")],
            Self::Create => vec!["/classes/Created".to_owned()],
        }
    }

    /// Body of the requests.
    pub(crate) fn body(self) -> Option<Value> {
        (self == Self::Create).then(|| object(7))
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
