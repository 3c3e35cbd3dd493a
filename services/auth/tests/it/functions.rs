//! The app's own code in the place of functions: adapters of identities, and decisions about mails.

use parsefleet_testkit::servers::{WebhookAnswer, WebhookReceiver};
use serde_json::{Value as Json, json};

use crate::fixture::{Fixture, error, mail_options, refused, text};

/// A service whose app proves the identities of `own`, beside these options of the provider.
async fn with_adapter(options: Json) -> (Fixture, WebhookReceiver) {
    let app = WebhookReceiver::start().await.unwrap();
    let mut own = json!({ "webhook": format!("{}/adapter", app.url) });
    own.as_object_mut().unwrap().extend(options.as_object().unwrap().clone());
    let fixture = Fixture::embedded(&[("auth", json!({ "own": own }))]).await;
    (fixture, app)
}

/// A service that asks the app for these options.
async fn with_decisions(options: &[&str]) -> (Fixture, WebhookReceiver) {
    let app = WebhookReceiver::start().await.unwrap();
    let mut given = mail_options();
    given.retain(|(name, _)| !options.contains(name));
    given.extend(options.iter().map(|name| (*name, json!(format!("{}/{name}", app.url)))));
    (Fixture::embedded(&given).await, app)
}

fn says(success: Json) -> WebhookAnswer {
    WebhookAnswer::json(json!({ "success": success }))
}

fn own(slice: Json) -> Json {
    json!({ "authData": { "own": slice } })
}

/// The calls since the last look: what each was for, and its body.
fn told(app: &WebhookReceiver) -> Vec<(String, Json)> {
    let calls = app.take_calls().into_iter();
    calls.map(|call| (text(&call.body["triggerName"]), call.body)).collect()
}

fn names(app: &WebhookReceiver) -> Vec<String> {
    told(app).into_iter().map(|(name, _)| name).collect()
}

fn anna() -> Json {
    json!({ "username": "anna", "password": "secret", "email": "anna@example.com", "n": 1 })
}

#[tokio::test]
async fn an_adapter_is_told_what_is_proved_and_of_whom() {
    let (fixture, app) = with_adapter(json!({})).await;
    app.answer("adapter", says(json!(true)));
    let answer = fixture.public().create("_User", own(json!({ "id": "1", "token": "a" }))).await.unwrap();
    let id = text(&answer["objectId"]);
    let calls = told(&app);
    let (name, body) = &calls[0];
    assert_eq!((calls.len(), name.as_str(), &body["provider"]), (1, "validateSetUp", &json!("own")));
    assert_eq!(body["authData"], json!({ "id": "1", "token": "a" }));
    let object = json!({ "authData": { "own": { "id": "1", "token": "a" } }, "className": "_User" });
    assert_eq!((&body["object"], body.get("original"), &body["master"]), (&object, None, &json!(false)));

    let returned = fixture.public().create("_User", own(json!({ "id": "1", "token": "b" }))).await.unwrap();
    assert_eq!(returned["objectId"], id.as_str());
    let calls = told(&app);
    let (name, body) = &calls[0];
    assert_eq!((calls.len(), name.as_str()), (1, "validateLogin"));
    assert_eq!(body["object"]["authData"]["own"]["token"], "b");
    assert_eq!(
        (&body["original"]["authData"]["own"]["token"], &body["original"]["objectId"]),
        (&json!("a"), &json!(id))
    );

    fixture.user(&id).update("_User", &id, own(json!({ "id": "1", "token": "c" }))).await.unwrap();
    assert_eq!(names(&app), ["validateUpdate"]);
    assert_eq!(fixture.row("_User", json!({ "objectId": id })).await["authData"]["own"]["token"], "c");
}

#[tokio::test]
async fn only_an_adapter_that_says_so_lets_anybody_in() {
    let (fixture, app) = with_adapter(json!({})).await;
    let sent = || own(json!({ "id": "1" }));
    for answer in [
        WebhookAnswer::default(),
        WebhookAnswer { text: Some("<html>".to_owned()), ..WebhookAnswer::default() },
        says(json!(null)),
        says(json!(false)),
        says(json!("true")),
        says(json!({ "valid": false })),
    ] {
        app.answer("adapter", answer.clone());
        let refusal = refused(fixture.public().create("_User", sent()).await);
        assert_eq!(refusal, error(141, "Auth failed. Unknown error."), "{answer:?}");
    }
    app.answer("adapter", WebhookAnswer::json(json!({ "error": "Who are you?" })));
    assert_eq!(refused(fixture.public().create("_User", sent()).await), error(141, "Who are you?"));
    app.answer("adapter", WebhookAnswer { status: Some(503), ..says(json!(true)) });
    assert_eq!(refused(fixture.public().create("_User", sent()).await).0, 141);
    assert!(fixture.rows("_User", json!({})).await.is_empty());
}

