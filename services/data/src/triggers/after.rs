//! Triggers that are told of a write when it is done.
//!
//! What a transaction has written is seen by nobody before its end: its triggers are told then, and not at all if there is
//! nothing to tell. Once something is written they are told, whether or not the client still waits.

use parsefleet_core::error::Result;
use serde_json::{Map as JsonMap, Value as Json};
use tracing::Instrument as _;

use super::{Reply, Triggers};
use crate::{hooks::Moment, service::DataService};

/// What a trigger is to be told.
pub(crate) struct After {
    pub(super) triggers: Triggers,
    pub(super) class: String,
    pub(super) moment: Moment,
    pub(super) about: JsonMap<String, Json>,
}

impl DataService {
    /// Tells a trigger of a write, and waits for its answer. Within a transaction that is done at the end. What the trigger
    /// wants to be answered in the place of the write is returned.
    ///
    /// # Errors
    /// What is said against a removal, although it has happened.
    pub(crate) async fn tell(&self, after: After) -> Result<Option<Json>> {
        if let Some(scope) = &self.scope {
            scope.tell_later(after);
            return Ok(None);
        }
        let service = self.clone();
        let told = self.tasks.spawn(async move { after.tell(&service).await }.in_current_span()).await;
        told.unwrap_or_else(|error| {
            tracing::error!(%error, "a trigger was not told of a write");
            Ok(None)
        })
    }
}

impl After {
    /// Tells the trigger. What it says against a save comes too late.
    ///
    /// # Errors
    /// What it says against a removal.
    pub(crate) async fn tell(self, service: &DataService) -> Result<Option<Json>> {
        let Self { triggers, class, moment, about } = self;
        match triggers.ask(service, &class, moment, about).await {
            Ok(Reply::Success(answer @ (Json::Object(_) | Json::Array(_)))) if moment == Moment::AfterSave => {
                Ok(Some(answer))
            }
            Ok(_) => Ok(None),
            Err(refusal) if moment == Moment::AfterDelete => Err(refusal),
            Err(_) => {
                tracing::warn!(parse.class = class, parse.trigger = moment.name(), "a trigger failed after a write");
                Ok(None)
            }
        }
    }
}
