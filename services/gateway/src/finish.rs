//! Work that is finished even if nobody waits for it any more.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::runtime::Handle;
use tokio_util::task::{TaskTracker, task_tracker::TaskTrackerToken};

/// Work that goes on by itself when whoever waits for it gives up. As long as somebody waits it costs no task: a task of its own for each
/// request wakes another thread for each request.
pub(crate) struct Finish<F: Future<Output: Send + 'static> + Send + 'static> {
    /// Gone when it is done.
    work: Option<Pin<Box<F>>>,
    tracker: TaskTracker,
    _counted: TaskTrackerToken,
}

impl<F: Future<Output: Send + 'static> + Send + 'static> Finish<F> {
    /// The tracker counts the work until it is done.
    pub(crate) fn new(work: F, tracker: &TaskTracker) -> Self {
        Self { work: Some(Box::pin(work)), tracker: tracker.clone(), _counted: tracker.token() }
    }
}

impl<F: Future<Output: Send + 'static> + Send + 'static> Future for Finish<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        // What panics is not polled again.
        let Some(mut work) = this.work.take() else { return Poll::Pending };
        let polled = work.as_mut().poll(context);
        if polled.is_pending() {
            this.work = Some(work);
        }
        polled
    }
}

impl<F: Future<Output: Send + 'static> + Send + 'static> Drop for Finish<F> {
    fn drop(&mut self) {
        // Without a runtime the whole process ends.
        if let (Some(work), Ok(runtime)) = (self.work.take(), Handle::try_current()) {
            self.tracker.spawn_on(work, &runtime);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::{sync::oneshot, task::JoinSet, time::timeout};

    use super::*;

    #[tokio::test]
    async fn work_that_nobody_waits_for_is_finished_and_counted() {
        let tracker = TaskTracker::new();
        let ((done, is_done), (go_on, may_go_on)) = (oneshot::channel(), oneshot::channel::<()>());
        let work = async {
            let _ = may_go_on.await;
            let _ = done.send(());
        };
        assert!(timeout(Duration::from_millis(10), Finish::new(work, &tracker)).await.is_err(), "given up");
        assert_eq!(tracker.len(), 1);
        drop(go_on);
        assert!(is_done.await.is_ok());
        tracker.close();
        tracker.wait().await;
    }

    #[tokio::test]
    async fn work_that_is_waited_for_answers_and_leaves_nothing() {
        let tracker = TaskTracker::new();
        assert_eq!(Finish::new(async { 7 }, &tracker).await, 7);
        assert!(tracker.is_empty());
    }

    #[tokio::test]
    async fn a_panic_reaches_whoever_waits() {
        let tracker = TaskTracker::new();
        let mut waiting = JoinSet::new();
        waiting.spawn(Finish::new(async { panic!("of the work") }, &tracker));
        assert!(waiting.join_next().await.is_some_and(|end| end.is_err_and(|error| error.is_panic())));
        assert!(tracker.is_empty());
    }
}
