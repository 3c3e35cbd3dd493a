//! The schema as this process knows it: an immutable snapshot behind a pointer swap.
//!
//! Readers take the snapshot without waiting. It is replaced when this process changes the schema, when another one says
//! that it did ([`Schema::fresh`]), when a request names something the snapshot does not have ([`Schema::newer`]) and, in the
//! background, when it has reached a certain age: a server that does not announce its changes may write to the same database.

mod extend;
mod snapshot;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwapOption;
use parsefleet_core::error::Result;
use tokio::sync::Mutex;
use tokio_util::task::TaskTracker;

pub(crate) use self::snapshot::{Class, Snapshot};
use crate::{
    error::parse_error,
    invalidation::Invalidation,
    settings::Settings,
    store::{ObjectStore, StoreError},
};

/// Youngest snapshot that is read again because it lacks something: what does not exist anywhere would otherwise be
/// looked for in the database by every request that names it.
const WORTH_A_SECOND_LOOK: Duration = Duration::from_millis(250);

/// Pause after a failed refresh in the background.
const REFRESH_PAUSE: Duration = Duration::from_secs(1);

/// The schema and its changes.
pub(crate) struct Schema {
    store: Arc<dyn ObjectStore>,
    settings: Arc<Settings>,
    invalidation: Arc<dyn Invalidation>,
    current: ArcSwapOption<Snapshot>,
    /// Held while the schema is read, so that everybody who waits for a newer one shares one reading. Holds when the last
    /// one that failed began, and why it failed: those who waited for it have failed too.
    reading: Mutex<Option<(Instant, String)>>,
    refreshing: AtomicBool,
    tasks: TaskTracker,
}

impl Schema {
    /// Nothing is read until it is needed: the database may not be there yet.
    pub(crate) fn new(
        store: Arc<dyn ObjectStore>,
        settings: Arc<Settings>,
        invalidation: Arc<dyn Invalidation>,
        tasks: TaskTracker,
    ) -> Arc<Self> {
        Arc::new(Self {
            store,
            settings,
            invalidation,
            current: ArcSwapOption::empty(),
            reading: Mutex::new(None),
            refreshing: AtomicBool::new(false),
            tasks,
        })
    }

    /// The snapshot at hand, however old; it is refreshed in the background.
    pub(crate) async fn current(self: &Arc<Self>) -> Result<Arc<Snapshot>> {
        let Some(snapshot) = self.current.load_full() else { return self.fresh().await };
        if snapshot.read_at.elapsed() > self.settings.schema_max_age {
            self.refresh_in_background();
        }
        Ok(snapshot)
    }

    /// A snapshot that was read after this was called.
    pub(crate) async fn fresh(&self) -> Result<Arc<Snapshot>> {
        self.read_since(Instant::now()).await.map_err(parse_error)
    }

    /// A newer snapshot than one that lacked something; `None` if that one is so young that there is no point.
    pub(crate) async fn newer(&self, than: &Snapshot) -> Result<Option<Arc<Snapshot>>> {
        if than.read_at.elapsed() < WORTH_A_SECOND_LOOK {
            return Ok(None);
        }
        self.fresh().await.map(Some)
    }

    async fn read_since(&self, moment: Instant) -> Result<Arc<Snapshot>, StoreError> {
        let mut failed = self.reading.lock().await;
        let known = self.current.load_full();
        if let Some(snapshot) = &known
            && snapshot.read_at >= moment
        {
            return Ok(Arc::clone(snapshot));
        }
        if let Some((began, reason)) = failed.as_ref()
            && *began >= moment
        {
            return Err(StoreError::Unavailable(reason.clone()));
        }
        let read_at = Instant::now();
        let classes =
            self.store.load_schema().await.inspect_err(|error| *failed = Some((read_at, error.to_string())))?;
        let snapshot = Arc::new(Snapshot::new(classes, known.as_deref(), &self.settings, read_at));
        self.current.store(Some(Arc::clone(&snapshot)));
        Ok(snapshot)
    }

    fn refresh_in_background(self: &Arc<Self>) {
        if self.refreshing.swap(true, Ordering::AcqRel) {
            return;
        }
        let schema = Arc::clone(self);
        self.tasks.spawn(async move {
            if let Err(error) = schema.read_since(Instant::now()).await {
                tracing::warn!(%error, "the schema could not be read again; the one at hand stays in use");
                tokio::time::sleep(REFRESH_PAUSE).await;
            }
            schema.refreshing.store(false, Ordering::Release);
        });
    }
}

#[cfg(test)]
mod tests;
