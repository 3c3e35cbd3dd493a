//! Sessions as objects, and their lives.

use serde_json::{Value as Json, json};

use crate::fixture::{Fixture, error, refused, text};

const REQUIRED: &str = "Session token required.";

#[tokio::test]
async fn a_user_opens_another_session_with_fields_of_its_own() {
    let fixture = Fixture::embedded(&[]).await;
    let (id, _) = fixture.person("anna").await;
    let body = json!({
        "sessionToken": "r:mine", "createdWith": { "action": "x" }, "color": "red",
        "expiresAt": { "__type": "Date", "iso": "2020-01-01T00:00:00.000Z" },
        "user": { "__type": "Pointer", "className": "_User", "objectId": "somebody" },
    });
    let answer = fixture.user(&id).from("phone").create("_Session", body).await.unwrap();
    let names: Vec<&str> = answer.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["sessionToken", "user", "createdWith", "expiresAt", "color", "objectId"]);
    assert_eq!(answer["createdWith"], json!({ "action": "create" }));
    assert_eq!(fixture.public().resolve(&text(&answer["sessionToken"])).await.unwrap(), id);
    let row = fixture.row("_Session", json!({ "objectId": answer["objectId"] })).await;
    assert!(row.get("installationId").is_none(), "only one that was sent");
    let refusal = fixture.user(&id).create("_Session", json!({ "user": 1 })).await;
    let text = "schema mismatch for _Session.user; expected Pointer<_User> but got Number";
    assert_eq!(refused(refusal), error(111, text), "what is wrong is told even where it is not taken");
    let refusal = fixture.public().create("_Session", json!({ "objectId": "mine" })).await;
    assert_eq!(refused(refusal), error(105, "objectId is an invalid field name."));
    assert_eq!(refused(fixture.public().create("_Session", json!({})).await), error(209, REQUIRED));
    let refusal = fixture.user(&id).create("_Session", json!({ "ACL": {} })).await;
    assert_eq!(refused(refusal), error(105, "Cannot set ACL on a Session."));
}

#[tokio::test]
async fn owners_change_and_end_their_sessions() {
    let fixture = Fixture::embedded(&[]).await;
    let (anna, token) = fixture.person("anna").await;
    let (bert, _) = fixture.person("bert").await;
    let session = text(&fixture.row("_Session", json!({ "sessionToken": token })).await["objectId"]);
    fixture.user(&anna).update("_Session", &session, json!({ "color": "red" })).await.unwrap();
    let refusal = fixture.user(&anna).update("_Session", &session, json!({ "expiresAt": 1 })).await;
    assert_eq!(refused(refusal), error(105, "Invalid key name: expiresAt"));
    let refusal = fixture.user(&bert).update("_Session", &session, json!({ "color": "blue" })).await;
    assert_eq!(refused(refusal), error(101, "Object not found."));
    let refusal = fixture.public().update("_Session", &session, json!({ "color": "blue" })).await;
    assert_eq!(refused(refusal), error(209, REQUIRED));
    assert_eq!(fixture.row("_Session", json!({ "objectId": session })).await["color"], "red");

    let refusal = fixture.user(&bert).delete("_Session", &session).await;
    assert_eq!(refused(refusal), error(101, "Object not found for delete."));
    assert_eq!(refused(fixture.public().delete("_Session", &session).await), error(209, "Invalid session token"));
    fixture.user(&anna).delete("_Session", &session).await.unwrap();
    assert!(fixture.told.tokens.lock().unwrap().contains(&token));
    assert_eq!(refused(fixture.public().resolve(&token).await).0, 209);
}

#[tokio::test]
async fn the_master_key_stores_what_it_sends() {
    let fixture = Fixture::embedded(&[]).await;
    let (id, _) = fixture.person("anna").await;
    let user = json!({ "__type": "Pointer", "className": "_User", "objectId": id });
    let body = json!({ "sessionToken": "r:chosen", "user": user, "installationId": "phone" });
    let answer = fixture.master().create("_Session", body).await.unwrap();
    assert_eq!(answer.as_object().unwrap().len(), 2, "{answer}");
    assert_eq!(fixture.public().resolve("r:chosen").await.unwrap(), id);
    let past = json!({ "__type": "Date", "iso": "2020-01-01T00:00:00.000Z" });
    fixture.master().update("_Session", &text(&answer["objectId"]), json!({ "expiresAt": past })).await.unwrap();
    assert_eq!(refused(fixture.public().resolve("r:chosen").await), error(209, "Session token is expired."));
    assert_eq!(refused(fixture.public().log_out("r:chosen").await), error(209, "Session token is expired."));
}

