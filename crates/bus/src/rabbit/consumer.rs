//! Taking jobs off a queue, on a connection that is made anew whenever it is lost.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::{StreamExt as _, future::BoxFuture};
use lapin::{
    Acker, BasicProperties,
    options::{BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions},
    types::{FieldTable, ShortString},
};

use super::{
    Shared,
    link::{Backoff, Link},
    message,
};
use crate::{
    bus::{BusError, Deliveries},
    delivery::{Delivery, Receipt, Retried},
    job::{Job, Queue},
};

/// Longest time for an acknowledgement to be on its way.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// Pause before a job that could not be put aside is delivered again.
const REST: Duration = Duration::from_secs(1);

/// The jobs of one queue.
pub(super) struct Consumer {
    shared: Arc<Shared>,
    queue: Queue,
    prefetch: u16,
    stream: Option<Stream>,
    /// Being opened: kept when nobody waits for it any more, for the next one who does.
    opening: Option<BoxFuture<'static, Stream>>,
}

struct Stream {
    link: Arc<Link>,
    deliveries: lapin::Consumer,
}

struct AckReceipt {
    shared: Arc<Shared>,
    /// Keeps the channel open.
    link: Arc<Link>,
    acker: Acker,
    job: Job,
    answered: bool,
}

impl Consumer {
    pub(super) fn new(shared: Arc<Shared>, queue: Queue, prefetch: u16) -> Self {
        Self { shared, queue, prefetch, stream: None, opening: None }
    }

    async fn stream(&mut self) -> &mut Stream {
        if self.stream.is_none() {
            let opening = || Box::pin(open_in_the_end(Arc::clone(&self.shared), self.queue, self.prefetch));
            let stream = self.opening.get_or_insert_with(|| opening()).await;
            self.opening = None;
            self.stream = Some(stream);
        }
        self.stream.as_mut().expect("it was opened above")
    }
}

#[async_trait]
impl Deliveries for Consumer {
    async fn next(&mut self) -> Delivery {
        loop {
            let stream = self.stream().await;
            match stream.deliveries.next().await {
                Some(Ok(delivery)) => {
                    let link = Arc::clone(&stream.link);
                    let job = message::read(self.queue, &delivery.properties, delivery.data);
                    let (shared, acker) = (Arc::clone(&self.shared), delivery.acker);
                    let receipt = AckReceipt { shared, link, acker, job: job.clone(), answered: false };
                    return Delivery { job, receipt: Box::new(receipt) };
                }
                Some(Err(error)) => {
                    tracing::warn!(queue = self.queue.name(), %error, "no jobs can be taken until RabbitMQ is back");
                    self.stream = None;
                }
                // The queue was removed, or its leader moved.
                None => self.stream = None,
            }
        }
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        let Some(stream) = self.stream.take() else { return };
        in_background(stream.close());
    }
}

impl Stream {
    async fn open(shared: &Shared, queue: Queue, prefetch: u16) -> Result<Self, lapin::Error> {
        let link = Link::open(&shared.address, &format!("taking {}", queue.name())).await?;
        link.declare(&shared.names, &shared.schedule, &[queue]).await?;
        link.channel.basic_qos(prefetch, BasicQosOptions::default()).await?;
        let name = shared.names.jobs(queue);
        let options = BasicConsumeOptions::default();
        let deliveries = link.channel.basic_consume(name, "".into(), options, FieldTable::default()).await?;
        Ok(Self { link: Arc::new(link), deliveries })
    }

    /// Gives back what was not handed out. What was is answered on the channel, which the last receipt closes.
    async fn close(mut self) {
        let cancelled = self.link.channel.basic_cancel(self.deliveries.tag(), BasicCancelOptions::default()).await;
        if cancelled.is_err() {
            return;
        }
        while let Some(Ok(delivery)) = self.deliveries.next().await {
            // Without it, the end of the channel does it.
            drop(delivery.acker.nack(give_back()).await);
        }
    }
}

/// Opens a stream, however long it takes.
async fn open_in_the_end(shared: Arc<Shared>, queue: Queue, prefetch: u16) -> Stream {
    let mut backoff = Backoff::new();
    loop {
        match Stream::open(&shared, queue, prefetch).await {
            Ok(stream) => {
                tracing::info!(queue = queue.name(), "connected to RabbitMQ: jobs are taken");
                return stream;
            }
            Err(error) => {
                tracing::warn!(queue = queue.name(), %error, "RabbitMQ is away: no jobs can be taken");
                backoff.pause().await;
            }
        }
    }
}

fn give_back() -> BasicNackOptions {
    BasicNackOptions { multiple: false, requeue: true }
}

impl AckReceipt {
    async fn acknowledge(mut self: Box<Self>) -> Result<(), BusError> {
        self.answered = true;
        match tokio::time::timeout(ANSWER_LIMIT, self.acker.ack(BasicAckOptions::default())).await {
            Ok(Ok(true)) if self.link.is_up() => Ok(()),
            Ok(Ok(_) | Err(_)) | Err(_) => Err(BusError::Lost),
        }
    }

    /// Publishes the job to another queue. If that fails it is delivered again, but not at once.
    async fn put_aside(&self, job: &Job, to: &ShortString, message: BasicProperties) -> Result<(), BusError> {
        let published = self.shared.publisher.publish(job.queue, to, &job.body, message).await;
        if published.is_err() {
            tokio::time::sleep(REST).await;
        }
        published
    }
}

#[async_trait]
impl Receipt for AckReceipt {
    async fn done(self: Box<Self>) -> Result<(), BusError> {
        self.acknowledge().await
    }

    async fn retry(self: Box<Self>, reason: &str) -> Result<Retried, BusError> {
        let mut job = self.job.clone();
        job.attempts = job.attempts.saturating_add(1);
        let Some(pause) = self.shared.schedule.after(job.attempts) else {
            return self.bury(reason).await.map(|()| Retried::Buried);
        };
        let to = self.shared.names.delay(job.queue, pause.longest);
        let message = message::of_failed(&job, reason, pause.jittered);
        self.put_aside(&job, &to, message).await?;
        self.acknowledge().await.map(|()| Retried::After(pause.jittered))
    }

    async fn bury(self: Box<Self>, reason: &str) -> Result<(), BusError> {
        let mut job = self.job.clone();
        job.attempts = job.attempts.saturating_add(1);
        let to = self.shared.names.dead(job.queue);
        let message = message::of_dead(&job, reason);
        self.put_aside(&job, &to, message).await?;
        self.acknowledge().await
    }
}

impl Drop for AckReceipt {
    fn drop(&mut self) {
        if !self.answered {
            let (acker, link) = (self.acker.clone(), Arc::clone(&self.link));
            in_background(async move {
                // Without it, the end of the channel does it.
                drop(acker.nack(give_back()).await);
                drop(link);
            });
        }
    }
}

/// Finishes something that nobody can wait for, for a while. Without a runtime the connection is at its end anyway.
fn in_background(work: impl Future<Output = ()> + Send + 'static) {
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(tokio::time::timeout(ANSWER_LIMIT, work));
    }
}
