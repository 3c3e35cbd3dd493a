//! Random objects and queries over few values, so that they often meet.

pub(crate) mod objects;
pub(crate) mod queries;

use parsefleet_core::{ClassName, ClassSchema, FieldType, schema::Field};
use rand::{RngExt as _, rngs::StdRng};
use serde_json::{Map, Value as Json, json};

/// The class; single letters name its fields.
pub(crate) fn schema(name: ClassName) -> ClassSchema {
    let fields = [
        ("objectId", FieldType::String),
        ("createdAt", FieldType::Date),
        ("updatedAt", FieldType::Date),
        ("ACL", FieldType::Acl),
        ("s", FieldType::String),
        ("n", FieldType::Number),
        ("b", FieldType::Boolean),
        ("d", FieldType::Date),
        ("o", FieldType::Object),
        ("a", FieldType::Array),
        ("p", FieldType::Pointer("Q".to_owned())),
        ("g", FieldType::GeoPoint),
        ("y", FieldType::Polygon),
        ("f", FieldType::File),
        ("x", FieldType::Bytes),
    ];
    let field = |field_type| Field { field_type, options: Map::new() };
    ClassSchema {
        name,
        fields: fields.into_iter().map(|(name, field_type)| (name.to_owned(), field(field_type))).collect(),
        permissions: None,
        indexes: Map::new(),
    }
}

/// One of these.
pub(crate) fn one_of<'a, T>(random: &mut StdRng, choices: &'a [T]) -> &'a T {
    &choices[random.random_range(0..choices.len())]
}

/// Whether something happens that does so once in `times`.
pub(crate) fn once_in(random: &mut StdRng, times: u32) -> bool {
    random.random_range(0..times) == 0
}

pub(crate) fn text(random: &mut StdRng) -> Json {
    json!(one_of(
        random,
        &["", "a", "b", "ab", "abc", "A", "AB", "a.b", "a\nb", "ä", "Ä", "z", "1", "0", "x y", "line\n"]
    ))
}

pub(crate) fn number(random: &mut StdRng) -> Json {
    one_of(
        random,
        &[json!(0), json!(1), json!(2), json!(-1), json!(1.5), json!(-0.0), json!(3_000_000_000_u64), json!(1e300)],
    )
    .clone()
}

pub(crate) fn date(random: &mut StdRng) -> Json {
    let times = [
        "1970-01-01T00:00:00.000Z",
        "2020-01-01T00:00:00.000Z",
        "2020-01-01T00:00:00.001Z",
        "1900-02-28T12:00:00.000Z",
    ];
    json!({"__type": "Date", "iso": one_of(random, &times)})
}

pub(crate) fn pointer(random: &mut StdRng) -> Json {
    json!({"__type": "Pointer", "className": "Q", "objectId": one_of(random, &["a", "b", "c"])})
}

pub(crate) fn bytes(random: &mut StdRng) -> Json {
    json!({"__type": "Bytes", "base64": one_of(random, &["AA==", "AAE=", "/w=="])})
}

pub(crate) fn file(random: &mut StdRng) -> Json {
    json!({"__type": "File", "name": one_of(random, &["a", "b", "ab"])})
}

/// A corner of a coarse grid, so that borders are hit. It avoids round numbers: there cells of MongoDB's sphere meet, and what
/// touches what is arbitrary.
pub(crate) fn degrees(random: &mut StdRng) -> f64 {
    f64::from(random.random_range(-4..=4_i32)) * 10.0 + 0.317
}

pub(crate) fn geo_point(random: &mut StdRng) -> Json {
    json!({"__type": "GeoPoint", "latitude": degrees(random), "longitude": degrees(random)})
}

/// A triangle or a rectangle, in either direction.
pub(crate) fn polygon(random: &mut StdRng) -> Json {
    loop {
        let (south, west) = (degrees(random), degrees(random));
        let (height, width) =
            (10.0 * f64::from(random.random_range(1..4_i32)), 10.0 * f64::from(random.random_range(1..4_i32)));
        let mut corners = vec![[south, west], [south, west + width], [south + height, west + width]];
        if random.random() {
            corners.push([south + height, west]);
        }
        if random.random() {
            corners.reverse();
        }
        if south + height < 80.0 {
            return json!({"__type": "Polygon", "coordinates": corners});
        }
    }
}

pub(crate) fn scalar(random: &mut StdRng) -> Json {
    match random.random_range(0..10_u32) {
        0 => Json::Null,
        1 => json!(random.random::<bool>()),
        2..=4 => number(random),
        5..=7 => text(random),
        8 => date(random),
        _ => bytes(random),
    }
}

/// What can be inside an array or object.
pub(crate) fn nested(random: &mut StdRng, depth: u32) -> Json {
    match random.random_range(0..8_u32) {
        0 => pointer(random),
        1 | 2 if depth > 0 => array(random, depth - 1),
        3 | 4 if depth > 0 => object(random, depth - 1),
        5 if once_in(random, 3) => json!([degrees(random), degrees(random)]),
        _ => scalar(random),
    }
}

pub(crate) fn array(random: &mut StdRng, depth: u32) -> Json {
    let length = random.random_range(0..4_usize);
    (0..length).map(|_| nested(random, depth)).collect()
}

pub(crate) fn object(random: &mut StdRng, depth: u32) -> Json {
    let mut members = Map::new();
    for _ in 0..random.random_range(0..3_usize) {
        let key = *one_of(random, &["k", "j", "0", "1"]);
        members.insert(key.to_owned(), nested(random, depth));
    }
    Json::Object(members)
}
