//! A pipeline never panics, and what was accepted writes nothing, runs no code, and reads classes only.
#![no_main]

use libfuzzer_sys::fuzz_target;
use parsefleet_core::{
    ClassName, ClassSchema, Value,
    aggregate::{Collection, Given, Names, Rules, StageName, Values},
};
use serde_json::Value as Json;

fuzz_target!(|pipeline: &[u8]| {
    let Ok(pipeline) = serde_json::from_slice::<Json>(pipeline) else { return };
    let Ok(given) = Given::parse(&pipeline) else { return };
    let collection = |name: &str| {
        (name == "_User" || name == "Team").then(|| Collection { class: name.to_owned(), name: format!("app:{name}") })
    };
    for class in ["_User", "_Session"] {
        let schema = ClassSchema::new(ClassName::new(class).expect("one of Parse's own classes"));
        for (values, names) in [(Values::Parse, Names::Parse), (Values::Extended, Names::Stored)] {
            let rules = Rules { schema: &schema, values, names, collection: &collection };
            let Ok(pipeline) = given.translate(&rules) else { continue };
            for stage in &pipeline.stages {
                check(&stage.argument, stage.name == StageName::Unset);
                if let (StageName::Lookup | StageName::GraphLookup, Value::Object(members)) = (stage.name, &stage.argument) {
                    let is_class =
                        |from: &Value| matches!(from, Value::String(name) if name.starts_with("app:"));
                    assert!(members.get("from").is_none_or(is_class), "{members:?}");
                }
            }
            if class == "_User" {
                assert!(pipeline.stages.iter().take(2).any(|stage| stage.name == StageName::Unset));
            }
        }
    }
});

fn check(value: &Value, may_name_secrets: bool) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| check(item, may_name_secrets)),
        Value::Object(members) => {
            for (key, value) in members.iter() {
                assert!(!matches!(key, "$out" | "$merge" | "$function" | "$accumulator" | "$where"), "{key}");
                check(value, may_name_secrets || key == "$unset");
            }
        }
        Value::String(text) => assert!(may_name_secrets || !text.contains("_hashed_password"), "{text}"),
        _ => {}
    }
}
