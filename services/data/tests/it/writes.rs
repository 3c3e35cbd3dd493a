//! Creates, updates and deletes, and what they answer.

use std::sync::atomic::Ordering;

use parsefleet_core::FieldType;
use parsefleet_data::Settings;
use parsefleet_proto::v1::Privilege;
use serde_json::{Value as Json, json};

use crate::fixture::{Client, Fixture, settings};

crate::on_both_stores!(
    an_object_lives,
    operations_answer_with_new_values,
    computed_values_of_paths_are_nested,
    what_is_nested_too_deep_is_refused,
    a_refused_write_leaves_no_trace,
    acl_decides_who_writes,
    defaults_and_required_fields,
    the_class_gives_an_acl,
    roles_are_unique_and_announced,
    own_classes_are_not_written,
    ids_are_generated_unless_custom_ones_are_allowed,
    increments_are_not_lost,
);

async fn an_object_lives(fixture: Fixture) {
    let client = fixture.public();
    let created = client.create("Score", json!({"player": "a", "points": 3, "tags": ["x"]})).await.unwrap();
    assert_eq!(created.as_object().unwrap().len(), 2, "{created}");
    let id = created["objectId"].as_str().unwrap();
    let object = client.get("Score", id).await.unwrap();
    assert_eq!((&object["player"], &object["points"]), (&json!("a"), &json!(3)));
    assert_eq!((&object["createdAt"], &object["updatedAt"]), (&created["createdAt"], &created["createdAt"]));

    let updated = client.update("Score", id, json!({"points": 4, "tags": {"__op": "Delete"}})).await.unwrap();
    assert_eq!(updated.as_object().unwrap().keys().collect::<Vec<_>>(), ["updatedAt"]);
    let object = client.get("Score", id).await.unwrap();
    assert_eq!((&object["points"], object.get("tags")), (&json!(4), None));

    client.delete("Score", id).await.unwrap();
    let gone = Err((101, "Object not found.".to_owned()));
    assert_eq!(client.get("Score", id).await, gone);
    assert_eq!(client.update("Score", id, json!({"points": 1})).await, gone);
    assert_eq!(client.delete("Score", id).await, Err((101, "Object not found.".to_owned())));
}

async fn operations_answer_with_new_values(fixture: Fixture) {
    let client = fixture.public();
    let created = client
        .create(
            "Score",
            json!({"n": {"__op": "Increment", "amount": 2}, "l": {"__op": "AddUnique", "objects": [1, 2]}}),
        )
        .await
        .unwrap();
    assert_eq!((&created["n"], &created["l"]), (&json!(2), &json!([1, 2])));
    let id = created["objectId"].as_str().unwrap();
    let updated = client
        .update(
            "Score",
            id,
            json!({"n": {"__op": "Increment", "amount": -5}, "l": {"__op": "AddUnique", "objects": [2, 3]}, "plain": 1}),
        )
        .await
        .unwrap();
    assert_eq!((&updated["n"], &updated["l"], updated.get("plain")), (&json!(-3), &json!([1, 2, 3]), None));
    let updated = client.update("Score", id, json!({"l": {"__op": "Remove", "objects": [1, 3]}})).await.unwrap();
    assert_eq!(updated["l"], json!([2]));
}

async fn computed_values_of_paths_are_nested(fixture: Fixture) {
    let client = fixture.public();
    let id = client.object("Score", json!({"o": {"a": 1, "b": 1, "deep": {"c": 1}}})).await;
    let body = json!({
        "o.a": {"__op": "Increment", "amount": 1},
        "o.deep.c": {"__op": "Increment", "amount": 1},
    });
    let updated = client.update("Score", &id, body).await.unwrap();
    assert_eq!(updated["o"], json!({"a": 2, "deep": {"c": 2}}));
    assert_eq!(client.get("Score", &id).await.unwrap()["o"], json!({"a": 2, "b": 1, "deep": {"c": 2}}));
}

