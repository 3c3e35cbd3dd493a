//! Hooks: the servers tell one receiver of what happens to objects, and what it hears is part of their answers.
//!
//! `PARITY_SHOW=1` only prints what Parse Server answers and tells.

use anyhow::Result;
use parsefleet_testkit::servers::{
    Fleet, FleetPlan, ParseServer, Parsefleet, Settings, WebhookCall, WebhookReceiver, mongodb_uri, plant_secret,
    redis_url,
};
use serde_json::{Map, Value, json};

use crate::{
    ask::{Answer, Server},
    compare::Findings,
    question::{Scenario, load_scenarios},
};

/// What the receiver knows the servers by.
const WEBHOOK_KEY: &str = "webhook-key-that-nobody-says";

/// Headers of the client's request that have to be told as they are. What else is told depends on who asks, and from ours
/// secrets are left out.
const TOLD_HEADERS: [&str; 3] = ["x-parse-application-id", "x-parse-installation-id", "x-probe"];

/// Whether a file's questions are about hooks. Those about users register hooks that every other question would meet.
pub(crate) fn is_about_hooks(file: &str) -> bool {
    file.starts_with("hooks_")
}

/// Asks Parse Server, Parsefleet alone on MongoDB and on its embedded store, and a fleet.
pub(crate) async fn compare_hooks() -> Result<()> {
    let scenarios = load_scenarios(is_about_hooks)?;
    if scenarios.is_empty() {
        return Ok(());
    }
    plant_secret(WEBHOOK_KEY);
    let folder = tempfile::tempdir()?;
    let receiver = WebhookReceiver::start().await?;
    let run = rand::random::<u32>();
    let database = |name: &str| mongodb_uri(&format!("parity_{run}_hooks_{name}"));

    let reference_uri = database("reference")?;
    let reference = ParseServer::start(folder.path(), &reference_uri, &options()).await?;
    let reference = Server::new("Parse Server", &reference.url.clone(), Some(&reference_uri), reference).await?;
    let expected = ask_all(&reference, &scenarios, &receiver).await?;
    if std::env::var_os("PARITY_SHOW").is_some() {
        show(&scenarios, &expected);
        return reference.drop_database().await;
    }
    let mut findings = Findings::default();

    let alone_uri = database("alone")?;
    let alone = Parsefleet::start(folder.path(), ours().option("databaseURI", alone_uri.clone())).await?;
    let alone = Server::new("alone on MongoDB", &alone.url.clone(), Some(&alone_uri), alone).await?;
    findings.compare(&alone, &scenarios, &expected, &ask_all(&alone, &scenarios, &receiver).await?);

    let embedded = Parsefleet::start(folder.path(), ours()).await?;
    let embedded = Server::new("alone, embedded store", &embedded.url.clone(), None, embedded).await?;
    findings.compare(&embedded, &scenarios, &expected, &ask_all(&embedded, &scenarios, &receiver).await?);

    let fleet_uri = database("fleet")?;
    let plan = FleetPlan { common: ours(), ..FleetPlan::new(fleet_uri.clone(), Some(redis_url()?)) };
    let fleet = Fleet::start(folder.path(), &plan).await?;
    let fleet = Server::new("fleet", &fleet.gateways[1].url.clone(), Some(&fleet_uri), fleet).await?;
    findings.compare(&fleet, &scenarios, &expected, &ask_all(&fleet, &scenarios, &receiver).await?);

    for server in [&reference, &alone, &fleet] {
        server.drop_database().await?;
    }
    findings.into_result(scenarios.iter().map(|scenario| scenario.questions.len()).sum())
}

/// Prints what Parse Server answered and told, for those who write questions.
fn show(scenarios: &[Scenario], answers: &[Vec<Answer>]) {
    for (scenario, answers) in scenarios.iter().zip(answers) {
        eprintln!("\n# {} / {}", scenario.file, scenario.name);
        for (number, (question, answer)) in scenario.questions.iter().zip(answers).enumerate() {
            eprintln!("\n{}. {}\n   {} {}", number + 1, question.line, answer.status, answer.body);
            for call in answer.heard.iter().filter_map(Value::as_array).flatten() {
                eprintln!("   > {call}");
            }
        }
    }
}

/// What the servers are configured with. Sessions are looked up once, so that it is known when.
fn options() -> Value {
    json!({ "webhookKey": WEBHOOK_KEY, "cacheTTL": 600_000 })
}

