//! A process is killed that publishes or works: this test, started again as a child.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::Write as _,
    path::Path,
    process::Command,
    sync::Arc,
    time::Duration,
};

use parsefleet_bus::{Bus, EmbeddedBus, Queue, RabbitBus};
use parsefleet_testkit::servers::{Process, amqp_url};

use crate::support::{counting, eventually, job, schedule};

/// Jobs of each test.
const JOBS: usize = 300;
const ROLE: &str = "PARSEFLEET_TEST_JOBS_ROLE";
const PLACE: &str = "PARSEFLEET_TEST_JOBS_PLACE";
const NOTES: &str = "PARSEFLEET_TEST_JOBS_NOTES";

/// A bus in a folder, or behind a prefix.
fn bus(place: &str) -> Arc<dyn Bus> {
    match place.strip_prefix("amqp:") {
        Some(prefix) => Arc::new(RabbitBus::try_new(&amqp_url().unwrap(), prefix, schedule()).unwrap()),
        None => Arc::new(EmbeddedBus::new(Path::new(place), schedule())),
    }
}

/// Not a test: what the child does, until it is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the child of other tests"]
async fn child() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let bus = bus(&std::env::var(PLACE).unwrap());
    let mut notes = File::options().create(true).append(true).open(std::env::var(NOTES).unwrap()).unwrap();
    if role == "publish" {
        for index in 0.. {
            bus.publish(&job(&format!("{index}"))).await.unwrap();
            writeln!(notes, "{index}").unwrap();
        }
    }
    let mut deliveries = bus.consume(Queue::Mail, 8);
    loop {
        let delivery = deliveries.next().await;
        // The effect, and a while until it is acknowledged.
        writeln!(notes, "{}", delivery.job.id).unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
        delivery.receipt.done().await.unwrap();
    }
}

fn start_child(role: &str, place: &str, notes: &Path) -> Process {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--ignored", "--exact", "kill::child", "--nocapture"]);
    command.env(ROLE, role).env(PLACE, place).env(NOTES, notes);
    Process::start(command, &notes.with_extension("log")).unwrap()
}

/// What the child has done so far; a line that was cut off does not count.
fn noted(notes: &Path) -> Vec<String> {
    let text = fs::read_to_string(notes).unwrap_or_default();
    let complete = text.rsplit_once('\n').map_or("", |(complete, _)| complete);
    complete.lines().map(str::to_owned).collect()
}

async fn a_killed_publisher_loses_nothing(place: &str, folder: &Path) {
    let notes = folder.join("published");
    let mut child = start_child("publish", place, &notes);
    eventually("jobs are published", || noted(&notes).len() >= JOBS).await;
    child.kill().unwrap();
    let published = noted(&notes);
    let bus = bus(place);
    counting(&bus, async |consumer| {
        eventually("all that was published arrives", || published.iter().all(|id| consumer.has(id))).await;
        // One more may be safe, and the child had no time to say so.
        assert!(consumer.jobs() <= published.len() + 1);
    })
    .await;
}

async fn a_killed_consumer_loses_nothing(place: &str, folder: &Path) {
    let bus = bus(place);
    for index in 0..JOBS {
        bus.publish(&job(&format!("{index}"))).await.unwrap();
    }
    let notes = folder.join("taken");
    let mut child = start_child("consume", place, &notes);
    eventually("jobs are taken", || noted(&notes).len() >= JOBS / 10).await;
    child.kill().unwrap();
    let taken: BTreeSet<String> = noted(&notes).into_iter().collect();
    assert!(taken.len() < JOBS, "the child was killed in the middle");
    counting(&bus, async |consumer| {
        let all_done = || (0..JOBS).all(|index| taken.contains(&index.to_string()) || consumer.has(&index.to_string()));
        eventually("what the child did not do is done", all_done).await;
        let twice = taken.iter().filter(|id| consumer.has(id)).count();
        eprintln!("{} taken by the child, {twice} of them delivered again", taken.len());
        assert!(twice <= 8, "only what was not acknowledged comes again: {twice}");
    })
    .await;
}

fn prefix() -> String {
    format!("amqp:kill.{:016x}", rand::random::<u64>())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_embedded_publisher_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    a_killed_publisher_loses_nothing(folder.path().to_str().unwrap(), folder.path()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_embedded_consumer_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    a_killed_consumer_loses_nothing(folder.path().to_str().unwrap(), folder.path()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publisher_of_rabbitmq_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    a_killed_publisher_loses_nothing(&prefix(), folder.path()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_of_rabbitmq_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    a_killed_consumer_loses_nothing(&prefix(), folder.path()).await;
}