#[tokio::test]
async fn a_session_that_is_refused_replaces_none() {
    let fixture = Fixture::embedded(&[]).await;
    let (id, _) = fixture.person("anna").await;
    let user = json!({ "__type": "Pointer", "className": "_User", "objectId": id });
    let first = json!({ "sessionToken": "r:first", "user": user, "installationId": "phone" });
    fixture.master().create("_Session", first).await.unwrap();
    let refused_row = json!({ "user": user, "installationId": "phone", "expiresAt": 5 });
    assert_eq!(refused(fixture.master().create("_Session", refused_row).await).0, 111);
    assert_eq!(fixture.public().resolve("r:first").await.unwrap(), id);
    // A row without a token replaces it all the same, and stays.
    fixture.master().create("_Session", json!({ "user": user, "installationId": "phone" })).await.unwrap();
    assert_eq!(refused(fixture.public().resolve("r:first").await).0, 209);
    assert_eq!(fixture.rows("_Session", json!({ "installationId": "phone" })).await.len(), 1);
    let own = fixture.user(&id).create("_Session", json!({ "installationId": "phone" })).await.unwrap();
    let left = fixture.rows("_Session", json!({ "installationId": "phone" })).await;
    assert_eq!((left.len(), &left[0]["sessionToken"]), (1, &own["sessionToken"]));
}

#[tokio::test]
async fn a_session_that_has_ended_opens_no_other() {
    let fixture = Fixture::embedded(&[]).await;
    let (id, token) = fixture.person("anna").await;
    let thief = fixture.user(&id).with_token(&token).from("phone");
    thief.create("_Session", json!({})).await.unwrap();
    fixture.master().update("_User", &id, json!({ "password": "other" })).await.unwrap();
    assert!(fixture.rows("_Session", json!({})).await.is_empty());
    // The gateway may believe in the session for a moment longer.
    let ended = error(209, "Invalid session token");
    assert_eq!(refused(thief.create("_Session", json!({})).await), ended);
    assert_eq!(refused(thief.upgrade_session().await), ended);
    assert!(fixture.rows("_Session", json!({})).await.is_empty());
}

#[tokio::test]
async fn an_upgrade_replaces_the_session_that_it_comes_from() {
    let fixture = Fixture::embedded(&[]).await;
    let (id, _) = fixture.person("anna").await;
    let log_in = json!({ "username": "anna", "password": "secret" });
    let token = text(&fixture.public().from("phone").log_in(log_in).await.unwrap()["sessionToken"]);
    let upgraded = fixture.user(&id).with_token(&token).from("phone").upgrade_session().await.unwrap();
    let left = fixture.rows("_Session", json!({ "installationId": "phone" })).await;
    assert_eq!((left.len(), &left[0]["sessionToken"]), (1, &upgraded["sessionToken"]));
}

#[tokio::test]
async fn sessions_live_for_ever_if_the_app_says_so() {
    let fixture = Fixture::embedded(&[("expireInactiveSessions", json!(false))]).await;
    let (_, token) = fixture.person("anna").await;
    assert!(fixture.row("_Session", json!({ "sessionToken": token })).await.get("expiresAt").is_none());
}

#[tokio::test]
async fn a_session_in_use_is_extended_in_the_second_half_of_its_life() {
    let end = async |options: &[(&str, Json)]| {
        let fixture = Fixture::embedded(options).await;
        let (_, token) = fixture.person("anna").await;
        let end = async || fixture.row("_Session", json!({ "sessionToken": token })).await["expiresAt"].clone();
        let first = end().await;
        tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
        fixture.public().resolve(&token).await.unwrap();
        (first, end().await)
    };
    let (first, later) = end(&[("sessionLength", json!(2)), ("extendSessionOnUse", json!(true))]).await;
    assert_ne!(first, later);
    let (first, later) = end(&[("sessionLength", json!(1000)), ("extendSessionOnUse", json!(true))]).await;
    assert_eq!(first, later);
    let (first, later) = end(&[("sessionLength", json!(2))]).await;
    assert_eq!(first, later);
}