fn ours() -> Settings {
    let mut settings = Settings::default().option("allowClientClassCreation", true);
    settings.options.extend(options().as_object().cloned().unwrap_or_default());
    settings
}

async fn ask_all(server: &Server, scenarios: &[Scenario], receiver: &WebhookReceiver) -> Result<Vec<Vec<Answer>>> {
    let mut answers = Vec::with_capacity(scenarios.len());
    for scenario in scenarios {
        receiver.forget_answers();
        receiver.take_calls();
        answers.push(server.ask_heard_scenario(scenario, receiver).await?);
    }
    Ok(answers)
}

/// Calls as they are compared.
pub(crate) fn described(calls: Vec<WebhookCall>) -> Value {
    calls.into_iter().map(describe).collect()
}

fn describe(call: WebhookCall) -> Value {
    let mut body = call.body;
    if let Value::Object(members) = &mut body {
        // The logger of Parse Server, which is not part of what happened.
        members.shift_remove("log");
        if let Some(Value::Object(headers)) = members.get_mut("headers") {
            headers.retain(|name, _| TOLD_HEADERS.contains(&name.as_str()));
        }
        if let Some(Value::String(address)) = members.get_mut("ip") {
            // How an address of the fourth version looks to a socket of the sixth.
            *address = address.trim_start_matches("::ffff:").to_owned();
        }
    }
    json!({ "hook": call.name, "key": call.key, "type": call.content_type, "body": body })
}

/// Brings everything into an order that chance has no part in. What a hook could have changed, Parse Server takes out of the
/// objects of its SDK: they come in an order of their own, from which nobody learns anything.
pub(crate) fn order(answer: &mut Answer) {
    answer.body = ordered(answer.body.take());
    for part in [&mut answer.stored, &mut answer.heard] {
        *part = part.take().map(ordered);
    }
}

/// Members in the order of their names; and so are objects that were looked up together by their ids, which are made up.
pub(crate) fn ordered(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.into_iter().map(|(name, member)| (name, ordered(member))).collect();
            members.sort_by(|(one, _), (other, _)| one.cmp(other));
            let mut members: Map<String, Value> = members.into_iter().collect();
            let by_ids = members.get("query").is_some_and(|query| query.pointer("/where/objectId/$in").is_some());
            for list in ["$in", "objects"] {
                if let Some(Value::Array(values)) = members.get_mut(list).filter(|_| by_ids || list == "$in") {
                    values.sort_by_key(Value::to_string);
                }
            }
            Value::Object(members)
        }
        Value::Array(elements) => elements.into_iter().map(ordered).collect(),
        other => other,
    }
}

/// What was heard without the places that a question leaves out: paths with `*` for any element or member.
pub(crate) fn without(heard: &Value, places: &[String]) -> Value {
    let mut heard = heard.clone();
    for place in places {
        let parts: Vec<&str> = place.split('/').filter(|part| !part.is_empty()).collect();
        remove(&mut heard, &parts);
    }
    heard
}

fn remove(value: &mut Value, place: &[&str]) {
    match (value, place) {
        (Value::Object(members), ["*", rest @ ..]) => members.values_mut().for_each(|member| remove(member, rest)),
        (Value::Array(elements), ["*"]) => elements.clear(),
        (Value::Array(elements), ["*", rest @ ..]) => elements.iter_mut().for_each(|element| remove(element, rest)),
        (Value::Object(members), [last]) => {
            members.shift_remove(*last);
        }
        (Value::Object(members), [first, rest @ ..]) => {
            if let Some(member) = members.get_mut(*first) {
                remove(member, rest);
            }
        }
        (Value::Array(elements), [first, rest @ ..]) => {
            let index = first.parse().ok();
            match (index, rest) {
                (Some(index), []) if index < elements.len() => drop(elements.remove(index)),
                (Some(index), rest) => {
                    if let Some(element) = elements.get_mut::<usize>(index) {
                        remove(element, rest);
                    }
                }
                (None, _) => {}
            }
        }
        _ => {}
    }
}

/// Names the receiver in a text of a question.
pub(crate) fn fill_in(text: &str, receiver: Option<&WebhookReceiver>) -> String {
    match receiver {
        Some(receiver) => text.replace("${hooks}", &receiver.url),
        None => text.to_owned(),
    }
}
