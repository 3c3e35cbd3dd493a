//! Reading an entry that a search found. The library's own way panics at one that is malformed.

use ldap3::{
    ResultEntry,
    asn1::{PL, StructureTag},
};

/// Whether the attribute `cn` has this value.
pub(super) fn has_common_name(entry: ResultEntry, name: &str) -> bool {
    let mut parts = contents(entry.0).into_iter();
    let attributes = parts.nth(1).map(contents).unwrap_or_default();
    attributes.into_iter().any(|attribute| {
        let mut parts = contents(attribute).into_iter();
        let is_common_name = parts.next().and_then(bytes).is_some_and(|kind| kind.eq_ignore_ascii_case(b"cn"));
        let values = parts.next().map(contents).unwrap_or_default();
        is_common_name && values.into_iter().filter_map(bytes).any(|value| value == name.as_bytes())
    })
}

fn contents(tag: StructureTag) -> Vec<StructureTag> {
    match tag.payload {
        PL::C(contents) => contents,
        PL::P(_) => Vec::new(),
    }
}

fn bytes(tag: StructureTag) -> Option<Vec<u8>> {
    match tag.payload {
        PL::P(bytes) => Some(bytes),
        PL::C(_) => None,
    }
}
