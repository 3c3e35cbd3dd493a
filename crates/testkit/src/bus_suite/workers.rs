//! The loop of a consumer.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use parsefleet_bus::{Bus, Handler, Job, Queue, Selection, Verdict, WorkOptions, work};
use tokio::sync::Notify;

use super::{eventually, job, publish};

/// Does what the id of a job says, and notes how often it had it.
#[derive(Default)]
struct Obedient {
    seen: Mutex<BTreeMap<String, u32>>,
    finished: Mutex<Vec<String>>,
}

#[async_trait]
impl Handler for Obedient {
    async fn handle(&self, job: &Job) -> Verdict {
        let id = job.id.as_str();
        *self.seen.lock().unwrap().entry(id.to_owned()).or_default() += 1;
        match id.split(':').next().unwrap_or_default() {
            "once" if job.attempts == 0 => return Verdict::Retry("not the first time".to_owned()),
            "never" => return Verdict::Bury("never".to_owned()),
            "panic" => panic!("as the job asks for"),
            "slow" => tokio::time::sleep(Duration::from_secs(3_600)).await,
            "a-while" => tokio::time::sleep(Duration::from_millis(700)).await,
            _ => {}
        }
        self.finished.lock().unwrap().push(id.to_owned());
        Verdict::Done
    }
}

impl Obedient {
    fn seen(&self, id: &str) -> u32 {
        self.seen.lock().unwrap().get(id).copied().unwrap_or_default()
    }

    fn finished(&self) -> usize {
        self.finished.lock().unwrap().len()
    }
}

/// Runs a worker while the test runs.
async fn working(bus: &Arc<dyn Bus>, test: impl AsyncFnOnce(&Obedient)) {
    let handler = Arc::new(Obedient::default());
    let options = WorkOptions { concurrency: 8, time_limit: Duration::from_millis(900) };
    let stop = Notify::new();
    let worker = work(Arc::clone(bus), Queue::Mail, options, handler.clone(), stop.notified());
    let test = async {
        test(&handler).await;
        stop.notify_one();
    };
    tokio::join!(worker, test);
}

async fn dead(bus: &Arc<dyn Bus>) -> Vec<(String, String)> {
    let dead = bus.dead_letters(Queue::Mail, &Selection::all()).await.unwrap();
    dead.into_iter().map(|dead| (dead.job.id.to_string(), dead.reason)).collect()
}

pub async fn every_job_is_handled(bus: Arc<dyn Bus>) {
    working(&bus, async |handler| {
        for index in 0..200 {
            bus.publish(&job(&format!("do:{index}"))).await.unwrap();
        }
        eventually("all jobs are done", async || handler.finished() == 200).await;
    })
    .await;
    assert_eq!(bus.backlog(Queue::Mail).await.unwrap().waiting, 0);
}

pub async fn a_verdict_decides(bus: Arc<dyn Bus>) {
    working(&bus, async |handler| {
        publish(&bus, &["once", "never"]).await;
        eventually("it is tried again", async || handler.seen("once") == 2).await;
        eventually("it is buried", async || !dead(&bus).await.is_empty()).await;
        assert_eq!(handler.seen("never"), 1);
    })
    .await;
    assert_eq!(dead(&bus).await, [("never".to_owned(), "never".to_owned())]);
}

pub async fn a_panic_is_a_failure(bus: Arc<dyn Bus>) {
    working(&bus, async |handler| {
        publish(&bus, &["panic"]).await;
        eventually("it is buried", async || !dead(&bus).await.is_empty()).await;
        assert_eq!(handler.seen("panic"), 3);
        publish(&bus, &["do"]).await;
        eventually("others are done", async || handler.finished() == 1).await;
    })
    .await;
}

pub async fn time_is_limited(bus: Arc<dyn Bus>) {
    working(&bus, async |handler| {
        publish(&bus, &["slow"]).await;
        eventually("it is tried again", async || handler.seen("slow") >= 2).await;
    })
    .await;
    assert_eq!(bus.dead_letters(Queue::Mail, &Selection::all()).await.unwrap().len(), 0);
}

pub async fn a_stop_waits_for_what_was_begun(bus: Arc<dyn Bus>) {
    let mut finished = 0;
    working(&bus, async |handler| {
        publish(&bus, &["a-while"]).await;
        eventually("it is begun", async || handler.seen("a-while") == 1).await;
        finished = handler.finished();
    })
    .await;
    assert_eq!(finished, 0);
    eventually("it is gone", async || bus.backlog(Queue::Mail).await.unwrap() == parsefleet_bus::Backlog::default())
        .await;
}
