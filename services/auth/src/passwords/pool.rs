//! Work that keeps a processor busy for long: so much of it at a time, so many who wait, and nobody else is held up.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use parsefleet_core::{ErrorCode, ParseError, error::Result};
use tokio::{
    runtime::{Builder, Runtime},
    sync::Semaphore,
};

use crate::json::internal;

/// Most who wait. Whoever comes after them would not be served before the deadline of a usual request: a hash takes 50 ms.
const MOST_WAITING: usize = 1_000;

/// How much these threads stand back for the others, in steps of `nice`: they get a tenth of a processor that others want for
/// themselves, and all of one that nobody wants.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// Threads apart from those that answer requests, and of lower priority.
#[derive(Debug)]
pub(super) struct Pool {
    /// Only its blocking threads are used. There always is one, until the pool is dropped.
    threads: Option<Runtime>,
    places: Arc<Semaphore>,
    waiting: AtomicUsize,
}

/// One of those who wait, until it has its turn or gives up.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Pool {
    pub(super) fn new(at_a_time: usize) -> Self {
        let at_a_time = at_a_time.max(1);
        let threads = Builder::new_current_thread()
            .max_blocking_threads(at_a_time)
            .thread_name("passwords")
            .on_thread_start(stand_back)
            .build()
            .inspect_err(|error| tracing::error!(%error, "no threads for passwords"));
        Self { threads: threads.ok(), places: Arc::new(Semaphore::new(at_a_time)), waiting: AtomicUsize::new(0) }
    }

    /// Does the work in turn. Whoever stops waiting before the turn comes costs nothing.
    ///
    /// # Errors
    /// 100 if too many wait already, 1 if there are no threads.
    pub(super) async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let waiting = Waiting(&self.waiting);
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= MOST_WAITING {
            return Err(ParseError::new(
                ErrorCode::ConnectionFailed,
                "Too many log-ins at the same time. Try again later.",
            ));
        }
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| internal())?;
        drop(waiting);
        // Work that has begun cannot be stopped: it holds its place to the end, whether or not somebody still waits.
        let done = self.threads.as_ref().ok_or_else(internal)?.spawn_blocking(move || {
            let _place = place;
            work()
        });
        done.await.map_err(|error| {
            tracing::error!(%error, "work on a password broke off");
            internal()
        })
    }
}

impl Drop for Pool {
    /// Does not wait for what is being computed: nobody asks for it any more.
    fn drop(&mut self) {
        if let Some(threads) = self.threads.take() {
            threads.shutdown_background();
        }
    }
}

/// Lowers the priority of the current thread. Elsewhere than on Linux a process has only one for all its threads.
fn stand_back() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(NICENESS) {
        tracing::warn!(%error, "log-ins compete with all other work");
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::{sync::Barrier, time::Duration};

    use tokio::{task::JoinSet, time::timeout};

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn no_more_than_so_many_at_a_time() {
        let pool = Arc::new(Pool::new(2));
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let mut tasks = JoinSet::new();
        for _ in 0..20 {
            let (pool, now, most) = (Arc::clone(&pool), Arc::clone(&now), Arc::clone(&most));
            tasks.spawn(async move {
                let work = move || {
                    most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    std::thread::sleep(Duration::from_millis(2));
                    now.fetch_sub(1, Ordering::SeqCst);
                };
                pool.run(work).await.unwrap();
            });
        }
        tasks.join_all().await;
        assert_eq!(most.load(Ordering::SeqCst), 2);
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn its_threads_stand_back() {
        let niceness = || rustix::process::getpriority_process(None).unwrap();
        let before = niceness();
        assert_eq!(Pool::new(2).run(niceness).await.unwrap(), (before + NICENESS).min(19));
        assert_eq!(niceness(), before);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn who_gives_up_waiting_costs_nothing() {
        let pool = Arc::new(Pool::new(1));
        let gate = Arc::new(Barrier::new(2));
        let (held, here) = (Arc::clone(&pool), Arc::clone(&gate));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { held.run(move || here.wait()).await.map(|_| ()) });
        while pool.places.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let done = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&done);
        let waiting = pool.run(move || counted.fetch_add(1, Ordering::SeqCst));
        assert!(timeout(Duration::from_millis(10), waiting).await.is_err());
        assert_eq!(pool.waiting.load(Ordering::SeqCst), 0);
        gate.wait();
        tasks.join_all().await;
        pool.run(|| ()).await.unwrap();
        assert_eq!(done.load(Ordering::SeqCst), 0);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn who_comes_when_too_many_wait_is_told_so() {
        let pool = Pool::new(1);
        pool.waiting.store(MOST_WAITING, Ordering::SeqCst);
        let refusal = pool.run(|| ()).await.err();
        assert_eq!(refusal.map(|error| error.code), Some(ErrorCode::ConnectionFailed));
        assert_eq!(pool.waiting.load(Ordering::SeqCst), MOST_WAITING);
    }
}