#[tokio::test]
async fn an_adapter_says_what_is_stored_and_what_clients_are_told() {
    let (fixture, app) = with_adapter(json!({ "showsOnlyId": true })).await;
    let save = json!({ "id": "1", "level": 2 });
    app.answer("adapter", says(json!({ "save": save, "response": { "welcome": true } })));
    let answer = fixture.public().create("_User", own(json!({ "id": "1", "code": "x" }))).await.unwrap();
    assert_eq!(answer["authDataResponse"], json!({ "own": { "welcome": true } }));
    let id = text(&answer["objectId"]);
    assert_eq!(fixture.row("_User", json!({ "objectId": id })).await["authData"]["own"], save);
    let seen = fixture.user(&id).get("_User", &id).await.unwrap();
    assert_eq!(seen["authData"]["own"], json!({ "id": "1" }));
    app.answer("adapter", says(json!({ "doNotSave": true })));
    fixture.user(&id).update("_User", &id, own(json!({ "id": "1", "level": 9 }))).await.unwrap();
    assert_eq!(fixture.row("_User", json!({ "objectId": id })).await["authData"]["own"], save);
}

#[tokio::test]
async fn an_adapter_may_ask_for_something_first_and_be_one_of_two() {
    let (fixture, app) = with_adapter(json!({ "policy": "additional" })).await;
    let (id, _) = fixture.person("anna").await;
    app.answer("adapter", says(json!({ "question": 4 })));
    let answer = fixture.public().challenge(json!({ "challengeData": { "own": { "level": 3 } } })).await.unwrap();
    assert_eq!(answer["challengeData"], json!({ "own": { "question": 4 } }));
    let calls = told(&app);
    assert_eq!((calls[0].0.as_str(), &calls[0].1["challengeData"]), ("challenge", &json!({ "level": 3 })));
    app.answer("adapter", says(json!({})));
    fixture.user(&id).update("_User", &id, own(json!({ "id": "1" }))).await.unwrap();
    let log_in = json!({ "username": "anna", "password": "secret" });
    let refusal = refused(fixture.public().log_in(log_in.clone()).await);
    assert_eq!(refusal, error(-1, "Missing additional authData own"));
    let mut both = log_in;
    both["authData"] = json!({ "own": { "id": "1" } });
    assert_eq!(fixture.public().log_in(both).await.unwrap()["objectId"], id.as_str());
}

#[tokio::test]
async fn the_app_decides_who_verifies_an_address() {
    let (fixture, app) = with_decisions(&["verifyUserEmails"]).await;
    app.answer("verifyUserEmails", says(json!(false)));
    fixture.public().create("_User", anna()).await.unwrap();
    let calls = told(&app);
    let (name, body) = &calls[0];
    assert_eq!((calls.len(), name.as_str()), (1, "verifyUserEmails"));
    assert_eq!(body["createdWith"], json!({ "action": "signup", "authProvider": "password" }));
    let row = fixture.row("_User", json!({ "username": "anna" })).await;
    let id = text(&row["objectId"]);
    let object =
        json!({ "username": "anna", "email": "anna@example.com", "n": 1, "objectId": id, "className": "_User" });
    assert_eq!((&body["object"], row.get("_email_verify_token")), (&object, None));

    app.answer("verifyUserEmails", says(json!(true)));
    fixture.user(&id).update("_User", &id, json!({ "email": "b@example.com" })).await.unwrap();
    let calls = told(&app);
    let (_, body) = &calls[0];
    assert_eq!((calls.len(), body.get("createdWith")), (1, None));
    assert_eq!(body["object"]["email"], "b@example.com");
    assert_eq!(body["original"]["email"], "anna@example.com");
    let row = fixture.row("_User", json!({ "objectId": id })).await;
    assert!(row["_email_verify_token"].is_string() && row["emailVerified"] == false, "{row}");
    // What has nothing to do with the address is no case.
    fixture.user(&id).update("_User", &id, json!({ "n": 2 })).await.unwrap();
    assert!(told(&app).is_empty());
}

