//! A create body never panics, and what was read can be planned, completed and printed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use parsefleet_core::{
    ClassName, ClassSchema, KeywordDenylist, NewObject,
    update::{ObjectIds, Writer},
    value::write_members,
};
use serde_json::Value as Json;

fuzz_target!(|body: &[u8]| {
    let Ok(json) = serde_json::from_slice::<Json>(body) else { return };
    let _ = KeywordDenylist::default().check(&json);
    let Json::Object(body) = json else { return };
    for (writer, object_ids, class) in [
        (Writer::Client, ObjectIds::Generated, "GameScore"),
        (Writer::Maintenance, ObjectIds::Custom, "_Role"),
        (Writer::Service, ObjectIds::Custom, "_User"),
    ] {
        let schema = ClassSchema::new(ClassName::new(class).expect("a class of Parse's own, or a plain name"));
        let Ok(mut object) = NewObject::parse(body.clone(), writer, object_ids) else { continue };
        for (name, field) in schema.plan(&object.types).unwrap_or_default() {
            assert!(!schema.fields.contains_key(name.as_str()), "{name} is there and is added as {field:?}");
        }
        let _ = schema.check_required_columns(&object);
        let _ = schema.apply_defaults(&mut object);
        let mut printed = vec![b'{'];
        write_members(&object.fields, &mut printed);
        printed.push(b'}');
        serde_json::from_slice::<Json>(&printed).expect("what is printed is JSON");
    }
});
