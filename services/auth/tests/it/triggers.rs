//! The app's own code, asked about users and those who come and go.

use parsefleet_testkit::servers::{WebhookAnswer, WebhookCall, WebhookReceiver};
use serde_json::{Value as Json, json};

use crate::fixture::{Fixture, error, mail_options, refused, text};

/// What the app answers to refuse.
fn refusal() -> WebhookAnswer {
    WebhookAnswer::json(json!({ "error": "not today" }))
}

fn told(receiver: &WebhookReceiver) -> Vec<WebhookCall> {
    receiver.take_calls()
}

fn only(receiver: &WebhookReceiver) -> Json {
    let mut calls = told(receiver);
    assert_eq!(calls.len(), 1, "{calls:?}");
    calls.remove(0).body
}

/// A service whose app is asked at these moments, each at an address named as the trigger.
async fn hooked(hooks: &[(&str, &str)]) -> (Fixture, WebhookReceiver) {
    hooked_with(&[], hooks).await
}

/// The same with these options.
async fn hooked_with(options: &[(&str, Json)], hooks: &[(&str, &str)]) -> (Fixture, WebhookReceiver) {
    let fixture = Fixture::embedded(options).await;
    let receiver = WebhookReceiver::start().await.unwrap();
    for (class, trigger) in hooks {
        fixture.hook(class, trigger, &format!("{}/{trigger}", receiver.url)).await;
    }
    (fixture, receiver)
}

fn credentials() -> Json {
    json!({ "username": "anna", "password": "secret" })
}

#[tokio::test]
async fn before_save_sees_a_sign_up_and_says_what_is_written() {
    let (fixture, app) = hooked(&[("_User", "beforeSave")]).await;
    let with = json!({ "rank": 7, "username": "Anna B", "email": "b@example.com" });
    let answer = WebhookAnswer { with: with.as_object().cloned(), ..WebhookAnswer::default() };
    app.answer("beforeSave", answer);
    let sent = json!({ "username": "anna", "password": "secret", "email": "a@example.com", "n": 1 });
    let answer = fixture.public().create("_User", sent.clone()).await.unwrap();
    let call = only(&app);
    let mut object = sent.clone();
    object["className"] = json!("_User");
    assert_eq!((&call["triggerName"], &call["object"]), (&json!("beforeSave"), &object));
    assert_eq!((&call["original"], &call["user"], &call["master"]), (&Json::Null, &Json::Null, &json!(false)));
    // The client is told of what it does not know.
    assert_eq!(
        (&answer["rank"], &answer["username"], &answer["email"]),
        (&json!(7), &with["username"], &with["email"])
    );
    assert_eq!((answer.get("n"), answer.get("password")), (None, None));
    let row = fixture.row("_User", json!({ "objectId": answer["objectId"] })).await;
    assert_eq!((&row["rank"], &row["username"], &row["n"]), (&json!(7), &json!("Anna B"), &json!(1)));
    app.forget_answers();
    let log_in = json!({ "username": "Anna B", "password": "secret" });
    assert_eq!(fixture.public().log_in(log_in).await.unwrap()["objectId"], answer["objectId"]);
}

#[tokio::test]
async fn a_sign_up_that_is_refused_leaves_nothing() {
    let (fixture, app) = hooked(&[("_User", "beforeSave")]).await;
    app.answer("beforeSave", refusal());
    assert_eq!(refused(fixture.public().create("_User", credentials()).await), error(141, "not today"));
    assert!(fixture.rows("_User", json!({})).await.is_empty());
    // Who may not sign up is not asked about.
    fixture.permit("_User", json!({ "create": {}, "get": { "*": true } })).await;
    told(&app);
    assert_eq!(refused(fixture.public().create("_User", credentials()).await).0, 119);
    assert!(told(&app).is_empty());
}

