//! A database with users, classes of each kind and objects, made by Parse Server.

use anyhow::{Context as _, Result};
use parsefleet_testkit::servers::{APP_ID, MASTER_KEY, ParseServer, ask_parse_server};
use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::{CLIENT_KEY, ROLES};

/// What the questions about one database are filled in with.
#[derive(Debug, Default)]
pub(crate) struct Town {
    /// Session tokens of the user and of another one.
    pub(crate) tokens: [String; 2],
    /// The user's id.
    pub(crate) user: String,
    /// Id of the user's session.
    pub(crate) session: String,
    /// For each role an object that only the user may read and write.
    pub(crate) owned: Vec<String>,
}

/// Operations of class-level permissions.
const OPERATIONS: [&str; 7] = ["find", "get", "count", "create", "update", "delete", "addField"];

impl Town {
    /// Makes everything by way of a running Parse Server.
    pub(crate) async fn found(server: &ParseServer) -> Result<Self> {
        let mut town = Self::default();
        for (index, name) in ["owner", "other"].into_iter().enumerate() {
            let body = json!({ "username": name, "password": "secret" });
            let user = ask(server, Method::POST, "/users", body, None).await?;
            town.tokens[index] = text(&user, "sessionToken")?;
            if index == 0 {
                town.user = text(&user, "objectId")?;
            }
        }
        let session = ask(server, Method::GET, "/sessions/me", Value::Null, Some(&town.tokens[0])).await?;
        town.session = text(&session, "objectId")?;
        let authenticated = json!({ "requiresAuthentication": true });
        for (class, permission) in
            [("Closed", json!({})), ("Authenticated", authenticated), ("Open", json!({ "*": true }))]
        {
            let permissions: Value = OPERATIONS.iter().map(|name| ((*name).to_owned(), permission.clone())).collect();
            let schema = json!({ "classLevelPermissions": permissions, "fields": { "k": { "type": "Number" } } });
            ask(server, Method::POST, &format!("/schemas/{class}"), schema, None).await?;
        }
        for _ in ROLES {
            let body = json!({ "k": 1, "ACL": { &town.user: { "read": true, "write": true } } });
            let object = ask(server, Method::POST, "/classes/Open", body, None).await?;
            town.owned.push(text(&object, "objectId")?);
        }
        Ok(town)
    }
}

/// A request with the master key, or as the user of a session.
async fn ask(server: &ParseServer, method: Method, path: &str, body: Value, token: Option<&str>) -> Result<Value> {
    let mut request = Client::new().request(method, format!("{}{path}", server.url));
    request = request.header("X-Parse-Application-Id", APP_ID).header("X-Parse-REST-API-Key", CLIENT_KEY);
    request = match token {
        Some(token) => request.header("X-Parse-Session-Token", token),
        // With the master key a sign-up gets no session.
        None if path == "/users" => request,
        None => request.header("X-Parse-Master-Key", MASTER_KEY),
    };
    if !body.is_null() {
        request = request.json(&body);
    }
    ask_parse_server(request).await?.successful().with_context(|| path.to_owned())?.json()
}

fn text(answer: &Value, member: &str) -> Result<String> {
    Ok(answer[member].as_str().with_context(|| format!("no {member} in {answer}"))?.to_owned())
}
