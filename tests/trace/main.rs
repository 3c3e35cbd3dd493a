//! One request is one trace: from the client's span over those of gateway, auth and data to the commands of MongoDB.

mod collector;

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use bson::{DateTime, Document, doc};
use mongodb::Client;
use parsefleet_testkit::servers::{APP_ID, Fleet, FleetPlan, MASTER_KEY, ask, mongodb_uri, told_secrets};

use crate::collector::{Collector, Span};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CLIENT: &str = "b7ad6b7169203331";
const OTHER_CLIENT: &str = "c7ad6b7169203332";
const WORD: &str = "unspoken-word";
const UNKNOWN_TOKEN: &str = "r:0fb0d7000000000000000000000c0de0";
const TOKEN: &str = "r:5ec2e70000000000000000000000c0de";
const SERVER: i32 = 2;
const CALL: i32 = 3;
const INSIDE: i32 = 1;

#[tokio::test(flavor = "multi_thread")]
async fn one_request_is_one_trace_through_the_fleet() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (collector, endpoint) = Collector::start().await?;
    let uri = mongodb_uri(&format!("trace_{}", rand::random::<u32>()))?;
    let mut plan = FleetPlan::new(uri.clone(), None);
    (plan.gateways, plan.datas) = (1, 1);
    plan.common = plan.common.variable("PARSEFLEET_OTLP_ENDPOINT", endpoint).variable("OTEL_BSP_SCHEDULE_DELAY", "100");
    let fleet = Fleet::start(folder.path(), &plan).await?;
    insert_session(&uri).await?;

    let url = &fleet.gateways[0].url;
    let http = reqwest::Client::new();
    let create = http.post(format!("{url}/classes/Traced")).header("X-Parse-Application-Id", APP_ID);
    ask(create.header("X-Parse-Master-Key", MASTER_KEY).body("{}")).await?.successful()?;
    let find = http.get(format!("{url}/classes/Traced?where={{\"secret\":\"{WORD}\"}}"));
    let find = find.header("X-Parse-Application-Id", APP_ID).header("X-Parse-Session-Token", TOKEN);
    ask(find.header("traceparent", format!("00-{TRACE}-{CLIENT}-01"))).await?.successful()?;

    // What is asked with the key and what fails is in the same trace, so that it is searched for secrets, too.
    let other = |query: &str| {
        let find = http.get(format!("{url}/classes/Traced?where={query}")).header("X-Parse-Application-Id", APP_ID);
        find.header("traceparent", format!("00-{TRACE}-{OTHER_CLIENT}-01"))
    };
    let plain = format!("{{\"secret\":\"{WORD}\"}}");
    ask(other(&plain).header("X-Parse-Master-Key", MASTER_KEY)).await?.successful()?;
    let wrong = format!("{{\"secret\":{{\"$nope\":\"{WORD}\"}}}}");
    let failing = [
        other(&wrong).header("X-Parse-Master-Key", MASTER_KEY),
        other(&plain).header("X-Parse-Session-Token", UNKNOWN_TOKEN),
    ];
    for request in failing {
        assert_eq!(ask(request).await?.status, 400);
    }

    let spans = complete(&collector).await?;
    let request = only_child(&spans, CLIENT, "parsefleet-gateway", "GET /classes/:class", SERVER)?;
    // Who the token belongs to: gateway, auth, data, MongoDB.
    let resolve = only_child(&spans, &request.id, "parsefleet-gateway", "/parsefleet.v1.Auth/Resolve", CALL)?;
    let resolve = only_child(&spans, &resolve.id, "parsefleet-auth", "/parsefleet.v1.Auth/Resolve", SERVER)?;
    let resolve = only_child(&spans, &resolve.id, "parsefleet-auth", "auth.resolve", INSIDE)?;
    let mut read = Vec::new();
    for call in children(&spans, &resolve.id) {
        // Sessions are read as rows, what they lead to as objects.
        let is_read = ["/parsefleet.v1.Rows/Find", "/parsefleet.v1.Data/Find"].contains(&call.name.as_str());
        assert!(is_read && call.kind == CALL, "{call:?}");
        read.extend(commands(&spans, call)?);
    }

    for collection in ["_Session", "_User", "_Join:users:_Role"] {
        assert!(read.contains(&("find".to_owned(), collection.to_owned())), "{read:?}");
    }
    // The objects: gateway, data, MongoDB.
    let find = only_child(&spans, &request.id, "parsefleet-gateway", "/parsefleet.v1.Data/Find", CALL)?;
    assert!(commands(&spans, find)?.contains(&("find".to_owned(), "Traced".to_owned())));

    // Every span has its parent, and none tells what is nobody's business.
    for span in &spans {
        let is_first = [CLIENT, OTHER_CLIENT].contains(&span.parent.as_str());
        assert!(is_first || spans.iter().any(|other| other.id == span.parent), "{span:?}");
    }
    let requests = spans.iter().filter(|span| span.parent == OTHER_CLIENT).count();
    assert_eq!(requests, 3, "those with the key and those that fail are here");
    for span in &spans {
        assert_eq!(told_secrets(&span.all), Vec::<String>::new());
        for secret in [TOKEN, UNKNOWN_TOKEN, MASTER_KEY, WORD] {
            assert!(!span.all.contains(secret), "{secret} is in {}", span.all);
        }
    }
    Client::with_uri_str(&uri).await?.default_database().context("a database")?.drop().await?;
    Ok(())
}

