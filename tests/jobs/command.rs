//! `parsefleet jobs`, against both buses.

use std::{path::Path, process::Command, sync::Arc};

use parsefleet_bus::{Bus, Delivery, EmbeddedBus, Queue, RabbitBus, RetrySchedule};
use parsefleet_testkit::servers::{amqp_url, binary};

use crate::support::job;

/// Runs the command; what it printed, or its exit code and what it complained of.
fn jobs(arguments: &[&str], environment: &[(&str, &str)]) -> Result<String, (Option<i32>, String)> {
    let mut command = Command::new(binary().unwrap());
    command.env_clear().arg("jobs").args(arguments).envs(environment.iter().copied());
    command.env("PARSE_SERVER_APPLICATION_ID", "operated").env("PARSE_SERVER_MASTER_KEY", "master");
    let output = command.output().unwrap();
    match output.status.success() {
        true => Ok(String::from_utf8(output.stdout).unwrap()),
        false => Err((output.status.code(), String::from_utf8(output.stderr).unwrap())),
    }
}

/// Makes dead letters, and does with them what an operator does.
async fn operate(bus: Arc<dyn Bus>, environment: &[(&str, &str)]) {
    let mut deliveries = bus.consume(Queue::Mail, 1);
    for id in ["a", "b", "c"] {
        bus.publish(&job(id)).await.unwrap();
        let Delivery { job, receipt } = deliveries.next().await;
        receipt.bury(&format!("no server for {}", job.id)).await.unwrap();
    }
    drop(deliveries);
    let run = |arguments: &str| jobs(&arguments.split_whitespace().collect::<Vec<_>>(), environment);
    let listed = run("list mail").unwrap();
    assert!(listed.contains("3 dead") && listed.contains("no server for b"), "{listed}");
    assert_eq!(run("list mail --json --reason for").unwrap().lines().count(), 3);
    let shown = run("show mail b").unwrap();
    assert!(shown.contains("no server for b") && !shown.contains("body of"), "{shown}");
    assert_eq!(run("show mail nobody").unwrap_err().0, Some(1));
    assert_eq!(run("replay mail b").unwrap(), "replayed: 1\n");
    assert_eq!(run("drop mail a").unwrap(), "dropped: 1\n");
    assert_eq!(run("drop mail").unwrap_err().0, Some(64));
    let listed = run("list mail").unwrap();
    assert!(listed.contains("1 waiting") && listed.contains("1 dead"), "{listed}");
    let replayed = bus.consume(Queue::Mail, 1).next().await;
    assert_eq!(replayed.job.id.as_str(), "b");
    replayed.receipt.done().await.unwrap();
    assert_eq!(run("drop mail --all").unwrap(), "dropped: 1\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operators_see_to_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let bus = Arc::new(EmbeddedBus::new(folder.path(), RetrySchedule::default()));
    operate(bus, &[("PARSEFLEET_DATA_DIR", path(folder.path()))]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operators_see_to_rabbitmq() {
    let url = amqp_url().unwrap();
    let bus = Arc::new(RabbitBus::try_new(&url, "parsefleet.operated", RetrySchedule::default()).unwrap());
    bus.drop_dead_letters(Queue::Mail, &parsefleet_bus::Selection::all()).await.unwrap();
    operate(bus, &[("PARSEFLEET_AMQP_URL", &url)]).await;
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}
