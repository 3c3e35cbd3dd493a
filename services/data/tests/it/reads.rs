//! Queries: what comes back, in which order, how much of it.

use parsefleet_core::FieldType;
use parsefleet_data::Settings;
use parsefleet_proto::v1::{FieldList, FindRequest, GetRequest, Privilege, Selection};
use serde_json::{Value as Json, json};

use crate::{
    fixture::{Client, Fixture, column, pointer, query, settings},
    receiver::Receiver,
};

crate::on_both_stores!(
    queries_filter_sort_and_page,
    counts_ignore_the_page,
    keys_choose_fields,
    what_is_no_class_is_empty,
    included_objects_replace_pointers,
    what_is_included_has_an_end,
    sub_queries_may_be_nested_as_deep_as_json,
    a_query_may_have_many_alternatives,
    includes_obey_permissions,
    sub_queries_are_answered,
    bad_queries_are_refused,
    a_limit_is_lowered_to_the_greatest,
);

fn list(names: &[&str]) -> Option<FieldList> {
    Some(FieldList { names: names.iter().map(|name| (*name).to_owned()).collect() })
}

async fn scores(fixture: &Fixture) -> Client {
    let client = fixture.public();
    for (player, points) in [("a", 3), ("b", 1), ("c", 2), ("d", 2)] {
        client.object("Score", json!({"player": player, "points": points})).await;
    }
    client
}

async fn queries_filter_sort_and_page(fixture: Fixture) {
    let client = scores(&fixture).await;
    let found = client.find("Score", json!({"points": {"$gte": 2}})).await.unwrap();
    assert_eq!(column(&found, "player"), ["a", "c", "d"]);
    let request = FindRequest {
        order: vec!["-points".to_owned(), "player".to_owned()],
        skip: Some(1.0),
        limit: Some(2.0),
        ..query("Score", json!({}))
    };
    let answer = client.find_with(request).await.unwrap();
    let players: Vec<_> = answer["results"].as_array().unwrap().iter().map(|result| &result["player"]).collect();
    assert_eq!(players, ["c", "d"]);
}

async fn counts_ignore_the_page(fixture: Fixture) {
    let client = scores(&fixture).await;
    let request = |limit| FindRequest { count: true, limit, ..query("Score", json!({"points": 2})) };
    assert_eq!(client.find_with(request(Some(0.0))).await.unwrap(), json!({"results": [], "count": 2}));
    let answer = client.find_with(request(Some(1.0))).await.unwrap();
    assert_eq!((answer["results"].as_array().unwrap().len(), &answer["count"]), (1, &json!(2)));
}

async fn keys_choose_fields(fixture: Fixture) {
    let client = fixture.public();
    let id = client.object("Post", json!({"title": "t", "text": "x", "to": pointer("A", "a")})).await;
    let selection = |keys, exclude_keys| Some(Selection { keys, exclude_keys, ..Default::default() });
    let get = |selection| {
        client.get_with(GetRequest {
            class_name: "Post".to_owned(),
            object_id: id.clone(),
            selection,
            ..Default::default()
        })
    };
    let names = |object: &Json| {
        let mut names: Vec<String> = object.as_object().unwrap().keys().cloned().collect();
        names.sort();
        names
    };
    let object = get(selection(list(&["title", "to"]), None)).await.unwrap();
    assert_eq!(names(&object), ["createdAt", "objectId", "title", "to", "updatedAt"]);
    let object = get(selection(None, list(&["title"]))).await.unwrap();
    assert_eq!(names(&object), ["createdAt", "objectId", "text", "to", "updatedAt"]);
    let object = get(selection(list(&[]), None)).await.unwrap();
    assert_eq!(names(&object), ["createdAt", "objectId", "updatedAt"]);
}

async fn what_is_no_class_is_empty(fixture: Fixture) {
    for class in ["Nothing", "_SCHEMA", "system.users", "a-b"] {
        assert!(fixture.master().find(class, json!({})).await.unwrap().is_empty(), "{class}");
        assert_eq!(fixture.master().get(class, "x").await, Err((101, "Object not found.".to_owned())));
    }
    let request = FindRequest { count: true, ..query("Nothing", json!({})) };
    assert_eq!(fixture.master().find_with(request).await.unwrap(), json!({"results": [], "count": 0}));
}

