//! `beforeSave` and `afterSave`.

use parsefleet_core::FieldType;
use parsefleet_data::Settings;
use parsefleet_proto::v1::Privilege;
use serde_json::{Value as Json, json};

use crate::{
    fixture::{Client, Fixture, settings},
    receiver::{self, Receiver},
};

crate::on_both_stores!(
    before_save_may_refuse,
    before_save_sees_what_is_asked_for,
    before_save_decides_what_is_created,
    before_save_decides_what_is_changed,
    operations_stay_operations,
    only_who_may_write_comes_to_the_trigger,
    what_a_trigger_adds_needs_permission,
    protected_fields_are_not_told,
    triggers_may_be_exempt_from_protection,
    prohibited_words_are_refused,
    after_save_is_told_what_is_stored,
    after_save_may_answer_itself,
    after_save_comes_too_late_to_refuse,
);

async fn before_save_may_refuse(fixture: Fixture) {
    let receiver = Receiver::start(|_| json!({"error": "not today"})).await;
    fixture.hook("Score", "beforeSave", &receiver.url).await;
    let client = fixture.public();
    let refused = Err((141, "not today".to_owned()));
    assert_eq!(client.create("Score", json!({"n": 1})).await, refused);
    let classes = fixture.store.load_schema().await.unwrap();
    assert!(classes.iter().all(|class| class.name.as_str() != "Score"), "a refused write leaves no trace");
    fixture.class("Score", &[("n", FieldType::Number)], Json::Null).await;
    assert_eq!(client.create("Score", json!({"n": 1})).await, refused);
    assert!(client.find("Score", json!({})).await.unwrap().is_empty());
}

async fn before_save_sees_what_is_asked_for(fixture: Fixture) {
    let receiver = Receiver::silent().await;
    fixture.hook("Score", "beforeSave", &receiver.url).await;
    let client = fixture.public();
    let body = json!({"n": {"__op": "Increment", "amount": 2}, "o": {"x": 1, "y": 1}, "gone": 1, "ACL": {"*": {"read": true, "write": true}}});
    let id = client.object("Score", body.clone()).await;
    let told = receiver.take_body();
    let mut object = body;
    object["className"] = json!("Score");
    assert_eq!((&told["triggerName"], &told["object"], told.get("original")), (&json!("beforeSave"), &object, None));

    let stored = client.get("Score", &id).await.unwrap();
    let change = json!({"n": {"__op": "Increment", "amount": 1}, "o.x": 5, "gone": {"__op": "Delete"}, "new": null});
    let updated = client.update("Score", &id, change).await.unwrap();
    assert_eq!((&updated["n"], &updated["o"]), (&json!(3), &json!({"x": 5, "y": 1})));
    let told = receiver.take_body();
    let mut original = stored;
    original["className"] = json!("Score");
    assert_eq!(told["original"], original);
    let mut object = original;
    object["n"] = json!({"__op": "Increment", "amount": 1});
    object["o"] = json!({"x": 5, "y": 1});
    object["gone"] = json!({"__op": "Delete"});
    object["new"] = Json::Null;
    assert_eq!(told["object"], object);
    let stored = client.get("Score", &id).await.unwrap();
    assert_eq!((&stored["n"], &stored["o"], stored.get("gone")), (&json!(3), &json!({"x": 5, "y": 1}), None));
}

async fn before_save_decides_what_is_created(fixture: Fixture) {
    let receiver = Receiver::start(|_| {
        json!({"success": {
            "kept": 1, "changed": "new", "added": [1], "null": null, "gone": {"__op": "Delete"},
            "className": "Score", "createdAt": "2000-01-01T00:00:00.000Z",
        }})
    })
    .await;
    fixture.hook("Score", "beforeSave", &receiver.url).await;
    let client = fixture.public();
    let created = client.create("Score", json!({"kept": 1, "changed": 5, "lost": 1, "gone": 1})).await.unwrap();
    let id = created["objectId"].as_str().unwrap();
    let stored = client.get("Score", id).await.unwrap();
    assert_eq!(stored["createdAt"], created["createdAt"]);
    let mut told = created.clone();
    for name in ["objectId", "createdAt"] {
        told.as_object_mut().unwrap().shift_remove(name).unwrap();
    }
    assert_eq!(told, json!({"changed": "new", "added": [1], "null": null, "gone": {"__op": "Delete"}}));
    assert_eq!((&stored["kept"], &stored["changed"], &stored["added"]), (&json!(1), &json!("new"), &json!([1])));
    assert_eq!((stored.get("lost"), stored.get("gone"), &stored["null"]), (None, None, &Json::Null));
}

