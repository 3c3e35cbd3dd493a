//! A `where` never panics, and what was accepted names no column beyond the caller's reach.
#![no_main]

use libfuzzer_sys::fuzz_target;
use parsefleet_core::{
    ClassName, ClassSchema, Date, Query, Value,
    query::{QueryAccess, QueryRules},
};
use serde_json::Value as Json;

fuzz_target!(|filter: &[u8]| {
    let Ok(filter) = serde_json::from_slice::<Json>(filter) else { return };
    for (class, access) in [("_User", QueryAccess::Client), ("_Installation", QueryAccess::Master)] {
        let schema = ClassSchema::new(ClassName::new(class).expect("one of Parse's own classes"));
        let rules = QueryRules::new(access, Date(0));
        let Ok(mut query) = Query::parse(&filter, &schema, &rules) else { continue };
        for field in query.fields() {
            assert!(!field.contains(['$', '.', '\0']), "{field}");
            let internal = field.starts_with('_') && field != "_rperm" && field != "_wperm";
            assert!(!internal || access == QueryAccess::Master, "{field}");
        }
        while query.pending().is_some() {
            query.resolve(vec![Value::Null, Value::String("x".to_owned())], &schema);
        }
        let _ = query.matcher();
    }
});