async fn included_objects_replace_pointers(fixture: Fixture) {
    let client = fixture.public();
    let team = client.object("Team", json!({"name": "red"})).await;
    let player = client.object("Player", json!({"name": "ann", "team": pointer("Team", &team)})).await;
    let body = json!({
        "player": pointer("Player", &player),
        "others": [pointer("Player", &player), pointer("Player", "gone"), 5],
        "deep": {"player": pointer("Player", &player)},
        "gone": pointer("Player", "gone"),
    });
    client.object("Game", body).await;
    let include = ["player.team", "others", "deep.player", "gone", "unknown"];
    let selection = Selection { include: include.map(str::to_owned).to_vec(), ..Default::default() };
    let request = FindRequest { selection: Some(selection), ..query("Game", json!({})) };
    let answer = client.find_with(request).await.unwrap();
    let game = &answer["results"][0];
    assert_eq!((&game["player"]["__type"], &game["player"]["className"]), (&json!("Object"), &json!("Player")));
    assert_eq!(game["player"]["team"]["name"], "red");
    assert_eq!(game["others"].as_array().unwrap().len(), 2, "what is gone disappears: {game}");
    assert_eq!(game["others"][0]["team"], pointer("Team", &team));
    assert_eq!(game["deep"]["player"]["name"], "ann");
    assert_eq!(game.get("gone"), None);

    let selection = Selection { keys: list(&["player.name"]), ..Default::default() };
    let request = FindRequest { selection: Some(selection), ..query("Game", json!({})) };
    let answer = client.find_with(request).await.unwrap();
    let player = &answer["results"][0]["player"];
    assert_eq!((&player["name"], player.get("team")), (&json!("ann"), None));
}

async fn what_is_included_has_an_end(fixture: Fixture) {
    let client = fixture.public();
    let id = client.object("Loop", json!({"n": 1})).await;
    client.update("Loop", &id, json!({"to": pointer("Loop", &id)})).await.unwrap();
    let path = |parts: usize| vec!["to"; parts].join(".");
    let include = |parts: usize| Some(Selection { include: vec![path(parts)], ..Default::default() });
    let find = |parts, limit| FindRequest { selection: include(parts), limit, ..query("Loop", json!({})) };
    let get = |parts| GetRequest {
        class_name: "Loop".to_owned(),
        object_id: id.clone(),
        selection: include(parts),
        ..Default::default()
    };

    let deepest = |answer: &Json| {
        let deepest = (0..100).fold(&answer["results"][0], |object, _| &object["to"]);
        (deepest["n"].clone(), deepest["to"]["__type"].clone())
    };
    let answer = client.find_with(find(100, None)).await.unwrap();
    assert_eq!(deepest(&answer), (json!(1), json!("Pointer")));

    for parts in [101, 100_000] {
        let message = format!("Include depth of {parts} exceeds maximum allowed depth of 100");
        for limit in [None, Some(0.0)] {
            assert_eq!(client.find_with(find(parts, limit)).await, Err((102, message.clone())));
        }
        assert_eq!(client.get_with(get(parts)).await, Err((102, message.clone())));
        assert_eq!(fixture.master().get_with(get(parts)).await, Err((102, message)));
    }

    // Hooks are asked at each level.
    let receiver = Receiver::silent().await;
    for trigger in ["beforeFind", "afterFind"] {
        fixture.hook("Loop", trigger, &receiver.url).await;
    }
    let answer = client.find_with(find(100, None)).await.unwrap();
    assert_eq!(deepest(&answer), (json!(1), json!("Pointer")));
}

async fn sub_queries_may_be_nested_as_deep_as_json(fixture: Fixture) {
    let client = fixture.public();
    let id = client.object("Loop", json!({"n": 1})).await;
    client.update("Loop", &id, json!({"to": pointer("Loop", &id)})).await.unwrap();
    let nested = |levels| {
        (0..levels).fold(json!({"n": 1}), |inner, _| json!({"to": {"$inQuery": {"className": "Loop", "where": inner}}}))
    };
    assert_eq!(client.find("Loop", nested(40)).await.unwrap().len(), 1);
    let receiver = Receiver::silent().await;
    for trigger in ["beforeFind", "afterFind"] {
        fixture.hook("Loop", trigger, &receiver.url).await;
    }
    assert_eq!(client.find("Loop", nested(40)).await.unwrap().len(), 1);
    let refused = Err((107, "where parameter is not valid JSON".to_owned()));
    assert_eq!(client.find("Loop", nested(50)).await, refused);
}

async fn a_query_may_have_many_alternatives(fixture: Fixture) {
    let client = fixture.public();
    let id = client.object("Score", json!({"n": 1})).await;
    client.object("Score", json!({"n": 2})).await;
    let alternatives = |last: Json| {
        let mut list: Vec<Json> = (0..1_500).map(|number| json!({"objectId": format!("none{number}")})).collect();
        list.push(last);
        list
    };
    for last in [json!({"objectId": id}), json!({"n": 1})] {
        let found = client.find("Score", json!({"$or": alternatives(last)})).await.unwrap();
        assert_eq!(column(&found, "objectId"), [id.as_str()]);
    }
    let all: Vec<Json> =
        (0..1_500).map(|number| json!({"objectId": {"$ne": "x", "$in": [id, number.to_string()]}})).collect();
    assert_eq!(client.find("Score", json!({"$and": all})).await.unwrap().len(), 1);
}

