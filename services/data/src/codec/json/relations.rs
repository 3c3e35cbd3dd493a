//! Relations of an object: they have no column, and are the same for every object of a class.

use parsefleet_core::{ClassSchema, FieldType, schema::default_columns, value::write_json_string};

/// The members of all relations but those that are left out, without a comma around them.
pub(crate) fn relation_members(schema: &ClassSchema, is_left_out: impl Fn(&str) -> bool) -> Vec<u8> {
    let mut relations: Vec<(&String, &str)> = Vec::new();
    for (name, field) in &schema.fields {
        if let FieldType::Relation(target) = &field.field_type {
            relations.push((name, target.as_str()));
        }
    }
    if relations.len() > 1 {
        // Those that the class has from the start come first, in Parse's order.
        let place = |name: &str| default_columns(&schema.name).position(|(column, _)| column == name);
        relations.sort_by_cached_key(|(name, _)| place(name).unwrap_or(usize::MAX));
    }
    let mut out = Vec::new();
    for (name, target) in relations.into_iter().filter(|(name, _)| !is_left_out(name)) {
        if !out.is_empty() {
            out.push(b',');
        }
        write_json_string(name, &mut out);
        out.extend_from_slice(br#":{"__type":"Relation","className":"#);
        write_json_string(target, &mut out);
        out.push(b'}');
    }
    out
}
