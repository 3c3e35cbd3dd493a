//! Class-level permissions, protected fields and the classes that are Parse's own.

use parsefleet_core::FieldType;
use parsefleet_proto::v1::{FindRequest, Privilege, Selection};
use serde_json::{Value as Json, json};

use crate::fixture::{Client, Fixture, column, pointer, query, settings};

crate::on_both_stores!(
    a_class_that_others_made_is_not_taken_for_a_new_one,
    an_operation_is_open_to_whom_it_names,
    a_user_is_asked_for,
    objects_permit_those_they_point_to,
    protected_fields_are_hidden_and_cannot_be_asked_about,
    a_user_field_shows_more_of_some_objects,
    sessions_are_one_s_own,
    the_app_s_own_classes_are_closed,
);

fn user(fields: &[&'static str]) -> Vec<(&'static str, FieldType)> {
    fields.iter().map(|field| (*field, FieldType::Pointer("_User".to_owned()))).collect()
}

fn denied<T>(action: &str, class: &str) -> Result<T, (i32, String)> {
    Err((119, format!("Permission denied for action {action} on class {class}.")))
}

async fn an_operation_is_open_to_whom_it_names(fixture: Fixture) {
    let permissions = json!({"get": {"*": true}, "find": {"u1": true, "role:staff": true}, "create": {"*": true}});
    fixture.class("Paper", &[("n", FieldType::Number)], permissions).await;
    let id = fixture.public().object("Paper", json!({"n": 1})).await;
    fixture.public().get("Paper", &id).await.unwrap();
    assert_eq!(fixture.public().find("Paper", json!({"objectId": id})).await.unwrap().len(), 1, "that is a get");
    assert_eq!(fixture.public().find("Paper", json!({})).await, denied("find", "Paper"));
    assert_eq!(fixture.user("u2").find("Paper", json!({})).await, denied("find", "Paper"));
    assert_eq!(fixture.user("u1").find("Paper", json!({})).await.unwrap().len(), 1);
    let staff = Client::new(&fixture.service, Privilege::User, "u3", &["staff"]);
    assert_eq!(staff.find("Paper", json!({})).await.unwrap().len(), 1);
    let count = FindRequest { count: true, limit: Some(0.0), ..query("Paper", json!({})) };
    assert_eq!(staff.find_with(count).await, denied("count", "Paper"));
    assert_eq!(staff.update("Paper", &id, json!({"n": 2})).await, denied("update", "Paper"));
    assert_eq!(staff.delete("Paper", &id).await, denied("delete", "Paper"));
    for key in [Privilege::Master, Privilege::Maintenance, Privilege::ReadOnlyMaster] {
        assert_eq!(Client::new(&fixture.service, key, "", &[]).find("Paper", json!({})).await.unwrap().len(), 1);
    }
}

async fn a_user_is_asked_for(fixture: Fixture) {
    let permissions = json!({"find": {"requiresAuthentication": true}, "create": {"requiresAuthentication": true}});
    fixture.class("Club", &[], permissions).await;
    let refused = (101, "Permission denied, user needs to be authenticated.".to_owned());
    assert_eq!(fixture.public().create("Club", json!({})).await, Err(refused.clone()));
    assert_eq!(fixture.public().find("Club", json!({})).await, Err(refused));
    fixture.user("u1").object("Club", json!({})).await;
    assert_eq!(fixture.user("u2").find("Club", json!({})).await.unwrap().len(), 1);
}

async fn objects_permit_those_they_point_to(fixture: Fixture) {
    let permissions = json!({
        "find": {"pointerFields": ["owner"]}, "get": {}, "update": {"pointerFields": ["owner"]}, "delete": {},
        "count": {}, "readUserFields": ["readers"], "writeUserFields": [],
    });
    let mut fields = user(&["owner"]);
    fields.extend([("readers", FieldType::Array), ("n", FieldType::Number)]);
    fixture.class("Letter", &fields, permissions).await;
    let body = json!({"n": 1, "owner": pointer("_User", "u1"), "readers": [pointer("_User", "u2")]});
    let id = fixture.master().object("Letter", body).await;
    fixture.master().object("Letter", json!({"n": 2})).await;

    for reader in ["u1", "u2"] {
        let found = fixture.user(reader).find("Letter", json!({})).await.unwrap();
        assert_eq!(column(&found, "n"), ["1"], "{reader}");
    }
    assert!(fixture.user("u3").find("Letter", json!({})).await.unwrap().is_empty());
    assert!(fixture.public().find("Letter", json!({})).await.unwrap().is_empty());
    fixture.user("u2").get("Letter", &id).await.unwrap();
    assert_eq!(fixture.user("u1").get("Letter", &id).await.unwrap_err().0, 101, "get names readers only");
    fixture.user("u1").update("Letter", &id, json!({"n": 3})).await.unwrap();
    assert_eq!(fixture.user("u2").update("Letter", &id, json!({"n": 4})).await.unwrap_err().0, 101);
    assert_eq!(fixture.public().update("Letter", &id, json!({"n": 4})).await.unwrap_err().0, 101);
    assert_eq!(fixture.user("u1").delete("Letter", &id).await, denied("delete", "Letter"));
    let count = FindRequest { count: true, limit: Some(0.0), ..query("Letter", json!({})) };
    assert_eq!(fixture.user("u2").find_with(count.clone()).await.unwrap()["count"], 1);
    assert_eq!(fixture.public().find_with(count).await.unwrap()["count"], 0);
}

fn open_with(protected: Json) -> Json {
    let everybody = json!({"*": true});
    json!({
        "find": everybody, "get": everybody, "count": everybody, "create": everybody, "update": everybody,
        "addField": everybody, "protectedFields": protected,
    })
}

async fn protected_fields_are_hidden_and_cannot_be_asked_about(fixture: Fixture) {
    let fields = [("name", FieldType::String), ("phone", FieldType::String), ("o", FieldType::Object)];
    fixture.class("Person", &fields, open_with(json!({"*": ["phone", "o"], "role:staff": ["o"]}))).await;
    let id = fixture.public().object("Person", json!({"name": "ann", "phone": "1", "o": {"a": 1}})).await;
    let seen = fixture.public().get("Person", &id).await.unwrap();
    assert_eq!((&seen["name"], seen.get("phone"), seen.get("o")), (&json!("ann"), None, None));
    let staff = Client::new(&fixture.service, Privilege::User, "u1", &["staff"]);
    let seen = staff.get("Person", &id).await.unwrap();
    assert_eq!((&seen["phone"], seen.get("o")), (&json!("1"), None));
    assert_eq!(fixture.master().get("Person", &id).await.unwrap()["o"], json!({"a": 1}));

    let forbidden = |what: &str| Err((119, format!("This user is not allowed to {what} on class Person")));
    let ask = |filter: Json| async { fixture.public().find("Person", filter).await };
    assert_eq!(ask(json!({"phone": "1"})).await, forbidden("query phone"));
    assert_eq!(ask(json!({"o.a": 1})).await, forbidden("query o.a"));
    assert_eq!(ask(json!({"$or": [{"name": "x"}, {"$nor": [{"phone": "1"}]}]})).await, forbidden("query phone"));
    let request = FindRequest { order: vec!["-phone".to_owned()], ..query("Person", json!({})) };
    assert_eq!(fixture.public().find_with(request).await.unwrap_err().0, 119);

    let values = json!({"name": {"$select": {"query": {"className": "Person"}, "key": "phone"}}});
    assert!(ask(values).await.unwrap().is_empty(), "a hidden value does not come back through a sub-query");
    fixture.public().object("Holder", json!({"person": pointer("Person", &id)})).await;
    let selection = Selection { include: vec!["person".to_owned()], ..Default::default() };
    let request = FindRequest { selection: Some(selection), ..query("Holder", json!({})) };
    let holder = fixture.public().find_with(request).await.unwrap();
    assert_eq!(holder["results"][0]["person"].get("phone"), None);
}

async fn a_user_field_shows_more_of_some_objects(fixture: Fixture) {
    let mut fields = user(&["owner"]);
    fields.push(("price", FieldType::Number));
    fixture.class("Offer", &fields, open_with(json!({"*": ["price", "owner"], "userField:owner": ["owner"]}))).await;
    let client = fixture.public();
    client.object("Offer", json!({"price": 1, "owner": pointer("_User", "u1")})).await;
    client.object("Offer", json!({"price": 2, "owner": pointer("_User", "u2")})).await;
    let found = fixture.user("u1").find("Offer", json!({})).await.unwrap();
    assert_eq!(column(&found, "price"), ["1", "null"]);
    assert!(found.iter().all(|offer| offer.get("owner").is_none()));
    let selection = Selection {
        keys: Some(parsefleet_proto::v1::FieldList { names: vec!["price".to_owned()] }),
        ..Default::default()
    };
    let request = FindRequest { selection: Some(selection), ..query("Offer", json!({})) };
    let found = fixture.user("u2").find_with(request).await.unwrap();
    assert_eq!(column(found["results"].as_array().unwrap(), "price"), ["2", "null"]);
}

async fn sessions_are_one_s_own(fixture: Fixture) {
    fixture.class("_Session", &[], Json::Null).await;
    let refused = Err((209, "Invalid session token".to_owned()));
    assert_eq!(fixture.public().find("_Session", json!({})).await, refused);
    assert!(fixture.user("u1").find("_Session", json!({})).await.unwrap().is_empty());
    assert!(fixture.master().find("_Session", json!({})).await.unwrap().is_empty());
}

async fn the_app_s_own_classes_are_closed(fixture: Fixture) {
    let refused = |operation: &str, class: &str| {
        (119, format!("Clients aren't allowed to perform the {operation} operation on the {class} collection."))
    };
    assert_eq!(fixture.public().find("_Hooks", json!({})).await, Err(refused("find", "_Hooks")));
    assert_eq!(fixture.user("u").create("_JobStatus", json!({})).await, Err(refused("create", "_JobStatus")));
    let join = "_Join:users:_Role";
    assert_eq!(fixture.public().find(join, json!({})).await, Err(refused("find", join)));
    assert!(fixture.master().find("_Hooks", json!({})).await.unwrap().is_empty());
}

async fn a_class_that_others_made_is_not_taken_for_a_new_one(fixture: Fixture) {
    let other = fixture.another_service(settings());
    let client = Client::new(&other, Privilege::Public, "", &[]);
    // It has looked in vain so often that it does not look again.
    let names: Vec<String> = (0..40).map(|number| format!("Missing{number}")).collect();
    futures_util::future::join_all(names.iter().map(|name| client.find(name, json!({})))).await;
    fixture.class("Closed", &[], json!({"find": {"*": true}, "create": {}})).await;
    assert_eq!(client.create("Closed", json!({"n": 1})).await.unwrap_err().0, 119);
    assert_eq!(client.transact(&[("create", "Closed", "", json!({"n": 1}))]).await.unwrap_err().0, 119);
    assert!(fixture.master().find("Closed", json!({})).await.unwrap().is_empty());
    let classes = fixture.store.load_schema().await.unwrap();
    let closed = classes.iter().find(|class| class.name.as_str() == "Closed").unwrap();
    assert_eq!(closed.field_type("n"), None);
}
