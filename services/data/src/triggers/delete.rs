//! Triggers around the removal of an object.

use parsefleet_core::error::Result;
use parsefleet_proto::v1::RequestContext;
use serde_json::{Map as JsonMap, Value as Json};

use super::{Told, Triggers, after::After, has_any, payload};
use crate::{caller::Caller, hooks::Moment, service::DataService};

type Members = JsonMap<String, Json>;

/// The triggers of one removal. There is at least one.
pub(crate) struct DeleteTriggers {
    triggers: Triggers,
    class: String,
    asks_before: bool,
}

impl DataService {
    /// The triggers of a removal; `None` if the class has none. Who owns a class asks `beforeDelete` himself.
    pub(crate) async fn delete_triggers(
        &self,
        context: Option<&RequestContext>,
        caller: &Caller,
        class: &str,
        has_owner: bool,
    ) -> Result<Option<DeleteTriggers>> {
        let moments: &[Moment] = match has_owner {
            true => &[Moment::AfterDelete],
            false => &[Moment::BeforeDelete, Moment::AfterDelete],
        };
        let triggers = self.triggers(context, caller, |hooks| has_any(hooks, class, moments)).await?;
        Ok(triggers.map(|triggers| DeleteTriggers { triggers, class: class.to_owned(), asks_before: !has_owner }))
    }
}

impl DeleteTriggers {
    /// The object that is to be removed. It is read as any other, so that the triggers of reads are asked, too; of an object
    /// whose class has an owner, when he asks whether it may be removed.
    ///
    /// # Errors
    /// 141 with what they say against it.
    pub(crate) async fn object(
        &self,
        service: &DataService,
        id: &str,
        read: impl Future<Output = Result<Option<Members>>>,
    ) -> Result<Option<Members>> {
        // A user who removes himself is not there any more when the last trigger is told of it.
        self.triggers.user(service).await?;
        if !self.asks_before {
            return read.await;
        }
        if self.triggers.has(&self.class, Moment::BeforeFind) {
            self.triggers.before_find(service, &self.class, Told::of_object(id)).await?;
        }
        let object = read.await?;
        if !self.triggers.has(&self.class, Moment::AfterFind) {
            return Ok(object);
        }
        let objects = object.map(Json::Object).into_iter().collect();
        let answered = self.triggers.after_find(service, &self.class, Told::of_object(id), objects).await?;
        Ok(answered.into_iter().next().and_then(|object| match object {
            Json::Object(members) => Some(members),
            _ => None,
        }))
    }

    /// Asks whether the object may be removed.
    ///
    /// # Errors
    /// 141 with what the trigger says against it.
    pub(crate) async fn before(&self, service: &DataService, object: &Members) -> Result<()> {
        if !self.asks_before {
            return Ok(());
        }
        let about = payload::about(&self.class, object.clone(), None);
        self.triggers.ask(service, &self.class, Moment::BeforeDelete, about).await.map(drop)
    }

    /// What is to be told of the removed object; `None` if nobody wants to know.
    pub(crate) fn into_after(self, object: Members) -> Option<After> {
        if !self.triggers.has(&self.class, Moment::AfterDelete) {
            return None;
        }
        let about = payload::about(&self.class, object, None);
        Some(After { triggers: self.triggers, class: self.class, moment: Moment::AfterDelete, about })
    }
}
