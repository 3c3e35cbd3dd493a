//! Sessions and roles that Parse Server made, used on Parsefleet on the same database.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, Result};
use bson::{DateTime, Document, doc};
use mongodb::{Client, Database};
use parsefleet_testkit::servers::{
    APP_ID, Fleet, FleetPlan, MASTER_KEY, ParseServer, Parsefleet, Settings, ask as ask_searched, mongodb_uri,
    redis_url,
};
use reqwest::{Client as Http, Method, StatusCode};
use serde_json::{Value, json};

/// Longest time until a change made by Parse Server, which tells nobody, is noticed: `cacheTTL`, 5 s, and some.
const NOTICED_WITHIN: Duration = Duration::from_secs(7);

/// Parse Server with users and roles, and Parsefleet on its database.
struct Town {
    theirs: ParseServer,
    ours: Vec<String>,
    database: Database,
    /// Keeps our processes running.
    _servers: Box<dyn std::any::Any>,
}

impl Town {
    async fn alone(folder: &Path) -> Result<Self> {
        let uri = mongodb_uri(&format!("sessions_{}", rand::random::<u32>()))?;
        let theirs = ParseServer::start(folder, &uri, &json!({})).await?;
        let ours = Parsefleet::start(folder, Settings::default().option("databaseURI", uri.clone())).await?;
        Self::new(theirs, vec![ours.url.clone()], &uri, Box::new(ours)).await
    }

    async fn fleet(folder: &Path) -> Result<Self> {
        let uri = mongodb_uri(&format!("sessions_{}", rand::random::<u32>()))?;
        let theirs = ParseServer::start(folder, &uri, &json!({})).await?;
        let fleet = Fleet::start(folder, &FleetPlan::new(uri.clone(), Some(redis_url()?))).await?;
        let urls = fleet.gateways.iter().map(|gateway| gateway.url.clone()).collect();
        Self::new(theirs, urls, &uri, Box::new(fleet)).await
    }

    async fn new(theirs: ParseServer, ours: Vec<String>, uri: &str, servers: Box<dyn std::any::Any>) -> Result<Self> {
        let database = Client::with_uri_str(uri).await?.default_database().context("the URI names a database")?;
        Ok(Self { theirs, ours, database, _servers: servers })
    }

    /// A new user of Parse Server: id and session token.
    async fn sign_up(&self, name: &str) -> Result<(String, String)> {
        let body = json!({ "username": name, "password": "secret" });
        let (_, user) = ask(Method::POST, &format!("{}/users", self.theirs.url), None, Some(body)).await?;
        let text = |member: &str| anyhow::Ok(user[member].as_str().with_context(|| format!("{user}"))?.to_owned());
        Ok((text("objectId")?, text("sessionToken")?))
    }

    /// A role made through `url`, with these users and roles in it; its id.
    async fn role(&self, url: &str, name: &str, users: &[&str], roles: &[&str]) -> Result<String> {
        let pointers = |class: &str, ids: &[&str]| -> Vec<Value> {
            ids.iter().map(|id| json!({ "__type": "Pointer", "className": class, "objectId": id })).collect()
        };
        let mut body = json!({ "name": name, "ACL": {} });
        if !users.is_empty() {
            body["users"] = json!({ "__op": "AddRelation", "objects": pointers("_User", users) });
        }
        if !roles.is_empty() {
            body["roles"] = json!({ "__op": "AddRelation", "objects": pointers("_Role", roles) });
        }
        let (status, role) = ask(Method::POST, &format!("{url}/classes/_Role"), None, Some(body)).await?;
        assert_eq!(status, StatusCode::CREATED, "{role}");
        Ok(role["objectId"].as_str().context("no objectId")?.to_owned())
    }

    /// An object that only `subject` may read; its path.
    async fn object_for(&self, subject: &str) -> Result<String> {
        let url = format!("{}/classes/Secret", self.ours[0]);
        let body = json!({ "ACL": { subject: { "read": true, "write": true } } });
        let (_, object) = ask(Method::POST, &url, None, Some(body)).await?;
        Ok(format!("/classes/Secret/{}", object["objectId"].as_str().with_context(|| format!("{object}"))?))
    }
}

/// One request, as the user of the session, or with the master key if there is none.
async fn ask(method: Method, url: &str, session: Option<&str>, body: Option<Value>) -> Result<(StatusCode, Value)> {
    let mut request = Http::new().request(method, url).header("X-Parse-Application-Id", APP_ID);
    request = match session {
        Some(token) => request.header("X-Parse-Session-Token", token),
        // Without an installation id of its own a request with the master key gets no session on sign-up.
        None if url.ends_with("/users") => request,
        None => request.header("X-Parse-Master-Key", MASTER_KEY),
    };
    if let Some(body) = body {
        request = request.json(&body);
    }
    // Parse Server's answers are looked through as ours are: here they tell nothing, either.
    let answer = ask_searched(request).await?;
    Ok((StatusCode::from_u16(answer.status)?, answer.json()?))
}

