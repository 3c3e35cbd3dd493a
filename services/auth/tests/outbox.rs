//! Jobs that belong to writes, kept by the data service.

#![allow(clippy::unwrap_used)] // a panic is how a test fails

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use parsefleet_auth::{AuthService, News};
use parsefleet_bus::{Bus, Deliveries, EmbeddedBus, Job, Queue, RetrySchedule, Witness};
use parsefleet_data::{DataService, Invalidation, Settings, store::SqliteStore};
use parsefleet_proto::v1::{FindRowsRequest, InsertRowRequest, Privilege, RequestContext, rows_client::RowsClient};
use parsefleet_runtime::{
    Shutdown,
    config::{self, Launch},
    rpc::Channel,
};

/// Longer than an entry waits for the sweep.
const LIMIT: Duration = Duration::from_secs(60);

struct Nobody;

#[async_trait]
impl Invalidation for Nobody {
    async fn schema_changed(&self) {}

    async fn roles_changed(&self) {}
}

#[async_trait]
impl News for Nobody {
    async fn sessions_ended(&self, _: &[String]) {}

    async fn user_changed(&self, _: &str) {}

    async fn roles_changed(&self) {}
}

fn context() -> Option<RequestContext> {
    Some(RequestContext { privilege: Privilege::Master.into(), ..RequestContext::default() })
}

fn witness(name: &str) -> Witness {
    Witness { class_name: "_User".to_owned(), condition: format!(r#"{{"username":"{name}"}}"#) }
}

/// Waits until there are so many entries.
async fn entries(rows: &mut RowsClient<Channel>, count: usize) {
    let started = Instant::now();
    loop {
        let class_name = "_Outbox".to_owned();
        let request = FindRowsRequest { context: context(), class_name, ..FindRowsRequest::default() };
        let found = rows.find(request).await.unwrap().into_inner().rows.len();
        if found == count {
            return;
        }
        assert!(started.elapsed() < LIMIT, "there are {found} entries, not {count}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn arrives(deliveries: &mut Box<dyn Deliveries>, job: &Job) {
    let delivery = tokio::time::timeout(LIMIT, deliveries.next()).await.expect("the job arrives");
    assert_eq!((&delivery.job.id, &delivery.job.body), (&job.id, &job.body));
    delivery.receipt.done().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_are_published_for_writes_that_happened() {
    let directory = tempfile::tempdir().unwrap();
    let arguments = ["--appId", "test", "--masterKey", "master"].map(str::to_owned);
    let Launch::Run(startup) = config::load(arguments, []).unwrap() else { panic!("it starts") };
    let config = Arc::new(startup.config);
    let settings = Settings::try_new(&config.app_id, &config.objects, &config.database, None).unwrap();
    let store = SqliteStore::open(directory.path()).unwrap();
    let data = DataService::new(Arc::new(store), settings, Arc::new(Nobody));
    data.prepare_database().await.unwrap();
    let rows = Channel::local(data.clone().into_rows_server());
    let bus = Arc::new(EmbeddedBus::new(directory.path(), RetrySchedule::default()));
    let shutdown = Shutdown::new(Duration::ZERO, Duration::from_secs(10));
    let auth = AuthService::new(config, Channel::local(data.into_server()), rows.clone(), Arc::new(Nobody));
    let auth = auth.publishing(bus.clone(), &shutdown);
    let mut rows = RowsClient::new(rows);
    let mut deliveries = bus.consume(Queue::Mail, 4);

    // Published behind the answer.
    let job = Job::new(Queue::Mail, "of a write that happened");
    auth.intend(job.clone(), witness("ada")).await.unwrap().happened();
    arrives(&mut deliveries, &job).await;

    // Left by a crash: the sweep sees the user of one, and not of the other.
    let row = r#"{"username":"ada"}"#.as_bytes().to_vec().into();
    let user = InsertRowRequest { context: context(), class_name: "_User".to_owned(), row };
    rows.insert(user).await.unwrap();
    let left = Job::new(Queue::Mail, "of a process that crashed");
    drop(auth.intend(left.clone(), witness("ada")).await.unwrap());
    drop(auth.intend(Job::new(Queue::Mail, "of a write that may yet happen"), witness("bob")).await.unwrap());
    arrives(&mut deliveries, &left).await;
    entries(&mut rows, 1).await;

    // Known not to have happened.
    auth.intend(Job::new(Queue::Mail, "of a write that failed"), witness("eve")).await.unwrap().failed();
    entries(&mut rows, 1).await;
    drop(auth);
    shutdown.trigger();
    shutdown.complete().await;
}
