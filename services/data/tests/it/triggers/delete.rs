//! `beforeDelete` and `afterDelete`.

use serde_json::json;

use crate::{fixture::Fixture, receiver::Receiver};

crate::on_both_stores!(removals_are_asked_and_told, a_removal_may_be_refused, after_delete_fails_what_has_happened,);

async fn removals_are_asked_and_told(fixture: Fixture) {
    let receiver = Receiver::silent().await;
    for trigger in ["beforeDelete", "afterDelete"] {
        fixture.hook("Score", trigger, &receiver.url).await;
    }
    let client = fixture.user("u1");
    let id = client.object("Score", json!({"n": 1, "ACL": {"u1": {"read": true, "write": true}}})).await;
    let mut object = client.get("Score", &id).await.unwrap();
    object["className"] = json!("Score");
    let missing = Err((101, "Object not found for delete.".to_owned()));
    assert_eq!(fixture.user("u2").delete("Score", &id).await, missing);
    assert!(receiver.take().is_empty());
    client.delete("Score", &id).await.unwrap();
    let asked = receiver.take();
    let names: Vec<_> = asked.iter().map(|asked| asked.body["triggerName"].as_str().unwrap()).collect();
    assert_eq!(names, ["beforeDelete", "afterDelete"]);
    assert!(asked.iter().all(|asked| asked.body["object"] == object && asked.body.get("original").is_none()));
    assert_eq!(client.delete("Score", &id).await, missing);
}

async fn a_removal_may_be_refused(fixture: Fixture) {
    let receiver = Receiver::start(|_| json!({"error": {"message": "keep it", "code": 1}})).await;
    let client = fixture.public();
    let id = client.object("Score", json!({"n": 1})).await;
    fixture.hook("Score", "beforeDelete", &receiver.url).await;
    assert_eq!(client.delete("Score", &id).await, Err((141, "keep it".to_owned())));
    client.get("Score", &id).await.unwrap();
}

async fn after_delete_fails_what_has_happened(fixture: Fixture) {
    let receiver = Receiver::start(|_| json!({"error": "too late"})).await;
    let client = fixture.public();
    let id = client.object("Score", json!({"n": 1})).await;
    fixture.hook("Score", "afterDelete", &receiver.url).await;
    assert_eq!(client.delete("Score", &id).await, Err((141, "too late".to_owned())));
    assert_eq!(client.get("Score", &id).await.unwrap_err().0, 101);
}
