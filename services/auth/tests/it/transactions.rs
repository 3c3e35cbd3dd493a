//! Several users as one, and once.

use futures_util::future::join_all;
use parsefleet_proto::v1::Once;
use serde_json::{Value as Json, json};

use crate::fixture::{Fixture, error, mail_options, refused, text};

fn named(name: &str) -> Json {
    json!({ "username": name, "password": "secret" })
}

#[tokio::test]
async fn all_are_signed_up_or_none() {
    let fixture = Fixture::embedded(&[]).await;
    fixture.person("taken").await;
    let refusal = fixture.public().create_together(&[named("a"), named("taken")], None).await;
    assert_eq!(refused(refusal), error(202, "Account already exists for this username."));
    let refusal = fixture.public().create_together(&[named("a"), named("a")], None).await;
    assert_eq!(refused(refusal), error(202, "Account already exists for this username."));
    assert_eq!(fixture.rows("_User", json!({})).await.len(), 1);
    let answers = fixture.public().create_together(&[named("a"), named("b")], None).await.unwrap();
    for answer in answers {
        assert!(answer["sessionToken"].is_string(), "{answer}");
    }
    assert_eq!(fixture.rows("_User", json!({})).await.len(), 3);
}

#[tokio::test]
async fn a_sign_up_that_is_sent_again_is_the_same() {
    let fixture = Fixture::embedded(&[]).await;
    let once = Once { request_id: "request".to_owned(), fingerprint: b"digest".to_vec().into(), ttl_seconds: 60 };
    let first = fixture.public().create_together(&[named("a")], Some(once.clone())).await.unwrap();
    let again = fixture.public().create_together(&[named("a")], Some(once)).await.unwrap();
    assert_eq!(first[0]["objectId"], again[0]["objectId"]);
    assert_eq!(first[0]["createdAt"], again[0]["createdAt"]);
    assert_eq!(fixture.rows("_User", json!({})).await.len(), 1);
    assert!(again[0]["sessionToken"].is_string());
}

fn once(id: &str) -> Option<Once> {
    Some(Once { request_id: id.to_owned(), fingerprint: b"digest".to_vec().into(), ttl_seconds: 60 })
}

#[tokio::test]
async fn a_new_password_ends_sessions_once() {
    let fixture = Fixture::embedded(&[]).await;
    let (id, _) = fixture.person("anna").await;
    let change = json!({ "password": "other" });
    fixture.master().update_once(&id, &change, once("change")).await.unwrap();
    let credentials = json!({ "username": "anna", "password": "other" });
    let since = text(&fixture.public().log_in(credentials).await.unwrap()["sessionToken"]);
    fixture.master().update_once(&id, &change, once("change")).await.unwrap();
    assert_eq!(fixture.public().resolve(&since).await.unwrap(), id, "a session of the new password");
}

#[tokio::test]
async fn a_name_that_was_made_up_is_told_again() {
    let fixture = Fixture::embedded(&[]).await;
    let new = [json!({ "authData": { "anonymous": { "id": "a1" } } })];
    // All are planned before one of them is carried out.
    let public = fixture.public();
    let answers = join_all((0..8).map(|_| public.create_together(&new, once("new")))).await;
    let user = fixture.row("_User", json!({})).await;
    for answer in answers {
        let answer = answer.unwrap();
        assert_eq!((&answer[0]["objectId"], &answer[0]["username"]), (&user["objectId"], &user["username"]));
    }
}

#[tokio::test]
async fn what_happened_is_finished_even_if_a_part_before_it_is_told_an_error() {
    let mut options = mail_options();
    options.extend([
        ("preventLoginWithUnverifiedEmail", json!("true")),
        ("preventSignupWithUnverifiedEmail", json!("true")),
    ]);
    let fixture = Fixture::embedded(&options).await;
    // Who is not let in yet is there all the same.
    assert_eq!(refused(fixture.master().create("_User", named("anna")).await).0, 205);
    let id = &text(&fixture.row("_User", json!({ "username": "anna" })).await["objectId"]);
    let user = json!({ "__type": "Pointer", "className": "_User", "objectId": id });
    fixture.master().create("_Session", json!({ "sessionToken": "r:old", "user": user })).await.unwrap();
    let new = json!({ "username": "bert", "password": "secret", "email": "bert@example.com" });
    let answer = fixture.master().create_and_update(&new, id, &json!({ "password": "other" })).await;
    assert_eq!(refused(answer).0, 205);
    assert_eq!(fixture.rows("_User", json!({})).await.len(), 2, "both happened");
    assert_eq!(refused(fixture.public().resolve("r:old").await).0, 209, "a new password ends all sessions");
}
