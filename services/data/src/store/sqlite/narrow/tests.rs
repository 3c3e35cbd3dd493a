#![allow(clippy::unwrap_used)] // a panic is how a test fails

use parsefleet_core::{
    ClassName, ClassSchema, Date,
    query::{QueryAccess, QueryRules},
};
use serde_json::{Value as Json, json};

use super::*;
use crate::store::{Index, IndexKind, sqlite::table::TableIndex};

fn index(number: i64, column: &str, case_insensitive: bool) -> TableIndex {
    let definition = Index {
        name: format!("{column}_1"),
        keys: vec![(column.to_owned(), IndexKind::Ascending)],
        unique: false,
        sparse: true,
        case_insensitive,
        expire_after_seconds: None,
    };
    TableIndex { number, definition }
}

fn narrowed(filter: Json) -> Narrowed {
    let table = Table::new("Thing", vec![index(1, "f", false), index(2, "name", true)]);
    let schema = ClassSchema::new(ClassName::new("Thing").unwrap());
    let query = Query::parse(&filter, &schema, &QueryRules::new(QueryAccess::Client, Date(0))).unwrap();
    Narrowed::new(&table, &query)
}

fn clause(filter: Json) -> String {
    narrowed(filter).clause
}

#[test]
fn ids_and_dates_are_columns() {
    assert_eq!(clause(json!({ "objectId": "x" })), "id = ?1");
    assert!(narrowed(json!({ "objectId": "x" })).pinned);
    let date = json!({ "__type": "Date", "iso": "1970-01-01T00:00:00.005Z" });
    let both = narrowed(json!({ "createdAt": { "$gte": date }, "updatedAt": { "$lt": date } }));
    assert_eq!(both.clause, "(created >= ?1) AND (updated < ?2)");
    assert_eq!(both.parameters, [SqlValue::Integer(5), SqlValue::Integer(5)]);
}

#[test]
fn lists_have_few_lengths() {
    assert_eq!(clause(json!({ "objectId": { "$in": ["a", "b", "c"] } })), "id IN (?1, ?2, ?3, ?4)");
    let many: Vec<String> = (0..100).map(|number| number.to_string()).collect();
    assert_eq!(clause(json!({ "objectId": { "$in": many } })), "id IN (SELECT value FROM json_each(?1))");
    assert_eq!(clause(json!({ "objectId": { "$in": [] } })), "id IN ()");
}

#[test]
fn an_indexed_column_always_includes_arrays() {
    assert_eq!(clause(json!({ "f": 1 })), "(key1_0 = ?1 OR (key1_0 >= ?2 AND key1_0 < ?3))");
    assert!(clause(json!({ "f": null })).contains("key1_0 IS NULL"));
}

#[test]
fn what_is_not_understood_leaves_everything_in() {
    for filter in [
        json!({}),
        json!({ "other": 1 }),
        json!({ "f": { "$ne": 1 } }),
        json!({ "f": { "$exists": false } }),
        json!({ "$nor": [{ "f": 1 }] }),
        json!({ "$or": [{ "f": 1 }, { "other": 1 }] }),
    ] {
        let narrowed = narrowed(filter.clone());
        assert_eq!((narrowed.clause.as_str(), narrowed.parameters.len()), ("", 0), "{filter}");
    }
}

#[test]
fn alternatives_narrow_if_each_does() {
    let narrowed = narrowed(json!({ "$or": [{ "objectId": "a" }, { "objectId": "b", "other": 1 }] }));
    assert_eq!(narrowed.clause, "((id = ?1) OR (id = ?2))");
    assert!(!narrowed.pinned);
    let mixed = clause(json!({ "objectId": "a", "$or": [{ "f": 1 }, { "other": 1 }] }));
    assert_eq!(mixed, "id = ?1");
}

#[test]
fn only_so_many_constraints_narrow() {
    let alternatives = |count: usize, field: &str| -> Vec<Json> {
        (0..count).map(|number| json!({ field: format!("v{number}") })).collect()
    };
    let few = narrowed(json!({ "$or": alternatives(200, "f") }));
    assert_eq!((few.clause.matches(" OR (key1_0 >= ").count(), few.parameters.len()), (200, 600));
    for combinator in ["$or", "$and"] {
        for field in ["f", "objectId"] {
            let narrowed = narrowed(json!({ "objectId": "x", combinator: alternatives(1_500, field) }));
            assert!(narrowed.clause.starts_with("id = ?1"), "{}", narrowed.clause);
            assert!(narrowed.clause.matches(" = ?").count() <= 201, "{}", narrowed.clause);
            assert_eq!(narrowed.parameters.len(), narrowed.clause.matches('?').count());
        }
    }
    // Nested, each of them is short.
    let nested = (0..60).fold(json!({ "f": "x" }), |inner, _| {
        let mut list = alternatives(20, "f");
        list.push(inner);
        json!({ "$or": list })
    });
    assert_eq!((narrowed(nested.clone()).clause.as_str(), narrowed(nested).parameters.len()), ("", 0));
}

#[test]
fn a_whole_text_without_case_uses_the_folding_index() {
    let narrowed = narrowed(json!({ "name": { "$regex": "^\\QAnn.B\\E$", "$options": "i" } }));
    assert!(narrowed.clause.starts_with("(key2_0 = ?1 OR"), "{}", narrowed.clause);
    assert_eq!(narrowed.parameters.first(), Some(&SqlValue::Blob(b"\x30ann.b".to_vec())));
    for (pattern, options) in [("^ann", "i"), ("^ann$", ""), ("^a.n$", "i"), ("^\\Qa\\Eb\\E$", "i"), ("^a\\d$", "i")] {
        let pattern = Pattern { source: pattern.into(), options: options.into() };
        assert_eq!(whole_text(&pattern), None, "{pattern:?}");
    }
    let pattern = Pattern { source: "^a\\.b$".into(), options: "i".into() };
    assert_eq!(whole_text(&pattern).as_deref(), Some("a.b"));
}
