//! Unique, sparse and folding indexes.

use bson::doc;
use parsefleet_core::FieldType;
use parsefleet_data::store::{Index, IndexKind, ObjectStore, StoreError};
use serde_json::json;

use super::Class;

fn index(name: &str, column: &str) -> Index {
    Index {
        name: name.to_owned(),
        keys: vec![(column.to_owned(), IndexKind::Ascending)],
        unique: false,
        sparse: false,
        case_insensitive: false,
        expire_after_seconds: None,
    }
}

fn unique(name: &str, column: &str) -> Index {
    Index { unique: true, sparse: true, ..index(name, column) }
}

fn duplicated(result: Result<impl std::fmt::Debug, StoreError>) -> Option<String> {
    match result {
        Err(StoreError::Duplicate { field }) => field,
        other => panic!("expected a duplicate, not {other:?}"),
    }
}

async fn class(store: &dyn ObjectStore) -> Class<'_> {
    let class = Class::new(store, "Thing", &[("f", FieldType::String), ("n", FieldType::Number)]);
    store.ensure_index(&class.schema.name, &unique("f_1", "f")).await.unwrap();
    class
}

pub async fn unique_values_are_kept_unique(store: &dyn ObjectStore) {
    let class = class(store).await;
    class.put("a", doc! { "f": "x" }).await;
    assert_eq!(duplicated(class.try_put("b", doc! { "f": "x" }).await).as_deref(), Some("f"));
    class.put("b", doc! { "f": "X" }).await;
    class.finds(json!({}), &["a", "b"]).await;
    let query = class.query(json!({ "objectId": "a" }));
    assert_eq!(store.delete(&class.schema, &query).await.unwrap(), 1);
    class.put("c", doc! { "f": "x" }).await;
    class.finds(json!({ "f": "x" }), &["c"]).await;
}

pub async fn sparse_indexes_leave_out_what_is_missing(store: &dyn ObjectStore) {
    let class = class(store).await;
    class.put("a", doc! {}).await;
    class.put("b", doc! {}).await;
    class.put("c", doc! { "f": null }).await;
    duplicated(class.try_put("d", doc! { "f": null }).await);
    class.finds(json!({ "f": null }), &["a", "b", "c"]).await;

    let dense = Index { sparse: false, ..unique("n_1", "n") };
    let other = Class::new(store, "Other", &[("n", FieldType::Number)]);
    store.ensure_index(&other.schema.name, &dense).await.unwrap();
    other.put("a", doc! {}).await;
    duplicated(other.try_put("b", doc! {}).await);
}

pub async fn updates_keep_to_unique_indexes(store: &dyn ObjectStore) {
    let class = class(store).await;
    class.put("a", doc! { "f": "x" }).await;
    class.put("b", doc! { "f": "y", "n": 1 }).await;
    assert_eq!(duplicated(class.update("b", json!({ "f": "x", "n": 2 })).await).as_deref(), Some("f"));
    class.finds(json!({ "f": "y", "n": 1 }), &["b"]).await;
    class.update("b", json!({ "f": "y", "n": 2 })).await.unwrap();
    class.update("a", json!({ "f": { "__op": "Delete" } })).await.unwrap();
    class.update("b", json!({ "f": "x" })).await.unwrap();
    class.finds(json!({ "f": "x" }), &["b"]).await;
}

pub async fn an_index_over_duplicates_is_refused(store: &dyn ObjectStore) {
    let class = Class::new(store, "Thing", &[("f", FieldType::String)]);
    class.put("a", doc! { "f": "x" }).await;
    class.put("b", doc! { "f": "x" }).await;
    duplicated(store.ensure_index(&class.schema.name, &unique("f_1", "f")).await);
    class.put("c", doc! { "f": "x" }).await;
    class.finds(json!({ "f": "x" }), &["a", "b", "c"]).await;
}

