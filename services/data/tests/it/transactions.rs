//! Several operations as one.

use std::{sync::atomic::Ordering, time::Duration};

use futures_util::future::join_all;
use parsefleet_core::FieldType;
use parsefleet_data::Settings;
use parsefleet_proto::v1::Privilege;
use serde_json::{Value as Json, json};
use tokio::time::timeout;

use crate::fixture::{Client, Fixture, pointer, settings};

crate::on_both_stores!(
    all_of_it_happens_in_order,
    the_error_is_that_of_the_part_and_nothing_happens,
    a_refused_part_leaves_nothing_in_the_schema,
    classes_fields_and_relations_come_into_being,
    news_wait_for_the_commit,
    rivals_lose_nothing,
    places_can_be_searched,
    the_schema_may_change_meanwhile,
    a_change_that_nobody_may_make_leaves_nothing_in_the_schema,
    whoever_gives_up_leaves_nothing_locked,
);

async fn all_of_it_happens_in_order(fixture: Fixture) {
    let service = fixture.another_service(Settings { allow_custom_object_id: true, ..settings() });
    let client = Client::new(&service, Privilege::Public, "", &[]);
    let old = client.object("Thing", json!({"n": 1})).await;
    let results = client
        .transact(&[
            ("create", "Thing", "", json!({"objectId": "own", "n": 2})),
            ("update", "Thing", "own", json!({"n": {"__op": "Increment", "amount": 5}})),
            ("get", "Thing", "own", json!({})),
            ("delete", "Thing", &old, json!({})),
            ("find", "Thing", "", json!({"n": {"$lt": 100}})),
        ])
        .await
        .unwrap();
    assert_eq!(results[0]["objectId"], "own");
    assert_eq!(results[1]["n"], 7);
    assert_eq!((&results[2]["objectId"], &results[2]["n"]), (&json!("own"), &json!(7)));
    assert_eq!(results[3], Json::Null);
    assert_eq!(results[4]["results"].as_array().unwrap().len(), 1, "{}", results[4]);
    assert_eq!(client.find("Thing", json!({})).await.unwrap().len(), 1);
    assert_eq!(client.transact(&[]).await, Ok(Vec::new()));
}

async fn the_error_is_that_of_the_part_and_nothing_happens(fixture: Fixture) {
    let client = fixture.public();
    let id = client.object("Thing", json!({"n": 1})).await;
    let missing = Err((101, "Object not found.".to_owned()));
    for failing in [
        ("update", "Thing", "missing", json!({"n": 1})),
        ("delete", "Thing", "missing", json!({})),
        ("get", "Thing", "missing", json!({})),
        ("update", "Nowhere", "missing", json!({"n": 1})),
    ] {
        let update = ("update", "Thing", id.as_str(), json!({"n": 2}));
        let create = ("create", "Other", "", json!({"n": 2}));
        assert_eq!(client.transact(&[update, create, failing]).await, missing);
    }
    let update = ("update", "Thing", id.as_str(), json!({"n": 2}));
    let mismatch = client.transact(&[update.clone(), ("create", "Thing", "", json!({"n": "text"}))]).await;
    assert_eq!(mismatch.unwrap_err().0, 111);
    let refused = ("create", "_User", "", json!({"username": "a", "password": "b"}));
    assert_eq!(client.transact(&[update, refused]).await.unwrap_err().0, 108);
    assert_eq!(client.get("Thing", &id).await.unwrap()["n"], 1);
    assert!(client.find("Other", json!({})).await.unwrap().is_empty());
    // Roles have unique names.
    let role = |name: &str| json!({"name": name, "ACL": {"*": {"read": true}}});
    let twice = [("create", "_Role", "", role("r")), ("create", "_Role", "", role("r"))];
    fixture.service.prepare_database().await.unwrap();
    assert_eq!(client.transact(&twice).await.unwrap_err().0, 137);
    assert!(client.find("_Role", json!({})).await.unwrap().is_empty());
    assert_eq!(fixture.announced.roles.load(Ordering::SeqCst), 0);
}

async fn a_refused_part_leaves_nothing_in_the_schema(fixture: Fixture) {
    fixture.class("Closed", &[], json!({"find": {"*": true}})).await;
    let client = fixture.public();
    let parts = [("create", "Unborn", "", json!({"n": 1})), ("create", "Closed", "", json!({"n": 1}))];
    assert_eq!(client.transact(&parts).await.unwrap_err().0, 119);
    let classes = fixture.store.load_schema().await.unwrap();
    assert!(classes.iter().all(|class| class.name.as_str() != "Unborn"));
}

async fn classes_fields_and_relations_come_into_being(fixture: Fixture) {
    let client = fixture.public();
    let player = client.object("Player", json!({})).await;
    let add = json!({"__op": "AddRelation", "objects": [pointer("Player", &player)]});
    let results = client
        .transact(&[
            ("create", "Team", "", json!({"name": "a", "players": add})),
            ("create", "Team", "", json!({"rank": 1, "at": {"__type": "GeoPoint", "latitude": 1, "longitude": 2}})),
            ("create", "Ground", "", json!({"name": "b"})),
        ])
        .await
        .unwrap();
    let related =
        json!({"$relatedTo": {"object": pointer("Team", results[0]["objectId"].as_str().unwrap()), "key": "players"}});
    assert_eq!(client.find("Player", related).await.unwrap().len(), 1);
    assert_eq!(client.find("Team", json!({"rank": 1})).await.unwrap().len(), 1);
    assert_eq!(client.find("Ground", json!({"name": "b"})).await.unwrap().len(), 1);
}

