//! What only the embedded store has to show: one process at a time, nothing acknowledged is lost, old files open again.

#![allow(clippy::unwrap_used)] // a panic is how a test fails

use std::{
    collections::HashSet,
    io::{BufRead as _, BufReader, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::Instant,
};

use bson::{RawDocumentBuf, doc};
use parsefleet_core::{
    ClassName, ClassSchema, Date, Query, Value,
    name::FieldPath,
    query::{Column, Condition, Constraint, FieldCondition, QueryAccess, QueryRules},
};
use parsefleet_data::store::{Documents, FindOptions, Index, IndexKind, ObjectStore, StoreError, sqlite::SqliteStore};
use serde_json::json;

/// Directory in which a process of this test program writes until it is killed.
const VICTIM: &str = "PARSEFLEET_TEST_VICTIM_DIRECTORY";

fn class(name: &str) -> ClassSchema {
    ClassSchema::new(ClassName::new(name).unwrap())
}

fn document(id: &str) -> RawDocumentBuf {
    let date = bson::DateTime::from_millis(1_700_000_000_000);
    let text = "Lorem ipsum dolor sit amet, consectetur adipiscing elit. ".repeat(10);
    let document = doc! {
        "_id": id, "playerName": "Sean Plott", "score": 1337, "cheatMode": false, "text": text,
        "_rperm": ["*"], "_wperm": ["*"], "_acl": { "*": { "w": true, "r": true } },
        "_created_at": date, "_updated_at": date,
    };
    RawDocumentBuf::try_from(&document).unwrap()
}

async fn ids(store: &SqliteStore, class: &ClassSchema) -> HashSet<String> {
    let found = store.find(class, &Query::default(), &FindOptions::default()).await.unwrap();
    found.iter().map(|document| document.get_str("_id").unwrap().to_owned()).collect()
}

fn by_id(id: &str) -> Query {
    let condition = FieldCondition {
        path: FieldPath::new("objectId").unwrap(),
        column: Column::ObjectId,
        constraints: vec![Constraint::Equal(Value::String(id.to_owned()))],
    };
    Query { conditions: vec![Condition::Field(condition), Condition::ReadableBy(vec!["user".to_owned()])] }
}

fn index(column: &str) -> Index {
    Index {
        name: format!("{column}_1"),
        keys: vec![(column.to_owned(), IndexKind::Ascending)],
        unique: false,
        sparse: true,
        case_insensitive: false,
        expire_after_seconds: None,
    }
}

#[tokio::test]
async fn one_process_at_a_time_in_a_private_directory() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("deep/data");
    let store = SqliteStore::open(&directory).unwrap();
    assert_eq!(directory.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    match SqliteStore::open(&directory) {
        Err(StoreError::Unavailable(text)) => assert!(text.contains("in use by another process"), "{text}"),
        other => panic!("a second opening should fail, not be {other:?}"),
    }
    drop(store);
    SqliteStore::open(&directory).unwrap();
}

#[tokio::test]
async fn other_files_are_not_touched() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("parsefleet.db"), "certainly not a database, and long enough to be read")
        .unwrap();
    assert!(matches!(SqliteStore::open(directory.path()), Err(StoreError::Failed(_))));
}

#[tokio::test]
async fn everything_is_there_after_reopening() {
    let directory = tempfile::tempdir().unwrap();
    let class = class("Thing");
    {
        let store = SqliteStore::open(directory.path()).unwrap();
        store.create_class(&class).await.unwrap();
        store.ensure_index(&class.name, &Index { unique: true, ..index("playerName") }).await.unwrap();
        store.insert(&class.name, document("a")).await.unwrap();
    }
    let store = SqliteStore::open(directory.path()).unwrap();
    assert_eq!(store.load_schema().await.unwrap(), std::slice::from_ref(&class));
    let found = store.find(&class, &by_id("a"), &FindOptions::default()).await.unwrap();
    assert_eq!(found, Documents::from_iter([document("a")]));
    let again = store.insert(&class.name, document("b")).await;
    assert!(matches!(again, Err(StoreError::Duplicate { field: Some(field) }) if field == "playerName"));
}

#[tokio::test]
async fn what_has_expired_is_gone_after_reopening() {
    let directory = tempfile::tempdir().unwrap();
    let class = class("_Idempotency");
    let put = async |store: &SqliteStore, id: &str, expire: bson::DateTime| {
        let document = RawDocumentBuf::try_from(&doc! { "_id": id, "expire": expire }).unwrap();
        store.insert(&class.name, document).await.unwrap();
    };
    {
        let store = SqliteStore::open(directory.path()).unwrap();
        store.ensure_index(&class.name, &Index { expire_after_seconds: Some(0), ..index("expire") }).await.unwrap();
        put(&store, "old", bson::DateTime::from_millis(1)).await;
        put(&store, "new", bson::DateTime::from_millis(bson::DateTime::now().timestamp_millis() + 60_000)).await;
    }
    let store = SqliteStore::open(directory.path()).unwrap();
    assert_eq!(ids(&store, &class).await, HashSet::from(["new".to_owned()]));
}