pub async fn indexes_change_no_answer(store: &dyn ObjectStore) {
    let class = Class::new(store, "Thing", &[("f", FieldType::Array)]);
    class.put("n", doc! { "f": 1 }).await;
    class.put("l", doc! { "f": [1, 5] }).await;
    store.ensure_index(&class.schema.name, &index("f_1", "f")).await.unwrap();
    class.put("m", doc! { "f": [2, "s"] }).await;
    class.put("z", doc! { "f": null }).await;
    class.put("o", doc! {}).await;
    class.put("s", doc! { "f": "s" }).await;
    class.put("e", doc! { "f": [] }).await;
    class.finds(json!({ "f": 1 }), &["l", "n"]).await;
    class.finds(json!({ "f": { "$in": ["s", 5] } }), &["l", "m", "s"]).await;
    class.finds(json!({ "f": { "$in": [null, 5] } }), &["l", "o", "z"]).await;
    class.finds(json!({ "f": { "$lt": 3 } }), &["l", "m", "n"]).await;
    class.finds(json!({ "f": { "$gte": 5 } }), &["l"]).await;
    class.finds(json!({ "f": { "$ne": 1 } }), &["e", "m", "o", "s", "z"]).await;
    class.finds(json!({ "f": { "$exists": false } }), &["o"]).await;
    class.update("n", json!({ "f": 7 })).await.unwrap();
    class.finds(json!({ "f": { "$gte": 5 } }), &["l", "n"]).await;
}

pub async fn indexes_on_paths(store: &dyn ObjectStore) {
    let class = Class::new(store, "_User", &[]);
    store.ensure_index(&class.schema.name, &unique("_auth_data_x_id", "_auth_data_x.id")).await.unwrap();
    class.put("a", doc! { "_auth_data_x": { "id": "1" } }).await;
    class.put("b", doc! { "_auth_data_x": {} }).await;
    class.put("c", doc! {}).await;
    let again = class.try_put("d", doc! { "_auth_data_x": { "id": "1" } }).await;
    assert_eq!(duplicated(again).as_deref(), Some("_auth_data_x_id"));
    class.finds(json!({ "authData.x.id": "1" }), &["a"]).await;
}

pub async fn folded_indexes_ignore_case(store: &dyn ObjectStore) {
    let class = Class::new(store, "Thing", &[("f", FieldType::String)]);
    let folded = Index { case_insensitive: true, ..unique("folded", "f") };
    store.ensure_index(&class.schema.name, &folded).await.unwrap();
    class.put("a", doc! { "f": "Ann@Example.com" }).await;
    class.put("b", doc! { "f": "Bob" }).await;
    duplicated(class.try_put("c", doc! { "f": "ann@example.COM" }).await);
    for pattern in ["^\\Qann@example.com\\E$", "^ann@example\\.com$"] {
        class.finds(json!({ "f": { "$regex": pattern, "$options": "i" } }), &["a"]).await;
    }
    class.finds(json!({ "f": { "$regex": "^ann.*$", "$options": "i" } }), &["a"]).await;
    class.finds(json!({ "f": "bob" }), &[]).await;
}

pub async fn existing_indexes_are_left_alone(store: &dyn ObjectStore) {
    let class = class(store).await;
    store.ensure_index(&class.schema.name, &unique("f_1", "f")).await.unwrap();
    let geo = Index { keys: vec![("g".to_owned(), IndexKind::Geo2d)], ..index("g_2d", "g") };
    store.ensure_index(&class.schema.name, &geo).await.unwrap();
    class.put("a", doc! { "f": "x", "g": [1, 2] }).await;
    duplicated(class.try_put("b", doc! { "f": "x" }).await);
}

pub async fn texts_unique_whatever_their_case(store: &dyn ObjectStore) {
    let class = Class::new(store, "Thing", &[("f", FieldType::String)]);
    let name = &class.schema.name;
    // All three are on one column: exact and unique, for searches, and unique whatever the case.
    store.ensure_index(name, &unique("f_1", "f")).await.unwrap();
    store.ensure_index(name, &Index { case_insensitive: true, ..index("case_insensitive_f", "f") }).await.unwrap();
    let ignoring_case = Index { case_insensitive: true, ..unique("f_unique_ignoring_case", "f") };
    store.ensure_index(name, &ignoring_case).await.unwrap();
    class.put("a", doc! { "f": "Ann" }).await;
    class.put("b", doc! { "f": "Anné" }).await;
    class.put("c", doc! {}).await;
    class.put("d", doc! {}).await;
    for text in ["Ann", "aNN"] {
        assert_eq!(duplicated(class.try_put("e", doc! { "f": text }).await).as_deref(), Some("f"), "{text}");
        let changed = class.update("b", json!({ "f": text })).await.map(|_| ());
        assert_eq!(duplicated(changed).as_deref(), Some("f"), "{text}");
    }
}
