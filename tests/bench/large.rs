//! The servers on one large database: a million objects, and users with very many roles.

use std::path::Path;

use anyhow::{Context as _, Result};
use bson::{DateTime, Document, doc};
use mongodb::{Client, Database, IndexModel};
use parsefleet_testkit::servers::{APP_ID, ParseServer, Parsefleet, Settings, mongodb_uri};
use serde_json::json;

use crate::{
    scenario::{DEEP_ROLES_TOKEN, LARGE_CLASS, MANY_ROLES_TOKEN, OBJECTS, SMALL_CLASS, object},
    target::{REFERENCE, Target, Targets},
};

/// Documents of one insert.
const INSERT: u32 = 5_000;
/// Objects that the others point to.
const PLAYERS: u32 = 1_000;
/// Roles of one user, all direct.
const DIRECT_ROLES: u32 = 1_000;
/// Roles of the other user, each passed on by the one before.
const ROLE_LEVELS: u32 = 50;
/// Ids that requests name.
const SAMPLE: u32 = 5_000;

/// Parse Server and ours on one database, whose classes have ten thousand and `objects` objects. Neither keeps sessions or roles
/// longer than a millisecond, so that finding them is what is measured.
pub(crate) async fn start(folder: &Path, objects: u32) -> Result<Targets> {
    let uri = mongodb_uri(&format!("bench_{}_large", rand::random::<u32>()))?;
    let database = Client::with_uri_str(&uri).await?.default_database().context("the URI names a database")?;
    let settings = Settings::default().option("databaseURI", uri.as_str()).option("cacheTTL", 1);
    let ours = Parsefleet::start(folder, settings).await?;
    for class in [SMALL_CLASS, LARGE_CLASS, "Player", "Created"] {
        make_class(&ours.url, class).await?;
    }
    fill(&database, SMALL_CLASS, u32::try_from(OBJECTS)?).await?;
    fill(&database, LARGE_CLASS, objects).await?;
    let players = (0..PLAYERS).map(|number| document(&format!("player{number:04}"), number));
    database.collection::<Document>("Player").insert_many(players).await?;
    insert_roles(&database).await?;
    let reference = ParseServer::start(folder, &uri, &json!({ "cacheTTL": 1 })).await?;
    let step = u32::try_from(OBJECTS)? / SAMPLE;
    let ids: Vec<String> = (0..SAMPLE).map(|number| id_of(number * step)).collect();
    let reference = Target {
        name: REFERENCE,
        url: reference.url.clone(),
        ids: ids.clone(),
        session_token: None,
        process_ids: vec![reference.process.id()],
        _processes: Box::new(reference),
    };
    let ours = Target {
        name: "alone on MongoDB",
        url: ours.url.clone(),
        ids,
        session_token: None,
        process_ids: vec![ours.process.id()],
        _processes: Box::new(ours),
    };
    Ok(Targets { targets: vec![reference, ours], databases: vec![database] })
}

/// One object by the API makes the class with its fields; it is taken away again.
async fn make_class(url: &str, class: &str) -> Result<()> {
    let http = reqwest::Client::new();
    let request = http.post(format!("{url}/classes/{class}")).header("X-Parse-Application-Id", APP_ID);
    let created: serde_json::Value = request.json(&object(0)).send().await?.error_for_status()?.json().await?;
    let id = created["objectId"].as_str().context("create answers an id")?;
    let request = http.delete(format!("{url}/classes/{class}/{id}")).header("X-Parse-Application-Id", APP_ID);
    request.send().await?.error_for_status()?;
    Ok(())
}

/// Ids in an order that has nothing to do with the numbers.
fn id_of(number: u32) -> String {
    format!("{:08x}{:02}", number.wrapping_mul(0x9e37_79b1), number % 100)
}

/// What [`object`] looks like in the database, shorter.
fn document(id: &str, number: u32) -> Document {
    let time = DateTime::from_millis(1_767_323_045_678 + i64::from(number));
    doc! {
        "_id": id, "score": number.cast_signed(), "ratio": f64::from(number) / 7.0, "playerName": format!("Player {number}"),
        "cheatMode": number.is_multiple_of(3), "about": "A text as people write them.", "playedAt": time,
        "_p_player": format!("Player$player{:04}", number % PLAYERS), "place": [13.4, 52.5], "tags": ["one", "two", "three"],
        "settings": { "sound": true, "level": { "name": "Boss", "number": 12 } }, "_created_at": time, "_updated_at": time,
    }
}

async fn fill(database: &Database, class: &str, objects: u32) -> Result<()> {
    let collection = database.collection::<Document>(class);
    collection.create_index(IndexModel::builder().keys(doc! { "score": 1 }).build()).await?;
    for start in (0..objects).step_by(INSERT as usize) {
        let documents = (start..objects.min(start + INSERT)).map(|number| document(&id_of(number), number));
        collection.insert_many(documents).ordered(false).await?;
    }
    Ok(())
}

/// Two users with their sessions: one with many direct roles, one with a deep chain of them.
async fn insert_roles(database: &Database) -> Result<()> {
    let now = DateTime::now();
    let later = DateTime::from_millis(now.timestamp_millis() + 86_400_000);
    let role = |id: String| doc! { "_id": id.clone(), "name": id, "_created_at": now, "_updated_at": now };
    let row = |owner: String, related: String| doc! { "owningId": owner, "relatedId": related };
    let mut roles: Vec<Document> = (0..DIRECT_ROLES).map(|number| role(format!("direct{number:04}"))).collect();
    roles.extend((0..ROLE_LEVELS).map(|number| role(format!("level{number:05}"))));
    let mut users: Vec<Document> =
        (0..DIRECT_ROLES).map(|number| row(format!("direct{number:04}"), "manyRoles1".to_owned())).collect();
    users.push(row("level00000".to_owned(), "deepRoles1".to_owned()));
    // Each level lists the one before, so that its members hold it as well.
    let chain = (1..ROLE_LEVELS).map(|number| row(format!("level{number:05}"), format!("level{:05}", number - 1)));
    database.collection::<Document>("_Role").insert_many(roles).await?;
    database.collection::<Document>("_Join:users:_Role").insert_many(users).await?;
    database.collection::<Document>("_Join:roles:_Role").insert_many(chain).await?;
    for (user, token) in [("manyRoles1", MANY_ROLES_TOKEN), ("deepRoles1", DEEP_ROLES_TOKEN)] {
        let row = doc! { "_id": user, "username": user, "_created_at": now, "_updated_at": now };
        database.collection::<Document>("_User").insert_one(row).await?;
        let session = doc! {
            "_id": format!("s{}", &user[..9]), "_session_token": token, "_p_user": format!("_User${user}"), "expiresAt": later,
            "_created_at": now, "_updated_at": now,
        };
        database.collection::<Document>("_Session").insert_one(session).await?;
    }
    Ok(())
}
