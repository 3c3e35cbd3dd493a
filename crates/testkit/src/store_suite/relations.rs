//! Rows of relations.

use bson::doc;
use parsefleet_core::{ClassName, FieldName, FieldType, value::Pointer};
use parsefleet_data::store::{FindOptions, ObjectStore};
use serde_json::json;

use super::Class;

fn targets(ids: &[&str]) -> Vec<Pointer> {
    ids.iter().map(|id| Pointer { class_name: "Target".into(), object_id: (*id).into() }).collect()
}

fn join(store: &dyn ObjectStore) -> Class<'_> {
    Class::new(store, "_Join:likes:Thing", &[("owningId", FieldType::String), ("relatedId", FieldType::String)])
}

async fn related(join: &Class<'_>, owner: &str) -> Vec<String> {
    let query = join.query(json!({ "owningId": owner }));
    let found = join.store.find(&join.schema, &query, &FindOptions::default()).await.unwrap();
    let mut ids: Vec<String> = found.iter().map(|row| row.get_str("relatedId").unwrap().to_owned()).collect();
    ids.sort();
    ids
}

pub async fn rows_are_added_once_and_removed(store: &dyn ObjectStore) {
    let (class, key) = (ClassName::new("Thing").unwrap(), FieldName::new("likes").unwrap());
    let join = join(store);
    store.remove_relations(&class, &key, "o1", &targets(&["a"])).await.unwrap();
    store.add_relations(&class, &key, "o1", &targets(&["a", "b", "a"])).await.unwrap();
    store.add_relations(&class, &key, "o1", &targets(&["b", "c"])).await.unwrap();
    store.add_relations(&class, &key, "o2", &targets(&["a"])).await.unwrap();
    assert_eq!(related(&join, "o1").await, ["a", "b", "c"]);
    store.remove_relations(&class, &key, "o1", &targets(&["a", "zzz"])).await.unwrap();
    assert_eq!(related(&join, "o1").await, ["b", "c"]);
    assert_eq!(related(&join, "o2").await, ["a"]);
}

pub async fn join_rows_can_be_queried(store: &dyn ObjectStore) {
    let (class, key) = (ClassName::new("Thing").unwrap(), FieldName::new("likes").unwrap());
    let join = join(store);
    store.add_relations(&class, &key, "o1", &targets(&["a", "b"])).await.unwrap();
    store.add_relations(&class, &key, "o2", &targets(&["b", "c"])).await.unwrap();
    let count = async |filter| store.count(&join.schema, &join.query(filter)).await.unwrap();
    assert_eq!(count(json!({ "relatedId": "b" })).await, 2);
    assert_eq!(count(json!({ "relatedId": { "$in": ["a", "c"] } })).await, 2);
    assert_eq!(count(json!({ "owningId": "o2", "relatedId": "a" })).await, 0);
    // Rows that another program wrote are rows like any other.
    let row = doc! { "_id": bson::oid::ObjectId::new(), "owningId": "o3", "relatedId": "b" };
    store.insert(&join.schema.name, super::raw(&row)).await.unwrap();
    assert_eq!(count(json!({ "relatedId": "b" })).await, 3);
    assert_eq!(store.delete(&join.schema, &join.query(json!({ "owningId": "o2" }))).await.unwrap(), 2);
    assert_eq!(related(&join, "o1").await, ["a", "b"]);
}
