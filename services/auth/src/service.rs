//! The auth service: what it is made of.

use std::{num::NonZeroUsize, sync::Arc, thread};

use parsefleet_bus::Outbox;
use parsefleet_runtime::{config::Config, rpc::Channel};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::{
    data::Data, news::News, objects::Objects, outbox::OutboxRows, passwords::Passwords, providers::Providers,
    rows::Rows, triggers::Triggers,
};

/// Mails that may be made at the same time while nobody waits for them.
const MAILS_UNDER_WAY: usize = 1024;

/// Users, sessions and roles. It keeps no state of its own; clones share everything.
#[derive(Clone)]
pub struct AuthService {
    /// Objects, with the rights of who asks.
    pub(crate) data: Data,
    /// Objects, with all rights.
    pub(crate) objects: Objects,
    /// Rows of the three classes, with all rights.
    pub(crate) rows: Rows,
    /// What the app's own code says.
    pub(crate) triggers: Triggers,
    /// Third parties that tell who users are.
    pub(crate) providers: Arc<Providers>,
    pub(crate) passwords: Arc<Passwords>,
    /// Jobs that belong to writes; `None` if nothing is configured that does jobs.
    pub(crate) outbox: Option<Outbox<OutboxRows>>,
    pub(crate) news: Arc<dyn News>,
    pub(crate) config: Arc<Config>,
    /// Work that is completed even if nobody waits for it any more.
    pub(crate) tasks: TaskTracker,
    /// Places for mails that are being made while nobody waits for them.
    pub(crate) mails_under_way: Arc<Semaphore>,
}

impl AuthService {
    /// A service that reads and writes by way of a data service (its objects, its rows and its hooks), and tells its news here.
    pub fn new(config: Arc<Config>, data: Channel, rows: Channel, hooks: Channel, news: Arc<dyn News>) -> Self {
        let triggers = Triggers::new(hooks, Arc::clone(&news));
        let processors = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self {
            data: Data::new(data.clone()),
            objects: Objects::new(data),
            rows: Rows::new(rows),
            providers: Arc::new(Providers::new(Arc::clone(&config), &triggers)),
            triggers,
            passwords: Arc::new(Passwords::new(processors)),
            outbox: None,
            news,
            config,
            tasks: TaskTracker::new(),
            mails_under_way: Arc::new(Semaphore::new(MAILS_UNDER_WAY)),
        }
    }

    /// How many passwords were hashed or compared: a log-in is one, whether or not there is such a user.
    pub fn password_operations(&self) -> u64 {
        self.passwords.operations()
    }

    /// Completes what was begun.
    pub async fn stop(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}
