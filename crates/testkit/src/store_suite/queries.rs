//! Which documents satisfy which constraints.

use bson::{Document, doc};
use parsefleet_core::FieldType;
use parsefleet_data::store::ObjectStore;
use serde_json::{Value as Json, json};

use super::{Class, NOW};

fn date(milliseconds: i64) -> bson::DateTime {
    bson::DateTime::from_millis(milliseconds)
}

fn iso(milliseconds: i64) -> Json {
    json!({ "__type": "Date", "iso": parsefleet_core::Date(milliseconds).to_iso() })
}

/// A class whose only field is `f`, with one object for each value.
async fn class_of<'s>(store: &'s dyn ObjectStore, field_type: FieldType, values: Vec<(&str, Document)>) -> Class<'s> {
    let class = Class::new(store, "Thing", &[("f", field_type)]);
    for (id, columns) in values {
        class.put(id, columns).await;
    }
    class
}

pub async fn equality_of_every_type(store: &dyn ObjectStore) {
    let fields =
        [("n", FieldType::Number), ("s", FieldType::String), ("b", FieldType::Boolean), ("d", FieldType::Date)];
    let class = Class::new(store, "Thing", &fields);
    class.put("a", doc! { "n": 1, "s": "x", "b": true, "d": date(5) }).await;
    class.put("b", doc! { "n": 1.5, "s": "X", "b": false, "d": date(6) }).await;
    class.put("c", doc! { "n": 1_i64, "s": "1" }).await;
    class.finds(json!({ "n": 1 }), &["a", "c"]).await;
    class.finds(json!({ "n": 1.5 }), &["b"]).await;
    class.finds(json!({ "s": "x" }), &["a"]).await;
    class.finds(json!({ "s": "1" }), &["c"]).await;
    class.finds(json!({ "b": false }), &["b"]).await;
    class.finds(json!({ "d": iso(5) }), &["a"]).await;
    class.finds(json!({ "s": { "$eq": "X" } }), &["b"]).await;
    class.finds(json!({ "n": "1" }), &[]).await;
}

pub async fn null_equals_missing(store: &dyn ObjectStore) {
    let values = vec![("a", doc! { "f": 1 }), ("b", doc! { "f": null }), ("c", doc! {})];
    let class = class_of(store, FieldType::Number, values).await;
    class.finds(json!({ "f": null }), &["b", "c"]).await;
    class.finds(json!({ "f": { "$ne": null } }), &["a"]).await;
    class.finds(json!({ "f": { "$in": [null, 1] } }), &["a", "b", "c"]).await;
    class.finds(json!({ "f": { "$nin": [null] } }), &["a"]).await;
}

pub async fn ranges_stay_within_a_type(store: &dyn ObjectStore) {
    let values = vec![
        ("n1", doc! { "f": 1 }),
        ("n2", doc! { "f": 2.5 }),
        ("sa", doc! { "f": "a" }),
        ("sb", doc! { "f": "b" }),
        ("t", doc! { "f": true }),
        ("d", doc! { "f": date(10) }),
        ("z", doc! { "f": null }),
        ("l", doc! { "f": [5, "c"] }),
    ];
    let class = class_of(store, FieldType::Object, values).await;
    class.finds(json!({ "f": { "$gt": 1 } }), &["l", "n2"]).await;
    class.finds(json!({ "f": { "$lte": 2.5 } }), &["n1", "n2"]).await;
    class.finds(json!({ "f": { "$gte": "a", "$lt": "b" } }), &["sa"]).await;
    class.finds(json!({ "f": { "$gte": "b" } }), &["l", "sb"]).await;
    class.finds(json!({ "f": { "$lt": iso(11) } }), &["d"]).await;
    class.finds(json!({ "f": { "$gt": iso(10) } }), &[]).await;
}

pub async fn lists(store: &dyn ObjectStore) {
    let values = vec![("a", doc! { "f": "x" }), ("b", doc! { "f": "y" }), ("c", doc! { "f": "z" }), ("d", doc! {})];
    let class = class_of(store, FieldType::String, values).await;
    class.finds(json!({ "f": { "$in": ["x", "z", "q"] } }), &["a", "c"]).await;
    class.finds(json!({ "f": { "$in": [] } }), &[]).await;
    class.finds(json!({ "f": { "$nin": ["x"] } }), &["b", "c", "d"]).await;
    class.finds(json!({ "objectId": { "$in": ["a", "d", "q"] } }), &["a", "d"]).await;
    class.finds(json!({ "objectId": { "$nin": ["a", "d"] } }), &["b", "c"]).await;
    class.finds(json!({ "objectId": { "$in": ["a", "b"] }, "f": { "$in": ["y", "z"] } }), &["b"]).await;
}

pub async fn negations(store: &dyn ObjectStore) {
    let values = vec![("a", doc! { "f": 1 }), ("b", doc! { "f": 2 }), ("c", doc! {})];
    let class = class_of(store, FieldType::Number, values).await;
    class.finds(json!({ "f": { "$ne": 1 } }), &["b", "c"]).await;
    class.finds(json!({ "objectId": { "$ne": "a" } }), &["b", "c"]).await;
    class.finds(json!({ "$nor": [{ "f": 1 }, { "f": 2 }] }), &["c"]).await;
}

