//! One thread writes.
//!
//! Requests queue up while it waits for the disk; it then carries out all that are there in one transaction, waits for the
//! disk once, and answers them all. So an answer means that the write is on disk, and many writers share the wait.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread::JoinHandle,
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::{catalog::Catalog, conversation::Conversation, file::failed, table::Table, write};
use crate::store::StoreError;

/// Requests that may wait; more have to wait to get in.
const QUEUE: usize = 1_024;
/// Most requests in one transaction, so that nobody waits for long.
const GROUP: usize = 256;
/// Time after which a group is committed although requests are left: conversations take as long as their clients do.
const GROUP_TIME: Duration = Duration::from_millis(20);
/// How often expired documents are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// A handle on the thread. Dropping it lets the thread finish what it has.
#[derive(Debug)]
pub(super) struct Writer {
    queue: Option<mpsc::Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

/// What a request may do inside the transaction.
pub(super) struct Session<'a> {
    /// The connection, inside a transaction.
    pub(super) connection: &'a Connection,
    /// The catalog as the transaction has left it.
    catalog: &'a mut Arc<Catalog>,
}

/// A request of some result type.
pub(super) trait Job: Send {
    /// Whether it takes as long as somebody else likes: nobody who is done should have to wait for it.
    fn is_lengthy(&self) -> bool {
        false
    }
    /// Carries the request out.
    fn run(&mut self, session: &mut Session<'_>);
    /// Answers it, after the transaction was committed or lost.
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

/// Work, its result, and who waits for it.
pub(super) struct Task<F, T> {
    work: Option<F>,
    result: Option<Result<T, StoreError>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

struct Thread {
    connection: Connection,
    catalog: Arc<Catalog>,
    published: Arc<ArcSwap<Catalog>>,
    swept: Instant,
}

impl Writer {
    /// Starts the thread. It publishes every committed change of the catalog before it answers.
    pub(super) fn start(connection: Connection, published: Arc<ArcSwap<Catalog>>) -> Result<Self, StoreError> {
        let (queue, requests) = mpsc::channel(QUEUE);
        let mut state = Thread { connection, catalog: published.load_full(), published, swept: Instant::now() };
        state.sweep();
        let thread = std::thread::Builder::new()
            .name("sqlite-writer".into())
            .spawn(move || state.serve(requests))
            .map_err(|error| StoreError::Failed(format!("cannot start the writer: {error}")))?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// Has the work done in a transaction; returns when it is on disk. Work that fails must leave nothing behind: one
    /// statement, or `Session::atomically`.
    pub(super) async fn run<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Session<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let (task, answer) = Task::new(work);
        self.send(task).await?;
        answer.await.map_err(|_| stopped())?
    }

    /// Has the thread to itself from now on, for a transaction whose steps are not known yet.
    pub(super) async fn converse(&self) -> Result<Conversation, StoreError> {
        let (conversation, job, begun) = Conversation::new();
        self.send(Box::new(job)).await?;
        begun.await.map_err(|_| stopped())?;
        Ok(conversation)
    }

    async fn send(&self, job: Box<dyn Job>) -> Result<(), StoreError> {
        let queue = self.queue.as_ref().ok_or_else(stopped)?;
        queue.send(job).await.map_err(|_| stopped())
    }
}

fn stopped() -> StoreError {
    StoreError::Unavailable("the writer has stopped".into())
}

impl<T, F> Task<F, T> {
    /// Work, and where its result comes.
    pub(super) fn new(work: F) -> (Box<Self>, oneshot::Receiver<Result<T, StoreError>>) {
        let (reply, answer) = oneshot::channel();
        (Box::new(Self { work: Some(work), result: None, reply }), answer)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(Err(_)) = self.thread.take().map(JoinHandle::join) {
            tracing::error!("the writer of the embedded store had panicked");
        }
    }
}

impl Session<'_> {
    /// The table of a class, if it has one.
    pub(super) fn table(&self, class: &str) -> Option<Arc<Table>> {
        self.catalog.table(class).cloned()
    }

    /// The table of a class, which is made if need be.
    pub(super) fn table_or_new(&mut self, class: &str) -> Result<Arc<Table>, StoreError> {
        match self.catalog.table(class) {
            Some(table) => Ok(table.clone()),
            None => self.atomically(|session| {
                session.change_catalog(|catalog, connection| catalog.create_table(connection, class))
            }),
        }
    }

    /// Changes the catalog and the tables it describes.
    pub(super) fn change_catalog<T>(
        &mut self,
        change: impl FnOnce(&mut Catalog, &Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        change(Arc::make_mut(self.catalog), self.connection)
    }

    /// Does all of the work or, if it fails, nothing.
    pub(super) fn atomically<T>(
        &mut self,
        work: impl FnOnce(&mut Session<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let catalog = self.catalog.clone();
        self.connection.execute_batch("SAVEPOINT request").map_err(failed)?;
        let result = work(self);
        if self.connection.is_autocommit() {
            return result;
        }
        match result {
            Ok(value) => self.connection.execute_batch("RELEASE request").map_err(failed).map(|()| value),
            Err(error) => {
                *self.catalog = catalog;
                self.connection.execute_batch("ROLLBACK TO request; RELEASE request").map_err(failed)?;
                Err(error)
            }
        }
    }
}

impl<T, F> Job for Task<F, T>
where
    T: Send + 'static,
    F: FnOnce(&mut Session<'_>) -> Result<T, StoreError> + Send + 'static,
{
    fn run(&mut self, session: &mut Session<'_>) {
        self.result = self.work.take().map(|work| work(session));
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        let unanswered = || Err(StoreError::Failed("the request was not carried out".into()));
        let result = match committed {
            Ok(()) => self.result.unwrap_or_else(unanswered),
            Err(error) => Err(error),
        };
        // Nobody listens any more if the caller gave up; the write is done all the same.
        drop(self.reply.send(result));
    }
}

impl Thread {
    fn serve(mut self, mut requests: mpsc::Receiver<Box<dyn Job>>) {
        let mut group = Vec::with_capacity(GROUP);
        while requests.blocking_recv_many(&mut group, GROUP) > 0 {
            self.commit(&mut group);
            if self.swept.elapsed() > SWEEP_EVERY {
                self.sweep();
            }
        }
    }

    /// Carries out the requests, in one transaction unless something breaks it.
    fn commit(&mut self, group: &mut Vec<Box<dyn Job>>) {
        let mut done: Vec<Box<dyn Job>> = Vec::with_capacity(group.len());
        let mut began = Instant::now();
        for mut job in group.drain(..) {
            if job.is_lengthy() || began.elapsed() > GROUP_TIME {
                self.finish(&mut done);
                began = Instant::now();
            }
            if self.connection.is_autocommit()
                && let Err(error) = self.connection.execute_batch("BEGIN IMMEDIATE").map_err(failed)
            {
                job.answer(Err(error));
                continue;
            }
            let mut session = Session { connection: &self.connection, catalog: &mut self.catalog };
            let completed = catch_unwind(AssertUnwindSafe(|| job.run(&mut session)));
            done.push(job);
            if completed.is_err() || self.connection.is_autocommit() {
                self.give_up(&mut done, "the transaction was rolled back");
            }
        }
        self.finish(&mut done);
    }

    /// Brings what was done to the disk, and says so.
    fn finish(&mut self, done: &mut Vec<Box<dyn Job>>) {
        if done.is_empty() {
            return;
        }
        if let Err(error) = self.connection.execute_batch("COMMIT") {
            return self.give_up(done, &error.to_string());
        }
        self.publish();
        for job in done.drain(..) {
            job.answer(Ok(()));
        }
    }

    /// Undoes everything since the last commit and says so.
    fn give_up(&mut self, done: &mut Vec<Box<dyn Job>>, reason: &str) {
        tracing::error!(reason, requests = done.len(), "the embedded store lost a group of writes");
        if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "cannot roll back");
        }
        self.catalog = self.published.load_full();
        for job in done.drain(..) {
            job.answer(Err(StoreError::Failed(reason.to_owned())));
        }
    }

    fn publish(&self) {
        if !Arc::ptr_eq(&self.catalog, &self.published.load()) {
            self.published.store(self.catalog.clone());
        }
    }

    /// Removes what has expired. Not being able to is no reason to stop: it is tried again.
    fn sweep(&mut self) {
        self.swept = Instant::now();
        if let Err(error) = write::remove_expired(&self.connection, &self.catalog) {
            tracing::warn!(%error, "cannot remove expired documents");
        }
    }
}

#[cfg(test)]
mod tests;
