//! Random queries, as a client would send them.

use rand::{RngExt as _, rngs::StdRng};
use serde_json::{Map, Value as Json, json};

use super::{
    array, bytes, date, degrees, file, geo_point, nested, number, object, once_in, one_of, pointer, polygon, scalar,
    text,
};

const FIELDS: [&str; 16] =
    ["s", "n", "b", "d", "o", "a", "p", "g", "f", "x", "y", "objectId", "createdAt", "unknown", "_rperm", "a"];

const PATHS: [&str; 24] = [
    "o.k",
    "o.j",
    "o.0",
    "o.1",
    "o.k.j",
    "o.k.k",
    "o.k.0",
    "o.0.k",
    "o.k.0.j",
    "a.0",
    "a.1",
    "a.k",
    "a.j",
    "a.0.k",
    "a.k.0",
    "a.0.0",
    "a.1.0.k",
    "a.k.j",
    "a.objectId",
    "o.k.objectId",
    "p.objectId",
    "g.0",
    "y.type",
    "y.coordinates.0.0",
];

/// A `where`.
pub(crate) fn filter(random: &mut StdRng) -> Json {
    level(random, 2)
}

fn level(random: &mut StdRng, depth: u32) -> Json {
    let mut members = Map::new();
    for _ in 0..random.random_range(1..3_usize) {
        if depth > 0 && once_in(random, 4) {
            let key = *one_of(random, &["$or", "$and", "$nor"]);
            let parts = (0..random.random_range(1..4_usize)).map(|_| level(random, depth - 1)).collect();
            members.insert(key.to_owned(), parts);
        } else {
            let field = if once_in(random, 2) { *one_of(random, &PATHS) } else { *one_of(random, &FIELDS) };
            members.insert(field.to_owned(), constraint(random, field));
        }
    }
    Json::Object(members)
}

fn constraint(random: &mut StdRng, field: &str) -> Json {
    if once_in(random, 3) {
        return operand(random, field);
    }
    if matches!(field, "g" | "y") && !once_in(random, 4)
        || field != "objectId" && field.starts_with(['a', 'o']) && once_in(random, 12)
    {
        return place(random, field);
    }
    let mut operators = Map::new();
    for _ in 0..random.random_range(1..3_usize) {
        let (operator, value) = operator(random, field);
        operators.insert(operator.to_owned(), value);
    }
    if operators.contains_key("$regex") && once_in(random, 3) {
        operators.insert("$options".to_owned(), json!(one_of(random, &["i", "m", "s", "x", "imsx"])));
    }
    Json::Object(operators)
}

fn operator(random: &mut StdRng, field: &str) -> (&'static str, Json) {
    let list = |random: &mut StdRng| -> Json {
        (0..random.random_range(0..4_usize)).map(|_| operand(random, field)).collect()
    };
    match random.random_range(0..13_u32) {
        0 => ("$eq", operand(random, field)),
        1 => ("$ne", operand(random, field)),
        2 => ("$lt", operand(random, field)),
        3 => ("$lte", operand(random, field)),
        4 => ("$gt", operand(random, field)),
        5 => ("$gte", operand(random, field)),
        6 => ("$exists", json!(random.random::<bool>())),
        7 => ("$in", list(random)),
        8 => ("$nin", list(random)),
        9 => ("$all", list(random)),
        10 => ("$containedBy", list(random)),
        _ => ("$regex", json!(one_of(random, &PATTERNS))),
    }
}

const PATTERNS: [&str; 20] = [
    "^a",
    "b$",
    "^\\Qa.b\\E",
    "\\Qa\\E",
    "a.b",
    "[ab]+",
    "^$",
    "\\w",
    "^\\W$",
    "a|z",
    "(a)b?",
    "\\d",
    "\\s",
    "^ä$",
    "line$",
    "x\\ y",
    "^Q\\$a",
    "(?i)ab",
    "\\bb",
    "[^a]$",
];

/// Something to compare the field with: mostly of its own type.
fn operand(random: &mut StdRng, field: &str) -> Json {
    if once_in(random, 8) {
        return if once_in(random, 2) { Json::Null } else { scalar(random) };
    }
    match field {
        "s" => text(random),
        "n" => number(random),
        "b" => random.random::<bool>().into(),
        "d" | "createdAt" => date(random),
        "p" if once_in(random, 3) => json!(one_of(random, &["a", "b"])),
        "p" => pointer(random),
        "g" => geo_point(random),
        "y" => polygon(random),
        "f" => file(random),
        "x" => bytes(random),
        "objectId" => json!(format!("id{:04}", random.random_range(0..200_u32))),
        "_rperm" => json!(one_of(random, &["*", "a", "role:b"])),
        "a" | "o" if once_in(random, 2) => nested(random, 2),
        "a" => array(random, 1),
        "o" => object(random, 1),
        "unknown" => scalar(random),
        _ if once_in(random, 3) => nested(random, 2),
        _ => scalar(random),
    }
}

fn place(random: &mut StdRng, field: &str) -> Json {
    match random.random_range(0..6_u32) {
        0 if field == "g" => {
            let distance = f64::from(random.random_range(0..12_i32)) * 0.1;
            if once_in(random, 3) {
                json!({"$nearSphere": geo_point(random)})
            } else {
                json!({"$nearSphere": geo_point(random), "$maxDistance": distance})
            }
        }
        1 => json!({"$within": {"$box": [geo_point(random), geo_point(random)]}}),
        2 => {
            json!({"$geoWithin": {"$centerSphere": [geo_point(random), f64::from(random.random_range(0..12_i32)) * 0.1]}})
        }
        3 | 4 => {
            let corner = |random: &mut StdRng| json!([degrees(random), degrees(random)]);
            let corners: Json = (0..random.random_range(3..6_usize)).map(|_| corner(random)).collect();
            json!({"$geoWithin": {"$polygon": corners}})
        }
        _ => {
            let mut point = geo_point(random);
            if once_in(random, 2) {
                point["latitude"] = json!(random.random_range(-60.0..60.0));
                point["longitude"] = json!(random.random_range(-60.0..60.0));
            }
            json!({"$geoIntersects": {"$point": point}})
        }
    }
}

/// An `order`, more often empty than not.
pub(crate) fn order(random: &mut StdRng) -> String {
    if !once_in(random, 3) {
        return String::new();
    }
    let mut terms: Vec<String> = Vec::new();
    for _ in 0..random.random_range(1..3_usize) {
        let field = if once_in(random, 2) { *one_of(random, &PATHS) } else { *one_of(random, &FIELDS[..13]) };
        // MongoDB refuses most sorts by an index, as it cannot tell it from a name.
        if field.contains(|character: char| character.is_ascii_digit()) {
            continue;
        }
        // Keys that share an array are sorted by its elements together there, and each by itself here.
        let root = field.split('.').next().unwrap_or(field);
        if terms.iter().any(|term| term.trim_start_matches('-').split('.').next() == Some(root)) {
            continue;
        }
        terms.push(if random.random() { format!("-{field}") } else { field.to_owned() });
    }
    terms.join(",")
}
