//! Relations: written by operations, followed by `$relatedTo` and by constraints.

use parsefleet_core::FieldType;
use serde_json::json;

use crate::fixture::{Fixture, column, pointer};

crate::on_both_stores!(relations_are_written_and_followed, a_relation_is_as_hidden_as_its_owner,);

async fn relations_are_written_and_followed(fixture: Fixture) {
    let client = fixture.public();
    let mut players = Vec::new();
    for name in ["ann", "bob", "cid"] {
        players.push(client.object("Player", json!({"name": name})).await);
    }
    let [ann, bob, cid] = &players[..] else { panic!() };
    let add = |ids: &[&String]| {
        let objects: Vec<_> = ids.iter().map(|id| pointer("Player", id)).collect();
        json!({"__op": "AddRelation", "objects": objects})
    };
    let red = client.object("Team", json!({"name": "red", "members": add(&[ann, bob])})).await;
    let blue = client.object("Team", json!({"name": "blue"})).await;
    client.update("Team", &blue, json!({"members": add(&[bob, cid])})).await.unwrap();

    let related = |id: &str| json!({"$relatedTo": {"object": pointer("Team", id), "key": "members"}});
    assert_eq!(column(&client.find("Player", related(&red)).await.unwrap(), "name"), ["ann", "bob"]);
    let both = json!({"$and": [related(&red), related(&blue)]});
    assert_eq!(column(&client.find("Player", both).await.unwrap(), "name"), ["bob"]);
    for (filter, expected) in [
        (json!({"members": pointer("Player", bob)}), vec!["blue", "red"]),
        (json!({"members": {"$in": [pointer("Player", cid)]}}), vec!["blue"]),
        (json!({"members": {"$ne": pointer("Player", cid)}}), vec!["red"]),
        (json!({"members": {"$nin": [pointer("Player", bob)]}}), vec![]),
        (json!({"members": {"$exists": true}}), vec![]),
    ] {
        assert_eq!(column(&client.find("Team", filter.clone()).await.unwrap(), "name"), expected, "{filter}");
    }

    let remove = json!({"__op": "RemoveRelation", "objects": [pointer("Player", ann)]});
    client.update("Team", &red, json!({"members": remove})).await.unwrap();
    assert_eq!(column(&client.find("Player", related(&red)).await.unwrap(), "name"), ["bob"]);
    let object = client.get("Team", &red).await.unwrap();
    assert_eq!(object["members"], json!({"__type": "Relation", "className": "Player"}));
}

async fn a_relation_is_as_hidden_as_its_owner(fixture: Fixture) {
    let player = fixture.public().object("Player", json!({"name": "ann"})).await;
    let members = json!({"__op": "AddRelation", "objects": [pointer("Player", &player)]});
    let body = json!({"members": members, "ACL": {"owner": {"read": true}}});
    let team = fixture.master().object("Team", body).await;
    let filter = json!({"$relatedTo": {"object": pointer("Team", &team), "key": "members"}});
    assert_eq!(fixture.user("owner").find("Player", filter.clone()).await.unwrap().len(), 1);
    assert_eq!(fixture.master().find("Player", filter.clone()).await.unwrap().len(), 1);
    assert!(fixture.user("other").find("Player", filter).await.unwrap().is_empty());

    let relation = [("members", FieldType::Relation("Player".to_owned()))];
    let permissions = json!({"get": {"*": true}, "protectedFields": {"*": ["members"]}});
    fixture.class("Club", &relation, permissions).await;
    let filter = json!({"$relatedTo": {"object": pointer("Club", "x"), "key": "members"}});
    let refused = Err((119, "This user is not allowed to query members on class Club".to_owned()));
    assert_eq!(fixture.public().find("Player", filter).await, refused);
}