#[tokio::test]
async fn the_app_decides_who_is_kept_out() {
    let (fixture, app) = with_decisions(&["preventLoginWithUnverifiedEmail"]).await;
    app.answer("preventLoginWithUnverifiedEmail", says(json!(true)));
    let answer = fixture.public().create("_User", anna()).await.unwrap();
    assert_eq!(answer.get("sessionToken"), None);
    told(&app);
    let log_in = json!({ "username": "anna", "password": "secret" });
    let refusal = error(205, "User email is not verified.");
    assert_eq!(refused(fixture.public().log_in(log_in.clone()).await), refusal);
    let calls = told(&app);
    let (name, body) = &calls[0];
    assert_eq!((calls.len(), name.as_str()), (1, "preventLoginWithUnverifiedEmail"));
    assert_eq!(body["createdWith"], json!({ "action": "login", "authProvider": "password" }));
    assert_eq!((&body["object"]["username"], &body["object"]["n"]), (&json!("anna"), &json!(1)));
    assert!(!body.to_string().contains("_email_verify_token") && !body.to_string().contains("$2"), "{body}");
    assert_eq!(refused(fixture.public().verify_password(log_in.clone()).await), refusal);
    // Whoever does not know the password hears nothing of it, and the app nothing of him.
    told(&app);
    let wrong = json!({ "username": "anna", "password": "wrong" });
    assert_eq!(refused(fixture.public().log_in(wrong).await).0, 101);
    assert!(told(&app).is_empty());
    // Whoever does not answer the question, or cannot be asked, has not said that anybody may come in.
    for answer in [says(json!(1)), WebhookAnswer::default()] {
        app.answer("preventLoginWithUnverifiedEmail", answer);
        let undecided = error(141, "preventLoginWithUnverifiedEmail was not decided.");
        assert_eq!(refused(fixture.public().log_in(log_in.clone()).await), undecided);
    }
    app.answer("preventLoginWithUnverifiedEmail", WebhookAnswer { status: Some(500), ..says(json!(false)) });
    assert_eq!(refused(fixture.public().log_in(log_in.clone()).await).0, 141);
    app.answer("preventLoginWithUnverifiedEmail", says(json!(false)));
    fixture.public().log_in(log_in.clone()).await.unwrap();
    app.answer("preventLoginWithUnverifiedEmail", says(json!(true)));
    let id = text(&answer["objectId"]);
    fixture.master().update("_User", &id, json!({ "emailVerified": true })).await.unwrap();
    told(&app);
    fixture.public().log_in(log_in).await.unwrap();
    assert!(told(&app).is_empty(), "a verified address is no case");
}

#[tokio::test]
async fn an_address_that_is_not_to_be_verified_is_not_the_one_that_was() {
    let (fixture, app) = with_decisions(&["verifyUserEmails"]).await;
    app.answer("verifyUserEmails", says(json!(true)));
    let answer = fixture.public().create("_User", anna()).await.unwrap();
    let id = text(&answer["objectId"]);
    let user = || fixture.row("_User", json!({ "objectId": id }));
    let token = text(&user().await["_email_verify_token"]);
    assert_eq!(fixture.public().verify_email(&token).await, Ok(true));
    app.answer("verifyUserEmails", says(json!(false)));
    let verified = |row: Json| row["emailVerified"].clone();
    // The same address stays verified.
    fixture.user(&id).update("_User", &id, json!({ "email": "anna@example.com" })).await.unwrap();
    assert_eq!(verified(user().await), true);
    fixture.user(&id).update("_User", &id, json!({ "email": "victim@example.com" })).await.unwrap();
    assert_eq!(verified(user().await), false);

    // Nor does an older link verify it.
    app.answer("verifyUserEmails", says(json!(true)));
    fixture.user(&id).update("_User", &id, json!({ "email": "anna@example.com" })).await.unwrap();
    let token = text(&user().await["_email_verify_token"]);
    app.answer("verifyUserEmails", says(json!(false)));
    fixture.user(&id).update("_User", &id, json!({ "email": "victim@example.com" })).await.unwrap();
    assert_eq!(fixture.public().verify_email(&token).await, Ok(false));
    // What takes an identity away vouches for nobody.
    app.answer("verifyUserEmails", says(json!(true)));
    let change = json!({ "email": "other@example.com", "authData": { "nobody": null } });
    fixture.user(&id).update("_User", &id, change).await.unwrap();
    assert!(user().await["_email_verify_token"].is_string());
}