async fn news_wait_for_the_commit(fixture: Fixture) {
    let client = fixture.master();
    let role = ("create", "_Role", "", json!({"name": "r", "ACL": {"*": {"read": true}}}));
    let failing = client.transact(&[role.clone(), ("delete", "Thing", "missing", json!({}))]).await;
    assert_eq!(failing.unwrap_err().0, 101);
    assert_eq!(fixture.announced.roles.load(Ordering::SeqCst), 0);
    client.transact(&[role]).await.unwrap();
    assert_eq!(fixture.announced.roles.load(Ordering::SeqCst), 1);
}

async fn rivals_lose_nothing(fixture: Fixture) {
    let services: Vec<_> = (0..2).map(|_| fixture.another_service(settings())).collect();
    let first = fixture.public().object("Account", json!({"n": 0})).await;
    let second = fixture.public().object("Account", json!({"n": 0})).await;
    let moves = (0..60).map(|number| {
        let client = Client::new(&services[number % 2], Privilege::Public, "", &[]);
        let by = |amount: i32| json!({"n": {"__op": "Increment", "amount": amount}});
        let (from, to) =
            if number % 3 == 0 { (second.clone(), first.clone()) } else { (first.clone(), second.clone()) };
        async move {
            let parts = [
                ("update", "Account", from.as_str(), by(-1)),
                ("update", "Account", to.as_str(), by(1)),
                ("create", "Transfer", "", json!({"number": number})),
            ];
            client.transact(&parts).await
        }
    });
    for outcome in join_all(moves).await {
        outcome.unwrap();
    }
    let client = fixture.public();
    assert_eq!(client.get("Account", &first).await.unwrap()["n"], -20);
    assert_eq!(client.get("Account", &second).await.unwrap()["n"], 20);
    assert_eq!(client.find("Transfer", json!({})).await.unwrap().len(), 60);
}

/// MongoDB needs an index for it, which no transaction can make.
async fn places_can_be_searched(fixture: Fixture) {
    let client = fixture.public();
    let place = json!({"__type": "GeoPoint", "latitude": 1, "longitude": 2});
    client.object("Place", json!({"at": place})).await;
    let near = json!({"at": {"$nearSphere": place}});
    let results =
        client.transact(&[("create", "Place", "", json!({"at": place})), ("find", "Place", "", near)]).await.unwrap();
    assert_eq!(results[1]["results"].as_array().unwrap().len(), 2, "{}", results[1]);
    assert_eq!(client.find("Place", json!({})).await.unwrap().len(), 2);
}

/// Another process writes first: its types count, and a batch that does not fit is refused whole.
async fn the_schema_may_change_meanwhile(fixture: Fixture) {
    let other = fixture.another_service(settings());
    let other = Client::new(&other, Privilege::Public, "", &[]);
    other.object("Late", json!({"first": 1})).await;
    let client = fixture.public();
    assert_eq!(client.find("Late", json!({})).await.unwrap().len(), 1);
    other.object("Late", json!({"second": 1})).await;
    let parts =
        |value: Json| [("create", "Late", "", json!({"third": 1})), ("create", "Late", "", json!({"second": value}))];
    let mismatch = "schema mismatch for Late.second; expected Number but got String";
    assert_eq!(client.transact(&parts(json!("text"))).await, Err((111, mismatch.to_owned())));
    client.transact(&parts(json!(2))).await.unwrap();
    assert_eq!(client.find("Late", json!({"second": 2})).await.unwrap().len(), 1);
    let typed = fixture.store.load_schema().await.unwrap();
    let late = typed.iter().find(|class| class.name.as_str() == "Late").unwrap();
    assert_eq!(late.field_type("third"), Some(&FieldType::Number));
}

async fn a_change_that_nobody_may_make_leaves_nothing_in_the_schema(fixture: Fixture) {
    let permissions = json!({
        "create": {"*": true}, "addField": {"*": true}, "update": {"pointerFields": ["owner"]},
    });
    let owner = FieldType::Pointer("_User".to_owned());
    fixture.class("Owned", &[("owner", owner)], permissions).await;
    let id = fixture.master().object("Owned", json!({})).await;
    let refused = fixture.public().transact(&[("update", "Owned", &id, json!({"junk": 1}))]).await;
    assert_eq!(refused.unwrap_err().0, 101);
    let classes = fixture.store.load_schema().await.unwrap();
    let owned = classes.iter().find(|class| class.name.as_str() == "Owned").unwrap();
    assert_eq!(owned.field_type("junk"), None);
}

async fn whoever_gives_up_leaves_nothing_locked(fixture: Fixture) {
    let client = fixture.public();
    client.object("Thing", json!({"n": 0})).await;
    for step in 0..60 {
        let parts = [("create", "Thing", "", json!({"n": 1})), ("create", "Thing", "", json!({"n": 2}))];
        let _ = timeout(Duration::from_micros(100 * step), client.transact(&parts)).await;
    }
    // What changes the collection itself waits for every transaction that has touched it.
    let dropped = async {
        match &fixture.database {
            Some(database) => database.collection::<bson::Document>("Thing").drop().await.unwrap(),
            None => drop(client.object("Thing", json!({"n": 3})).await),
        }
    };
    timeout(Duration::from_secs(20), dropped).await.expect("no transaction is open");
}