async fn what_is_nested_too_deep_is_refused(fixture: Fixture) {
    let client = fixture.public();
    let id = client.object("Deep", json!({"n": 1})).await;
    let path = |parts: usize| vec!["a"; parts].join(".");
    let body = |path: &str, value: Json| Json::Object([(path.to_owned(), value)].into_iter().collect());
    let refused = Err((102, "The database refused the operation.".to_owned()));
    // Each innermost value is a level of its own.
    for innermost in [json!(1), json!({}), json!([])] {
        for kind in [|inner: Json| json!({"a": inner}), |inner: Json| json!([inner])] {
            let nested = |levels: usize| (0..levels).fold(innermost.clone(), |inner, _| kind(inner));
            client.update("Deep", &id, body(&path(100), nested(79))).await.unwrap();
            assert_eq!(client.update("Deep", &id, body(&path(100), nested(80))).await, refused, "{innermost}");
        }
    }
    for parts in [101, 100_000] {
        let answer = client.update("Deep", &id, body(&path(parts), json!(1))).await;
        assert_eq!(answer, Err((105, format!("Invalid field name: {}.", path(parts)))));
        let answer = client.find("Deep", body(&path(parts), json!(1))).await;
        assert_eq!(answer, Err((105, format!("Invalid key name: {}", path(parts)))));
    }
}

async fn a_refused_write_leaves_no_trace(fixture: Fixture) {
    fixture.class("Closed", &[], json!({"find": {"*": true}})).await;
    let refused = fixture.public().create("Closed", json!({"field": 1})).await;
    assert_eq!(refused, Err((119, "Permission denied for action create on class Closed.".to_owned())));
    assert_eq!(fixture.public().update("Missing", "x", json!({"field": 1})).await.unwrap_err().0, 101);
    let classes = fixture.store.load_schema().await.unwrap();
    assert!(!classes.iter().any(|class| class.name.as_str() == "Missing"));
    let closed = classes.iter().find(|class| class.name.as_str() == "Closed").unwrap();
    assert_eq!(closed.field_type("field"), None);
}

async fn acl_decides_who_writes(fixture: Fixture) {
    let acl = json!({"owner": {"read": true, "write": true}, "*": {"read": true}});
    let id = fixture.user("owner").object("Note", json!({"text": "a", "ACL": acl})).await;
    let other = fixture.user("other");
    assert_eq!(other.update("Note", &id, json!({"text": "b"})).await.unwrap_err().0, 101);
    assert_eq!(other.delete("Note", &id).await.unwrap_err().0, 101);
    fixture.user("owner").update("Note", &id, json!({"text": "c", "ACL": {}})).await.unwrap();
    assert_eq!(fixture.user("owner").get("Note", &id).await.unwrap_err().0, 101);
    let object = fixture.master().get("Note", &id).await.unwrap();
    assert_eq!((&object["text"], &object["ACL"]), (&json!("c"), &json!({})));

    let id = fixture.master().object("Note", json!({"ACL": {"role:staff": {"write": true}}})).await;
    let staff = Client::new(&fixture.service, Privilege::User, "someone", &["staff"]);
    staff.update("Note", &id, json!({"text": "d"})).await.unwrap();
    assert_eq!(staff.get("Note", &id).await.unwrap_err().0, 101);
}

async fn defaults_and_required_fields(fixture: Fixture) {
    let mut class = parsefleet_core::ClassSchema::new(parsefleet_core::ClassName::new("Item").unwrap());
    let field = |options: serde_json::Value| parsefleet_core::schema::Field {
        field_type: FieldType::String,
        options: options.as_object().unwrap().clone(),
    };
    class.fields.insert("colour".to_owned(), field(json!({"defaultValue": "red"})));
    class.fields.insert("name".to_owned(), field(json!({"required": true})));
    fixture.store.create_class(&class).await.unwrap();

    let client = fixture.public();
    assert_eq!(client.create("Item", json!({})).await, Err((142, "name is required".to_owned())));
    let created = client.create("Item", json!({"name": "a"})).await.unwrap();
    assert_eq!(created["colour"], "red");
    let id = created["objectId"].as_str().unwrap();
    assert_eq!(client.update("Item", id, json!({"name": null})).await.unwrap_err().0, 142);
    client.update("Item", id, json!({"colour": {"__op": "Delete"}})).await.unwrap();
    assert_eq!(client.get("Item", id).await.unwrap().get("colour"), None);
}

