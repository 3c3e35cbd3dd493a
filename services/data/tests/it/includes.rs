//! What included objects cost: commands by level and class, not by object.

use bson::{Document, doc};
use futures_util::TryStreamExt as _;
use mongodb::Database;
use parsefleet_proto::v1::{FindRequest, Selection};
use serde_json::{Value as Json, json};

use crate::fixture::{Client, Fixture, pointer, query};

/// Objects of the queried class.
const OBJECTS: usize = 100;

#[tokio::test(flavor = "multi_thread")]
async fn three_levels_over_a_hundred_objects_cost_a_command_for_each_level_and_class() {
    let fixture = Fixture::mongodb().await;
    let database = fixture.database.clone().unwrap();
    let client = fixture.public();
    let mut owners = Vec::new();
    for country in 0..3 {
        let country = client.object("Country", json!({"n": country})).await;
        for city in 0..3 {
            let city = client.object("City", json!({"n": city, "country": pointer("Country", &country)})).await;
            for class in ["Team", "Club"] {
                let id = client.object(class, json!({"city": pointer("City", &city)})).await;
                owners.push(pointer(class, &id));
            }
        }
    }
    let teams: Vec<&Json> = owners.iter().filter(|owner| owner["className"] == "Team").collect();
    for place in 0..OBJECTS {
        let body = json!({
            "n": place, "team": teams[place % teams.len()],
            "all": [owners[place % owners.len()], owners[(place + 1) % owners.len()]],
        });
        client.object("Player", body).await;
    }

    // One for the players, and one for each level of one class each.
    let (answer, finds) = measured(&database, &client, "team.city.country").await;
    assert_eq!(answer["results"].as_array().unwrap().len(), OBJECTS);
    assert!(answer["results"][99]["team"]["city"]["country"]["n"].is_number(), "{}", answer["results"][99]);
    assert_eq!(finds, ["City", "Country", "Player", "Team"]);

    // Two classes at the first level: at most twice as many below.
    let (answer, finds) = measured(&database, &client, "all.city.country").await;
    assert!(answer["results"][99]["all"][1]["city"]["country"]["n"].is_number(), "{}", answer["results"][99]);
    assert!(finds.len() <= 1 + 3 * 2, "{finds:?}");
    database.drop().await.unwrap();
}

/// The answer to a find of all players with what is included, and the collections that MongoDB was asked for it.
async fn measured(database: &Database, client: &Client, include: &str) -> (Json, Vec<String>) {
    database.run_command(doc! { "profile": 2 }).await.unwrap();
    let selection = Selection { include: vec![include.to_owned()], ..Selection::default() };
    let request = FindRequest { selection: Some(selection), limit: Some(1000.0), ..query("Player", json!({})) };
    let answer = client.find_with(request).await.unwrap();
    database.run_command(doc! { "profile": 0 }).await.unwrap();
    let profile = database.collection::<Document>("system.profile");
    let mut collections = Vec::new();
    let mut commands = profile.find(doc! { "op": { "$in": ["query", "command", "getmore"] } }).await.unwrap();
    while let Some(command) = commands.try_next().await.unwrap() {
        let namespace = command.get_str("ns").unwrap();
        let collection = namespace.split_once('.').map_or("", |(_, collection)| collection);
        // The profile itself, and the schema, which is read in the background.
        if !collection.is_empty() && !collection.starts_with("system.") && !matches!(collection, "_SCHEMA" | "$cmd") {
            collections.push(collection.to_owned());
        }
    }
    profile.drop().await.unwrap();
    collections.sort();
    (answer, collections)
}
