//! Random requests, most of them by somebody who wants to know more than he may.

use std::fmt;

use rand::{RngExt as _, rngs::StdRng};
use serde_json::{Map, Value as Json, json};

use crate::{
    random::{WORDS, date, id, number, once_in, one_of, place, pointer, pointer_to, user_id, word},
    servers::Store,
    world::World,
};

/// A request, sent as the JavaScript SDK sends it.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) path: String,
    pub(crate) body: Json,
    /// Whether the order of the results is part of the answer.
    pub(crate) is_ordered: bool,
}

impl fmt::Display for Request {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "  {} {}", self.path, self.body)
    }
}

const NAMES: [&str; 52] = [
    "s",
    "n",
    "b",
    "d",
    "o",
    "a",
    "g",
    "t",
    "f",
    "p",
    "q",
    "u",
    "us",
    "r",
    "h1",
    "h2",
    "hd",
    "ho",
    "ha",
    "hg",
    "ht",
    "hp",
    "hq",
    "hr",
    "o.k",
    "o.j",
    "o.p",
    "ho.k",
    "ho.j",
    "ho.p.objectId",
    "a.0",
    "a.objectId",
    "ha.0",
    "ha.objectId",
    "g.0",
    "hg.0",
    "p.objectId",
    "hp.objectId",
    "h1.x",
    "objectId",
    "createdAt",
    "updatedAt",
    "ACL",
    "_rperm",
    "_wperm",
    "unknown",
    "username",
    "email",
    "authData.fb.id",
    "authData",
    "sessionToken",
    "user",
];

const ODD_NAMES: [&str; 12] = [
    "_hashed_password",
    "_email_verify_token",
    "_perishable_token",
    "_session_token",
    "_auth_data_fb",
    "_p_hp",
    "_p_u",
    "_id",
    "_acl",
    "password",
    "installationId",
    "name",
];

const CLASSES: [&str; 12] =
    ["Note", "Note", "Note", "Card", "Card", "Box", "Box", "_User", "_User", "_Session", "_Role", "Nowhere"];

const JOINS: [&str; 2] = ["_Join:hr:Note", "_Join:users:_Role"];

/// One request.
pub(crate) fn request(random: &mut StdRng, world: &World, store: Store) -> Request {
    match random.random_range(0..40_u32) {
        0 => Request {
            path: format!("/aggregate/{}", class(random)),
            body: json!({ "_method": "GET", "distinct": name(random) }),
            is_ordered: true,
        },
        1 => Request {
            path: format!("/aggregate/{}", class(random)),
            body: json!({ "_method": "GET", "pipeline": [{ "$group": { "_id": format!("${}", name(random)) } }] }),
            is_ordered: true,
        },
        2..=7 => get(random, world),
        8 => unordered(random),
        _ => find(random, store),
    }
}

fn get(random: &mut StdRng, world: &World) -> Request {
    let class = class(random);
    let known = world.classes.get(class).filter(|_| !once_in(random, 4));
    let known = known.map(|class| &class.items[random.random_range(0..class.items.len())]);
    let id = known.map_or_else(|| id(random), |item| item.id.clone());
    let mut body = Map::from_iter([("_method".to_owned(), json!("GET"))]);
    select(random, &mut body, false);
    Request { path: format!("/classes/{class}/{id}"), body: Json::Object(body), is_ordered: true }
}

/// A find in the order of an index that holds more than what is asked for. Only one index serves it, so that there is one
/// right order.
fn unordered(random: &mut StdRng) -> Request {
    let mut body = Map::from_iter([("_method".to_owned(), json!("GET"))]);
    if once_in(random, 2) {
        body.insert("where".to_owned(), json!({ "s": word(random) }));
    }
    if once_in(random, 2) {
        let hint = one_of(random, &["s_1_h2_1", "_id_", "nowhere", ""]);
        body.insert("hint".to_owned(), if hint.is_empty() { json!({ "s": 1, "h2": 1 }) } else { json!(hint) });
    }
    if once_in(random, 3) {
        body.insert("order".to_owned(), json!(one_of(random, &["s", "-s", "s,n"])));
    }
    if once_in(random, 3) {
        body.insert("limit".to_owned(), json!(3));
    }
    let class = one_of(random, &["Note", "Note", "Card"]);
    Request { path: format!("/classes/{class}"), body: Json::Object(body), is_ordered: true }
}

