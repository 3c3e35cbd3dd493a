#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;

fn members(json: Json) -> Members {
    json.as_object().unwrap().clone()
}

fn asked(moment: Moment, caller: &Caller, context: &RequestContext) -> Json {
    let user = members(json!({"objectId": "u1", "sessionToken": "r:1"}));
    let user = caller.user().map(|_| &user);
    let about = about("Score", members(json!({"n": 1})), None);
    Json::Object(body(moment.name(), about, &Asker { context, caller, user, app_id: "app" }))
}

#[test]
fn a_trigger_is_told_who_asks_and_how() {
    let context = RequestContext {
        installation_id: "device".to_owned(),
        client_ip: "10.0.0.1".to_owned(),
        cloud_context: r#"{"a": 1}"#.into(),
        headers: r#"{"host": "localhost"}"#.into(),
        ..RequestContext::default()
    };
    let user = crate::caller::User::new("u1", &[]).unwrap();
    assert_eq!(
        asked(Moment::BeforeSave, &Caller::User(user), &context),
        json!({
            "triggerName": "beforeSave",
            "object": {"n": 1, "className": "Score"},
            "master": false,
            "isReadOnly": false,
            "user": {"objectId": "u1", "sessionToken": "r:1"},
            "installationId": "device",
            "log": {"appId": "app"},
            "headers": {"host": "localhost"},
            "ip": "10.0.0.1",
            "context": {"a": 1},
        })
    );
}

#[test]
fn keys_of_the_app_are_the_cloud() {
    let context = RequestContext::default();
    let master = asked(Moment::AfterSave, &Caller::Master, &context);
    assert_eq!((&master["master"], &master["isReadOnly"]), (&json!(true), &json!(false)));
    assert_eq!((&master["installationId"], master.get("user")), (&json!("cloud"), None));
    let read_only = asked(Moment::BeforeFind, &Caller::ReadOnlyMaster, &context);
    assert_eq!((&read_only["master"], &read_only["isReadOnly"]), (&json!(true), &json!(true)));
    let public = asked(Moment::AfterLogout, &Caller::Public, &context);
    assert_eq!((public.get("installationId"), public.get("context")), (None, None));
}

#[test]
fn a_new_object_is_what_was_asked_for() {
    let body = json!({"n": {"__op": "Increment", "amount": 1}, "createdAt": 5, "_internal": 1, "a.b": 1, "x": null});
    let told = new_object(&members(body));
    assert_eq!(Json::Object(told), json!({"n": {"__op": "Increment", "amount": 1}, "x": null}));
}

#[test]
fn a_changed_object_is_the_one_before_with_what_was_asked_for() {
    let original =
        members(json!({"objectId": "id", "createdAt": "c", "updatedAt": "u", "a": 1, "o": {"x": 1, "y": 1}}));
    let body = json!({"a": {"__op": "Delete"}, "b": [1], "o.x": 2, "updatedAt": 5, "objectId": "other"});
    let told = changed_object(&original, "id", &members(body));
    let wanted = json!({
        "objectId": "id", "createdAt": "c", "updatedAt": "u",
        "a": {"__op": "Delete"}, "o": {"x": 2, "y": 1}, "b": [1],
    });
    assert_eq!(Json::Object(told), wanted);
}

#[test]
fn of_a_path_without_end_nothing_is_told() {
    let original = members(json!({"objectId": "id", "a": 1}));
    let body = JsonMap::from_iter([(vec!["a"; 100_000].join("."), json!(1))]);
    assert_eq!(Json::Object(changed_object(&original, "id", &body)), json!({"objectId": "id", "a": 1}));
}
