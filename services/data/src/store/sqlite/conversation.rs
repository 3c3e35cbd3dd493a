//! A transaction whose steps come one after the other, while the writer waits for them.
//!
//! The writer takes it like any other request, as the first of a group: what it changes stays between two savepoints, and
//! its commit is answered when the group is on disk. Nobody else writes meanwhile, so it can meet no conflict.

use std::{
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use super::writer::{Job, Session, Task};
use crate::store::StoreError;

/// Steps that may wait. They are sent one at a time, or a few when a read asks for several things at once.
const STEPS: usize = 256;
/// How long the writer waits for the next step. Everybody else waits with it.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long all steps may take together.
const TOTAL: Duration = Duration::from_secs(30);

/// One side of the conversation: whoever has begun the transaction. Dropping it undoes everything.
#[derive(Debug)]
pub(super) struct Conversation {
    steps: SyncSender<Step>,
}

/// The other side, on the writer's thread.
pub(super) struct Listener {
    steps: Receiver<Step>,
    begun: Option<oneshot::Sender<()>>,
    /// Who waits for the commit.
    reply: Option<oneshot::Sender<Result<(), StoreError>>>,
}

enum Step {
    Work(Box<dyn Job>),
    Commit(oneshot::Sender<Result<(), StoreError>>),
    Abort,
}

impl Conversation {
    /// Both sides, and the news that the writer listens.
    pub(super) fn new() -> (Self, Listener, oneshot::Receiver<()>) {
        let (sender, receiver) = sync_channel(STEPS);
        let (begun, news) = oneshot::channel();
        (Self { steps: sender }, Listener { steps: receiver, begun: Some(begun), reply: None }, news)
    }

    /// Has work done inside the transaction.
    pub(super) async fn run<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Session<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let (task, answer) = Task::new(work);
        self.send(Step::Work(task))?;
        answer.await.map_err(|_| over())?
    }

    /// Ends the transaction; returns when it is on disk.
    pub(super) async fn commit(&self) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        self.send(Step::Commit(reply))?;
        answer.await.map_err(|_| over())?
    }

    /// Undoes everything.
    pub(super) fn abort(&self) {
        // If it is over already, it was undone.
        let _ = self.send(Step::Abort);
    }

    fn send(&self, step: Step) -> Result<(), StoreError> {
        self.steps.try_send(step).map_err(|_| over())
    }
}

impl Listener {
    /// Carries out one step after the other, up to the end.
    fn listen(&mut self, session: &mut Session<'_>) -> Result<(), StoreError> {
        let until = Instant::now() + TOTAL;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(over());
            }
            match self.steps.recv_timeout(PATIENCE.min(left)) {
                Ok(Step::Work(mut job)) => {
                    job.run(session);
                    job.answer(Ok(()));
                    if session.connection.is_autocommit() {
                        return Err(over());
                    }
                }
                Ok(Step::Commit(reply)) => {
                    self.reply = Some(reply);
                    return Ok(());
                }
                Ok(Step::Abort) | Err(_) => return Err(over()),
            }
        }
    }
}

impl Job for Listener {
    fn is_lengthy(&self) -> bool {
        true
    }

    fn run(&mut self, session: &mut Session<'_>) {
        let Some(begun) = self.begun.take() else { return };
        if begun.send(()).is_err() {
            return;
        }
        if let Err(error) = session.atomically(|session| self.listen(session))
            && let Some(reply) = self.reply.take()
        {
            drop(reply.send(Err(error)));
        }
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        if let Some(reply) = self.reply {
            drop(reply.send(committed));
        }
    }
}

fn over() -> StoreError {
    StoreError::Unavailable("the transaction is over".into())
}
