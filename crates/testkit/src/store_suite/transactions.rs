//! Several operations as one.

use std::{sync::Arc, time::Duration};

use bson::doc;
use parsefleet_core::{FieldName, FieldType, value::Pointer};
use parsefleet_data::store::{FindOptions, ObjectStore, StoreError, Transaction};
use serde_json::json;

use super::Class;

/// Rivals at the same time.
const RIVALS: usize = 50;

/// A class of a transaction's store.
struct Inside {
    store: Arc<dyn ObjectStore>,
    transaction: Box<dyn Transaction>,
}

async fn begin(class: &Class<'_>) -> Inside {
    class.store.prepare_class(&class.schema.name).await.unwrap();
    let transaction = class.store.begin().await.unwrap();
    Inside { store: transaction.store(), transaction }
}

impl Inside {
    fn class<'s>(&'s self, like: &Class<'_>) -> Class<'s> {
        Class { store: self.store.as_ref(), schema: like.schema.clone() }
    }
}

pub async fn nobody_sees_anything_before_the_commit(store: &dyn ObjectStore) {
    let class = Class::new(store, "Thing", &[]);
    class.put("old", doc! { "n": 1 }).await;
    class.put("gone", doc! { "n": 1 }).await;
    let inside = begin(&class).await;
    let own = inside.class(&class);
    own.put("new", doc! { "n": 2 }).await;
    own.update("old", json!({ "n": 5 })).await.unwrap().unwrap();
    assert_eq!(own.store.delete(&own.schema, &own.query(json!({ "objectId": "gone" }))).await.unwrap(), 1);

    own.finds(json!({ "n": { "$gt": 1 } }), &["new", "old"]).await;
    own.finds(json!({}), &["new", "old"]).await;
    class.finds(json!({ "n": 1 }), &["gone", "old"]).await;
    assert_eq!(class.ids(json!({})).await, ["gone", "old"]);
    inside.transaction.commit().await.unwrap();
    class.finds(json!({}), &["new", "old"]).await;
    class.finds(json!({ "n": 5 }), &["old"]).await;
}

pub async fn an_aborted_transaction_leaves_nothing(store: &dyn ObjectStore) {
    let class = Class::new(store, "Thing", &[]);
    let fresh = Class::new(store, "Fresh", &[]);
    class.put("x", doc! { "n": 1 }).await;
    for is_dropped in [false, true] {
        store.prepare_class(&fresh.schema.name).await.unwrap();
        let inside = begin(&class).await;
        let own = inside.class(&class);
        own.put("new", doc! {}).await;
        own.update("x", json!({ "n": { "__op": "Increment", "amount": 1 } })).await.unwrap().unwrap();
        inside.class(&fresh).put("first", doc! {}).await;
        let Inside { store: inner, transaction } = inside;
        drop(inner);
        match is_dropped {
            true => drop(transaction),
            false => transaction.abort().await,
        }
        // Neither does it hinder anybody.
        class.update("x", json!({ "m": 1 })).await.unwrap().unwrap();
        assert_eq!(class.get("x").await.unwrap().get_i32("n").unwrap(), 1);
        assert_eq!(class.ids(json!({})).await, ["x"]);
        assert!(fresh.ids(json!({})).await.is_empty());
    }
}

pub async fn relations_belong_to_it(store: &dyn ObjectStore) {
    let class = Class::new(store, "Team", &[]);
    let join = Class::new(store, "_Join:players:Team", &[]);
    let key = FieldName::new("players").unwrap();
    let target = |id: &str| Pointer { class_name: "Player".into(), object_id: id.into() };
    store.add_relations(&class.schema.name, &key, "t", &[target("a")]).await.unwrap();
    for commits in [false, true] {
        store.prepare_class(&join.schema.name).await.unwrap();
        let inside = begin(&class).await;
        inside.store.add_relations(&class.schema.name, &key, "t", &[target("b"), target("c")]).await.unwrap();
        inside.store.remove_relations(&class.schema.name, &key, "t", &[target("a")]).await.unwrap();
        match commits {
            true => inside.transaction.commit().await.unwrap(),
            false => inside.transaction.abort().await,
        }
        let rows = store.find(&join.schema, &join.query(json!({})), &FindOptions::default()).await.unwrap();
        let mut related: Vec<&str> = rows.iter().map(|row| row.get_str("relatedId").unwrap()).collect();
        related.sort_unstable();
        assert_eq!(related, if commits { vec!["b", "c"] } else { vec!["a"] });
    }
}

pub async fn a_duplicate_spoils_it(store: &dyn ObjectStore) {
    let class = Class::new(store, "Thing", &[]);
    class.put("taken", doc! {}).await;
    let inside = begin(&class).await;
    inside.class(&class).put("free", doc! {}).await;
    let refused = inside.class(&class).try_put("taken", doc! {}).await;
    assert!(matches!(refused, Err(StoreError::Duplicate { .. })), "{refused:?}");
    assert!(!inside.transaction.is_interrupted(), "it would fail again");
    inside.transaction.abort().await;
    class.finds(json!({}), &["taken"]).await;
}

/// Whoever was interrupted did nothing and does it again: money moves, and none is made.
pub async fn rivals_take_turns(store: &dyn ObjectStore) {
    let class = Class::new(store, "Account", &[("n", FieldType::Number)]);
    class.put("a", doc! { "n": 0 }).await;
    class.put("b", doc! { "n": 0 }).await;
    let moves = (0..RIVALS).map(|_| async {
        while !moved(&class).await {
            tokio::time::sleep(Duration::from_millis(rand::random_range(1..40))).await;
        }
    });
    futures_util::future::join_all(moves).await;
    let amount = async |id| class.get(id).await.unwrap().get_i32("n").unwrap();
    assert_eq!((amount("a").await, amount("b").await), (-(RIVALS as i32), RIVALS as i32));
}

async fn moved(class: &Class<'_>) -> bool {
    let inside = begin(class).await;
    for (id, amount) in [("a", -1), ("b", 1)] {
        let body = json!({ "n": { "__op": "Increment", "amount": amount } });
        match inside.class(class).update(id, body).await {
            Ok(changed) => assert!(changed.is_some()),
            Err(error) => {
                assert!(inside.transaction.is_interrupted(), "{error}");
                inside.transaction.abort().await;
                return false;
            }
        }
    }
    match inside.transaction.commit().await {
        Ok(()) => true,
        Err(StoreError::Interrupted(_)) => false,
        Err(error) => panic!("{error}"),
    }
}

pub async fn others_write_before_and_after(store: &dyn ObjectStore) {
    let class = Class::new(store, "Thing", &[]);
    class.put("x", doc! { "n": 0 }).await;
    let increment = json!({ "n": { "__op": "Increment", "amount": 1 } });
    let inside = begin(&class).await;
    inside.class(&class).update("x", increment.clone()).await.unwrap().unwrap();
    // It waits for the end of the transaction, and counts on from there.
    let other = class.update("x", increment.clone());
    let commit = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        inside.transaction.commit().await
    };
    let (other, committed) = tokio::join!(other, commit);
    committed.unwrap();
    assert_eq!(other.unwrap().unwrap().get_i32("n").unwrap(), 2);
}
