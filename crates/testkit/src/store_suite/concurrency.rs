//! Many writers at once: no write is lost, none happens twice.

use std::collections::HashSet;

use bson::doc;
use parsefleet_core::{FieldName, FieldType, schema::Field};
use parsefleet_data::store::{Index, IndexKind, ObjectStore, StoreError};
use serde_json::json;

use super::Class;

/// Writers at the same time.
const WRITERS: usize = 200;

/// Runs a write for each number at the same time; how many succeeded.
async fn together<T>(write: impl AsyncFn(usize) -> Result<T, StoreError>) -> (usize, Vec<StoreError>) {
    let writes = (0..WRITERS).map(|number| write(number));
    let results = futures_util::future::join_all(writes).await;
    let (done, failed): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    (done.len(), failed.into_iter().filter_map(Result::err).collect())
}

pub async fn increments_all_count(store: &dyn ObjectStore) {
    let class = Class::new(store, "Thing", &[]);
    class.put("x", doc! { "n": 0 }).await;
    let body = json!({ "n": { "__op": "Increment", "amount": 1 } });
    let (done, failed) = together(async |_| class.update("x", body.clone()).await).await;
    assert_eq!(done, WRITERS, "{failed:?}");
    assert_eq!(class.get("x").await.unwrap().get_i32("n").unwrap(), WRITERS as i32);
}

pub async fn one_of_many_equal_inserts_wins(store: &dyn ObjectStore) {
    let class = Class::new(store, "Thing", &[("f", FieldType::String)]);
    let index = Index {
        name: "f_1".into(),
        keys: vec![("f".into(), IndexKind::Ascending)],
        unique: true,
        sparse: true,
        case_insensitive: false,
        expire_after_seconds: None,
    };
    store.ensure_index(&class.schema.name, &index).await.unwrap();
    let (done, failed) =
        together(async |number| class.try_put(&format!("id{number}"), doc! { "f": number as i32 % 10 }).await).await;
    assert_eq!(done, 10);
    assert!(
        failed.iter().all(|error| matches!(error, StoreError::Duplicate { field } if field.as_deref() == Some("f")))
    );
    assert_eq!(class.ids(json!({})).await.len(), 10);
}

pub async fn array_operations_all_count(store: &dyn ObjectStore) {
    let class = Class::new(store, "Thing", &[]);
    class.put("x", doc! { "list": [] }).await;
    let (done, failed) = together(async |number| {
        let body = json!({
            "list": { "__op": "Add", "objects": [number] },
            "set": { "__op": "AddUnique", "objects": [number % 5] },
        });
        class.update("x", body).await
    })
    .await;
    assert_eq!(done, WRITERS, "{failed:?}");
    let document = class.get("x").await.unwrap();
    let numbers: HashSet<i32> = document.get_array("list").unwrap().iter().filter_map(bson::Bson::as_i32).collect();
    assert_eq!(numbers.len(), WRITERS);
    assert_eq!(document.get_array("set").unwrap().len(), 5);
}

pub async fn conditional_updates_have_one_winner(store: &dyn ObjectStore) {
    let class = Class::new(store, "Thing", &[("owner", FieldType::Number)]);
    class.put("x", doc! {}).await;
    let (done, _) = together(async |number| {
        let free = json!({ "objectId": "x", "owner": { "$exists": false } });
        match class.update_where(free, json!({ "owner": number })).await? {
            Some(_) => Ok(()),
            None => Err(StoreError::Failed("taken".into())),
        }
    })
    .await;
    assert_eq!(done, 1);
}

pub async fn fields_are_added_by_one(store: &dyn ObjectStore) {
    let class = Class::new(store, "Thing", &[]).schema;
    store.create_class(&class).await.unwrap();
    let (done, failed) = together(async |number| {
        let name = FieldName::new(&format!("f{}", number % 8)).unwrap();
        let field_type = if number % 2 == 0 { FieldType::Number } else { FieldType::String };
        store.add_field(&class.name, &name, &Field::new(field_type)).await
    })
    .await;
    assert_eq!(done, 8);
    assert!(failed.iter().all(|error| matches!(error, StoreError::SchemaConflict)), "{failed:?}");
}
