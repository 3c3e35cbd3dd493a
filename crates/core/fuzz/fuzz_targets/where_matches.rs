//! Matching never panics or hangs, and a query and its negation never agree. The input is a `where` and an object, one
//! line each.
#![no_main]

use libfuzzer_sys::fuzz_target;
use parsefleet_core::{
    ClassName, ClassSchema, Date, Object, ObjectId, Query, Value,
    query::{Condition, QueryAccess, QueryRules},
};
use serde_json::Value as Json;

fuzz_target!(|input: &[u8]| {
    let Some(end) = input.iter().position(|byte| *byte == b'\n') else { return };
    let Ok(filter) = serde_json::from_slice::<Json>(&input[..end]) else { return };
    let Ok(Json::Object(fields)) = serde_json::from_slice::<Json>(&input[end + 1..]) else { return };
    let schema = ClassSchema::new(ClassName::new("_Installation").expect("one of Parse's own classes"));
    let rules = QueryRules::new(QueryAccess::Master, Date(0));
    let Ok(query) = Query::parse(&filter, &schema, &rules) else { return };
    let fields = fields.into_iter().filter_map(|(name, value)| Some((name, Value::from_field(value).ok()?))).collect();
    let id = ObjectId::new("abcdefghij").expect("not empty and without NUL");
    let object = Object { id, created_at: Date(0), updated_at: Date(0), acl: None, fields };
    let Ok(matcher) = query.matcher() else { return };
    let negation = Query { conditions: vec![Condition::None(vec![query])] };
    let negated = negation.matcher().expect("what can be decided can be denied");
    assert_ne!(matcher.matches(&object), negated.matches(&object));
    let _ = matcher.distance(&object);
});
