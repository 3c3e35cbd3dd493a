//! Publishing: one connection, supervised, and a confirmation for every message.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::StreamExt as _;
use lapin::{
    BasicProperties, Confirmation,
    options::{BasicPublishOptions, ConfirmSelectOptions},
    types::ShortString,
};
use tokio::sync::{Notify, Semaphore, watch};

use super::{
    link::{Address, Backoff, Link, unavailable},
    topology::Names,
};
use crate::{bus::BusError, job::Queue, schedule::RetrySchedule};

/// Longest time to wait for a confirmation.
const CONFIRM_LIMIT: Duration = Duration::from_secs(10);
/// Longest time to wait for a connection that is being made.
const SESSION_LIMIT: Duration = Duration::from_secs(1);
/// Messages that may wait for their confirmation at the same time.
const IN_FLIGHT: usize = 256;
/// How often the connection is looked at, whether or not it said anything.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Publishes by the current connection.
pub(super) struct Publisher {
    session: watch::Receiver<Option<Arc<Session>>>,
    places: Semaphore,
}

/// A connection on which everything is confirmed.
pub(super) struct Session {
    link: Link,
    /// Told by whoever finds that the connection is of no use.
    broken: Notify,
}

impl Publisher {
    /// A publisher, and what keeps it connected: it has to run.
    pub(super) fn new(
        address: Address,
        names: Names,
        schedule: RetrySchedule,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (sender, session) = watch::channel(None);
        let supervisor = supervise(address, names, schedule, sender);
        (Self { session, places: Semaphore::new(IN_FLIGHT) }, supervisor)
    }

    /// The current connection; a short while may pass until there is one.
    pub(super) async fn session(&self) -> Result<Arc<Session>, BusError> {
        let mut session = self.session.clone();
        let connected = tokio::time::timeout(SESSION_LIMIT, session.wait_for(Option::is_some)).await;
        let session = match connected {
            Ok(Ok(session)) => session.clone(),
            Ok(Err(_)) | Err(_) => None,
        };
        session.ok_or_else(|| BusError::Unavailable("not connected to RabbitMQ".to_owned()))
    }

    /// Publishes a message, and returns when it is confirmed.
    pub(super) async fn publish(
        &self,
        queue: Queue,
        to: &ShortString,
        body: &[u8],
        properties: BasicProperties,
    ) -> Result<(), BusError> {
        // Never closed.
        let _place = self.places.acquire().await;
        let session = self.session().await?;
        let confirmed = tokio::time::timeout(CONFIRM_LIMIT, session.publish(to, body, properties)).await;
        let (error, is_broken) = match confirmed {
            Ok(Ok(Confirmation::Ack(None))) => return Ok(()),
            // It came back: there is no such queue. It is declared with the next connection.
            Ok(Ok(Confirmation::Ack(Some(_)) | Confirmation::Nack(Some(_)))) => (BusError::Unroutable(queue), true),
            Ok(Ok(Confirmation::Nack(None))) => (BusError::Unavailable("RabbitMQ refused a job".to_owned()), false),
            Ok(Ok(Confirmation::NotRequested)) => {
                (BusError::Unavailable("RabbitMQ does not confirm jobs".to_owned()), true)
            }
            Ok(Err(error)) => (unavailable(&error), true),
            Err(_) => (BusError::Unavailable(format!("no confirmation within {CONFIRM_LIMIT:?}")), true),
        };
        if is_broken {
            session.broken.notify_one();
        }
        Err(error)
    }
}

impl Session {
    async fn open(address: &Address, names: &Names, schedule: &RetrySchedule) -> Result<Self, lapin::Error> {
        let link = Link::open(address, "publishing").await?;
        link.declare(names, schedule, &Queue::ALL).await?;
        link.channel.confirm_select(ConfirmSelectOptions::default()).await?;
        Ok(Self { link, broken: Notify::new() })
    }

    async fn publish(
        &self,
        to: &ShortString,
        body: &[u8],
        properties: BasicProperties,
    ) -> Result<Confirmation, lapin::Error> {
        let options = BasicPublishOptions { mandatory: true, immediate: false };
        self.link.channel.basic_publish("".into(), to.clone(), options, body, properties).await?.await
    }

    /// Returns when the connection is of no use any more.
    async fn lost(&self) {
        let mut events = std::pin::pin!(self.link.connection.events_listener());
        while self.link.is_up() {
            tokio::select! {
                () = self.broken.notified() => return,
                _ = events.next() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }
}

/// Keeps a connection for as long as it runs.
async fn supervise(
    address: Address,
    names: Names,
    schedule: RetrySchedule,
    current: watch::Sender<Option<Arc<Session>>>,
) {
    let mut backoff = Backoff::new();
    let mut away_since = None;
    loop {
        match Session::open(&address, &names, &schedule).await {
            Ok(session) => {
                tracing::info!("connected to RabbitMQ: jobs are published");
                let session = Arc::new(session);
                current.send_replace(Some(Arc::clone(&session)));
                let connected = Instant::now();
                session.lost().await;
                current.send_replace(None);
                away_since = Some(Instant::now());
                tracing::warn!("the connection to RabbitMQ is lost: jobs wait until it is back");
                // One that is lost as soon as it is there is no success.
                if connected.elapsed() > LOOK_EVERY {
                    backoff.reset();
                }
            }
            Err(error) => {
                let since: &mut Instant = away_since.get_or_insert_with(Instant::now);
                tracing::warn!(%error, seconds = since.elapsed().as_secs(), "RabbitMQ is away: jobs wait until it is there");
            }
        }
        backoff.pause().await;
    }
}
