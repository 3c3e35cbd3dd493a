//! Several users as one, and once.

use parsefleet_proto::v1::Once;
use serde_json::{Value as Json, json};

use crate::fixture::{Fixture, error, refused};

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
