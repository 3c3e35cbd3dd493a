//! Triggers in the midst of transactions, and after them.

use std::sync::atomic::{AtomicUsize, Ordering};

use parsefleet_proto::v1::Once;
use serde_json::{Value as Json, json};

use crate::{fixture::Fixture, receiver::Receiver};

crate::on_both_stores!(
    triggers_are_asked_within_and_told_at_the_end,
    nothing_is_told_of_what_did_not_happen,
    what_a_trigger_adds_comes_into_being,
    a_repetition_is_not_asked_again,
    removals_are_told_when_all_has_happened,
);

async fn triggers_are_asked_within_and_told_at_the_end(fixture: Fixture) {
    let receiver = Receiver::start(|told| match told["triggerName"].as_str().unwrap() {
        "afterSave" => json!({"success": {"told": told["object"]["n"]}}),
        _ => json!({"success": {"n": told["object"]["n"].as_i64().unwrap() * 10}}),
    })
    .await;
    let client = fixture.public();
    let id = client.object("Score", json!({"n": 0})).await;
    for trigger in ["beforeSave", "afterSave"] {
        fixture.hook("Score", trigger, &receiver.url).await;
    }
    let results = client
        .transact(&[
            ("create", "Other", "", json!({"n": 1})),
            ("create", "Score", "", json!({"n": 1})),
            ("update", "Score", &id, json!({"n": 2})),
            ("get", "Score", &id, json!({})),
        ])
        .await
        .unwrap();
    assert_eq!((&results[1], &results[2]), (&json!({"told": 10}), &json!({"told": 20})));
    assert_eq!((results[0].get("told"), &results[3]["n"]), (None, &json!(20)));
    assert_eq!(receiver.take_names(), ["beforeSave", "beforeSave", "afterSave", "afterSave"]);
}

async fn nothing_is_told_of_what_did_not_happen(fixture: Fixture) {
    let receiver = Receiver::start(|told| match told["object"]["n"].as_i64() {
        Some(2) => json!({"error": "not two"}),
        _ => json!({}),
    })
    .await;
    let client = fixture.public();
    client.object("Score", json!({"n": 0})).await;
    for trigger in ["beforeSave", "afterSave"] {
        fixture.hook("Score", trigger, &receiver.url).await;
    }
    let parts = [("create", "Score", "", json!({"n": 1})), ("create", "Score", "", json!({"n": 2}))];
    assert_eq!(client.transact(&parts).await, Err((141, "not two".to_owned())));
    assert_eq!(receiver.take_names(), ["beforeSave", "beforeSave"]);
    assert_eq!(client.find("Score", json!({})).await.unwrap().len(), 1);
}

async fn what_a_trigger_adds_comes_into_being(fixture: Fixture) {
    let receiver = Receiver::start(|told| {
        let mut object = told["object"].clone();
        object["added"] = json!({"deep": 1});
        object["players"] = json!({"__op": "AddRelation", "objects": [crate::fixture::pointer("Player", "p")]});
        json!({ "success": object })
    })
    .await;
    fixture.hook("Score", "beforeSave", &receiver.url).await;
    let client = fixture.public();
    let parts = [("create", "Score", "", json!({"n": 1})), ("create", "Score", "", json!({"n": 2}))];
    let results = client.transact(&parts).await.unwrap();
    assert_eq!(results[1]["added"], json!({"deep": 1}));
    let stored = client.find("Score", json!({"added.deep": 1})).await.unwrap();
    assert_eq!((stored.len(), &stored[0]["players"]["__type"]), (2, &json!("Relation")));
    let mismatch = [("create", "Score", "", json!({"n": "text"}))];
    assert_eq!(client.transact(&mismatch).await.unwrap_err().0, 111);
}

async fn a_repetition_is_not_asked_again(fixture: Fixture) {
    static TIMES: AtomicUsize = AtomicUsize::new(0);
    let receiver = Receiver::start(|told| match told["triggerName"].as_str().unwrap() {
        "afterSave" => json!({"success": {"time": TIMES.fetch_add(1, Ordering::SeqCst)}}),
        _ => json!({"success": {"n": 7}}),
    })
    .await;
    let client = fixture.public();
    client.object("Score", json!({"n": 0})).await;
    for trigger in ["beforeSave", "afterSave"] {
        fixture.hook("Score", trigger, &receiver.url).await;
    }
    let once = Once { request_id: "r".to_owned(), fingerprint: "f".into(), ttl_seconds: 60 };
    let parts = [("create", "Score", "", json!({"n": 1}))];
    let first = client.transact_once(&parts, Some(once.clone())).await.unwrap();
    assert!(first[0]["time"].is_number(), "{first:?}");
    assert_eq!(client.transact_once(&parts, Some(once)).await.unwrap(), first);
    assert_eq!(receiver.take_names(), ["beforeSave", "afterSave"]);
    assert_eq!(client.find("Score", json!({"n": 7})).await.unwrap().len(), 1);
}

async fn removals_are_told_when_all_has_happened(fixture: Fixture) {
    let receiver = Receiver::start(|told| match told["triggerName"].as_str().unwrap() {
        "afterDelete" => json!({"error": "too late"}),
        _ => json!({}),
    })
    .await;
    let client = fixture.public();
    let id = client.object("Score", json!({"n": 0})).await;
    for trigger in ["beforeDelete", "afterDelete"] {
        fixture.hook("Score", trigger, &receiver.url).await;
    }
    let failing = ("delete", "Score", "missing", json!({}));
    let removal = ("delete", "Score", id.as_str(), json!({}));
    let missing = Err((101, "Object not found for delete.".to_owned()));
    assert_eq!(client.transact(&[removal.clone(), failing]).await, missing);
    assert_eq!(receiver.take_names(), ["beforeDelete"]);
    assert_eq!(client.transact(&[removal]).await, Ok(vec![Json::Null]));
    assert_eq!(receiver.take_names(), ["beforeDelete", "afterDelete"]);
    assert_eq!(client.get("Score", &id).await.unwrap_err().0, 101);
}
