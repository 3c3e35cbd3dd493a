//! An update body never panics, and no two of its changes touch the same place.
#![no_main]

use libfuzzer_sys::fuzz_target;
use parsefleet_core::{ClassName, ClassSchema, ObjectId, ObjectUpdate, update::Writer};
use serde_json::Value as Json;

fuzz_target!(|body: &[u8]| {
    let Ok(Json::Object(body)) = serde_json::from_slice::<Json>(body) else { return };
    let target = ObjectId::new("abcdefghij").expect("not empty and without NUL");
    let schema = ClassSchema::new(ClassName::new("_Role").expect("one of Parse's own classes"));
    for writer in [Writer::Client, Writer::Maintenance, Writer::Service] {
        let Ok(update) = ObjectUpdate::parse(&target, body.clone(), writer) else { continue };
        let _ = schema.plan(&update.types);
        let _ = schema.check_update(&update);
        for (place, (path, _)) in update.update.changes.iter().enumerate() {
            assert!(!path.as_str().contains(['$', '\0']), "{path}");
            for (other, _) in &update.update.changes[place + 1..] {
                let (shorter, longer) =
                    if path.as_str().len() < other.as_str().len() { (path, other) } else { (other, path) };
                let rest = longer.as_str().strip_prefix(shorter.as_str());
                assert!(!rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.')), "{path} and {other}");
            }
        }
    }
});
