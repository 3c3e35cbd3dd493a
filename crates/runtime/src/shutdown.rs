//! Stopping without losing a request.
//!
//! A stop has four steps: *stopping* (readiness says no, everything is still served), *closing* (no new connections,
//! requests in flight go on), *aborted* (the grace is over, what is left is dropped) and *complete*. Everything that
//! serves or works in the background takes a [`Shutdown`] and spawns its tasks on it, so that none is forgotten.

use std::{future::Future, sync::Arc, time::Duration};

use tokio::task::JoinHandle;
use tokio_util::{
    sync::{CancellationToken, WaitForCancellationFuture},
    task::{TaskTracker, task_tracker::TrackedFuture},
};

use crate::config::Fleet;

/// Handle to the stop of a process: clones share it.
#[derive(Clone, Debug)]
pub struct Shutdown {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    stopping: CancellationToken,
    closing: CancellationToken,
    aborted: CancellationToken,
    tasks: TaskTracker,
    delay: Duration,
    grace: Duration,
}

impl Shutdown {
    /// A process that waits `delay` before it refuses connections and `grace` for what is in flight.
    pub fn new(delay: Duration, grace: Duration) -> Self {
        Self {
            inner: Arc::new(Inner {
                stopping: CancellationToken::new(),
                closing: CancellationToken::new(),
                aborted: CancellationToken::new(),
                tasks: TaskTracker::new(),
                delay,
                grace,
            }),
        }
    }

    /// The delay and grace that the configuration names.
    pub fn from_fleet(fleet: &Fleet) -> Self {
        Self::new(fleet.shutdown_delay, fleet.shutdown_grace)
    }

    /// Begins the stop at SIGTERM or SIGINT; a second signal ends the waiting.
    pub fn listen_for_signals(&self) -> std::io::Result<()> {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let shutdown = self.clone();
        #[expect(clippy::disallowed_methods, reason = "waits for a signal that may never come")]
        tokio::spawn(async move {
            for last in [false, true] {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                if last {
                    tracing::warn!("second signal: dropping what is in flight");
                    shutdown.abort();
                } else {
                    tracing::info!("signal received: stopping");
                    shutdown.trigger();
                }
            }
        });
        Ok(())
    }

    /// Begins the stop. Returns at once; further calls change nothing.
    pub fn trigger(&self) {
        if self.inner.stopping.is_cancelled() {
            return;
        }
        self.inner.stopping.cancel();
        let shutdown = self.clone();
        #[expect(clippy::disallowed_methods, reason = "waits for the tracked tasks, so it cannot be one")]
        tokio::spawn(async move {
            tokio::select! {
                () = tokio::time::sleep(shutdown.inner.delay) => {}
                () = shutdown.inner.aborted.cancelled() => {}
            }
            shutdown.inner.closing.cancel();
            shutdown.inner.tasks.close();
            if tokio::time::timeout(shutdown.inner.grace, shutdown.inner.tasks.wait()).await.is_err() {
                tracing::warn!(tasks = shutdown.inner.tasks.len(), "grace is over: dropping what is in flight");
            }
            shutdown.inner.aborted.cancel();
        });
    }

    /// Ends all waiting: what is still in flight is dropped.
    pub fn abort(&self) {
        self.trigger();
        self.inner.closing.cancel();
        self.inner.aborted.cancel();
    }

    /// Whether the stop has begun: the process is not ready any more.
    pub fn is_stopping(&self) -> bool {
        self.inner.stopping.is_cancelled()
    }

    /// Waits until the stop begins.
    pub fn stopping(&self) -> WaitForCancellationFuture<'_> {
        self.inner.stopping.cancelled()
    }

    /// Waits until no new connection or job may be taken.
    pub fn closing(&self) -> WaitForCancellationFuture<'_> {
        self.inner.closing.cancelled()
    }

    /// Waits until what is left must be dropped, or nothing is left.
    pub fn aborted(&self) -> WaitForCancellationFuture<'_> {
        self.inner.aborted.cancelled()
    }

    /// Spawns a task that the stop waits for (no longer than the grace). It has to end soon after [`Self::closing`].
    pub fn spawn<F>(&self, task: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        self.inner.tasks.spawn(task)
    }

    /// Makes the stop wait for this future.
    pub fn track<F: Future>(&self, future: F) -> TrackedFuture<F> {
        self.inner.tasks.track_future(future)
    }

    /// Waits for a stop to be over: triggered, drained or out of grace. The caller flushes telemetry after it.
    pub async fn complete(&self) {
        self.inner.aborted.cancelled().await;
    }
}
