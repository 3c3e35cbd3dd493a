//! One thread reads and writes the file, so that nobody else waits for the disk.
//!
//! What comes in while it waits for the disk is carried out together, in one transaction.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    thread::JoinHandle,
};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::file;
use crate::bus::BusError;

/// Requests that may wait; more have to wait to get in.
const QUEUE: usize = 256;
/// Most requests in one transaction.
const GROUP: usize = 64;

/// A handle on the file and its thread. Dropping it lets the thread finish what it has.
#[derive(Debug)]
pub(super) struct JobFile {
    queue: Option<mpsc::Sender<Box<dyn Request>>>,
    thread: Option<JoinHandle<()>>,
}

/// Whether a request has to survive a power cut. Any request survives the end of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Durability {
    Process,
    Power,
}

/// A request of some result type.
trait Request: Send {
    fn durability(&self) -> Durability;
    /// Carries it out.
    fn run(&mut self, connection: &Connection);
    /// Answers it, after the transaction was committed or lost.
    fn answer(self: Box<Self>, committed: Result<(), BusError>);
}

struct Task<F, T> {
    durability: Durability,
    work: Option<F>,
    result: Option<rusqlite::Result<T>>,
    reply: oneshot::Sender<Result<T, BusError>>,
}

impl JobFile {
    /// The file at this path. It is opened when it is first needed.
    pub(super) fn new(path: PathBuf) -> Self {
        let (queue, requests) = mpsc::channel(QUEUE);
        let mut state = Thread { path, connection: None, durability: None };
        let thread = std::thread::Builder::new().name("jobs".into()).spawn(move || state.serve(requests));
        let thread = thread.inspect_err(|error| tracing::error!(%error, "cannot start the thread of the job file"));
        Self { queue: Some(queue), thread: thread.ok() }
    }

    /// Changes the file, and returns when the change is on the disk.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, BusError> {
        self.run(Durability::Power, work).await
    }

    /// Reads the file, or changes what may be as before after a power cut.
    pub(super) async fn touch<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, BusError> {
        self.run(Durability::Process, work).await
    }

    /// The same, for whoever cannot wait: it is not done if the thread is busy.
    pub(super) fn try_touch(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<()> + Send + 'static) {
        let (task, _nobody_waits) = Task::with_answer(Durability::Process, work);
        if let Some(queue) = &self.queue {
            // Not being able to is no harm: a lease ends by itself.
            drop(queue.try_send(task));
        }
    }

    async fn run<T: Send + 'static>(
        &self,
        durability: Durability,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, BusError> {
        let stopped = || BusError::Unavailable("the thread of the job file has stopped".to_owned());
        let (task, answer) = Task::with_answer(durability, work);
        self.queue.as_ref().ok_or_else(stopped)?.send(task).await.map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }
}

impl Drop for JobFile {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(Err(_)) = self.thread.take().map(JoinHandle::join) {
            tracing::error!("the thread of the job file had panicked");
        }
    }
}

impl<F, T> Task<F, T>
where
    T: Send + 'static,
    F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
{
    fn with_answer(durability: Durability, work: F) -> (Box<dyn Request>, oneshot::Receiver<Result<T, BusError>>) {
        let (reply, answer) = oneshot::channel();
        (Box::new(Self { durability, work: Some(work), result: None, reply }), answer)
    }
}

impl<F, T> Request for Task<F, T>
where
    T: Send,
    F: FnOnce(&Connection) -> rusqlite::Result<T> + Send,
{
    fn durability(&self) -> Durability {
        self.durability
    }

    fn run(&mut self, connection: &Connection) {
        self.result = self.work.take().map(|work| work(connection));
    }

    fn answer(self: Box<Self>, committed: Result<(), BusError>) {
        let answer = match (committed, self.result) {
            (Err(error), _) => Err(error),
            (Ok(()), Some(result)) => result.map_err(|error| failed(&error)),
            (Ok(()), None) => Err(BusError::Failed("the request was not carried out".to_owned())),
        };
        // Nobody listens any more if the caller gave up; it is done all the same.
        drop(self.reply.send(answer));
    }
}

struct Thread {
    path: PathBuf,
    connection: Option<Connection>,
    /// What the connection is set to.
    durability: Option<Durability>,
}

impl Thread {
    fn serve(&mut self, mut requests: mpsc::Receiver<Box<dyn Request>>) {
        let mut group = Vec::with_capacity(GROUP);
        while requests.blocking_recv_many(&mut group, GROUP) > 0 {
            let committed = self.carry_out(&mut group);
            if let Err(error) = &committed {
                tracing::warn!(%error, requests = group.len(), "the job file could not be used");
                // What is wrong may be the connection, or the file behind it.
                self.connection = None;
            }
            for request in group.drain(..) {
                request.answer(committed.clone());
            }
        }
    }

    /// Carries the requests out in one transaction.
    fn carry_out(&mut self, group: &mut [Box<dyn Request>]) -> Result<(), BusError> {
        let durable = group.iter().any(|request| request.durability() == Durability::Power);
        let durability = if durable { Durability::Power } else { Durability::Process };
        let connection = self.connection(durability)?;
        connection.execute_batch("BEGIN IMMEDIATE").map_err(|error| failed(&error))?;
        for request in group {
            if catch_unwind(AssertUnwindSafe(|| request.run(connection))).is_err() || connection.is_autocommit() {
                return Err(BusError::Failed("the transaction was rolled back".to_owned()));
            }
        }
        connection.execute_batch("COMMIT").map_err(|error| failed(&error))
    }

    fn connection(&mut self, durability: Durability) -> Result<&Connection, BusError> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                self.durability = None;
                open(&self.path)?
            }
        };
        if self.durability != Some(durability) {
            let pragma = match durability {
                Durability::Process => "PRAGMA synchronous = NORMAL",
                Durability::Power => "PRAGMA synchronous = FULL",
            };
            connection.execute_batch(pragma).map_err(|error| failed(&error))?;
            self.durability = Some(durability);
        }
        Ok(self.connection.insert(connection))
    }
}

fn open(path: &Path) -> Result<Connection, BusError> {
    file::open(path).map_err(BusError::Unavailable)
}

fn failed(error: &rusqlite::Error) -> BusError {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked) => {
            BusError::Unavailable(error.to_string())
        }
        _ => BusError::Failed(error.to_string()),
    }
}
