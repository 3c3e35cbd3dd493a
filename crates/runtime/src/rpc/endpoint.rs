//! One address of a service: its connection, its load, and the task that keeps it connected.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwapOption;
use tokio::{
    sync::{Notify, oneshot, watch},
    time::{Instant, sleep},
};

use super::{
    dial::{Connection, Dialler, Sender},
    resolve::Target,
};

/// Time before the second attempt to reach an address; doubled with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// Longest time between two attempts, and so about the longest that a returning instance waits for its first call.
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

/// A connection that ends before this age counts as a failed attempt.
const SETTLED_AFTER: Duration = Duration::from_secs(1);

/// So many calls in a row out of time, and the connection has to prove itself anew.
const PATIENCE: u32 = 8;

/// One address.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) address: SocketAddr,
    pub(super) target: Arc<Target>,
    connection: ArcSwapOption<Sender>,
    /// Connected, or an attempt to connect is under way whose failure is not yet to be expected.
    hopeful: AtomicBool,
    in_flight: AtomicUsize,
    timeouts: AtomicU32,
    suspect: Notify,
}

impl Endpoint {
    pub(super) fn new(target: Arc<Target>, address: SocketAddr) -> Self {
        Self {
            address,
            target,
            connection: ArcSwapOption::empty(),
            hopeful: AtomicBool::new(true),
            in_flight: AtomicUsize::new(0),
            timeouts: AtomicU32::new(0),
            suspect: Notify::new(),
        }
    }

    /// The sender, if calls can be made now.
    pub(super) fn sender(&self) -> Option<Sender> {
        let connection = self.connection.load();
        let sender = connection.as_ref()?;
        (!sender.is_closed()).then(|| Sender::clone(sender))
    }

    /// Whether calls can be made now.
    pub(super) fn is_live(&self) -> bool {
        self.connection.load().as_ref().is_some_and(|sender| !sender.is_closed())
    }

    /// Whether it may be live in a moment.
    pub(super) fn is_hopeful(&self) -> bool {
        self.hopeful.load(Ordering::Acquire)
    }

    /// Calls under way.
    pub(super) fn load(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Counts a call until the guard is dropped.
    pub(super) fn begin(self: &Arc<Self>, deadline: Instant) -> InFlight {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight { endpoint: Arc::clone(self), deadline, answered: false }
    }

    /// Keeps the address connected for as long as the future is polled; tells `changed` of each change.
    pub(super) async fn keep_connected(
        self: Arc<Self>,
        dialler: Arc<Dialler>,
        redial_after: Duration,
        changed: watch::Sender<()>,
    ) {
        let mut failures = 0;
        loop {
            match dialler.dial(&self.target, self.address).await {
                Ok(connection) => {
                    tracing::debug!(address = %self.address, "connected");
                    let since = Instant::now();
                    self.use_while_it_works(connection, &dialler, redial_after, &changed).await;
                    failures = if since.elapsed() < SETTLED_AFTER { failures + 1 } else { 0 };
                    tracing::info!(address = %self.address, "connection lost");
                }
                Err(error) => {
                    if failures == 0 {
                        tracing::warn!(address = %self.address, %error, "service instance cannot be reached");
                    }
                    failures += 1;
                }
            }
            if failures > 0 {
                self.hopeful.store(false, Ordering::Release);
                changed.send_replace(());
                sleep(pause(failures)).await;
            }
        }
    }

    /// Offers the connection, replaces it when it is old, and returns when it does not work any more.
    async fn use_while_it_works(
        &self,
        connection: Connection,
        dialler: &Dialler,
        redial_after: Duration,
        changed: &watch::Sender<()>,
    ) {
        let mut closed = self.offer(connection, changed);
        loop {
            tokio::select! {
                _ = &mut closed => break,
                () = self.suspect.notified() => {
                    tracing::warn!(address = %self.address, "calls get no answer in time: connecting anew");
                    break;
                }
                () = sleep(jittered(redial_after)) => {
                    // An address may lead elsewhere by now. Calls on the old connection are finished on it.
                    if let Ok(connection) = dialler.dial(&self.target, self.address).await {
                        closed = self.offer(connection, changed);
                    }
                }
            }
        }
        // Still hopeful: another attempt follows at once, callers may wait for it.
        self.connection.store(None);
        changed.send_replace(());
    }

    fn offer(&self, connection: Connection, changed: &watch::Sender<()>) -> oneshot::Receiver<()> {
        self.timeouts.store(0, Ordering::Relaxed);
        self.hopeful.store(true, Ordering::Release);
        self.connection.store(Some(Arc::new(connection.sender)));
        changed.send_replace(());
        connection.closed
    }
}

/// A call under way.
#[derive(Debug)]
pub(super) struct InFlight {
    endpoint: Arc<Endpoint>,
    deadline: Instant,
    answered: bool,
}

impl InFlight {
    /// The instance has answered, or its connection has failed: either way it did not stay silent.
    pub(super) fn answered(mut self) {
        self.answered = true;
        self.endpoint.timeouts.store(0, Ordering::Relaxed);
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.endpoint.in_flight.fetch_sub(1, Ordering::Relaxed);
        if !self.answered
            && Instant::now() >= self.deadline
            && self.endpoint.timeouts.fetch_add(1, Ordering::Relaxed) + 1 == PATIENCE
        {
            self.endpoint.suspect.notify_one();
        }
    }
}

fn pause(failures: u32) -> Duration {
    jittered(FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(failures - 1)).min(LONGEST_PAUSE))
}

/// The duration, give or take a quarter.
pub(super) fn jittered(duration: Duration) -> Duration {
    duration.mul_f64(rand::random_range(0.75..1.25))
}
