//! What updates do to a document.

use bson::{Bson, Document, bson, doc};
use parsefleet_core::{FieldType, update::Writer};
use parsefleet_data::store::{ObjectStore, StoreError};
use serde_json::{Value as Json, json};

use super::{Class, NOW};

async fn class_with<'s>(store: &'s dyn ObjectStore, columns: Document) -> Class<'s> {
    let class = Class::new(store, "Thing", &[("p", FieldType::Pointer("Team".into())), ("g", FieldType::GeoPoint)]);
    class.put("x", columns).await;
    class
}

/// The text of the refusal of an update, which must have changed nothing.
async fn refusal(class: &Class<'_>, body: Json) -> String {
    let before = class.get("x").await;
    let result = class.update("x", body.clone()).await;
    assert_eq!(class.get("x").await, before, "{body}");
    match result {
        // MongoDB says first in which command it happened.
        Err(StoreError::Refused(text)) => text.rsplit(" :: caused by :: ").next().unwrap_or_default().to_owned(),
        other => panic!("{body} should be refused, not {other:?}"),
    }
}

pub async fn values_are_set_and_removed(store: &dyn ObjectStore) {
    let class = class_with(store, doc! { "b": 1, "a": "old", "gone": true }).await;
    let changed =
        class.update("x", json!({ "a": "new", "n": 2.5, "gone": { "__op": "Delete" } })).await.unwrap().unwrap();
    let dates = (bson::DateTime::from_millis(NOW.0), bson::DateTime::from_millis(NOW.0 + 1));
    let expected = doc! { "_id": "x", "b": 1, "a": "new", "_created_at": dates.0, "_updated_at": dates.1, "n": 2.5 };
    assert_eq!(changed, expected);
    assert_eq!(class.get("x").await, Some(expected));
    let body = json!({
        "p": { "__type": "Pointer", "className": "Team", "objectId": "t" }, "b": null,
        "g": { "__type": "GeoPoint", "latitude": 1.5, "longitude": 2 },
        "d": { "__type": "Date", "iso": "1970-01-01T00:00:00.007Z" },
        "o": { "k": [{ "__type": "Date", "iso": "1970-01-01T00:00:00.007Z" }] },
    });
    let date = bson::DateTime::from_millis(7);
    let expected =
        doc! { "b": null, "a": "new", "n": 2.5, "_p_p": "Team$t", "d": date, "g": [2, 1.5], "o": { "k": [date] } };
    assert_eq!(class.columns_after("x", body).await, expected);
}

pub async fn paths_reach_inside(store: &dyn ObjectStore) {
    let class = class_with(store, doc! { "o": { "k": 1, "l": [1, { "m": 1 }] }, "s": 5 }).await;
    let body = json!({
        "o.k": { "__op": "Increment", "amount": 2 }, "o.new.deep": "v", "o.l.1.m": 9, "fresh.k": 1, "list.0": 5,
    });
    let expected = doc! {
        "o": { "k": 3, "l": [1, { "m": 9 }], "new": { "deep": "v" } }, "s": 5, "fresh": { "k": 1 }, "list": { "0": 5 },
    };
    assert_eq!(class.columns_after("x", body).await, expected);
    let body = json!({ "o.l.4": true, "o.k": { "__op": "Delete" }, "o.l.0": { "__op": "Delete" }, "no.way": { "__op": "Delete" } });
    let expected = doc! {
        "o": { "l": [null, { "m": 9 }, null, null, true], "new": { "deep": "v" } }, "s": 5, "fresh": { "k": 1 },
        "list": { "0": 5 },
    };
    assert_eq!(class.columns_after("x", body).await, expected);
    assert_eq!(refusal(&class, json!({ "s.k": 1 })).await, "Cannot create field 'k' in element {s: 5}");
    assert!(refusal(&class, json!({ "o.l.name": 1 })).await.starts_with("Cannot create field 'name' in element {l: ["));
}

