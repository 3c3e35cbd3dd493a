//! Connections that read. SQLite lets them work while the writer writes; each read sees what was committed before it began.

use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::file::DataDirectory;
use crate::store::StoreError;

/// Most connections. More readers than processors only compete for them.
const CONNECTIONS: usize = 4;

/// The connections.
#[derive(Debug)]
pub(super) struct Readers {
    directory: Arc<DataDirectory>,
    idle: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
}

impl Readers {
    /// No connection is opened before it is needed.
    pub(super) fn new(directory: Arc<DataDirectory>) -> Self {
        Self { directory, idle: Mutex::default(), permits: Arc::new(Semaphore::new(CONNECTIONS)) }
    }

    /// Reads at once if a connection is free. Only for reads of a few rows: they take microseconds, less than handing them
    /// to another thread would.
    pub(super) fn read_now<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Option<Result<T, StoreError>> {
        let _permit = self.permits.try_acquire().ok()?;
        Some(self.lend(read))
    }

    /// Reads on a thread that may block.
    pub(super) async fn read<T, F>(self: &Arc<Self>, read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        // The permit is waited for here, so that waiting readers do not occupy threads.
        let permit = self.permits.clone().acquire_owned().await;
        let permit = permit.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let readers = self.clone();
        let work = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            readers.lend(read)
        });
        work.await.map_err(|error| StoreError::Failed(format!("a read broke off: {error}")))?
    }

    fn lend<T>(&self, read: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = idle.map_or_else(|| self.directory.reader(), Ok)?;
        let result = read(&connection);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        result
    }
}
