//! The data service: what it is made of, and how it is started.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use parsefleet_core::{ClassName, ErrorCode, ParseError, error::Result};
use tokio::{
    sync::{OnceCell, Semaphore},
    task::JoinHandle,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    error::parse_error, invalidation::Invalidation, schema::Schema, settings::Settings, startup, store::ObjectStore,
    transact::Scope, triggers::Webhooks,
};

/// Objects of every class: reads, writes, schema and permissions. Clones share everything.
#[derive(Clone)]
pub struct DataService {
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) settings: Arc<Settings>,
    pub(crate) schema: Arc<Schema>,
    pub(crate) invalidation: Arc<dyn Invalidation>,
    /// The transaction that all this belongs to, if there is one.
    pub(crate) scope: Option<Arc<Scope>>,
    pub(crate) webhooks: Arc<Webhooks>,
    /// Held by a transaction that tries again.
    pub(crate) turnstile: Arc<Semaphore>,
    /// Whether the ids of requests are known to be unique.
    pub(crate) claims_ready: Arc<OnceCell<()>>,
    /// Whether what Parse's own classes rely on is still being made.
    preparing: Arc<AtomicBool>,
    pub(crate) tasks: TaskTracker,
    stopping: CancellationToken,
}

impl DataService {
    /// A service over a store. It answers at once, whether or not the database does.
    pub fn new(store: Arc<dyn ObjectStore>, settings: Settings, invalidation: Arc<dyn Invalidation>) -> Self {
        let settings = Arc::new(settings);
        let tasks = TaskTracker::new();
        let schema = Schema::new(Arc::clone(&store), Arc::clone(&settings), Arc::clone(&invalidation), tasks.clone());
        Self {
            store,
            settings,
            schema,
            invalidation,
            scope: None,
            webhooks: Arc::default(),
            turnstile: Arc::new(Semaphore::new(1)),
            claims_ready: Arc::default(),
            preparing: Arc::default(),
            tasks,
            stopping: CancellationToken::new(),
        }
    }

    /// The same service inside a transaction.
    pub(crate) fn within(&self, store: Arc<dyn ObjectStore>, scope: Arc<Scope>) -> Self {
        Self { store, invalidation: Arc::clone(&scope) as Arc<dyn Invalidation>, scope: Some(scope), ..self.clone() }
    }

    /// Makes Parse's own classes and their indexes, and the classes of the configuration, in the background, however long the database stays away. The handle
    /// ends when they are there; nobody has to wait for it.
    pub fn prepare_database(&self) -> JoinHandle<()> {
        let service = self.clone();
        self.preparing.store(true, Ordering::Release);
        self.tasks.spawn(async move {
            let prepare = async {
                startup::prepare(Arc::clone(&service.store), Arc::clone(&service.settings)).await;
                if let Some(classes) = &service.settings.defined_classes {
                    service.define_classes(classes).await;
                    service.schema.set_up();
                }
                service.preparing.store(false, Ordering::Release);
            };
            service.stopping.run_until_cancelled(prepare).await;
        })
    }

    /// Makes the indexes of a class again, if it is one that relies on some. Goes on in the background if nobody waits.
    pub(crate) async fn prepare_indexes(&self, class: &ClassName) {
        if !startup::relies_on_indexes(class) {
            return;
        }
        let (store, settings, class) = (Arc::clone(&self.store), Arc::clone(&self.settings), class.clone());
        let stopping = self.stopping.clone();
        let made = self.tasks.spawn(async move {
            stopping.run_until_cancelled(startup::prepare_indexes(store, settings, class)).await;
        });
        if let Err(error) = made.await {
            tracing::error!(%error, "the indexes of a class were not made again");
        }
    }

    /// Ends the work in the background. Requests in flight are the server's to wait for.
    pub async fn stop(&self) {
        self.stopping.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// To be called when another process says that it changed the schema.
    ///
    /// # Errors
    /// The database cannot be read; the schema at hand stays in use until the next attempt.
    pub async fn schema_changed_elsewhere(&self) -> Result<()> {
        self.schema.fresh().await.map(|_| ())
    }

    /// Whether the database answers, and has what Parse's own classes rely on: before that, two users could take one name.
    ///
    /// # Errors
    /// It does not, or not yet.
    pub async fn ready(&self) -> Result<()> {
        self.store.ping().await.map_err(parse_error)?;
        if self.preparing.load(Ordering::Acquire) {
            let text = "The indexes of Parse's own classes are being made.";
            return Err(ParseError::new(ErrorCode::InternalServerError, text));
        }
        Ok(())
    }
}