async fn before_save_decides_what_is_changed(fixture: Fixture) {
    let client = fixture.public();
    let relation = json!({"__op": "AddRelation", "objects": [crate::fixture::pointer("Player", "p")]});
    let id = client.object("Score", json!({"a": 1, "b": 2, "players": relation})).await;
    let receiver = Receiver::start(|told| {
        let mut object = told["object"].clone();
        object["a"] = json!(told["object"]["a"].as_f64().unwrap() * 10.0);
        object["extra"] = json!({"__type": "Date", "iso": "2020-01-01T00:00:00.000Z"});
        json!({ "success": object })
    })
    .await;
    fixture.hook("Score", "beforeSave", &receiver.url).await;
    let updated = client.update("Score", &id, json!({"a": 3})).await.unwrap();
    assert_eq!((&updated["a"], &updated["extra"]["__type"]), (&json!(30.0), &json!("Date")));
    assert_eq!(updated.get("objectId"), None);
    let stored = client.get("Score", &id).await.unwrap();
    assert_eq!((&stored["a"], &stored["b"], &stored["updatedAt"]), (&json!(30), &json!(2), &updated["updatedAt"]));
    assert_eq!(stored["players"]["__type"], "Relation");
}

async fn operations_stay_operations(fixture: Fixture) {
    let client = fixture.public();
    let id = client.object("Counter", json!({"n": 0, "o": {"n": 0}})).await;
    let receiver = Receiver::start(|told| {
        let amount = json!({"__op": "Increment", "amount": 1});
        json!({"success": {"n": told["object"]["n"], "m": amount, "o.n": amount}})
    })
    .await;
    fixture.hook("Counter", "beforeSave", &receiver.url).await;
    let add = || async {
        let client = fixture.public();
        for _ in 0..5 {
            let updated = client.update("Counter", &id, json!({"n": {"__op": "Increment", "amount": 1}})).await;
            let updated = updated.unwrap();
            assert_eq!((&updated["n"], updated["o"]["n"].is_number()), (&updated["m"], true), "{updated}");
        }
    };
    tokio::join!(add(), add(), add(), add());
    let stored = client.get("Counter", &id).await.unwrap();
    assert_eq!((&stored["n"], &stored["m"], &stored["o"]), (&json!(20), &json!(20), &json!({"n": 20})));
}

async fn only_who_may_write_comes_to_the_trigger(fixture: Fixture) {
    fixture.class("Closed", &[], json!({"find": {"*": true}})).await;
    let receiver = Receiver::silent().await;
    for class in ["Closed", "Thing"] {
        fixture.hook(class, "beforeSave", &receiver.url).await;
    }
    let id = fixture.master().object("Thing", json!({"ACL": {"u1": {"write": true}}})).await;
    receiver.take();
    assert_eq!(fixture.public().create("Closed", json!({})).await.unwrap_err().0, 119);
    let missing = Err((101, "Object not found.".to_owned()));
    assert_eq!(fixture.public().update("Thing", &id, json!({"a": 1})).await, missing);
    assert_eq!(fixture.public().update("Thing", "nowhere", json!({"a": 1})).await, missing);
    assert_eq!(fixture.public().update("Nowhere", "nowhere", json!({"a": 1})).await, missing);
    assert!(receiver.take().is_empty());
    // Who may write without reading has the trigger told all the same.
    fixture.user("u1").update("Thing", &id, json!({"a": 1})).await.unwrap();
    assert_eq!(receiver.take_body()["original"]["objectId"], json!(id));
}

async fn what_a_trigger_adds_needs_permission(fixture: Fixture) {
    let permissions = json!({"create": {"*": true}, "update": {"*": true}, "get": {"*": true}});
    fixture.class("Fixed", &[("a", FieldType::Number)], permissions).await;
    let client = fixture.public();
    let id = client.object("Fixed", json!({"a": 1})).await;
    let receiver = Receiver::start(|told| match told["object"]["a"].as_i64() {
        Some(0) => json!({"success": {"a": 1}}),
        _ => json!({"success": {"a": 1, "added": 1}}),
    })
    .await;
    fixture.hook("Fixed", "beforeSave", &receiver.url).await;
    let refused = Err((119, "Permission denied for action addField on class Fixed.".to_owned()));
    assert_eq!(client.create("Fixed", json!({"a": 1})).await, refused);
    assert_eq!(client.update("Fixed", &id, json!({"a": 1})).await, refused);
    // What the client adds and the trigger takes away needs none.
    client.create("Fixed", json!({"a": 0, "mine": 1})).await.unwrap();
    client.update("Fixed", &id, json!({"a": 0, "mine": 1})).await.unwrap();
    fixture.master().create("Fixed", json!({"a": 1})).await.unwrap();
    let classes = fixture.store.load_schema().await.unwrap();
    let fixed = classes.iter().find(|class| class.name.as_str() == "Fixed").unwrap();
    assert_eq!((fixed.field_type("mine"), fixed.field_type("added")), (None, Some(&FieldType::Number)));
}