#[tokio::test]
async fn what_the_app_makes_of_a_sign_up_keeps_to_the_rules() {
    let (fixture, app) = hooked(&[("_User", "beforeSave")]).await;
    fixture.master().create("_User", json!({ "username": "taken", "password": "p" })).await.unwrap();
    for (success, code) in [
        (json!({ "username": "taken" }), 202),
        (json!({ "username": "anna", "email": "nowhere" }), 125),
        (json!({ "username": "anna", "ACL": { "*": "all" } }), 123),
        (json!({ "username": "anna", "constructor": 1 }), 105),
        (json!({ "username": 5 }), 111),
    ] {
        app.answer("beforeSave", WebhookAnswer::json(json!({ "success": success })));
        assert_eq!(refused(fixture.public().create("_User", credentials()).await).0, code, "{success}");
    }
    // A password that is not repeated is not lost; an id that the app makes up is not taken.
    let success = json!({ "success": { "username": "other", "objectId": "role:admin", "authData": { "anonymous": { "id": "x" } } } });
    app.answer("beforeSave", WebhookAnswer::json(success));
    let answer = fixture.public().create("_User", credentials()).await.unwrap();
    assert_ne!(answer["objectId"], "role:admin");
    app.forget_answers();
    let row = fixture.row("_User", json!({ "objectId": answer["objectId"] })).await;
    assert_eq!((&row["username"], row.get("authData")), (&json!("other"), None), "an identity is proved, not made up");
    fixture.public().log_in(json!({ "username": "other", "password": "secret" })).await.unwrap();
}

#[tokio::test]
async fn before_save_sees_a_user_as_it_was_and_as_it_would_be() {
    let (fixture, app) = hooked(&[("_User", "beforeSave")]).await;
    let (id, token) = fixture.person("anna").await;
    told(&app);
    let anna = fixture.user(&id).with_token(&token);
    anna.update("_User", &id, json!({ "n": 1, "password": "other" })).await.unwrap();
    let call = only(&app);
    assert_eq!((&call["object"]["n"], &call["object"]["username"]), (&json!(1), &json!("anna")));
    assert_eq!((&call["object"]["password"], &call["object"]["objectId"]), (&json!("other"), &json!(id)));
    assert_eq!((&call["original"]["username"], call["original"].get("n")), (&json!("anna"), None));
    assert_eq!(call["original"].get("password"), None);
    assert_eq!((&call["user"]["objectId"], &call["user"]["sessionToken"]), (&json!(id), &json!(token)));

    // It decides what is written, and the client is told.
    app.answer("beforeSave", WebhookAnswer::json(json!({ "success": { "n": 3, "password": "third" } })));
    let answer = anna.update("_User", &id, json!({ "n": 2 })).await.unwrap();
    assert_eq!((&answer["n"], answer.get("password")), (&json!(3), None));
    app.forget_answers();
    fixture.public().log_in(json!({ "username": "anna", "password": "third" })).await.unwrap();
    assert_eq!(fixture.row("_User", json!({ "objectId": id })).await["n"], 3);

    app.answer("beforeSave", refusal());
    assert_eq!(refused(anna.update("_User", &id, json!({ "n": 4 })).await), error(141, "not today"));
    // Who may not change the user is not asked about.
    let (other, _) = {
        app.forget_answers();
        fixture.person("other").await
    };
    told(&app);
    assert_eq!(refused(fixture.user(&other).update("_User", &id, json!({ "n": 5 })).await).0, 206);
    assert_eq!(refused(fixture.master().update("_User", "nobody", json!({ "n": 5 })).await).0, 101);
    assert!(told(&app).is_empty());
    assert_eq!(fixture.row("_User", json!({ "objectId": id })).await["n"], 3);
}

#[tokio::test]
async fn before_delete_may_keep_a_user() {
    let (fixture, app) = hooked(&[("_User", "beforeDelete")]).await;
    let (id, _) = fixture.person("anna").await;
    let (other, _) = fixture.person("other").await;
    app.answer("beforeDelete", refusal());
    assert_eq!(refused(fixture.user(&id).delete("_User", &id).await), error(141, "not today"));
    let call = only(&app);
    assert_eq!((&call["object"]["username"], &call["object"]["className"]), (&json!("anna"), &json!("_User")));
    assert_eq!(refused(fixture.user(&other).delete("_User", &id).await).0, 206);
    assert!(told(&app).is_empty());
    app.forget_answers();
    fixture.user(&id).delete("_User", &id).await.unwrap();
    assert!(fixture.rows("_User", json!({ "objectId": id })).await.is_empty());
}

#[tokio::test]
async fn roles_are_asked_about_like_other_objects() {
    let (fixture, app) = hooked(&[("_Role", "beforeSave"), ("_Role", "beforeDelete")]).await;
    let role = json!({ "name": "admin", "ACL": { "*": { "read": true } } });
    app.answer("beforeSave", refusal());
    assert_eq!(refused(fixture.master().create("_Role", role.clone()).await), error(141, "not today"));
    let with = json!({ "level": 3 }).as_object().cloned();
    app.answer("beforeSave", WebhookAnswer { with, ..WebhookAnswer::default() });
    let answer = fixture.master().create("_Role", role).await.unwrap();
    assert_eq!(answer["level"], 3);
    app.answer("beforeDelete", refusal());
    let id = text(&answer["objectId"]);
    assert_eq!(refused(fixture.master().delete("_Role", &id).await), error(141, "not today"));
    let names: Vec<String> = told(&app).into_iter().map(|call| call.name).collect();
    assert_eq!(names, ["beforeSave", "beforeSave", "beforeDelete"]);
}

