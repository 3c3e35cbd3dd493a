//! Logging in and out.

use parsefleet_proto::v1::Privilege;
use serde_json::{Value as Json, json};

use crate::fixture::{Fixture, error, refused, text};

const WRONG: &str = "Invalid username/password.";

fn credentials(name: &str, password: &str) -> Json {
    json!({ "username": name, "password": password })
}

#[tokio::test]
async fn a_name_or_an_address_and_the_password_let_in() {
    let fixture = Fixture::embedded(&[]).await;
    let (id, _) = fixture.person("anna").await;
    for given in [
        credentials("anna", "secret"),
        credentials("anna@example.com", "secret"),
        json!({ "email": "anna@example.com", "password": "secret" }),
        json!({ "username": "anna", "email": "anna@example.com", "password": "secret" }),
    ] {
        let answer = fixture.public().from("phone").log_in(given.clone()).await.unwrap();
        assert_eq!(answer["objectId"], id, "{given}");
        assert_eq!(answer["email"], "anna@example.com", "a user sees itself");
        assert!(answer.get("_hashed_password").is_none());
        let session = fixture.row("_Session", json!({ "sessionToken": answer["sessionToken"] })).await;
        assert_eq!(session["createdWith"], json!({ "action": "login", "authProvider": "password" }));
    }
    let others = fixture.rows("_Session", json!({ "installationId": "phone" })).await;
    assert_eq!(others.len(), 1, "an installation has one session of a user");
    for given in [
        credentials("anna", "Secret"),
        credentials("ANNA", "secret"),
        credentials("nobody", "secret"),
        json!({ "username": "anna", "email": "other@example.com", "password": "secret" }),
    ] {
        assert_eq!(refused(fixture.public().log_in(given.clone()).await), error(101, WRONG), "{given}");
    }
}

#[tokio::test]
async fn somebody_who_is_not_there_costs_as_much() {
    let fixture = Fixture::embedded(&[]).await;
    fixture.person("anna").await;
    fixture
        .public()
        .create("_User", json!({ "authData": { "anonymous": { "id": "x" } }, "username": "ghost" }))
        .await
        .unwrap();
    for name in ["anna", "nobody", "ghost"] {
        let before = fixture.service.password_operations();
        assert_eq!(refused(fixture.public().log_in(credentials(name, "wrong")).await), error(101, WRONG));
        assert_eq!(fixture.service.password_operations() - before, 1, "{name}");
    }
}

#[tokio::test]
async fn where_a_name_is_the_address_of_another_the_name_counts() {
    let fixture = Fixture::embedded(&[]).await;
    let public = fixture.public();
    let first = json!({ "username": "one", "password": "first", "email": "x@example.com" });
    public.create("_User", first).await.unwrap();
    let second = json!({ "username": "x@example.com", "password": "second" });
    let second = public.create("_User", second).await.unwrap();
    let answer = public.log_in(credentials("x@example.com", "second")).await.unwrap();
    assert_eq!(answer["objectId"], second["objectId"]);
    assert_eq!(refused(public.log_in(credentials("x@example.com", "first")).await), error(101, WRONG));
}

#[tokio::test]
async fn who_is_shut_out_is_let_in_by_the_master_key_only() {
    let fixture = Fixture::embedded(&[]).await;
    let (id, _) = fixture.person("anna").await;
    fixture.master().update("_User", &id, json!({ "ACL": {} })).await.unwrap();
    assert_eq!(refused(fixture.public().log_in(credentials("anna", "secret")).await), error(101, WRONG));
    fixture.master().log_in(credentials("anna", "secret")).await.unwrap();
}

#[tokio::test]
async fn a_password_is_checked_without_a_session() {
    let fixture = Fixture::embedded(&[]).await;
    let (id, _) = fixture.person("anna").await;
    let answer = fixture.public().verify_password(credentials("anna", "secret")).await.unwrap();
    assert_eq!(answer["objectId"], id);
    assert!(answer.get("sessionToken").is_none());
    assert_eq!(fixture.rows("_Session", json!({})).await.len(), 1, "that of the sign-up");
    assert_eq!(refused(fixture.public().verify_password(credentials("anna", "x")).await), error(101, WRONG));
}

#[tokio::test]
async fn the_master_key_logs_in_as_anybody() {
    let fixture = Fixture::embedded(&[]).await;
    let (id, _) = fixture.person("anna").await;
    let answer = fixture.master().log_in_as(json!(id)).await.unwrap();
    let session = fixture.row("_Session", json!({ "sessionToken": answer["sessionToken"] })).await;
    assert_eq!(session["createdWith"], json!({ "action": "login", "authProvider": "masterkey" }));
    assert_eq!(refused(fixture.master().log_in_as(json!("nobody")).await), error(101, "user not found"));
    let empty = "userId must not be empty, null, or undefined";
    assert_eq!(refused(fixture.master().log_in_as(json!("")).await), error(162, empty));
    assert_eq!(refused(fixture.public().log_in_as(json!(id)).await), error(119, "master key is required"));
    let reader = fixture.client(Privilege::ReadOnlyMaster, "");
    let text = "read-only masterKey isn't allowed to login as another user.";
    assert_eq!(refused(reader.log_in_as(json!(id)).await), error(119, text));
}

#[tokio::test]
async fn logging_out_ends_one_session_and_tells_it() {
    let fixture = Fixture::embedded(&[]).await;
    let (_, token) = fixture.person("anna").await;
    let other = text(&fixture.public().log_in(credentials("anna", "secret")).await.unwrap()["sessionToken"]);
    fixture.public().log_out(&token).await.unwrap();
    assert_eq!(*fixture.told.tokens.lock().unwrap(), std::slice::from_ref(&token));
    assert_eq!(refused(fixture.public().resolve(&token).await), error(209, "Invalid session token"));
    fixture.public().resolve(&other).await.unwrap();
    assert_eq!(refused(fixture.public().log_out(&token).await), error(209, "Invalid session token"));
    fixture.public().log_out("").await.unwrap();
}