async fn the_class_gives_an_acl(fixture: Fixture) {
    let everybody = json!({"*": true});
    let permissions = json!({
        "get": everybody, "find": everybody, "create": everybody, "addField": everybody,
        "ACL": {"currentUser": {"read": true, "write": true}, "role:staff": {"read": true}},
    });
    fixture.class("Diary", &[], permissions).await;
    let created = fixture.user("u1").create("Diary", json!({"text": "a"})).await.unwrap();
    assert_eq!(created["ACL"], json!({"role:staff": {"read": true}, "u1": {"read": true, "write": true}}));
    let id = created["objectId"].as_str().unwrap();
    fixture.user("u1").get("Diary", id).await.unwrap();
    assert_eq!(fixture.user("u2").get("Diary", id).await.unwrap_err().0, 101);
    let created = fixture.user("u1").create("Diary", json!({"ACL": {"*": {"read": true}}})).await.unwrap();
    assert_eq!(created.get("ACL"), None);
}

async fn roles_are_unique_and_announced(fixture: Fixture) {
    fixture.service.prepare_database().await.unwrap();
    let client = fixture.master();
    assert_eq!(client.create("_Role", json!({"name": "a"})).await, Err((111, "ACL is required.".to_owned())));
    let id = client.object("_Role", json!({"name": "a", "ACL": {}})).await;
    let taken = client.create("_Role", json!({"name": "a", "ACL": {}})).await;
    assert_eq!(taken, Err((137, "A duplicate value for a field with unique values was provided".to_owned())));
    let other = client.object("_Role", json!({"name": "b", "ACL": {}})).await;
    assert_eq!(client.update("_Role", &other, json!({"name": "a"})).await.unwrap_err().0, 137);
    let before = fixture.announced.roles.load(Ordering::SeqCst);
    let users = json!({"__op": "AddRelation", "objects": [crate::fixture::pointer("_User", "u1")]});
    client.update("_Role", &id, json!({"users": users})).await.unwrap();
    client.delete("_Role", &other).await.unwrap();
    assert_eq!(fixture.announced.roles.load(Ordering::SeqCst) - before, 2);
}

async fn own_classes_are_not_written(fixture: Fixture) {
    for class in ["_User", "_Session", "_Installation", "_Join:users:_Role"] {
        let (code, text) = fixture.master().create(class, json!({})).await.unwrap_err();
        assert_eq!(code, 108);
        assert!(text.starts_with(class), "{text}");
        assert_eq!(fixture.master().update(class, "x", json!({})).await.unwrap_err().0, 108);
        assert_eq!(fixture.master().delete(class, "x").await.unwrap_err().0, 108);
    }
    let read_only = Client::new(&fixture.service, Privilege::ReadOnlyMaster, "", &[]);
    let refused = Err((119, "read-only masterKey isn't allowed to perform the create operation.".to_owned()));
    assert_eq!(read_only.create("Score", json!({})).await, refused);
}

async fn ids_are_generated_unless_custom_ones_are_allowed(fixture: Fixture) {
    let refused = fixture.public().create("Thing", json!({"objectId": "mine"})).await;
    assert_eq!(refused, Err((105, "objectId is an invalid field name.".to_owned())));
    let service = fixture.another_service(Settings { allow_custom_object_id: true, ..settings() });
    let client = Client::new(&service, Privilege::Public, "", &[]);
    assert_eq!(client.object("Thing", json!({"objectId": "mine"})).await, "mine");
    assert_eq!(client.create("Thing", json!({"objectId": "mine"})).await.unwrap_err().0, 137);
}

async fn increments_are_not_lost(fixture: Fixture) {
    let id = fixture.public().object("Counter", json!({"n": 0})).await;
    let add = || async {
        let client = fixture.public();
        for _ in 0..10 {
            client.update("Counter", &id, json!({"n": {"__op": "Increment", "amount": 1}})).await.unwrap();
        }
    };
    tokio::join!(add(), add(), add(), add());
    assert_eq!(fixture.public().get("Counter", &id).await.unwrap()["n"], 40);
}
