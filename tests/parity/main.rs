//! The same questions, asked of Parse Server and of Parsefleet: statuses, headers, bodies and stored documents have to be
//! equal, or the difference has to be written down in the question together with its reason.
//!
//! `questions/*.json` holds the questions (`question.rs` describes the format). `PARITY_ONLY=<text>` asks only scenarios
//! whose file or name contains the text.

mod ask;
mod compare;
mod difference;
mod hooks;
mod names;
mod people;
mod question;
mod stored;

use anyhow::Result;
use parsefleet_testkit::servers::{
    Fleet, FleetPlan, ParseServer, Parsefleet, Settings, mongodb_uri, plant_secret, redis_url,
};
use serde_json::{Value, json};

use crate::{
    ask::{Answer, Server},
    compare::Findings,
    question::{Scenario, load_scenarios},
};

/// The questions about limits, which other questions exceed.
const LIMITED: &str = "complexity.json";

/// Passwords of the questions: no log may hold one.
const PASSWORDS: [&str; 3] = ["secret word", "secret+word", "secret%20word"];

#[tokio::test(flavor = "multi_thread")]
async fn answers_like_parse_server() -> Result<(), String> {
    // As a text: what differs is no fault in the program that a backtrace would help to find.
    compare().await.map_err(|error| format!("{error:#}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_requests_like_parse_server() -> Result<(), String> {
    compare_limits().await.map_err(|error| format!("{error:#}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn tells_hooks_like_parse_server() -> Result<(), String> {
    hooks::compare_hooks().await.map_err(|error| format!("{error:#}"))
}

async fn compare_limits() -> Result<()> {
    let scenarios = load_scenarios(|file| file == LIMITED)?;
    if scenarios.is_empty() {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let run = rand::random::<u32>();
    let limits = json!({
        "queryDepth": 2, "includeDepth": 2, "includeCount": 3, "subqueryDepth": 1, "subqueryLimit": 2, "allowRegex": false,
        "batchRequestLimit": 2,
    });
    let reference_uri = mongodb_uri(&format!("parity_{run}_limits_reference"))?;
    let options = json!({ "requestComplexity": limits });
    let reference = ParseServer::start(folder.path(), &reference_uri, &options).await?;
    let reference = Server::new("Parse Server", &reference.url.clone(), Some(&reference_uri), reference).await?;
    let expected = ask_all(&reference, &scenarios).await?;

    let mut findings = Findings::default();
    let limited = || test_app().option("requestComplexity", limits.clone());
    let alone_uri = mongodb_uri(&format!("parity_{run}_limits_alone"))?;
    let alone = Parsefleet::start(folder.path(), limited().option("databaseURI", alone_uri.clone())).await?;
    let alone = Server::new("alone on MongoDB", &alone.url.clone(), Some(&alone_uri), alone).await?;
    findings.compare(&alone, &scenarios, &expected, &ask_all(&alone, &scenarios).await?);

    let embedded = Parsefleet::start(folder.path(), limited()).await?;
    let embedded = Server::new("alone, embedded store", &embedded.url.clone(), None, embedded).await?;
    findings.compare(&embedded, &scenarios, &expected, &ask_all(&embedded, &scenarios).await?);

    for server in [&reference, &alone] {
        server.drop_database().await?;
    }
    findings.into_result(scenarios.iter().map(|scenario| scenario.questions.len()).sum())
}

async fn compare() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let scenarios = load_scenarios(|file| file != LIMITED && !hooks::is_about_hooks(file))?;
    if scenarios.is_empty() && std::env::var_os("PARITY_ONLY").is_some() {
        return Ok(());
    }
    PASSWORDS.into_iter().for_each(plant_secret);
    let run = rand::random::<u32>();
    let options = json!({ "rateLimit": limits(), "idempotencyOptions": idempotency(), "auth": auth() });
    let database = |name: &str| mongodb_uri(&format!("parity_{run}_{name}"));

    let reference_uri = database("reference")?;
    people::move_in(&reference_uri).await?;
    let reference = ParseServer::start(folder.path(), &reference_uri, &options).await?;
    let reference = Server::new("Parse Server", &reference.url.clone(), Some(&reference_uri), reference).await?;
    let expected = ask_all(&reference, &scenarios).await?;

    let mut findings = Findings::default();
    let alone_uri = database("alone")?;
    people::move_in(&alone_uri).await?;
    let alone = Parsefleet::start(folder.path(), test_app().option("databaseURI", alone_uri.clone())).await?;
    let alone = Server::new("alone on MongoDB", &alone.url.clone(), Some(&alone_uri), alone).await?;
    findings.compare(&alone, &scenarios, &expected, &ask_all(&alone, &scenarios).await?);

    let fleet_uri = database("fleet")?;
    people::move_in(&fleet_uri).await?;
    let plan = FleetPlan { common: test_app(), ..FleetPlan::new(fleet_uri.clone(), Some(redis_url()?)) };
    let fleet = Fleet::start(folder.path(), &plan).await?;
    let fleet = Server::new("fleet", &fleet.gateways[1].url.clone(), Some(&fleet_uri), fleet).await?;
    for (scenario, expected) in scenarios.iter().zip(&expected).filter(|(scenario, _)| is_about_people(scenario)) {
        let answers = vec![fleet.ask_scenario(scenario).await?];
        findings.compare(&fleet, std::slice::from_ref(scenario), std::slice::from_ref(expected), &answers);
    }

    people::move_in_embedded(&folder.path().join("parsefleet-data")).await?;
    let embedded = Parsefleet::start(folder.path(), test_app()).await?;
    let embedded = Server::new("alone, embedded store", &embedded.url.clone(), None, embedded).await?;
    findings.compare(&embedded, &scenarios, &expected, &ask_all(&embedded, &scenarios).await?);

    // One database, both servers at the same time: every other question goes to the other server, and the answers have to be
    // those of Parse Server alone. Left to itself, Parse Server keeps the schema that it once read, and Parsefleet for a few
    // seconds.
    let shared_uri = database("shared")?;
    people::move_in(&shared_uri).await?;
    let mut options = options;
    options["databaseOptions"] = json!({ "schemaCacheTtl": 1 });
    let theirs = ParseServer::start(folder.path(), &shared_uri, &options).await?;
    let theirs = Server::new("Parse Server, shared", &theirs.url.clone(), Some(&shared_uri), theirs).await?;
    let ours = test_app()
        .option("databaseURI", shared_uri.clone())
        .option("databaseOptions", options["databaseOptions"].clone());
    let ours = Parsefleet::start(folder.path(), ours).await?;
    let ours = Server::new("shared with Parse Server", &ours.url.clone(), Some(&shared_uri), ours).await?;
    let alternating = ask_alternating(&theirs, &ours, &scenarios).await?;
    findings.compare(&ours, &scenarios, &expected, &alternating);

    for server in [&reference, &alone, &fleet, &ours] {
        server.drop_database().await?;
    }
    findings.into_result(scenarios.iter().map(|scenario| scenario.questions.len()).sum())
}

/// What takes more than one service is asked of a fleet, too.
fn is_about_people(scenario: &Scenario) -> bool {
    scenario.file.starts_with("users_")
}

/// The test app with the options that Parse Server runs with here.
fn test_app() -> Settings {
    let settings = Settings::default().option("allowClientClassCreation", true);
    settings.option("rateLimit", limits()).option("idempotencyOptions", idempotency()).option("auth", auth())
}

/// Providers beside anonymous users.
fn auth() -> Value {
    json!({ "mfa": { "options": ["TOTP"] } })
}

/// Limits on classes that only the questions about limits name. Their window is longer than the run.
fn limits() -> Value {
    let limit = |path: &str, count: u64, members: Value| {
        let mut limit = json!({ "requestPath": path, "requestCount": count, "requestTimeWindow": 600_000 });
        limit["includeInternalRequests"] = json!(true);
        if let (Some(limit), Value::Object(members)) = (limit.as_object_mut(), members) {
            limit.extend(members);
        }
        limit
    };
    json!([
        limit("/classes/LimitedA", 3, json!({})),
        limit("/classes/LimitedB{/*id}", 2, json!({ "requestMethods": ["POST"], "errorResponseMessage": "slow down" })),
        limit("/classes/LimitedC", 0, json!({})),
        limit("/limited/{*anything}", 2, json!({})),
        limit("/classes/LimitedD", 2, json!({ "includeMasterKey": true, "requestMethods": ["POST"] })),
        limit("/classes/LimitedE", 3, json!({})),
        limit("/classes/LimitedF", 2, json!({ "requestMethods": ["POST"] })),
        limit("/classes/LimitedG", 4, json!({ "zone": "global" })),
        limit("/classes/LimitedH", 2, json!({ "zone": "session" })),
        limit("/classes/LimitedI", 2, json!({ "zone": "user" })),
        limit("/classes/LimitedJ{/:id}", 2, json!({ "requestMethods": "^P" })),
        limit("/classes/LimitedK", 2, json!({ "requestMethods": ["GET"] })),
    ])
}

/// Requests that are carried out once.
fn idempotency() -> Value {
    json!({ "paths": ["classes/Idempotent"], "ttl": 300 })
}

async fn ask_all(server: &Server, scenarios: &[Scenario]) -> Result<Vec<Vec<Answer>>> {
    let mut answers = Vec::with_capacity(scenarios.len());
    for scenario in scenarios {
        answers.push(server.ask_scenario(scenario).await?);
    }
    Ok(answers)
}

/// Asks the questions of each scenario in turn of both servers; the even ones of `ours`.
async fn ask_alternating(theirs: &Server, ours: &Server, scenarios: &[Scenario]) -> Result<Vec<Vec<Answer>>> {
    let mut answers = Vec::with_capacity(scenarios.len());
    for scenario in scenarios {
        let mut conversation = ours.conversation(scenario);
        for (index, question) in scenario.questions.iter().enumerate() {
            let server = if scenario.apart || index % 2 == 0 { ours } else { theirs };
            conversation.ask(server, question).await?;
        }
        answers.push(conversation.into_answers());
    }
    Ok(answers)
}
