//! Transactions: a session of the driver, and the store that works in it.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use mongodb::{
    ClientSession,
    error::{Error, ErrorKind, TRANSIENT_TRANSACTION_ERROR, UNKNOWN_TRANSACTION_COMMIT_RESULT},
    options::{Acknowledgment, ReadConcern, ReadPreference, SelectionCriteria, WriteConcern},
};
use parsefleet_core::ClassName;
use tokio::sync::{Mutex as AsyncMutex, MutexGuard};

use super::{MongoStore, error::store_error, run};
use crate::store::{ObjectStore, StoreError, Transaction};

/// Pause before a commit whose outcome is not known is asked for again, and how long that is done.
const COMMIT_PAUSE: Duration = Duration::from_millis(50);
const COMMIT_TIME: Duration = Duration::from_secs(60);
/// Collections that are remembered to be there.
const MOST_PREPARED: usize = 10_000;
/// `NamespaceExists`
const NAMESPACE_EXISTS: i32 = 48;

/// The session that a store's operations belong to.
#[derive(Debug)]
pub(super) struct Session {
    /// Operations of a transaction come one at a time.
    driver: AsyncMutex<ClientSession>,
    interrupted: AtomicBool,
}

/// The right to the session, for one operation; nothing outside of transactions.
pub(super) struct Turn<'s>(Option<MutexGuard<'s, ClientSession>>);

/// Collections that are known to be there.
#[derive(Debug, Default)]
pub(super) struct Prepared(Mutex<HashSet<String>>);

/// A transaction in progress.
struct MongoTransaction {
    store: MongoStore,
    session: Arc<Session>,
}

/// Begins a transaction whose commit survives a change of the primary.
pub(super) async fn begin(store: &MongoStore) -> Result<Box<dyn Transaction>, StoreError> {
    let client = store.database.client();
    let mut driver = client.start_session().await.map_err(|error| store_error(&error))?;
    // What the connection settings ask for, but no less than a majority: what is acknowledged is not rolled back.
    let mut concern = client.write_concern().cloned().unwrap_or_else(WriteConcern::majority);
    concern.w = Some(lasting(concern.w));
    let start = driver
        .start_transaction()
        .read_concern(ReadConcern::snapshot())
        .write_concern(concern)
        .selection_criteria(SelectionCriteria::ReadPreference(ReadPreference::Primary));
    start.await.map_err(|error| begin_error(&error))?;
    let session = Arc::new(Session { driver: AsyncMutex::new(driver), interrupted: AtomicBool::new(false) });
    let store = MongoStore { session: Some(Arc::clone(&session)), ..store.clone() };
    Ok(Box::new(MongoTransaction { store, session }))
}

impl MongoStore {
    /// Waits for the session, if there is one.
    pub(super) async fn turn(&self) -> Turn<'_> {
        match &self.session {
            None => Turn(None),
            Some(session) => Turn(Some(session.driver.lock().await)),
        }
    }

    /// Whether the store is a transaction.
    pub(super) fn is_transaction(&self) -> bool {
        self.session.is_some()
    }

    /// Notes what an operation's failure means to the transaction, and translates it.
    pub(super) fn failure(&self, error: &Error) -> StoreError {
        if let Some(session) = &self.session
            && is_transient(error)
        {
            session.interrupted.store(true, Ordering::Relaxed);
            return StoreError::Interrupted(error.to_string());
        }
        store_error(error)
    }

    /// The transaction failed for want of something that is there by now.
    pub(super) fn interrupt(&self) {
        if let Some(session) = &self.session {
            session.interrupted.store(true, Ordering::Relaxed);
        }
    }

    /// Makes a collection unless it is there: old servers make none within a transaction, and new ones let transactions
    /// that make the same one fail.
    pub(super) async fn prepare_collection(&self, class: &ClassName) -> Result<(), StoreError> {
        if self.prepared.contains(class.as_str()) {
            return Ok(());
        }
        let name = format!("{}{class}", self.prefix);
        match run("create", &name, self.database.create_collection(&name)).await {
            Err(error) if !already_exists(&error) => return Err(store_error(&error)),
            _ => self.prepared.insert(class.as_str()),
        }
        Ok(())
    }
}

impl Turn<'_> {
    /// The session.
    pub(super) fn session(&mut self) -> Option<&mut ClientSession> {
        self.0.as_deref_mut()
    }
}

impl Prepared {
    fn contains(&self, name: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(name)
    }

    fn insert(&self, name: &str) {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if names.len() >= MOST_PREPARED {
            names.clear();
        }
        names.insert(name.to_owned());
    }
}

#[async_trait]
impl Transaction for MongoTransaction {
    fn store(&self) -> Arc<dyn ObjectStore> {
        Arc::new(self.store.clone())
    }

    fn is_interrupted(&self) -> bool {
        self.session.interrupted.load(Ordering::Relaxed)
    }

    /// Asked again for as long as the outcome is not known: the server commits once, however often it is asked. It
    /// does not ask for ever, since nobody may be waiting any more.
    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        let mut driver = self.session.driver.lock().await;
        let began = Instant::now();
        loop {
            let Err(error) = run("commitTransaction", "", async { driver.commit_transaction().await }).await else {
                return Ok(());
            };
            if error.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT) && began.elapsed() < COMMIT_TIME {
                tracing::debug!(%error, "asking again for a commit");
                tokio::time::sleep(COMMIT_PAUSE).await;
            } else if error.contains_label(TRANSIENT_TRANSACTION_ERROR) {
                return Err(StoreError::Interrupted(error.to_string()));
            } else {
                return Err(store_error(&error));
            }
        }
    }

    async fn abort(self: Box<Self>) {
        // What was interrupted is over on the server, or cannot be reached: the driver sees to the rest by itself.
        if self.is_interrupted() {
            return;
        }
        let mut driver = self.session.driver.lock().await;
        if let Err(error) = run("abortTransaction", "", async { driver.abort_transaction().await }).await {
            tracing::debug!(%error, "a transaction is left for the server to abort");
        }
    }
}

/// A number of nodes may be less than a majority, whatever it is; a name is a rule of the deployment's own.
fn lasting(wanted: Option<Acknowledgment>) -> Acknowledgment {
    match wanted {
        Some(Acknowledgment::Custom(rule)) => Acknowledgment::Custom(rule),
        _ => Acknowledgment::Majority,
    }
}

/// Whether all of the transaction may be done again.
fn is_transient(error: &Error) -> bool {
    error.contains_label(TRANSIENT_TRANSACTION_ERROR)
        || matches!(
            error.kind.as_ref(),
            ErrorKind::Io(_) | ErrorKind::ServerSelection { .. } | ErrorKind::ConnectionPoolCleared { .. }
        )
}

fn already_exists(error: &Error) -> bool {
    matches!(error.kind.as_ref(), ErrorKind::Command(command) if command.code == NAMESPACE_EXISTS)
}

/// The driver knows before it asks whether the deployment has transactions.
fn begin_error(error: &Error) -> StoreError {
    match error.kind.as_ref() {
        ErrorKind::Transaction { .. } => {
            StoreError::Unsupported("Transactions need a MongoDB replica set or a sharded cluster.".to_owned())
        }
        _ => store_error(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_of_nodes_counts_as_lasting() {
        for wanted in
            [None, Some(Acknowledgment::Nodes(0)), Some(Acknowledgment::Nodes(2)), Some(Acknowledgment::Majority)]
        {
            assert_eq!(lasting(wanted), Acknowledgment::Majority);
        }
        let rule = Acknowledgment::Custom("sites".to_owned());
        assert_eq!(lasting(Some(rule.clone())), rule);
    }
}