async fn get(url: &str, path: &str, session: &str) -> Result<(StatusCode, Value)> {
    ask(Method::GET, &format!("{url}{path}"), Some(session), None).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_of_parse_server_works_alone() -> Result<()> {
    let folder = tempfile::tempdir()?;
    sessions_work(&Town::alone(folder.path()).await?).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_of_parse_server_works_in_a_fleet() -> Result<()> {
    let folder = tempfile::tempdir()?;
    sessions_work(&Town::fleet(folder.path()).await?).await
}

async fn sessions_work(town: &Town) -> Result<()> {
    let (alice, alice_token) = town.sign_up("alice").await?;
    let (_, bob_token) = town.sign_up("bob").await?;
    let hers = town.object_for(&alice).await?;
    for url in &town.ours {
        assert_eq!(get(url, &hers, &alice_token).await?.0, StatusCode::OK);
        assert_eq!(get(url, &hers, &bob_token).await?.0, StatusCode::NOT_FOUND);
        let update = json!({ "by": "bob" });
        let answer = ask(Method::PUT, &format!("{url}{hers}"), Some(&bob_token), Some(update)).await?;
        assert_eq!(answer, (StatusCode::NOT_FOUND, json!({ "code": 101, "error": "Object not found." })));

        let unknown = get(url, &hers, "r:00000000000000000000000000000000").await?;
        assert_eq!(unknown, (StatusCode::BAD_REQUEST, json!({ "code": 209, "error": "Invalid session token" })));
    }

    // An expired session.
    let expired = "r:eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee";
    let past = DateTime::from_millis(DateTime::now().timestamp_millis() - 1000);
    let row =
        doc! { "_id": "expired001", "_session_token": expired, "_p_user": format!("_User${alice}"), "expiresAt": past };
    town.database.collection::<Document>("_Session").insert_one(row).await?;
    // A session whose user is gone.
    let orphan = "r:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    let row = doc! { "_id": "orphan0001", "_session_token": orphan, "_p_user": "_User$nobody0001" };
    town.database.collection::<Document>("_Session").insert_one(row).await?;
    for url in &town.ours {
        let answer = get(url, &hers, expired).await?;
        assert_eq!(answer, (StatusCode::BAD_REQUEST, json!({ "code": 209, "error": "Session token is expired." })));
        let answer = get(url, &hers, orphan).await?;
        assert_eq!(answer, (StatusCode::BAD_REQUEST, json!({ "code": 209, "error": "Invalid session token" })));
    }

    // A session that Parse Server ends.
    ask(Method::POST, &format!("{}/logout", town.theirs.url), Some(&bob_token), None).await?;
    tokio::time::sleep(NOTICED_WITHIN).await;
    for url in &town.ours {
        assert_eq!(get(url, &hers, &bob_token).await?.1["code"], 209);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_are_inherited_and_changes_are_effective_at_once() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let town = Town::fleet(folder.path()).await?;
    let (carol, token) = town.sign_up("carol").await?;
    // Members of Top hold Mid, and so Base; a ring of roles ends by itself.
    let top = town.role(&town.theirs.url, "Top", &[&carol], &[]).await?;
    let mid = town.role(&town.theirs.url, "Mid", &[], &[&top]).await?;
    let base = town.role(&town.ours[0], "Base", &[], &[&mid]).await?;
    let ring = json!({ "roles": { "__op": "AddRelation", "objects": [{ "__type": "Pointer", "className": "_Role", "objectId": base }] } });
    let url = &town.ours[1];
    ask(Method::PUT, &format!("{url}/classes/_Role/{top}"), None, Some(ring)).await?;
    for role in ["Top", "Mid", "Base"] {
        let path = town.object_for(&format!("role:{role}")).await?;
        for url in &town.ours {
            assert_eq!(get(url, &path, &token).await?.0, StatusCode::OK, "{role}");
        }
    }
    let other = town.object_for("role:Other").await?;
    assert_eq!(get(url, &other, &token).await?.0, StatusCode::NOT_FOUND);

    // A change on one instance is effective on the other within a second; repeated, so that caches are warm.
    for round in 0..5 {
        let change = json!({ "users": { "__op": if round % 2 == 0 { "RemoveRelation" } else { "AddRelation" },
            "objects": [{ "__type": "Pointer", "className": "_User", "objectId": carol }] } });
        let path = town.object_for("role:Base").await?;
        let before = if round % 2 == 0 { StatusCode::OK } else { StatusCode::NOT_FOUND };
        assert_eq!(get(&town.ours[1], &path, &token).await?.0, before, "round {round}");
        let (status, body) =
            ask(Method::PUT, &format!("{}/classes/_Role/{top}", town.ours[0]), None, Some(change)).await?;
        assert_eq!(status, StatusCode::OK, "{body}");
        tokio::time::sleep(Duration::from_secs(1)).await;
        let after = if round % 2 == 0 { StatusCode::NOT_FOUND } else { StatusCode::OK };
        assert_eq!(get(&town.ours[1], &path, &token).await?.0, after, "round {round}");
    }
    Ok(())
}
