//! Values from small pools, so that what is asked for is often there.

use rand::{RngExt as _, rngs::StdRng};
use serde_json::{Value as Json, json};

pub(crate) const WORDS: [&str; 6] = ["red", "blue", "red fox", "a", "ab", "z"];

/// Ids of objects of every class: more than there are objects.
pub(crate) const IDS: usize = 24;

pub(crate) fn one_of<T: Copy>(random: &mut StdRng, choices: &[T]) -> T {
    choices[random.random_range(0..choices.len())]
}

/// Whether something happens that does so once in `times`.
pub(crate) fn once_in(random: &mut StdRng, times: u32) -> bool {
    random.random_range(0..times) == 0
}

pub(crate) fn word(random: &mut StdRng) -> Json {
    json!(one_of(random, &WORDS))
}

pub(crate) fn number(random: &mut StdRng) -> Json {
    json!(random.random_range(0..4_i32))
}

pub(crate) fn date(random: &mut StdRng) -> Json {
    json!({"__type": "Date", "iso": format!("202{}-01-01T00:00:00.000Z", random.random_range(0..3_u32))})
}

pub(crate) fn place(random: &mut StdRng) -> Json {
    let mut degrees = || f64::from(random.random_range(-3..=3_i32)) * 10.0 + 0.3;
    json!({"__type": "GeoPoint", "latitude": degrees(), "longitude": degrees()})
}

pub(crate) fn id(random: &mut StdRng) -> String {
    format!("id{:02}", random.random_range(0..IDS))
}

pub(crate) fn user_id(random: &mut StdRng) -> &'static str {
    one_of(random, &["alice", "bob", "carol", "dave"])
}

pub(crate) fn pointer_to(class: &str, id: &str) -> Json {
    json!({"__type": "Pointer", "className": class, "objectId": id})
}

pub(crate) fn pointer(random: &mut StdRng, class: &str) -> Json {
    match class {
        "_User" => pointer_to(class, user_id(random)),
        _ => pointer_to(class, &id(random)),
    }
}
