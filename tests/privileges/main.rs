//! Every route in every role for every kind of class: status and code of each combination stand in `table.json`, for Parse Server
//! and, where that differs on purpose, for Parsefleet with the reason.
//!
//! Both servers are asked. A combination that is not in the table, or is there and not asked any more, fails the test.
//! `UPDATE_TABLE=1` writes the table from the answers; reasons are left to be written.

mod questions;
mod table;
mod town;

use anyhow::{Context as _, Result, bail};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use mongodb::Client;
use parsefleet_testkit::servers::{
    APP_ID, MAINTENANCE_KEY, MASTER_KEY, ParseServer, Parsefleet, READ_ONLY_MASTER_KEY, Settings, ask,
    ask_parse_server, mongodb_uri,
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    questions::{Question, Request},
    table::{Row, Table},
    town::Town,
};

/// The key that clients of the app have to present.
const CLIENT_KEY: &str = "the-rest-key";

/// The roles, in the order of the table's columns.
const ROLES: [&str; 8] =
    ["nobody", "client", "user", "other user", "maintenance", "read-only master", "master", "master from afar"];

/// A server, and what its questions are filled in with.
struct Asked<'a> {
    http: reqwest::Client,
    url: &'a str,
    town: &'a Town,
    is_ours: bool,
}

#[tokio::test(flavor = "multi_thread")]
async fn every_combination_is_answered_as_the_table_says() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let database = |name: &str| mongodb_uri(&format!("privileges_{}_{name}", rand::random::<u32>()));
    let (theirs_uri, ours_uri) = (database("theirs")?, database("ours")?);
    let options = json!({
        "restAPIKey": CLIENT_KEY, "allowClientClassCreation": false, "trustProxy": true, "security": { "enableCheck": true },
    });
    let theirs = ParseServer::start(folder.path(), &theirs_uri, &options).await?;
    let theirs_town = Town::found(&theirs).await?;
    let ours_town = Town::found(&ParseServer::start(folder.path(), &ours_uri, &options).await?).await?;
    let mut settings = Settings::default().option("databaseURI", ours_uri.clone());
    for (name, value) in options.as_object().into_iter().flatten() {
        settings = settings.option(name, value.clone());
    }
    let ours = Parsefleet::start(folder.path(), settings).await?;

    let questions = questions::all();
    // A connection for each question: Parse Server closes one after some refusals.
    let http = reqwest::Client::builder().pool_max_idle_per_host(0).build()?;
    let theirs = Asked { http: http.clone(), url: &theirs.url, town: &theirs_town, is_ours: false };
    let ours = Asked { http, url: &ours.url, town: &ours_town, is_ours: true };
    let mut rows = Vec::new();
    for question in &questions {
        let row = Row { parse_server: theirs.cells(question).await?, parsefleet: ours.cells(question).await? };
        rows.push((question.name.clone(), row));
    }
    for uri in [theirs_uri, ours_uri] {
        Client::with_uri_str(&uri).await?.default_database().context("a database")?.drop().await?;
    }
    let findings = Table::load()?.compare(rows)?;
    if !findings.is_empty() {
        bail!("{} findings:\n{}", findings.len(), findings.join("\n"));
    }
    Ok(())
}

impl Asked<'_> {
    /// What each role is answered: `status`, or `status/code`.
    async fn cells(&self, question: &Question) -> Result<Vec<String>> {
        let cells = (0..ROLES.len()).map(|role| self.cell(question.request(self.town, role), ROLES[role]));
        stream::iter(cells).buffered(1).try_collect().await
    }

    async fn cell(&self, request: Request, role: &str) -> Result<String> {
        let method = Method::from_bytes(request.verb.as_bytes())?;
        let mut message = self.http.request(method, format!("{}{}", self.url, request.path));
        message = message.header("X-Parse-Application-Id", APP_ID);
        if role != "nobody" {
            message = message.header("X-Parse-REST-API-Key", CLIENT_KEY);
        }
        message = match role {
            "user" => message.header("X-Parse-Session-Token", &self.town.tokens[0]),
            "other user" => message.header("X-Parse-Session-Token", &self.town.tokens[1]),
            "maintenance" => message.header("X-Parse-Maintenance-Key", MAINTENANCE_KEY),
            "read-only master" => message.header("X-Parse-Master-Key", READ_ONLY_MASTER_KEY),
            "master" => message.header("X-Parse-Master-Key", MASTER_KEY),
            "master from afar" => {
                message.header("X-Parse-Master-Key", MASTER_KEY).header("X-Forwarded-For", "203.0.113.7")
            }
            _ => message,
        };
        if let Some(body) = request.body {
            message = message.header("Content-Type", "application/json").body(body);
        }
        let answer = if self.is_ours { ask(message).await? } else { ask_parse_server(message).await? };
        let body: Value = serde_json::from_str(&answer.text).unwrap_or_default();
        Ok(cell(answer.status, &body))
    }
}

/// Status and code; of a batch also those of its parts.
fn cell(status: u16, body: &Value) -> String {
    let mut cell = status.to_string();
    let mut add = |answer: &Value| {
        if let Some(code) = answer.get("code") {
            cell.push_str(&format!("/{code}"));
        }
    };
    match body {
        Value::Array(parts) => {
            for part in parts {
                match part.get("error") {
                    Some(error) if error.get("code").is_some() => add(error),
                    Some(_) => add(&json!({ "code": "error" })),
                    None => add(&json!({ "code": "ok" })),
                }
            }
        }
        body => add(body),
    }
    cell.replace('"', "")
}
