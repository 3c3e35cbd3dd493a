//! Class-level permissions and ACLs never panic, and an ACL that is printed reads as the same one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use parsefleet_core::{
    Acl, FieldType,
    schema::{IndexFields, SchemaRules, check_permissions},
    update::ObjectIds,
};
use serde_json::Value as Json;

fuzz_target!(|body: &[u8]| {
    let Ok(json) = serde_json::from_slice::<Json>(body) else { return };
    let (owner, list, text) = (FieldType::Pointer("_User".to_owned()), FieldType::Array, FieldType::String);
    let field = |name: &str| match name {
        "owner" => Some(&owner),
        "list" => Some(&list),
        "text" => Some(&text),
        _ => None,
    };
    for user_ids in [ObjectIds::Generated, ObjectIds::Custom] {
        let _ = check_permissions(&json, field, &SchemaRules { user_ids, index_fields: IndexFields::Known });
    }
    let acl = Acl::from_json(&json);
    let mut printed = Vec::new();
    acl.write_json(&mut printed);
    let again = Acl::from_json(&serde_json::from_slice(&printed).expect("what is printed is JSON"));
    let sorted = |mut subjects: Vec<String>| {
        subjects.sort();
        subjects
    };
    assert_eq!(sorted(again.read), sorted(acl.read));
    assert_eq!(sorted(again.write), sorted(acl.write));
});