#[tokio::test]
async fn who_logs_in_is_told_of_before_and_after() {
    let (fixture, app) = hooked(&[("_User", "beforeLogin"), ("_User", "afterLogin")]).await;
    fixture.person("anna").await;
    assert!(told(&app).is_empty(), "a sign-up is no log-in");
    let answer = fixture.public().log_in(credentials()).await.unwrap();
    let calls = told(&app);
    let names: Vec<&str> = calls.iter().map(|call| call.name.as_str()).collect();
    assert_eq!(names, ["beforeLogin", "afterLogin"]);
    let (before, after) = (&calls[0].body, &calls[1].body);
    assert_eq!((&before["object"]["username"], before.get("user")), (&json!("anna"), None));
    assert_eq!(before["object"].get("sessionToken"), None);
    assert_eq!(
        (&after["object"]["sessionToken"], &after["user"]["sessionToken"]),
        (&answer["sessionToken"], &answer["sessionToken"])
    );
    assert_eq!(after["user"]["objectId"], answer["objectId"]);
    for call in &calls {
        assert!(!call.body.to_string().contains("_hashed_password"), "{call:?}");
    }

    // Only whoever is who he says is told of.
    refused(fixture.public().log_in(json!({ "username": "anna", "password": "wrong" })).await);
    fixture.public().verify_password(credentials()).await.unwrap();
    fixture.master().log_in_as(answer["objectId"].clone()).await.unwrap();
    assert!(told(&app).is_empty());
}

#[tokio::test]
async fn a_log_in_may_be_refused_before_and_fails_after() {
    let (fixture, app) = hooked(&[("_User", "beforeLogin"), ("_User", "afterLogin")]).await;
    let (id, _) = fixture.person("anna").await;
    let sessions = async || fixture.rows("_Session", json!({})).await.len();
    app.answer("beforeLogin", refusal());
    assert_eq!(refused(fixture.public().log_in(credentials()).await), error(141, "not today"));
    assert_eq!(sessions().await, 1, "that of the sign-up");
    app.forget_answers();
    app.answer("afterLogin", refusal());
    assert_eq!(refused(fixture.public().log_in(credentials()).await), error(141, "not today"));
    assert_eq!(sessions().await, 2, "the session was there already");
    assert!(!id.is_empty());
}

#[tokio::test]
async fn somebody_who_comes_back_with_an_identity_is_asked_about_once() {
    let (fixture, app) = hooked(&[("_User", "beforeLogin"), ("_User", "afterLogin"), ("_User", "beforeSave")]).await;
    let identity = json!({ "authData": { "anonymous": { "id": "device" } } });
    let first = fixture.public().create("_User", identity.clone()).await.unwrap();
    let names = |calls: Vec<WebhookCall>| calls.into_iter().map(|call| call.name).collect::<Vec<_>>();
    assert_eq!(names(told(&app)), ["beforeSave"]);
    let again = fixture.public().create("_User", identity.clone()).await.unwrap();
    assert_eq!(again["objectId"], first["objectId"]);
    assert_eq!(names(told(&app)), ["beforeLogin"]);
    app.answer("beforeLogin", refusal());
    assert_eq!(refused(fixture.public().create("_User", identity).await), error(141, "not today"));
}

#[tokio::test]
async fn who_logs_out_is_told_of_with_the_session() {
    let (fixture, app) = hooked(&[("_Session", "afterLogout")]).await;
    let (id, token) = fixture.person("anna").await;
    fixture.user(&id).with_token(&token).log_out(&token).await.unwrap();
    let call = only(&app);
    assert_eq!((&call["object"]["sessionToken"], &call["object"]["className"]), (&json!(token), &json!("_Session")));
    assert_eq!((&call["object"]["user"]["objectId"], &call["user"]["objectId"]), (&json!(id), &json!(id)));
    assert!(fixture.rows("_Session", json!({})).await.is_empty());
    refused(fixture.public().log_out(&token).await);
    fixture.master().log_out(&token).await.unwrap();
    assert!(told(&app).is_empty(), "there was no session any more");
}

