//! Storing, reading and removing whole objects.

use bson::{Bson, doc, oid::ObjectId};
use parsefleet_core::{ClassName, Query};
use parsefleet_data::store::{Documents, FindOptions, ObjectStore, StoreError};
use serde_json::json;

use super::{Class, raw, tree};

pub async fn documents_come_back_byte_for_byte(store: &dyn ObjectStore) {
    let class = Class::new(store, "Thing", &[]);
    let document = raw(&doc! {
        "_id": "a", "z": 1, "a": { "nested": [1, 2.5, "x", null, { "deep": true }] }, "long": 5_i64, "_rperm": ["*"],
        "bytes": Bson::Binary(bson::Binary { subtype: bson::spec::BinarySubtype::Generic, bytes: vec![0, 1, 255] }),
        "_created_at": bson::DateTime::from_millis(1), "_updated_at": bson::DateTime::from_millis(2), "": "odd",
    });
    store.insert(&class.schema.name, document.clone()).await.unwrap();
    let found = store.find(&class.schema, &Query::default(), &FindOptions::default()).await.unwrap();
    assert_eq!(found, Documents::from_iter([document]));
}

pub async fn a_taken_id_is_a_duplicate(store: &dyn ObjectStore) {
    let class = Class::new(store, "Thing", &[]);
    class.put("a", doc! { "n": 1 }).await;
    let again = class.try_put("a", doc! { "n": 2 }).await;
    assert!(matches!(again, Err(StoreError::Duplicate { field: None })), "{again:?}");
    assert_eq!(class.get("a").await.unwrap().get_i32("n").unwrap(), 1);
}

pub async fn a_class_nobody_wrote_to_is_empty(store: &dyn ObjectStore) {
    let class = Class::new(store, "Nothing", &[]);
    class.finds(json!({}), &[]).await;
    class.finds(json!({ "a": 1 }), &[]).await;
    assert_eq!(class.update("a", json!({ "a": 1 })).await.unwrap(), None);
    assert_eq!(store.delete(&class.schema, &Query::default()).await.unwrap(), 0);
}

pub async fn deleting_tells_how_many(store: &dyn ObjectStore) {
    let class = Class::new(store, "Thing", &[]);
    for number in 0..5 {
        class.put(&format!("id{number}"), doc! { "n": number }).await;
    }
    assert_eq!(store.delete(&class.schema, &class.query(json!({ "objectId": "id0" }))).await.unwrap(), 1);
    assert_eq!(store.delete(&class.schema, &class.query(json!({ "objectId": "id0" }))).await.unwrap(), 0);
    assert_eq!(store.delete(&class.schema, &class.query(json!({ "n": { "$gt": 2 } }))).await.unwrap(), 2);
    class.finds(json!({}), &["id1", "id2"]).await;
    assert_eq!(store.delete(&class.schema, &Query::default()).await.unwrap(), 2);
    class.finds(json!({}), &[]).await;
}

pub async fn projections_keep_columns_and_paths(store: &dyn ObjectStore) {
    let class = Class::new(store, "Thing", &[]);
    class.put("a", doc! { "b": 1, "o": { "k": 1, "l": 2 }, "c": [1] }).await;
    let projected = async |columns: &[&str]| {
        let projection = Some(columns.iter().map(|column| (*column).to_owned()).collect());
        let options = FindOptions { projection, ..FindOptions::default() };
        let found = store.find(&class.schema, &Query::default(), &options).await.unwrap();
        tree(found.first().unwrap())
    };
    assert_eq!(projected(&["c", "b", "missing"]).await, doc! { "_id": "a", "b": 1, "c": [1] });
    assert_eq!(projected(&["o.l"]).await, doc! { "_id": "a", "o": { "l": 2 } });
    assert_eq!(projected(&[]).await, doc! { "_id": "a" });
}

pub async fn ids_need_not_be_text(store: &dyn ObjectStore) {
    let class = Class::new(store, "Old", &[]);
    let id = ObjectId::parse_str("0123456789abcdef01234567").unwrap();
    for id in [Bson::ObjectId(id), Bson::Int32(1), Bson::String("1".into())] {
        store.insert(&class.schema.name, raw(&doc! { "_id": id })).await.unwrap();
    }
    let again = store.insert(&class.schema.name, raw(&doc! { "_id": 1 })).await;
    assert!(matches!(again, Err(StoreError::Duplicate { .. })), "{again:?}");
    assert_eq!(store.count(&class.schema, &class.query(json!({}))).await.unwrap(), 3);
    let by_text = store.find(&class.schema, &class.query(json!({ "objectId": "1" })), &FindOptions::default()).await;
    assert_eq!(tree(by_text.unwrap().first().unwrap()), doc! { "_id": "1" });
}

pub async fn ping_answers(store: &dyn ObjectStore) {
    store.ping().await.unwrap();
}

pub async fn explain_tells_a_plan(store: &dyn ObjectStore) {
    let class = Class::new(store, "Thing", &[]);
    class.put("a", doc! { "n": 1 }).await;
    let query = class.query(json!({ "n": 1 }));
    for (verbosity, executed) in [("queryPlanner", false), ("executionStats", true)] {
        let plan = store.explain(&class.schema, &query, &FindOptions::default(), verbosity).await.unwrap();
        assert!(plan.get_document("queryPlanner").unwrap().contains_key("winningPlan"), "{plan}");
        assert_eq!(plan.contains_key("executionStats"), executed, "{plan}");
    }
}

pub async fn classes_differ_by_case(store: &dyn ObjectStore) {
    for name in ["Thing", "thing", "sqlite_thing", "select"] {
        let class = Class::new(store, name, &[]);
        class.put(name, doc! {}).await;
        assert!(ClassName::new(name).is_some());
    }
    for name in ["Thing", "thing", "sqlite_thing", "select"] {
        Class::new(store, name, &[]).finds(json!({}), &[name]).await;
    }
}