#[tokio::test]
async fn text_search_names_mongodb() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path()).unwrap();
    let class = class("Thing");
    store.insert(&class.name, document("a")).await.unwrap();
    let filter = json!({ "text": { "$text": { "$search": { "$term": "lorem" } } } });
    let query = Query::parse(&filter, &class, &QueryRules::new(QueryAccess::Client, Date(0))).unwrap();
    match store.find(&class, &query, &FindOptions::default()).await {
        Err(StoreError::Unsupported(text)) => assert!(text.contains("needs MongoDB"), "{text}"),
        other => panic!("a text search should be refused, not be {other:?}"),
    }
}

#[tokio::test]
async fn whatever_was_acknowledged_survives_a_kill() {
    let directory = tempfile::tempdir().unwrap();
    for round in 0..3 {
        let acknowledged = acknowledged_before_a_kill(directory.path(), 200);
        let store = SqliteStore::open(directory.path()).unwrap();
        let present = ids(&store, &class("Thing")).await;
        let lost: Vec<&String> = acknowledged.iter().filter(|id| !present.contains(*id)).collect();
        assert!(acknowledged.len() >= 200 && lost.is_empty(), "round {round}: {lost:?} of {}", acknowledged.len());
    }
}

/// Starts a writer, kills it once it has told of so many writes, and returns all it has told of.
fn acknowledged_before_a_kill(directory: &Path, enough: usize) -> Vec<String> {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "victim", "--ignored", "--nocapture"]).env(VICTIM, directory);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut told = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap_or_default();
        told.extend(line.strip_prefix("acknowledged ").map(str::to_owned));
        if told.len() == enough {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    // The kill may have cut the last line short.
    told.retain(|id| id.len() == 16);
    told
}

/// Not a test: the process that is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "started by another test"]
async fn victim() {
    let Some(directory) = std::env::var_os(VICTIM) else { return };
    let store = Arc::new(SqliteStore::open(Path::new(&directory)).unwrap());
    let writers = (0..16).map(|_| {
        let store = store.clone();
        tokio::spawn(async move {
            loop {
                let id = format!("{:016x}", rand::random::<u64>());
                store.insert(&class("Thing").name, document(&id)).await.unwrap();
                writeln!(std::io::stdout(), "acknowledged {id}").unwrap();
            }
        })
    });
    futures_util::future::join_all(writers).await;
}

/// Microseconds of processor time this process has used. On a shared machine they tell more than rates do.
fn processor_time() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let ticks = stat.split_whitespace().skip(13).take(2).map(|ticks| ticks.parse::<f64>().unwrap()).sum::<f64>();
    ticks * 10_000.0
}

/// Run by hand, optimised: `cargo test --release --test sqlite_store -- --ignored --nocapture measure`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn measure() {
    let directory =
        tempfile::tempdir_in(std::env::var_os("PARSEFLEET_MEASURE_IN").unwrap_or("/var/tmp".into())).unwrap();
    let start = Instant::now();
    let store = Arc::new(SqliteStore::open(directory.path()).unwrap());
    let class = Arc::new(class("GameScore"));
    store.find(&class, &by_id("none"), &FindOptions::default()).await.unwrap();
    let mut out = std::io::stdout();
    writeln!(out, "open and first read: {:?}", start.elapsed()).unwrap();

    const WRITERS: usize = 64;
    const EACH: usize = 1_000;
    let ids: Arc<Vec<String>> =
        Arc::new((0..WRITERS * EACH).map(|_| format!("{:010x}", rand::random::<u64>() >> 24)).collect());
    let (start, before) = (Instant::now(), processor_time());
    let work = (0..WRITERS).map(|writer| {
        let (store, class, ids) = (store.clone(), class.clone(), ids.clone());
        tokio::spawn(async move {
            for id in &ids[writer * EACH..(writer + 1) * EACH] {
                store.insert(&class.name, document(id)).await.unwrap();
            }
        })
    });
    futures_util::future::join_all(work).await;
    let rate = (WRITERS * EACH) as f64 / start.elapsed().as_secs_f64();
    let each = (processor_time() - before) / (WRITERS * EACH) as f64;
    writeln!(out, "creates: {rate:.0}/s, {each:.1} us of processor each").unwrap();

    let (start, before) = (Instant::now(), processor_time());
    let work = (0..WRITERS).map(|reader| {
        let (store, class, ids) = (store.clone(), class.clone(), ids.clone());
        tokio::spawn(async move {
            for step in 0..EACH * 2 {
                let id = &ids[(step * 7_919 + reader * 104_729) % ids.len()];
                let found = store.find(&class, &by_id(id), &FindOptions::default()).await.unwrap();
                assert_eq!(found.len(), 1);
            }
        })
    });
    futures_util::future::join_all(work).await;
    let rate = (WRITERS * EACH * 2) as f64 / start.elapsed().as_secs_f64();
    let each = (processor_time() - before) / (WRITERS * EACH * 2) as f64;
    writeln!(out, "gets: {rate:.0}/s, {each:.1} us of processor each").unwrap();

    let rules = QueryRules::new(QueryAccess::Client, Date(0));
    for (name, filter) in [("scan", json!({ "score": { "$gt": 1337 } })), ("first 100", json!({ "score": 1337 }))] {
        let query = Query::parse(&filter, &class, &rules).unwrap();
        let start = Instant::now();
        let options = FindOptions { limit: Some(100), ..FindOptions::default() };
        let found = store.find(&class, &query, &options).await.unwrap();
        writeln!(out, "{name}: {} found in {:?}", found.len(), start.elapsed()).unwrap();
    }
}