fn find(random: &mut StdRng, store: Store) -> Request {
    let mut body = Map::from_iter([("_method".to_owned(), json!("GET"))]);
    let mut filter = match random.random_range(0..16_u32) {
        0 | 1 => Map::new(),
        // A find that is a get.
        2 => Map::from_iter([("objectId".to_owned(), operand(random, "objectId"))]),
        _ => level(random, 2),
    };
    if once_in(random, 12) {
        let field = one_of(random, &["g", "hg", "s", "nowhere"]);
        filter.insert(field.to_owned(), json!({ "$nearSphere": place(random), "$maxDistance": 0.5 }));
    }
    if store == Store::MongoDb && once_in(random, 8) {
        let field = one_of(random, &["t", "ht", "s", "h1"]);
        let term = one_of(random, &WORDS);
        filter.insert(field.to_owned(), json!({ "$text": { "$search": { "$term": term } } }));
    }
    let is_near = filter.values().any(|value| value.get("$nearSphere").is_some());
    body.insert("where".to_owned(), Json::Object(filter));
    select(random, &mut body, true);
    if !is_near {
        let mut terms: Vec<String> = (0..random.random_range(0..3_usize)).map(|_| order_term(random)).collect();
        // Without an order that tells all objects apart, chance would decide about places.
        terms.push("objectId".to_owned());
        body.insert("order".to_owned(), json!(terms.join(",")));
        if once_in(random, 5) {
            body.insert("limit".to_owned(), json!(random.random_range(0..4_u32)));
        }
        if once_in(random, 6) {
            body.insert("skip".to_owned(), json!(random.random_range(0..4_u32)));
        }
    }
    if once_in(random, 4) {
        body.insert("count".to_owned(), json!(1));
    }
    if once_in(random, 30) {
        body.insert("explain".to_owned(), json!(true));
    }
    if once_in(random, 20) {
        body.insert("redirectClassNameForKey".to_owned(), json!(one_of(random, &["r", "hr", "s", "users"])));
    }
    let class = if once_in(random, 60) { one_of(random, &JOINS) } else { class(random) };
    Request { path: format!("/classes/{class}"), body: Json::Object(body), is_ordered: !is_near }
}

/// `keys`, `excludeKeys`, `include`, `includeAll`.
fn select(random: &mut StdRng, body: &mut Map<String, Json>, may_include_all: bool) {
    let names = |random: &mut StdRng| {
        let names: Vec<&str> = (0..random.random_range(1..4_usize)).map(|_| name(random)).collect();
        json!(names.join(","))
    };
    if once_in(random, 6) {
        body.insert("keys".to_owned(), names(random));
    }
    if once_in(random, 10) {
        body.insert("excludeKeys".to_owned(), names(random));
    }
    if once_in(random, 3) {
        let paths = [
            "p", "q", "hp", "hq", "u", "us", "a", "ha", "o.p", "ho.p", "p.q", "p.hp", "hp.p", "hp.hq", "u.x", "a.hp",
            "ha.q", "user", "r", "hr", "p.u", "q.hp.hq", "*",
        ];
        let paths: Vec<&str> = (0..random.random_range(1..4_usize)).map(|_| one_of(random, &paths)).collect();
        body.insert("include".to_owned(), json!(paths.join(",")));
    }
    if may_include_all && once_in(random, 20) {
        body.insert("includeAll".to_owned(), json!(true));
    }
}

fn order_term(random: &mut StdRng) -> String {
    let name = if once_in(random, 12) { "$score" } else { name(random) };
    if once_in(random, 2) { format!("-{name}") } else { name.to_owned() }
}