async fn protected_fields_are_not_told(fixture: Fixture) {
    let fields = [("open", FieldType::Number), ("secret", FieldType::String)];
    let open = json!({"*": true});
    let permissions = json!({"create": open, "update": open, "get": open, "protectedFields": {"*": ["secret"]}});
    fixture.class("Safe", &fields, permissions).await;
    let id = fixture.master().object("Safe", json!({"open": 1, "secret": "s"})).await;
    let receiver = Receiver::silent().await;
    fixture.hook("Safe", "beforeSave", &receiver.url).await;
    fixture.hook("Safe", "afterSave", &receiver.url).await;
    fixture.public().update("Safe", &id, json!({"open": 2})).await.unwrap();
    for asked in receiver.take() {
        assert!(!asked.body.to_string().contains("secret"), "{}", asked.body);
    }
    fixture.master().update("Safe", &id, json!({"open": 3})).await.unwrap();
    for asked in receiver.take() {
        assert_eq!((&asked.body["object"]["secret"], &asked.body["original"]["secret"]), (&json!("s"), &json!("s")));
    }
    // What the caller writes himself is no secret.
    fixture.public().update("Safe", &id, json!({"secret": "mine"})).await.unwrap();
    for asked in receiver.take() {
        assert_eq!((&asked.body["object"]["secret"], asked.body["original"].get("secret")), (&json!("mine"), None));
    }
}

async fn triggers_may_be_exempt_from_protection(fixture: Fixture) {
    let open = json!({"*": true});
    let permissions = json!({"create": open, "update": open, "get": open, "protectedFields": {"*": ["secret"]}});
    fixture.class("Safe", &[("open", FieldType::Number), ("secret", FieldType::String)], permissions).await;
    let id = fixture.master().object("Safe", json!({"open": 1, "secret": "s"})).await;
    let service = fixture.another_service(Settings { protected_fields_trigger_exempt: true, ..settings() });
    let receiver = Receiver::silent().await;
    for trigger in ["beforeSave", "afterSave"] {
        receiver::add(&fixture, &service, "Safe", trigger, &receiver.url).await;
    }
    let client = Client::new(&service, Privilege::Public, "", &[]);
    let updated = client.update("Safe", &id, json!({"open": 2})).await.unwrap();
    assert_eq!(updated.get("secret"), None);
    let asked = receiver.take();
    assert_eq!(asked.len(), 2);
    for asked in asked {
        assert_eq!((&asked.body["object"]["secret"], &asked.body["original"]["secret"]), (&json!("s"), &json!("s")));
    }
}

async fn prohibited_words_are_refused(fixture: Fixture) {
    let receiver = Receiver::start(|_| json!({"success": {"a": [{"__proto__": 1}]}})).await;
    fixture.hook("Score", "beforeSave", &receiver.url).await;
    let text = r#"Prohibited keyword in request data: {"key":"__proto__"}."#;
    assert_eq!(fixture.master().create("Score", json!({})).await, Err((105, text.to_owned())));
}

async fn after_save_is_told_what_is_stored(fixture: Fixture) {
    let receiver = Receiver::silent().await;
    fixture.hook("Score", "afterSave", &receiver.url).await;
    let client = fixture.public();
    let created = client.create("Score", json!({"n": {"__op": "Increment", "amount": 2}, "a": "x"})).await.unwrap();
    let id = created["objectId"].as_str().unwrap();
    let mut stored = client.get("Score", id).await.unwrap();
    stored["className"] = json!("Score");
    let told = receiver.take_body();
    assert_eq!((&told["triggerName"], &told["object"], told.get("original")), (&json!("afterSave"), &stored, None));
    assert_eq!(created.as_object().unwrap().len(), 3, "{created}");

    let change = json!({"n": {"__op": "Increment", "amount": 1}, "a": {"__op": "Delete"}});
    client.update("Score", id, change).await.unwrap();
    let mut changed = client.get("Score", id).await.unwrap();
    changed["className"] = json!("Score");
    let told = receiver.take_body();
    assert_eq!((&told["object"], &told["original"]), (&changed, &stored));
}

async fn after_save_may_answer_itself(fixture: Fixture) {
    let client = fixture.public();
    let id = client.object("Score", json!({})).await;
    let receiver = Receiver::start(|told| json!({ "success": told["object"]["answer"] })).await;
    fixture.hook("Score", "afterSave", &receiver.url).await;
    for answer in [json!({"own": 1}), json!({})] {
        assert_eq!(client.update("Score", &id, json!({ "answer": answer })).await, Ok(answer));
    }
    // Anything but an object or a list is no answer.
    let updated = client.update("Score", &id, json!({"answer": {"__op": "Delete"}})).await.unwrap();
    assert!(updated["updatedAt"].is_string(), "{updated}");
    let created = client.create_with_id("Score", json!({"answer": {"own": 1}})).await.unwrap();
    assert_eq!((created.0.len(), created.1), (10, json!({"own": 1})));
}

async fn after_save_comes_too_late_to_refuse(fixture: Fixture) {
    let receiver = Receiver::start(|_| json!({"error": "too late"})).await;
    fixture.hook("Score", "afterSave", &receiver.url).await;
    let client = fixture.public();
    let id = client.object("Score", json!({"a": 1})).await;
    let updated = client.update("Score", &id, json!({"a": 2})).await.unwrap();
    assert_eq!(updated.as_object().unwrap().keys().collect::<Vec<_>>(), ["updatedAt"]);
    assert_eq!(client.get("Score", &id).await.unwrap()["a"], 2);
}