pub async fn presence(store: &dyn ObjectStore) {
    let values = vec![("a", doc! { "f": 1 }), ("b", doc! { "f": null }), ("c", doc! {})];
    let class = class_of(store, FieldType::Number, values).await;
    class.finds(json!({ "f": { "$exists": true } }), &["a", "b"]).await;
    class.finds(json!({ "f": { "$exists": false } }), &["c"]).await;
}

pub async fn arrays_contain(store: &dyn ObjectStore) {
    let values = vec![
        ("a", doc! { "f": [1, 2, 3] }),
        ("b", doc! { "f": [3, 4] }),
        ("c", doc! { "f": [] }),
        ("d", doc! { "f": [{ "k": 1 }, "x"] }),
        ("e", doc! {}),
    ];
    let class = class_of(store, FieldType::Array, values).await;
    class.finds(json!({ "f": 3 }), &["a", "b"]).await;
    class.finds(json!({ "f": { "$ne": 3 } }), &["c", "d", "e"]).await;
    class.finds(json!({ "f": { "$all": [1, 3] } }), &["a"]).await;
    class.finds(json!({ "f": { "$all": [] } }), &[]).await;
    class.finds(json!({ "f": { "$in": [4, "x"] } }), &["b", "d"]).await;
    class.finds(json!({ "f": { "$containedBy": [1, 2, 3, 4] } }), &["a", "b", "c", "e"]).await;
    class.finds(json!({ "f": { "$gt": 3 } }), &["b"]).await;
    class.finds(json!({ "f.k": 1 }), &["d"]).await;
    class.finds(json!({ "f.0": 3 }), &["b"]).await;
}

pub async fn regular_expressions(store: &dyn ObjectStore) {
    let values = vec![
        ("a", doc! { "f": "Hello World" }),
        ("b", doc! { "f": "hello.world" }),
        ("c", doc! { "f": "bye\nhello" }),
        ("d", doc! {}),
    ];
    let class = class_of(store, FieldType::String, values).await;
    class.finds(json!({ "f": { "$regex": "^\\Qhello.\\E" } }), &["b"]).await;
    class.finds(json!({ "f": { "$regex": "^hello" } }), &["b"]).await;
    class.finds(json!({ "f": { "$regex": "^hello", "$options": "i" } }), &["a", "b"]).await;
    class.finds(json!({ "f": { "$regex": "^hello", "$options": "m" } }), &["b", "c"]).await;
    class.finds(json!({ "f": { "$regex": "W(?!x)o" } }), &["a"]).await;
}

pub async fn combinations(store: &dyn ObjectStore) {
    let class = Class::new(store, "Thing", &[("n", FieldType::Number), ("s", FieldType::String)]);
    for number in 0..4 {
        class.put(&format!("{number}"), doc! { "n": number, "s": if number % 2 == 0 { "even" } else { "odd" } }).await;
    }
    class.finds(json!({ "$or": [{ "n": 0 }, { "n": 3, "s": "odd" }, { "n": 2, "s": "odd" }] }), &["0", "3"]).await;
    class
        .finds(json!({ "$and": [{ "n": { "$gt": 0 } }, { "$or": [{ "s": "even" }, { "n": 3 }] }] }), &["2", "3"])
        .await;
    class.finds(json!({ "s": "odd", "$or": [{ "n": 1 }, { "n": 2 }] }), &["1"]).await;
    class.finds(json!({ "$or": [{ "objectId": "1" }, { "objectId": { "$in": ["2"] } }] }), &["1", "2"]).await;
}

pub async fn nested_paths(store: &dyn ObjectStore) {
    let values = vec![
        (
            "a",
            doc! { "f": { "k": { "l": 1 }, "d": date(5), "p": { "__type": "Pointer", "className": "C", "objectId": "x" } } },
        ),
        ("b", doc! { "f": { "k": { "l": 2 } } }),
        ("c", doc! { "f": {} }),
        ("d", doc! {}),
    ];
    let class = class_of(store, FieldType::Object, values).await;
    class.finds(json!({ "f.k.l": 1 }), &["a"]).await;
    class.finds(json!({ "f.k.l": { "$gte": 1 } }), &["a", "b"]).await;
    class.finds(json!({ "f.k": { "$exists": true } }), &["a", "b"]).await;
    class.finds(json!({ "f.k.l": null }), &["c", "d"]).await;
    class.finds(json!({ "f.d": { "$lte": iso(5) } }), &["a"]).await;
    class.finds(json!({ "f.p": { "__type": "Pointer", "className": "C", "objectId": "x" } }), &["a"]).await;
}

