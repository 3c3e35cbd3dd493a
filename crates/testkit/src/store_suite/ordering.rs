//! In which order documents come.

use bson::{Bson, doc};
use parsefleet_core::FieldType;
use parsefleet_data::store::ObjectStore;
use serde_json::json;

use super::{Class, NOW};

pub async fn numbers_and_texts(store: &dyn ObjectStore) {
    let class = Class::new(store, "Thing", &[("n", FieldType::Number), ("s", FieldType::String)]);
    for (id, number, text) in [("a", Bson::Int32(10), "b"), ("b", Bson::Double(9.5), "B"), ("c", Bson::Int64(-1), "ä")]
    {
        class.put(id, doc! { "n": number, "s": text }).await;
    }
    assert_eq!(class.ordered(json!({}), "n").await, ["c", "b", "a"]);
    assert_eq!(class.ordered(json!({}), "-n").await, ["a", "b", "c"]);
    assert_eq!(class.ordered(json!({}), "s").await, ["b", "a", "c"]);
}

pub async fn types_have_an_order(store: &dyn ObjectStore) {
    let class = Class::new(store, "Thing", &[("f", FieldType::Object)]);
    let values = [
        ("date", Bson::DateTime(bson::DateTime::from_millis(0))),
        ("bool", Bson::Boolean(false)),
        ("object", Bson::Document(doc! { "k": 1 })),
        ("text", Bson::String("a".into())),
        ("number", Bson::Int32(5)),
        ("null", Bson::Null),
    ];
    for (id, value) in values {
        class.put(id, doc! { "f": value }).await;
    }
    let ascending = ["null", "number", "text", "object", "bool", "date"];
    assert_eq!(class.ordered(json!({}), "f").await, ascending);
    let mut descending = ascending;
    descending.reverse();
    assert_eq!(class.ordered(json!({}), "-f").await, descending);
    class.put("low", doc! { "f": [4, 100] }).await;
    assert_eq!(class.ordered(json!({}), "f").await[..3], ["null", "low", "number"]);
    assert_eq!(class.ordered(json!({}), "-f").await[4..], ["low", "number", "null"]);
}

pub async fn several_keys(store: &dyn ObjectStore) {
    let class = Class::new(store, "Thing", &[("n", FieldType::Number), ("s", FieldType::String)]);
    for (id, number, text) in [("a", 1, "x"), ("b", 2, "x"), ("c", 1, "y"), ("d", 2, "y")] {
        class.put(id, doc! { "n": number, "s": text }).await;
    }
    class.put("e", doc! { "s": "x" }).await;
    assert_eq!(class.ordered(json!({}), "-s,n").await, ["c", "d", "e", "a", "b"]);
    assert_eq!(class.ordered(json!({}), "n,-objectId").await, ["e", "c", "a", "d", "b"]);
}

pub async fn skip_and_limit(store: &dyn ObjectStore) {
    let class = Class::new(store, "Thing", &[("n", FieldType::Number)]);
    for number in 0..20 {
        class.put(&format!("{number:02}"), doc! { "n": (number * 7) % 20 }).await;
    }
    let page = async |order: &str, skip, limit| class.page(json!({ "n": { "$gte": 5 } }), order, skip, limit).await;
    let number = |id: &String| id.parse::<i32>().unwrap() * 7 % 20;
    let numbers = |ids: &[String]| ids.iter().map(number).collect::<Vec<_>>();
    assert_eq!(numbers(&page("n", 2, Some(3)).await), [7, 8, 9]);
    assert_eq!(numbers(&page("-n", 0, Some(2)).await), [19, 18]);
    assert_eq!(page("n", 14, Some(5)).await.len(), 1);
    assert_eq!(page("n", 15, None).await.len(), 0);
    assert_eq!(page("n", 0, Some(0)).await.len(), 0);
    assert_eq!(page("objectId", 1, Some(2)).await, ["02", "04"]);
    assert_eq!(page("", 3, Some(4)).await.len(), 4);
    assert_eq!(class.page(json!({}), "", 0, None).await.len(), 20);
}

pub async fn by_dates_and_id(store: &dyn ObjectStore) {
    let class = Class::new(store, "Thing", &[]);
    for (id, created, updated) in [("b", 2, 7), ("a", 1, 9), ("c", 2, 8)] {
        let (created, updated) = (NOW.0 + created, NOW.0 + updated);
        let dates = (bson::DateTime::from_millis(created), bson::DateTime::from_millis(updated));
        class.put(id, doc! { "_created_at": dates.0, "_updated_at": dates.1 }).await;
    }
    assert_eq!(class.ordered(json!({}), "objectId").await, ["a", "b", "c"]);
    assert_eq!(class.ordered(json!({}), "-createdAt,objectId").await, ["b", "c", "a"]);
    assert_eq!(class.ordered(json!({}), "updatedAt").await, ["b", "c", "a"]);
    assert_eq!(class.page(json!({}), "-updatedAt", 1, Some(1)).await, ["c"]);
    class.update("b", json!({ "n": 1 })).await.unwrap();
    assert_eq!(class.ordered(json!({}), "updatedAt").await, ["b", "c", "a"]);
}

pub async fn by_pointer_and_path(store: &dyn ObjectStore) {
    let class = Class::new(store, "Thing", &[("p", FieldType::Pointer("Team".into())), ("o", FieldType::Object)]);
    class.put("a", doc! { "_p_p": "Team$2", "o": { "k": 1 } }).await;
    class.put("b", doc! { "_p_p": "Team$1", "o": { "k": 3 } }).await;
    class.put("c", doc! { "o": { "k": 2 } }).await;
    assert_eq!(class.ordered(json!({}), "p").await, ["c", "b", "a"]);
    assert_eq!(class.ordered(json!({}), "-o.k").await, ["b", "c", "a"]);
}
