//! Random objects.

use anyhow::{Context as _, Result};
use parsefleet_core::{Acl, Date, Map, Object, ObjectId, Value};
use rand::{RngExt as _, rngs::StdRng};

use super::{
    array, bytes, date, file, geo_point, nested, number, object as plain, once_in, one_of, pointer, polygon, text,
};

/// An object in which any field may be missing or null.
pub(crate) fn object(random: &mut StdRng, place: usize) -> Result<Object> {
    let mut fields = Map::new();
    for name in ["s", "n", "b", "d", "o", "a", "p", "g", "y", "f", "x"] {
        if once_in(random, 4) {
            continue;
        }
        let json = match name {
            "p" | "g" | "y" | "f" | "x" if once_in(random, 8) => continue,
            _ if once_in(random, 10) && !matches!(name, "p" | "g") => serde_json::Value::Null,
            "s" => text(random),
            "n" => number(random),
            "b" => random.random::<bool>().into(),
            "d" => date(random),
            "o" if once_in(random, 4) => nested(random, 2),
            "o" => plain(random, 3),
            "a" => array(random, 3),
            "p" => pointer(random),
            "g" => geo_point(random),
            "y" => polygon(random),
            "f" => file(random),
            _ => bytes(random),
        };
        fields.insert(name, Value::from_field(json)?);
    }
    let moment = |random: &mut StdRng| Date(*one_of(random, &[0, 1_577_836_800_000, 1_577_836_800_001]));
    Ok(Object {
        id: ObjectId::new(&format!("id{place:04}")).context("an id")?,
        created_at: moment(random),
        updated_at: moment(random),
        acl: once_in(random, 3).then(|| acl(random)),
        fields,
    })
}

fn acl(random: &mut StdRng) -> Acl {
    let mut some = || {
        let subjects = ["*", "a", "role:b"].into_iter().filter(|_| random.random());
        subjects.map(str::to_owned).collect()
    };
    Acl { read: some(), write: some() }
}
