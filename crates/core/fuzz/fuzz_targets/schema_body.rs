//! A body about a class never panics; a class that it makes can be shown, and shown again as its own description.
#![no_main]

use libfuzzer_sys::fuzz_target;
use parsefleet_core::{
    ClassName, ClassSchema,
    schema::{Definition, DefinitionRules, IndexFields, SchemaRequest, SchemaRules},
    update::ObjectIds,
};
use serde_json::Value as Json;

const EVERYTHING: DefinitionRules = DefinitionRules {
    strict: true,
    delete_extra_fields: true,
    recreate_modified_fields: true,
    keep_unknown_indexes: false,
};

fuzz_target!(|body: &[u8]| {
    let Ok(request) = SchemaRequest::parse(body) else { return };
    for (user_ids, index_fields, class) in [
        (ObjectIds::Generated, IndexFields::Known, "GameScore"),
        (ObjectIds::Custom, IndexFields::Any, "_User"),
    ] {
        let rules = SchemaRules { user_ids, index_fields };
        let name = ClassName::new(class).expect("a class of Parse's own, or a plain name");
        let _ = ClassSchema::new(name.clone()).change(&request, &rules);
        let Ok(made) = ClassSchema::create(name, &request, &rules) else { continue };
        let shown = made.to_rest();
        let again = shown.to_string();
        assert_eq!(serde_json::from_str::<Json>(&again).expect("what is shown is JSON"), shown);
        let _ = made.to_rest_when_created();
        let _ = made.change(&request, &rules);
        if let Ok(definition) = serde_json::from_slice(body).map_or(Err(()), |json: Json| {
            Definition::parse(&json, &rules).map_err(|_| ())
        }) {
            for request in definition.plan(Some(&made), &EVERYTHING).requests {
                let _ = made.change(&request, &rules);
            }
        }
    }
});