pub async fn pointers(store: &dyn ObjectStore) {
    let class = Class::new(store, "Thing", &[("p", FieldType::Pointer("Team".into()))]);
    class.put("a", doc! { "_p_p": "Team$x" }).await;
    class.put("b", doc! { "_p_p": "Team$y" }).await;
    class.put("c", doc! { "_p_p": null }).await;
    class.put("d", doc! {}).await;
    let pointer = |id: &str| json!({ "__type": "Pointer", "className": "Team", "objectId": id });
    class.finds(json!({ "p": pointer("x") }), &["a"]).await;
    class.finds(json!({ "p": { "$in": [pointer("x"), pointer("y")] } }), &["a", "b"]).await;
    class.finds(json!({ "p": { "$ne": pointer("x") } }), &["b", "c", "d"]).await;
    class.finds(json!({ "p": { "$exists": true } }), &["a", "b", "c"]).await;
    class.finds(json!({ "p": null }), &["c", "d"]).await;
}

pub async fn long_lists(store: &dyn ObjectStore) {
    let values = vec![("a", doc! { "f": "v7" }), ("b", doc! { "f": "v999" }), ("c", doc! { "f": "other" })];
    let class = class_of(store, FieldType::String, values).await;
    let many: Vec<String> = (0..3000).map(|number| format!("v{number}")).collect();
    class.finds(json!({ "f": { "$in": many } }), &["a", "b"]).await;
    let mut ids = many.clone();
    ids.extend(["a", "it's \"c\""].map(str::to_owned));
    class.finds(json!({ "objectId": { "$in": ids } }), &["a"]).await;
}

pub async fn dates_of_the_object(store: &dyn ObjectStore) {
    let class = Class::new(store, "Thing", &[]);
    for (id, created, updated) in [("a", 0, 5), ("b", 1, 4), ("c", 2, 3)] {
        class.put(id, doc! { "_created_at": date(NOW.0 + created), "_updated_at": date(NOW.0 + updated) }).await;
    }
    class.finds(json!({ "createdAt": iso(NOW.0 + 1) }), &["b"]).await;
    class.finds(json!({ "createdAt": { "$gte": iso(NOW.0 + 1) } }), &["b", "c"]).await;
    class.finds(json!({ "updatedAt": { "$gt": iso(NOW.0 + 3), "$lt": iso(NOW.0 + 5) } }), &["b"]).await;
    class.finds(json!({ "createdAt": { "$in": [iso(NOW.0), iso(NOW.0 + 2)] } }), &["a", "c"]).await;
    class.finds(json!({ "createdAt": { "$exists": true } }), &["a", "b", "c"]).await;
}

pub async fn texts_whatever_their_case(store: &dyn ObjectStore) {
    let class = Class::new(store, "Thing", &[("f", FieldType::String), ("n", FieldType::Number)]);
    class.put("a", doc! { "f": "Ann+(1)@Example.com", "n": 1 }).await;
    class.put("b", doc! { "f": "ann+(1)@example.com", "n": 2 }).await;
    class.put("c", doc! { "f": "bob", "n": 1 }).await;
    for (filter, found) in [
        (json!({ "f": "ANN+(1)@example.COM" }), &["a", "b"][..]),
        (json!({ "f": "ANN+(1)@example.COM", "n": 1 }), &["a"]),
        (json!({ "f": { "$in": ["BOB", "x", "Ann+(1)@Example.com"] } }), &["a", "b", "c"]),
        (json!({ "$or": [{ "f": "BOB" }, { "n": 2 }] }), &["b", "c"]),
        (json!({ "f": "ann" }), &[]),
    ] {
        assert_eq!(class.ids_for_service(filter.clone(), true).await, found, "{filter}");
    }
    assert_eq!(class.ids_for_service(json!({ "f": "BOB" }), false).await, [""; 0]);
}

pub async fn internal_columns(store: &dyn ObjectStore) {
    let class = Class::new(store, "_User", &[]);
    let late = bson::DateTime::from_millis(NOW.0 + 5);
    class
        .put("a", doc! { "_hashed_password": "h", "_failed_login_count": 3, "_account_lockout_expires_at": late })
        .await;
    class
        .put("b", doc! { "_session_token": "old", "_rperm": ["a"], "_auth_data_x": { "id": "1", "l": ["p", "q"] } })
        .await;
    let now = json!({ "__type": "Date", "iso": NOW.to_iso() });
    for (filter, found) in [
        (json!({ "_hashed_password": "h" }), &["a"][..]),
        (json!({ "_hashed_password": { "$exists": false } }), &["b"]),
        (json!({ "_failed_login_count": { "$gte": 3 }, "_account_lockout_expires_at": { "$gt": now } }), &["a"]),
        (json!({ "_account_lockout_expires_at": null }), &["b"]),
        (json!({ "_session_token": "old" }), &["b"]),
        (json!({ "_rperm": "a" }), &["b"]),
        (json!({ "authData.x.id": "1" }), &["b"]),
        (json!({ "authData.x.l": { "$eq": ["p", "q"] } }), &["b"]),
        (json!({ "authData.x": { "$exists": false } }), &["a"]),
    ] {
        assert_eq!(class.ids_for_service(filter.clone(), false).await, found, "{filter}");
    }
}