pub async fn increments_have_mongodb_types(store: &dyn ObjectStore) {
    let columns = doc! { "i": 1, "max": i32::MAX, "long": 5_i64, "double": 1.0 };
    let class = class_with(store, columns).await;
    let add = |amount: f64| json!({ "__op": "Increment", "amount": amount });
    let body = json!({ "i": add(2.0), "max": add(1.0), "long": add(-5.0), "double": add(1.0), "new": add(3.0), "half": add(0.5) });
    let expected = doc! {
        "i": 3, "max": i64::from(i32::MAX) + 1, "long": 0_i64, "double": 2.0, "half": 0.5, "new": 3,
    };
    assert_eq!(class.columns_after("x", body).await, expected);
    let changed = class.columns_after("x", json!({ "i": add(0.5), "new": add(-3.0) })).await;
    assert_eq!((changed.get("i"), changed.get("new")), (Some(&Bson::Double(3.5)), Some(&Bson::Int32(0))));
}

pub async fn refused_increments_change_nothing(store: &dyn ObjectStore) {
    let class = class_with(store, doc! { "s": "text", "z": null, "o": { "s": [1] }, "max": i64::MAX }).await;
    let add = json!({ "__op": "Increment", "amount": 1 });
    let refused = |field: &str, kind: &str| {
        format!(
            "Cannot apply $inc to a value of non-numeric type. {{_id: \"x\"}} has the field '{field}' of non-numeric type {kind}"
        )
    };
    assert_eq!(refusal(&class, json!({ "s": add })).await, refused("s", "string"));
    assert_eq!(refusal(&class, json!({ "z": add })).await, refused("z", "null"));
    assert_eq!(refusal(&class, json!({ "o.s": add })).await, refused("s", "array"));
    assert!(
        refusal(&class, json!({ "max": add })).await.starts_with("Failed to apply $inc operations to current value")
    );
    refusal(&class, json!({ "other": "value", "s": add })).await;
}

pub async fn arrays_grow_and_shrink(store: &dyn ObjectStore) {
    let class = class_with(store, doc! { "a": [1], "b": [1, 2], "c": [1, 2, 1, 3] }).await;
    let op = |name: &str, objects: Json| json!({ "__op": name, "objects": objects });
    let body = json!({
        "a": op("Add", json!([1, "x"])), "b": op("AddUnique", json!([2, 3, 3])), "c": op("Remove", json!([1, 9])),
        "o.list": op("Add", json!([{ "k": 1 }])), "new": op("AddUnique", json!([1, 1])), "gone": op("Remove", json!([1])),
        "empty": op("Add", json!([])), "none": op("AddUnique", json!([])),
    });
    let expected = doc! {
        "a": [1, 1, "x"], "b": [1, 2, 3], "c": [2, 3], "empty": [], "new": [1], "none": [], "o": { "list": [{ "k": 1 }] },
    };
    assert_eq!(class.columns_after("x", body).await, expected);
}

pub async fn arrays_compare_as_mongodb_does(store: &dyn ObjectStore) {
    let item = bson!({ "k": 1, "l": 2 });
    let class =
        class_with(store, doc! { "a": [1.0, 2_i64, &item, "1", [1]], "b": [1.0, 2_i64, &item, "1", [1]] }).await;
    let op = |name: &str| json!({ "__op": name, "objects": [1, 2, { "k": 1, "l": 2 }, { "l": 2, "k": 1 }, [1]] });
    let expected = doc! {
        "a": [1.0, 2_i64, &item, "1", [1], { "l": 2, "k": 1 }],
        "b": ["1"],
    };
    assert_eq!(class.columns_after("x", json!({ "a": op("AddUnique"), "b": op("Remove") })).await, expected);
}

