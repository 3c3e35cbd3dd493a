//! The schema as this process knows it: an immutable snapshot behind a pointer swap.
//!
//! Readers take the snapshot without waiting. It is replaced when this process changes the schema, when another one says
//! that it did ([`Schema::fresh`]), when a request misses something in it ([`Schema::second_look`]) and, in the
//! background, when it has reached a certain age: a server that does not announce its changes may write to the same database.

mod allowance;
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
use tokio::sync::{Mutex, watch};
use tokio_util::task::TaskTracker;

use self::allowance::Allowance;
pub(crate) use self::{
    extend::Permit,
    snapshot::{Class, Snapshot},
};
use crate::{
    error::parse_error,
    hooks::Hooks,
    invalidation::Invalidation,
    settings::Settings,
    store::{ObjectStore, StoreError},
};

/// Readings because something was missed: so many at once, and one more each time this has passed. What does not exist
/// anywhere would otherwise be looked for in the database by every request that names it.
const SECOND_LOOKS: u32 = 20;
const SECOND_LOOK_EVERY: Duration = Duration::from_millis(250);

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
    second_looks: Allowance,
    /// False while the classes of the configuration are set up: until then nobody reads or writes.
    is_set_up: watch::Sender<bool>,
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
            is_set_up: watch::Sender::new(settings.defined_classes.is_none()),
            settings,
            invalidation,
            current: ArcSwapOption::empty(),
            reading: Mutex::new(None),
            refreshing: AtomicBool::new(false),
            second_looks: Allowance::new(SECOND_LOOKS, SECOND_LOOK_EVERY),
            tasks,
        })
    }

    /// To be called when the classes of the configuration are set up.
    pub(crate) fn set_up(&self) {
        self.is_set_up.send_replace(true);
    }

    /// The snapshot at hand. While there are requests it is refreshed in the background; only the first one after a pause
    /// waits for it.
    pub(crate) async fn current(self: &Arc<Self>) -> Result<Arc<Snapshot>> {
        if !*self.is_set_up.borrow() {
            // The caller's deadline ends the wait. There is always a sender: this.
            let _ = self.is_set_up.subscribe().wait_for(|done| *done).await;
        }
        let Some(snapshot) = self.current.load_full() else { return self.fresh().await };
        if snapshot.generation != self.invalidation.schema_generation() {
            return self.heard_of().await;
        }
        let age = snapshot.read_at.elapsed();
        if age > self.settings.schema_max_age * 2 {
            return self.fresh().await;
        }
        if age > self.settings.schema_max_age {
            self.refresh_in_background();
        }
        Ok(snapshot)
    }

    /// A snapshot that was read after this was called.
    pub(crate) async fn fresh(self: &Arc<Self>) -> Result<Arc<Snapshot>> {
        self.read_since(Instant::now()).await.map_err(parse_error)
    }

    /// To be called when the schema was changed on request: once it returns, every process uses the schema as it is now.
    pub(crate) async fn changed(self: &Arc<Self>) -> Result<Arc<Snapshot>> {
        self.invalidation.schema_changed_everywhere().await;
        self.fresh().await
    }

    /// A snapshot of the state that this process has heard of. However many wait for it share one reading.
    async fn heard_of(self: &Arc<Self>) -> Result<Arc<Snapshot>> {
        let is_current = |snapshot: &Snapshot| snapshot.generation == self.invalidation.schema_generation();
        self.read_unless(Instant::now(), is_current).await.map_err(parse_error)
    }

    /// A newer snapshot, because the one at hand lacks something; `None` if that happened too often of late.
    pub(crate) async fn second_look(self: &Arc<Self>) -> Result<Option<Arc<Snapshot>>> {
        if !self.second_looks.take() {
            return Ok(None);
        }
        self.fresh().await.map(Some)
    }

    /// The class as it is now, because it lacks something; `None` if it is still the same.
    pub(crate) async fn newer_class(self: &Arc<Self>, class: &Class) -> Result<Option<Arc<Class>>> {
        let differing = |snapshot: &Snapshot| {
            let found = snapshot.class(class.schema.name.as_str());
            found.filter(|found| found.schema != class.schema).cloned()
        };
        if let Some(newer) = self.current.load().as_deref().and_then(differing) {
            return Ok(Some(newer));
        }
        Ok(self.second_look().await?.as_deref().and_then(differing))
    }

    async fn read_since(self: &Arc<Self>, moment: Instant) -> Result<Arc<Snapshot>, StoreError> {
        self.read_unless(moment, |snapshot| snapshot.read_at >= moment).await
    }

    /// Reads the schema, unless the snapshot at hand will do, or an attempt has failed since the moment.
    async fn read_unless(
        self: &Arc<Self>,
        moment: Instant,
        will_do: impl Fn(&Snapshot) -> bool,
    ) -> Result<Arc<Snapshot>, StoreError> {
        let mut failed = self.reading.lock().await;
        let known = self.current.load_full();
        if let Some(snapshot) = &known
            && will_do(snapshot)
        {
            return Ok(Arc::clone(snapshot));
        }
        if let Some((began, reason)) = failed.as_ref()
            && *began >= moment
        {
            return Err(StoreError::Unavailable(reason.clone()));
        }
        let (read_at, generation) = (Instant::now(), self.invalidation.schema_generation());
        let (classes, hooks) = match tokio::try_join!(self.store.load_schema(), self.store.load_hooks()) {
            Ok(loaded) => loaded,
            Err(error) => {
                *failed = Some((read_at, error.to_string()));
                return Err(error);
            }
        };
        let hooks = Hooks::new(hooks);
        let snapshot = Arc::new(Snapshot::new(classes, hooks, known.as_deref(), &self.settings, read_at, generation));
        self.current.store(Some(Arc::clone(&snapshot)));
        // Only now that no write of this process can begin under the old schema.
        let known = known.iter().flat_map(|known| known.stored_classes());
        let gone = known.filter(|class| snapshot.stored_class(class.schema.name.as_str()).is_none());
        self.bring_back_in_background(gone.cloned().collect());
        Ok(snapshot)
    }

    /// Brings back those of the classes that have objects. Whoever reads the schema does not wait for it: it may be a
    /// transaction, and the embedded store writes nothing else before that is over.
    fn bring_back_in_background(self: &Arc<Self>, gone: Vec<Arc<Class>>) {
        if gone.is_empty() {
            return;
        }
        let schema = Arc::clone(self);
        self.tasks.spawn(async move {
            let mut came_back = false;
            for class in gone {
                came_back |= schema.bring_back(&class).await;
            }
            if came_back && let Err(error) = schema.changed().await {
                tracing::warn!(%error, "the schema could not be read again after a class came back");
            }
        });
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