async fn includes_obey_permissions(fixture: Fixture) {
    let secret = fixture.master().object("Secret", json!({"text": "x", "ACL": {}})).await;
    fixture.master().object("Holder", json!({"secret": pointer("Secret", &secret)})).await;
    fixture.class("Closed", &[], json!({"find": {"*": true}})).await;
    let closed = fixture.master().object("Closed", json!({})).await;
    fixture.master().object("ClosedHolder", json!({"closed": pointer("Closed", &closed)})).await;

    let ask = |class: &str| {
        let selection = Selection { include_all: true, ..Default::default() };
        FindRequest { selection: Some(selection), ..query(class, json!({})) }
    };
    let answer = fixture.public().find_with(ask("Holder")).await.unwrap();
    assert_eq!(answer["results"][0].get("secret"), None);
    let answer = fixture.master().find_with(ask("Holder")).await.unwrap();
    assert_eq!(answer["results"][0]["secret"]["text"], "x");
    let refused = (119, "Permission denied for action get on class Closed.".to_owned());
    assert_eq!(fixture.public().find_with(ask("ClosedHolder")).await, Err(refused));
}

async fn sub_queries_are_answered(fixture: Fixture) {
    let client = fixture.public();
    let red = client.object("Team", json!({"name": "red", "city": "Rome"})).await;
    let blue = client.object("Team", json!({"name": "blue", "city": "Oslo"})).await;
    for (name, team, home) in [("ann", &red, "Rome"), ("bob", &blue, "Rome"), ("cid", &blue, "Oslo")] {
        client.object("Player", json!({"name": name, "team": pointer("Team", team), "home": home})).await;
    }
    let teams = json!({"className": "Team", "where": {"name": "blue"}});
    for (filter, expected) in [
        (json!({"team": {"$inQuery": teams}}), vec!["bob", "cid"]),
        (json!({"team": {"$notInQuery": teams}}), vec!["ann"]),
        (json!({"home": {"$select": {"query": teams, "key": "city"}}}), vec!["cid"]),
        (json!({"home": {"$dontSelect": {"query": teams, "key": "city"}}}), vec!["ann", "bob"]),
        (json!({"$or": [{"team": {"$inQuery": teams}}, {"name": "ann"}]}), vec!["ann", "bob", "cid"]),
    ] {
        assert_eq!(column(&client.find("Player", filter.clone()).await.unwrap(), "name"), expected, "{filter}");
    }
    fixture.class("Hidden", &[("name", FieldType::String)], json!({"get": {"*": true}})).await;
    let hidden = json!({"team": {"$inQuery": {"className": "Hidden", "where": {"name": "x"}}}});
    assert_eq!(client.find("Player", hidden).await.unwrap_err().0, 119);
}

async fn bad_queries_are_refused(fixture: Fixture) {
    let client = scores(&fixture).await;
    let refused = |code: i32, text: &str| Err((code, text.to_owned()));
    assert_eq!(client.find("Score", json!({"points": {"$foo": 1}})).await, refused(107, "bad constraint: $foo"));
    assert_eq!(client.find("Score", json!({"$where": "1"})).await, refused(105, "Invalid key name: $where"));
    let request = FindRequest { r#where: "{".into(), ..query("Score", json!({})) };
    assert_eq!(client.find_with(request).await, Err((107, "where parameter is not valid JSON".to_owned())));
    let request = FindRequest { order: vec!["a b".to_owned()], ..query("Score", json!({})) };
    assert_eq!(client.find_with(request).await.unwrap_err().0, 105);
    let request = FindRequest { explain: "true".into(), ..query("Score", json!({})) };
    assert_eq!(client.find_with(request).await.unwrap_err().0, 102);
}

async fn a_limit_is_lowered_to_the_greatest(fixture: Fixture) {
    scores(&fixture).await;
    let service = fixture.another_service(Settings { max_limit: Some(2), default_limit: 1, ..settings() });
    let client = Client::new(&service, Privilege::Master, "", &[]);
    assert_eq!(client.find("Score", json!({})).await.unwrap().len(), 1);
    let request = FindRequest { limit: Some(1000.0), ..query("Score", json!({})) };
    assert_eq!(client.find_with(request).await.unwrap()["results"].as_array().unwrap().len(), 2);
}
