//! The conditions that an object's permissions add to a query.

use bson::doc;
use parsefleet_core::{Date, FieldName, Query, Update, query::Condition, update::Change, value::Value};
use parsefleet_data::store::{FindOptions, ObjectStore};
use serde_json::json;

use super::Class;

pub async fn reading_and_writing_by_subject(store: &dyn ObjectStore) {
    let class = Class::new(store, "Thing", &[]);
    class.put("public", doc! {}).await;
    class.put("null", doc! { "_rperm": null, "_wperm": null }).await;
    class.put("locked", doc! { "_rperm": [], "_wperm": [] }).await;
    class.put("own", doc! { "_rperm": ["u1"], "_wperm": ["u1"] }).await;
    class.put("role", doc! { "_rperm": ["role:A", "u9"], "_wperm": ["role:B"] }).await;
    class.put("star", doc! { "_rperm": ["*"], "_wperm": ["*"] }).await;

    let subjects = |own: &[&str]| own.iter().map(|subject| (*subject).to_owned()).collect::<Vec<_>>();
    let ids = async |query: Query| {
        let found = store.find(&class.schema, &query, &FindOptions::default()).await.unwrap();
        let mut ids: Vec<String> = found.iter().map(|document| document.get_str("_id").unwrap().to_owned()).collect();
        ids.sort();
        assert_eq!(store.count(&class.schema, &query).await.unwrap(), ids.len() as u64);
        ids
    };
    let readable = |own: &[&str]| Query { conditions: vec![Condition::ReadableBy(subjects(own))] };
    let writable = |own: &[&str]| Query { conditions: vec![Condition::WritableBy(subjects(own))] };
    assert_eq!(ids(readable(&[])).await, ["null", "public", "star"]);
    assert_eq!(ids(readable(&["u1", "role:A"])).await, ["null", "own", "public", "role", "star"]);
    for id in ["public", "null", "locked", "own", "role", "star"] {
        for own in [&[][..], &["u1"], &["role:A"]] {
            let mut by_id = class.query(json!({ "objectId": id }));
            by_id.conditions.push(Condition::ReadableBy(subjects(own)));
            let is_readable = ids(readable(own)).await.iter().any(|readable| readable == id);
            assert_eq!(!ids(by_id).await.is_empty(), is_readable, "{id} by {own:?}");
        }
    }
    assert_eq!(ids(writable(&["u1"])).await, ["null", "own", "public", "star"]);
    assert_eq!(ids(writable(&["role:B"])).await, ["null", "public", "role", "star"]);

    let mut hidden = class.query(json!({ "objectId": "own" }));
    hidden.conditions.push(Condition::WritableBy(subjects(&["u2"])));
    let change = (FieldName::new("n").unwrap().into(), Change::Set(Value::Bool(true)));
    let update = Update { changes: vec![change], ..Update::default() };
    assert_eq!(store.update_one(&class.schema, &hidden, &update, Some(Date(1))).await.unwrap(), None);
    assert_eq!(store.delete(&class.schema, &hidden).await.unwrap(), 0);
    let mut own = class.query(json!({ "objectId": "own" }));
    own.conditions.push(Condition::WritableBy(subjects(&["u1"])));
    assert!(store.update_one(&class.schema, &own, &update, Some(Date(1))).await.unwrap().is_some());
}
