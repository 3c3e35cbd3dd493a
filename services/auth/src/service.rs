//! The auth service: what it is made of.

use std::sync::Arc;

use parsefleet_runtime::{config::Config, rpc::Channel};

use crate::{news::News, objects::Objects, providers::Providers, rows::Rows};

/// Users, sessions and roles. It keeps no state of its own; clones share everything.
#[derive(Clone)]
pub struct AuthService {
    /// Objects, with the rights of who asks.
    pub(crate) objects: Objects,
    /// Rows of the three classes, with all rights.
    pub(crate) rows: Rows,
    /// Third parties that tell who users are.
    pub(crate) providers: Arc<Providers>,
    pub(crate) config: Arc<Config>,
    /// Who hears what was changed.
    pub(crate) news: Arc<dyn News>,
}

impl AuthService {
    /// A service that reads and writes by way of a data service: its objects and its rows.
    pub fn new(config: Arc<Config>, data: Channel, rows: Channel, news: Arc<dyn News>) -> Self {
        let providers = Arc::new(Providers::new(Arc::clone(&config)));
        Self { objects: Objects::new(data), rows: Rows::new(rows), providers, config, news }
    }
}
