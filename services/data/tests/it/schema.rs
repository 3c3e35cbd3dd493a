//! Classes and fields that come into being, here and in another process.

use std::sync::atomic::Ordering;

use futures_util::future::join_all;
use parsefleet_data::Settings;
use parsefleet_proto::v1::{FindRequest, Privilege};
use serde_json::json;

use crate::fixture::{Client, Fixture, query, settings};

crate::on_both_stores!(
    types_are_kept,
    simultaneous_first_writes_agree,
    another_process_finds_new_classes_and_fields,
    clients_may_be_kept_from_making_classes,
    fields_may_be_closed,
);

async fn types_are_kept(fixture: Fixture) {
    let client = fixture.public();
    client.object("Score", json!({"n": 1, "p": crate::fixture::pointer("A", "x")})).await;
    let mismatch = "schema mismatch for Score.n; expected Number but got String";
    assert_eq!(client.create("Score", json!({"n": "1"})).await, Err((111, mismatch.to_owned())));
    let mismatch = "schema mismatch for Score.p; expected Pointer<A> but got Pointer<B>";
    let other = json!({"p": crate::fixture::pointer("B", "x")});
    assert_eq!(client.create("Score", other).await, Err((111, mismatch.to_owned())));
    client.object("Score", json!({"n": null})).await;
    assert!(fixture.announced.schema.load(Ordering::SeqCst) >= 1);
}

async fn simultaneous_first_writes_agree(fixture: Fixture) {
    let services: Vec<_> = (0..4).map(|_| fixture.another_service(settings())).collect();
    let writes = (0..16).map(|number| {
        let client = Client::new(&services[number % 4], Privilege::Public, "", &[]);
        let value = if number % 2 == 0 { json!(number) } else { json!("text") };
        async move { client.create("Race", json!({"value": value, "same": true})).await }
    });
    let outcomes = join_all(writes).await;
    let refused: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
    assert_eq!(refused.len(), 8, "one type wins, the other half is refused: {outcomes:?}");
    assert!(refused.iter().all(|(code, _)| *code == 111), "{refused:?}");
    assert_eq!(fixture.public().find("Race", json!({"same": true})).await.unwrap().len(), 8);
}

async fn another_process_finds_new_classes_and_fields(fixture: Fixture) {
    let service = fixture.another_service(settings());
    let other = Client::new(&service, Privilege::Public, "", &[]);
    assert!(other.find("Late", json!({})).await.unwrap().is_empty());
    fixture.public().object("Late", json!({"to": crate::fixture::pointer("A", "x")})).await;
    assert_eq!(other.find("Late", json!({})).await.unwrap().len(), 1);
    let filter = json!({"to": crate::fixture::pointer("A", "x")});
    assert_eq!(other.find("Late", filter).await.unwrap().len(), 1);
    fixture.public().object("Late", json!({"at": {"__type": "GeoPoint", "latitude": 1, "longitude": 2}})).await;
    let found = other.find("Late", json!({})).await.unwrap();
    assert!(found.iter().any(|late| late["at"]["latitude"] == 1), "a new column is no list of numbers: {found:?}");
    fixture.public().object("Late", json!({"rank": 1})).await;
    let ranked = FindRequest { order: vec!["-rank".to_owned()], ..query("Late", json!({})) };
    assert_eq!(other.find_with(ranked).await.unwrap()["results"][0]["rank"], 1);
    other.object("Late", json!({"more": 1})).await;
    let mismatch = fixture.public().create("Late", json!({"more": "text"})).await;
    assert_eq!(mismatch.unwrap_err().0, 111);
}

async fn clients_may_be_kept_from_making_classes(fixture: Fixture) {
    let service = fixture.another_service(Settings { allow_client_class_creation: false, ..settings() });
    let client = Client::new(&service, Privilege::Public, "", &[]);
    let refused = (119, "This user is not allowed to access non-existent class: New".to_owned());
    assert_eq!(client.create("New", json!({})).await, Err(refused.clone()));
    assert_eq!(client.find("New", json!({})).await, Err(refused.clone()));
    assert_eq!(client.update("New", "x", json!({})).await, Err(refused.clone()));
    assert_eq!(client.delete("New", "x").await.unwrap_err().0, 101);
    Client::new(&service, Privilege::Master, "", &[]).object("New", json!({})).await;
    client.object("New", json!({"field": 1})).await;
}

async fn fields_may_be_closed(fixture: Fixture) {
    let everybody = json!({"*": true});
    let permissions = json!({"create": everybody, "update": everybody, "get": everybody});
    fixture.class("Fixed", &[("known", parsefleet_core::FieldType::Number)], permissions).await;
    let client = fixture.public();
    let id = client.object("Fixed", json!({"known": 1})).await;
    let refused = (119, "Permission denied for action addField on class Fixed.".to_owned());
    assert_eq!(client.create("Fixed", json!({"new": 1})).await, Err(refused.clone()));
    assert_eq!(client.update("Fixed", &id, json!({"new": null})).await, Err(refused));
    client.update("Fixed", &id, json!({"new": {"__op": "Delete"}})).await.unwrap();
    fixture.master().update("Fixed", &id, json!({"new": 1})).await.unwrap();
}