#[tokio::test]
async fn a_hook_that_goes_is_not_asked_any_more() {
    let (fixture, app) = hooked(&[("_User", "beforeLogin")]).await;
    fixture.person("anna").await;
    fixture.public().log_in(credentials()).await.unwrap();
    assert_eq!(told(&app).len(), 1);
    fixture.unhook("_User", "beforeLogin").await;
    fixture.public().log_in(credentials()).await.unwrap();
    assert!(told(&app).is_empty());
}

#[tokio::test]
async fn the_app_hears_of_an_address_that_is_verified_and_may_refuse_it() {
    let (fixture, app) = hooked_with(&mail_options(), &[("_User", "beforeSave"), ("_User", "afterSave")]).await;
    let (id, _) = fixture.person("anna").await;
    let user = || fixture.row("_User", json!({ "objectId": id }));
    let token = text(&user().await["_email_verify_token"]);
    told(&app);
    app.answer("beforeSave", refusal());
    assert_eq!(refused(fixture.public().verify_email(&token).await), error(141, "not today"));
    let row = user().await;
    assert_eq!((&row["emailVerified"], &row["_email_verify_token"]), (&json!(false), &json!(token)));
    told(&app);
    // Another address is not the one that the link was sent to.
    let another = json!({ "emailVerified": true, "email": "another@example.com" });
    app.answer("beforeSave", WebhookAnswer::json(json!({ "success": another })));
    assert_eq!(fixture.public().verify_email(&token).await, Ok(false));
    assert_eq!(user().await["email"], "anna@example.com");
    told(&app);
    // The whole user is answered, the address among it: that is no new address to be verified.
    let with = json!({ "seen": true }).as_object().cloned();
    app.answer("beforeSave", WebhookAnswer { with, ..WebhookAnswer::default() });
    assert_eq!(fixture.public().verify_email(&token).await, Ok(true));
    let calls = told(&app);
    let names: Vec<&str> = calls.iter().map(|call| call.name.as_str()).collect();
    assert_eq!(names, ["beforeSave", "afterSave"]);
    let (before, after) = (&calls[0].body, &calls[1].body);
    let verified = |user: &Json| user["emailVerified"].clone();
    assert_eq!((verified(&before["object"]), verified(&before["original"])), (json!(true), json!(false)));
    assert_eq!((verified(&after["object"]), &after["object"]["seen"]), (json!(true), &json!(true)));
    let row = user().await;
    assert_eq!((verified(&row), &row["seen"], row.get("_email_verify_token")), (json!(true), &json!(true), None));
    assert_eq!(fixture.public().verify_email(&token).await, Ok(false), "a link works once");
    assert!(told(&app).is_empty());
}

#[tokio::test]
async fn the_app_hears_of_a_password_that_is_chosen_by_mail_and_may_refuse_it() {
    let (fixture, app) = hooked(&[("_User", "beforeSave"), ("_User", "afterSave")]).await;
    let (id, session) = fixture.person("anna").await;
    fixture.change_row("_User", &id, json!({ "_perishable_token": "t1" })).await;
    told(&app);
    app.answer("beforeSave", refusal());
    assert_eq!(refused(fixture.public().reset_password("t1", "another").await), error(141, "not today"));
    app.answer("beforeSave", WebhookAnswer::json(json!({ "success": { "n": 1 } })));
    let lost = error(141, "The password was not changed.");
    assert_eq!(refused(fixture.public().reset_password("t1", "another").await), lost);
    fixture.public().log_in(credentials()).await.unwrap();
    assert_eq!(fixture.row("_User", json!({ "objectId": id })).await.get("n"), None);
    told(&app);
    let with = json!({ "n": 2 }).as_object().cloned();
    app.answer("beforeSave", WebhookAnswer { with, ..WebhookAnswer::default() });
    fixture.public().reset_password("t1", "another").await.unwrap();
    let calls = told(&app);
    let names: Vec<&str> = calls.iter().map(|call| call.name.as_str()).collect();
    assert_eq!(names, ["beforeSave", "afterSave"]);
    assert_eq!(calls[0].body["object"]["username"], "anna");
    assert!(!calls[1].body.to_string().contains("another"), "{:?}", calls[1]);
    assert_eq!(fixture.row("_User", json!({ "objectId": id })).await["n"], 2);
    assert_eq!(refused(fixture.public().resolve(&session).await).0, 209, "sessions end");
    app.forget_answers();
    fixture.public().log_in(json!({ "username": "anna", "password": "another" })).await.unwrap();
    assert_eq!(refused(fixture.public().reset_password("t1", "third").await).0, -1, "a link works once");
}