fn level(random: &mut StdRng, depth: u32) -> Map<String, Json> {
    let mut members = Map::new();
    for _ in 0..random.random_range(1..3_usize) {
        match random.random_range(0..12_u32) {
            0 | 1 if depth > 0 => {
                let key = one_of(random, &["$or", "$and", "$nor"]);
                let parts = (0..random.random_range(1..3_usize)).map(|_| Json::Object(level(random, depth - 1)));
                members.insert(key.to_owned(), parts.collect());
            }
            2 => {
                let class = class(random);
                let owner = if class.starts_with('_') { "staff".to_owned() } else { id(random) };
                let key = one_of(random, &["r", "hr", "users", "s"]);
                members.insert("$relatedTo".to_owned(), json!({ "object": pointer_to(class, &owner), "key": key }));
            }
            3 | 4 if depth > 0 => {
                let name = one_of(random, &["p", "q", "hp", "a", "ha", "u", "r", "hr", "user"]);
                let operator = one_of(random, &["$inQuery", "$notInQuery"]);
                let mut query = json!({ "className": class(random), "where": level(random, depth - 1) });
                if once_in(random, 8) {
                    query["redirectClassNameForKey"] = json!(one_of(random, &["r", "hr"]));
                }
                members.insert(name.to_owned(), json!({ operator: query }));
            }
            5 | 6 if depth > 0 => {
                let operator = one_of(random, &["$select", "$dontSelect"]);
                let query = json!({ "className": class(random), "where": level(random, depth - 1) });
                let key = name(random);
                members.insert(name(random).to_owned(), json!({ operator: { "query": query, "key": key } }));
            }
            _ => {
                let name = name(random);
                members.insert(name.to_owned(), constraint(random, name));
            }
        }
    }
    members
}

fn constraint(random: &mut StdRng, name: &str) -> Json {
    if once_in(random, 3) {
        return operand(random, name);
    }
    let list =
        |random: &mut StdRng| -> Json { (0..random.random_range(1..3_usize)).map(|_| operand(random, name)).collect() };
    let (operator, value) = match random.random_range(0..14_u32) {
        0 => ("$eq", operand(random, name)),
        1 => ("$ne", operand(random, name)),
        2 => ("$lt", operand(random, name)),
        3 => ("$lte", operand(random, name)),
        4 => ("$gt", operand(random, name)),
        5 => ("$gte", operand(random, name)),
        6 => ("$exists", json!(once_in(random, 2))),
        7 => ("$in", list(random)),
        8 => ("$nin", list(random)),
        9 => ("$all", list(random)),
        10 => ("$containedBy", list(random)),
        11 if name.contains('g') => ("$within", json!({ "$box": [place(random), place(random)] })),
        12 if name.contains('g') => ("$geoWithin", json!({ "$centerSphere": [place(random), 0.4] })),
        _ => ("$regex", json!(one_of(random, &["^r", "e", "^a", "b$", ".", "^\\Qred\\E"]))),
    };
    json!({ operator: value })
}

fn operand(random: &mut StdRng, name: &str) -> Json {
    if once_in(random, 8) {
        return Json::Null;
    }
    match name.split('.').next_back().unwrap_or(name) {
        "n" | "h2" | "k" | "0" => number(random),
        "b" => json!(once_in(random, 2)),
        "d" | "hd" | "createdAt" | "updatedAt" => date(random),
        "g" | "hg" => place(random),
        "p" | "hq" => pointer(random, "Card"),
        "q" | "hp" => pointer(random, "Box"),
        "u" | "us" | "user" => pointer(random, "_User"),
        "r" => pointer(random, "Box"),
        "hr" => pointer(random, "Note"),
        "a" | "ha" if once_in(random, 2) => pointer(random, "Box"),
        "a" | "ha" => number(random),
        "objectId" if once_in(random, 3) => json!(user_id(random)),
        "objectId" => json!(id(random)),
        "id" => json!(format!("{}{}", user_id(random), random.random_range(0..3_u32))),
        "username" => json!(user_id(random)),
        "email" => json!(format!("{}@{}.example", one_of(random, &["a", "b", "c"]), user_id(random))),
        "sessionToken" => json!(format!("r:{}", user_id(random))),
        "_rperm" | "_wperm" => json!(one_of(random, &["*", "alice", "role:staff"])),
        "f" => json!({ "__type": "File", "name": "x.txt" }),
        _ => word(random),
    }
}

fn name(random: &mut StdRng) -> &'static str {
    match random.random_range(0..15_u32) {
        0 => one_of(random, &ODD_NAMES),
        1..=6 => one_of(random, &NAMES),
        // What nobody is refused.
        _ => one_of(random, &NAMES[..14]),
    }
}

fn class(random: &mut StdRng) -> &'static str {
    one_of(random, &CLASSES)
}