/// The spans of the trace, once none has come for a while after the first one did.
async fn complete(collector: &Collector) -> Result<Vec<Span>> {
    let start = Instant::now();
    let mut seen = 0;
    while start.elapsed() < Duration::from_secs(30) {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let spans = collector.trace(TRACE);
        if seen > 0 && spans.len() == seen && spans.iter().any(|span| span.parent == CLIENT) {
            return Ok(spans);
        }
        seen = spans.len();
    }
    bail!("the trace was not complete after 30 s: {:#?}", collector.trace(TRACE))
}

fn children<'s>(spans: &'s [Span], parent: &str) -> Vec<&'s Span> {
    spans.iter().filter(|span| span.parent == parent).collect()
}

/// The one child of this name and kind.
fn only_child<'s>(spans: &'s [Span], parent: &str, service: &str, name: &str, kind: i32) -> Result<&'s Span> {
    let wanted = |span: &&&Span| (span.service.as_str(), span.name.as_str(), span.kind) == (service, name, kind);
    let children = children(spans, parent);
    match children.iter().filter(wanted).collect::<Vec<_>>()[..] {
        [child] => Ok(child),
        _ => bail!("{parent} has not one child {service} {name} {kind}: {children:#?}"),
    }
}

/// The commands of MongoDB that a call of data leads to: names and collections. The schema may be read along the way.
fn commands(spans: &[Span], call: &Span) -> Result<Vec<(String, String)>> {
    let served = only_child(spans, &call.id, "parsefleet-data", &call.name, SERVER)?;
    let data = only_child(spans, &served.id, "parsefleet-data", "data", INSIDE)?;
    let mut commands = Vec::new();
    for command in children(spans, &data.id) {
        assert_eq!((command.name.as_str(), command.kind), ("mongodb", CALL));
        let attribute = |name: &str| {
            let found = command.attributes.iter().find(|(key, _)| key == name);
            found.map(|(_, value)| value.clone()).with_context(|| format!("no {name} in {command:?}"))
        };
        assert_eq!(attribute("db.system")?, "mongodb");
        commands.push((attribute("db.operation.name")?, attribute("db.collection.name")?));
    }
    Ok(commands)
}

/// A user with a session, as Parse Server stores them.
async fn insert_session(uri: &str) -> Result<()> {
    let database = Client::with_uri_str(uri).await?.default_database().context("the URI names a database")?;
    let now = DateTime::now();
    let later = DateTime::from_millis(now.timestamp_millis() + 3_600_000);
    let user = doc! { "_id": "traceUser1", "username": "trace", "_created_at": now, "_updated_at": now };
    let session = doc! {
        "_id": "traceSess1", "_session_token": TOKEN, "_p_user": "_User$traceUser1", "expiresAt": later,
        "_created_at": now, "_updated_at": now,
    };
    database.collection::<Document>("_User").insert_one(user).await?;
    database.collection::<Document>("_Session").insert_one(session).await?;
    Ok(())
}
