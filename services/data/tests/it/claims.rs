//! Requests that are carried out once.

use std::time::Duration;

use bson::{Document, doc};
use futures_util::future::join_all;
use parsefleet_proto::v1::{Once, Privilege};
use serde_json::json;

use crate::fixture::{Answer, Client, Fixture, settings};

crate::on_both_stores!(
    an_id_can_be_claimed_once,
    one_of_many_claims_wins,
    claims_expire,
    a_repetition_gets_the_results_of_the_first,
    what_failed_can_be_sent_again,
    another_request_with_the_same_id_is_refused,
    simultaneous_repetitions_happen_once,
);

fn duplicate<T>() -> Answer<T> {
    Err((159, "Duplicate request".to_owned()))
}

fn once(id: &str, fingerprint: &'static str) -> Option<Once> {
    Some(Once { request_id: id.to_owned(), fingerprint: fingerprint.into(), ttl_seconds: 60 })
}

async fn an_id_can_be_claimed_once(fixture: Fixture) {
    let client = fixture.public();
    client.claim("a", 60).await.unwrap();
    assert_eq!(client.claim("a", 60).await, duplicate());
    client.claim("b", 60).await.unwrap();
    let claims = fixture.master().find("_Idempotency", json!({})).await.unwrap();
    assert_eq!(claims.len(), 2);
    assert_eq!(claims[0]["reqId"], "a");
    // As Parse Server stores it.
    if let Some(database) = &fixture.database {
        let claims = database.collection::<Document>("_Idempotency");
        let claim = claims.find_one(doc! { "reqId": "a" }).await.unwrap().unwrap();
        let columns: Vec<&str> = claim.keys().map(String::as_str).collect();
        assert_eq!(columns, ["_id", "reqId", "expire", "_created_at", "_updated_at"]);
        let date = |column| claim.get_datetime(column).unwrap().timestamp_millis();
        assert_eq!(date("expire") - date("_created_at"), 60_000);
        let names = claims.list_index_names().await.unwrap();
        assert!(names.contains(&"reqId_1".to_owned()) && names.contains(&"ttl".to_owned()), "{names:?}");
    }
}

async fn one_of_many_claims_wins(fixture: Fixture) {
    // Nobody has prepared the database: the first claims do.
    let services: Vec<_> = (0..4).map(|_| fixture.another_service(settings())).collect();
    let claims = (0..100).map(|number| {
        let client = Client::new(&services[number % 4], Privilege::Public, "", &[]);
        async move { client.claim("same", 60).await }
    });
    let outcomes = join_all(claims).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert!(outcomes.iter().all(|outcome| outcome.is_ok() || *outcome == duplicate()), "{outcomes:?}");
}

async fn claims_expire(fixture: Fixture) {
    let client = fixture.public();
    let create = [("create", "Thing", "", json!({}))];
    client.claim("a", 4).await.unwrap();
    client.transact_once(&create, Some(Once { ttl_seconds: 4, ..once("b", "x").unwrap() })).await.unwrap();
    assert_eq!(client.claim("a", 4).await, duplicate());
    assert_eq!(client.claim("b", 4).await, duplicate());
    tokio::time::sleep(Duration::from_millis(4_100)).await;
    let claims = join_all((0..20).map(|_| client.claim("a", 60))).await;
    assert_eq!(claims.iter().filter(|claim| claim.is_ok()).count(), 1);
    client.transact_once(&create, once("b", "x")).await.unwrap();
    assert_eq!(client.find("Thing", json!({})).await.unwrap().len(), 2);
}

async fn a_repetition_gets_the_results_of_the_first(fixture: Fixture) {
    let client = fixture.public();
    let id = client.object("Thing", json!({"n": 1})).await;
    let operations = [
        ("create", "Thing", "", json!({"n": 5})),
        ("update", "Thing", id.as_str(), json!({"n": {"__op": "Increment", "amount": 1}})),
    ];
    let first = client.transact_once(&operations, once("a", "x")).await.unwrap();
    assert_eq!(first[1]["n"], 2);
    for _ in 0..3 {
        assert_eq!(client.transact_once(&operations, once("a", "x")).await.as_ref(), Ok(&first));
    }
    assert_eq!(client.find("Thing", json!({})).await.unwrap().len(), 2);
    assert_eq!(client.get("Thing", &id).await.unwrap()["n"], 2);
}

async fn what_failed_can_be_sent_again(fixture: Fixture) {
    let service = fixture.another_service(parsefleet_data::Settings { allow_custom_object_id: true, ..settings() });
    let client = Client::new(&service, Privilege::Public, "", &[]);
    let operations = [("update", "Thing", "late", json!({"n": 2}))];
    client.object("Thing", json!({"n": 0})).await;
    assert_eq!(client.transact_once(&operations, once("a", "x")).await.unwrap_err().0, 101);
    client.object("Thing", json!({"objectId": "late"})).await;
    client.transact_once(&operations, once("a", "x")).await.unwrap();
    assert_eq!(client.get("Thing", "late").await.unwrap()["n"], 2);
}

async fn another_request_with_the_same_id_is_refused(fixture: Fixture) {
    let client = fixture.public();
    let operations = [("create", "Thing", "", json!({}))];
    client.transact_once(&operations, once("a", "x")).await.unwrap();
    assert_eq!(client.transact_once(&operations, once("a", "y")).await, duplicate());
    assert_eq!(client.claim("a", 60).await, duplicate());
    // Parse Server, or a process that does not replay, keeps no results.
    client.claim("b", 60).await.unwrap();
    assert_eq!(client.transact_once(&operations, once("b", "x")).await, duplicate());
    assert_eq!(client.find("Thing", json!({})).await.unwrap().len(), 1);
}

async fn simultaneous_repetitions_happen_once(fixture: Fixture) {
    let services: Vec<_> = (0..2).map(|_| fixture.another_service(settings())).collect();
    let requests = (0..40).map(|number| {
        let client = Client::new(&services[number % 2], Privilege::Public, "", &[]);
        async move { client.transact_once(&[("create", "Thing", "", json!({"n": number}))], once("a", "x")).await }
    });
    let answers = join_all(requests).await;
    assert!(answers[0].is_ok() && answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(fixture.public().find("Thing", json!({})).await.unwrap().len(), 1);
}