pub async fn operations_on_what_is_no_array_are_refused(store: &dyn ObjectStore) {
    let class = class_with(store, doc! { "s": "text", "z": null }).await;
    let op = |name: &str| json!({ "__op": name, "objects": [1] });
    assert_eq!(
        refusal(&class, json!({ "s": op("Add") })).await,
        "The field 's' must be an array but is of type string in document {_id: \"x\"}"
    );
    assert_eq!(
        refusal(&class, json!({ "z": op("Add") })).await,
        "The field 'z' must be an array but is of type null in document {_id: \"x\"}"
    );
    assert_eq!(
        refusal(&class, json!({ "s": op("AddUnique") })).await,
        "Cannot apply $addToSet to non-array field. Field named 's' has non-array type string"
    );
    assert_eq!(refusal(&class, json!({ "s": op("Remove") })).await, "Cannot apply $pull to a non-array value");
}

pub async fn everything_happens_together_or_not_at_all(store: &dyn ObjectStore) {
    let class = class_with(store, doc! { "n": 1, "s": "text", "l": [1] }).await;
    let body = json!({
        "a": 1, "n": { "__op": "Increment", "amount": 1 }, "l": { "__op": "Add", "objects": [2] },
        "s": { "__op": "Increment", "amount": 1 },
    });
    refusal(&class, body).await;
}

pub async fn only_what_satisfies_the_query_is_changed(store: &dyn ObjectStore) {
    let class = class_with(store, doc! { "n": 1 }).await;
    class.put("y", doc! { "n": 1 }).await;
    let unmatched = class.update_where(json!({ "objectId": "x", "n": 2 }), json!({ "n": 3 })).await;
    assert_eq!(unmatched.unwrap(), None);
    assert!(class.update_where(json!({ "n": 1 }), json!({ "n": 5 })).await.unwrap().is_some());
    assert_eq!(class.ids(json!({ "n": 5 })).await.len(), 1, "one of two is changed");
}

pub async fn permissions_are_replaced(store: &dyn ObjectStore) {
    let class = class_with(store, doc! { "_rperm": ["old"], "_wperm": [] }).await;
    let acl = json!({ "ACL": { "u1": { "read": true, "write": true }, "*": { "read": true } } });
    let changed = class.columns_after("x", acl).await;
    assert_eq!(changed.get_array("_rperm").unwrap(), &[bson!("u1"), bson!("*")]);
    assert_eq!(changed.get_array("_wperm").unwrap(), &[bson!("u1")]);
    assert_eq!(changed.get_document("_acl").unwrap(), &doc! { "u1": { "w": true, "r": true }, "*": { "r": true } });
}

pub async fn without_a_time_the_date_stays(store: &dyn ObjectStore) {
    let class = class_with(store, doc! { "n": 1 }).await;
    let count = json!({ "n": { "__op": "Increment", "amount": 1 } });
    let changed = class.update_as(Writer::Service, json!({ "objectId": "x" }), count, None).await.unwrap().unwrap();
    assert_eq!(changed.get_datetime("_updated_at").unwrap().timestamp_millis(), NOW.0);
    assert_eq!(changed.get("n"), Some(&Bson::Int32(2)));
}

pub async fn identities_are_reached_into(store: &dyn ObjectStore) {
    let class = Class::new(store, "_User", &[]);
    class
        .put("x", doc! { "_auth_data_mfa": { "codes": ["a", "b"], "tries": 1 }, "_auth_data_old": { "id": "1" } })
        .await;
    let body = json!({
        "authData.mfa.codes": { "__op": "Remove", "objects": ["a"] },
        "authData.mfa.tries": { "__op": "Increment", "amount": 2 },
        "authData.mfa.last": { "__type": "Date", "iso": "1970-01-01T00:00:00.007Z" },
        "authData.old": { "__op": "Delete" },
        "authData.new": { "id": "2" },
    });
    let changed = class.update_as(Writer::Service, json!({ "objectId": "x", "authData.mfa.codes": "a" }), body, None);
    let mut changed = changed.await.unwrap().unwrap();
    let identities =
        (changed.remove("_auth_data_mfa"), changed.remove("_auth_data_new"), changed.remove("_auth_data_old"));
    let mfa = doc! { "codes": ["b"], "tries": 3, "last": bson::DateTime::from_millis(7) };
    assert_eq!(identities, (Some(mfa.into()), Some(doc! { "id": "2" }.into()), None));
}
