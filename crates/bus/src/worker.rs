//! The loop of a consumer: takes jobs, has them handled, answers them.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::FutureExt as _;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
};
use tracing::Instrument as _;

use crate::{
    bus::{Bus, BusError},
    delivery::{Delivery, Retried, short},
    job::{Job, Queue},
    telemetry::{self, Happening, InFlight},
};

/// What brings about the effect of jobs.
#[async_trait]
pub trait Handler: Send + Sync + 'static {
    /// Does the job. The same job may come again, and at the same time elsewhere: its id tells.
    async fn handle(&self, job: &Job) -> Verdict;
}

/// How it went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The effect is there.
    Done,
    /// Not now; the reason is for operators, and holds no secret.
    Retry(String),
    /// Never; the reason is for operators, and holds no secret.
    Bury(String),
}

/// How jobs are worked on.
#[derive(Clone, Copy, Debug)]
pub struct WorkOptions {
    /// Jobs at the same time.
    pub concurrency: u16,
    /// Longest time one may take; then it has failed.
    pub time_limit: Duration,
}

impl Default for WorkOptions {
    fn default() -> Self {
        Self { concurrency: 16, time_limit: Duration::from_secs(120) }
    }
}

/// Works on the jobs of a queue until `stop` is ready and those that were begun are answered.
pub async fn work(
    bus: Arc<dyn Bus>,
    queue: Queue,
    options: WorkOptions,
    handler: Arc<dyn Handler>,
    stop: impl Future<Output = ()> + Send,
) {
    let concurrency = options.concurrency.max(1);
    let places = Arc::new(Semaphore::new(usize::from(concurrency)));
    let mut deliveries = bus.consume(queue, concurrency);
    let mut running = JoinSet::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, deliveries.next().await)
        };
        let (place, delivery) = tokio::select! {
            () = &mut stop => break,
            (Ok(place), delivery) = next => (place, delivery),
            else => break,
        };
        while running.try_join_next().is_some() {}
        running.spawn(attend(delivery, Arc::clone(&handler), options.time_limit, place));
    }
    drop(deliveries);
    while running.join_next().await.is_some() {}
}

async fn attend(delivery: Delivery, handler: Arc<dyn Handler>, limit: Duration, _place: OwnedSemaphorePermit) {
    let span = telemetry::processing(&delivery.job);
    attend_in_span(delivery, handler, limit).instrument(span).await;
}

async fn attend_in_span(delivery: Delivery, handler: Arc<dyn Handler>, limit: Duration) {
    let Delivery { job, receipt } = delivery;
    let in_flight = InFlight::new(job.queue);
    let handled = AssertUnwindSafe(tokio::time::timeout(limit, handler.handle(&job))).catch_unwind();
    let verdict = match handled.await {
        Ok(Ok(verdict)) => verdict,
        Ok(Err(_)) => Verdict::Retry(format!("not finished within {limit:?}")),
        Err(_) => Verdict::Retry("panicked; the log says where".to_owned()),
    };
    let answered = match &verdict {
        Verdict::Done => receipt.done().await.map(|()| Happening::Done),
        Verdict::Retry(reason) => receipt.retry(reason).await.map(|retried| match retried {
            Retried::After(_) => Happening::Retried,
            Retried::Buried => Happening::Dead,
        }),
        Verdict::Bury(reason) => receipt.bury(reason).await.map(|()| Happening::Dead),
    };
    conclude(&job, &verdict, answered, &in_flight);
}

/// Tells the log, the metrics and the trace.
fn conclude(job: &Job, verdict: &Verdict, answered: Result<Happening, BusError>, in_flight: &InFlight) {
    let (queue, id, attempts) = (job.queue.name(), job.id.as_str(), job.attempts + 1);
    let milliseconds = in_flight.elapsed().as_millis();
    let reason = match verdict {
        Verdict::Done => String::new(),
        Verdict::Retry(reason) | Verdict::Bury(reason) => short(reason),
    };
    let span = tracing::Span::current();
    let happening = match answered {
        Ok(happening) => happening,
        Err(error) => {
            tracing::warn!(queue, job = id, %error, "a job could not be answered and is delivered again");
            Happening::Lost
        }
    };
    match happening {
        Happening::Dead => {
            span.record("otel.status_code", "ERROR");
            tracing::error!(queue, job = id, attempts, reason, "a job failed for good: it is a dead letter now");
        }
        Happening::Retried => {
            span.record("otel.status_code", "ERROR");
            tracing::warn!(queue, job = id, attempts, reason, "a job failed and is tried again");
        }
        Happening::Done | Happening::Lost | Happening::Published | Happening::Unpublished => {
            tracing::debug!(queue, job = id, attempts, milliseconds, "a job was worked on");
        }
    }
    telemetry::count(job.queue, happening);
}
