//! Removing an object.

use std::sync::Arc;

use parsefleet_core::{ErrorCode, ObjectId, ParseError, Query, error::Result};
use parsefleet_proto::v1::DeleteRequest;
use serde_json::{Map as JsonMap, Value as Json};

use crate::{
    caller::Caller,
    error::parse_error,
    policy::{
        self, Access, Operation,
        guards::{self, Method},
    },
    schema::Class,
    service::DataService,
    triggers::DeleteTriggers,
};

/// A removal that may happen as far as the object's class is concerned.
pub(super) struct RemovalDraft {
    caller: Caller,
    pub(super) class: Arc<Class>,
    /// The object, if the caller may remove it.
    pub(super) reach: Query,
}

impl DataService {
    /// Removes an object. Rows of relations from and to it stay, as in Parse Server.
    ///
    /// # Errors
    /// 101 if it is not there or the caller may not write it, 119 if the caller may not delete objects of the class; 141 with
    /// what a trigger says against it.
    pub async fn delete_object(&self, request: &DeleteRequest) -> Result<()> {
        let draft = self.draft_removal(request).await?;
        let (context, has_owner) = (request.context.as_ref(), request.owned.is_some());
        let triggers = self.delete_triggers(context, &draft.caller, &request.class_name, has_owner).await?;
        let asked = match triggers {
            Some(triggers) => Some(self.ask_before_delete(triggers, &draft, request).await?),
            None => None,
        };
        let removed = self.store.delete(&draft.class.schema, &draft.reach).await.map_err(parse_error)?;
        if removed == 0 {
            return Err(ParseError::object_not_found());
        }
        self.announce(&draft.class.schema.name).await;
        // The live event comes here.
        if let Some(after) = asked.and_then(|(triggers, object)| triggers.into_after(object)) {
            self.tell(after).await?;
        }
        Ok(())
    }

    /// Reads the object for its triggers, and asks the one before.
    async fn ask_before_delete(
        &self,
        triggers: DeleteTriggers,
        draft: &RemovalDraft,
        request: &DeleteRequest,
    ) -> Result<(DeleteTriggers, JsonMap<String, Json>)> {
        let read = self.object_for(&draft.caller, &draft.class, &draft.reach, &request.mount_url);
        let object = triggers.object(self, &request.object_id, read).await?;
        let missing = || ParseError::new(ErrorCode::ObjectNotFound, "Object not found for delete.");
        let object = object.ok_or_else(missing)?;
        triggers.before(self, &object).await?;
        Ok((triggers, object))
    }

    /// The object to be removed, if the caller may do it.
    pub(super) async fn draft_removal(&self, request: &DeleteRequest) -> Result<RemovalDraft> {
        let caller = Caller::from_context(request.context.as_ref())?;
        guards::check_write(&caller, Method::Delete, &request.class_name, request.owned.as_ref())?;
        let class_name = super::class_name(&request.class_name).map_err(|_| ParseError::object_not_found())?;
        let id = ObjectId::new(&request.object_id).ok_or_else(ParseError::object_not_found)?;

        let permit = |class: &Class| policy::authorise(class, &caller, Operation::Delete);
        let permitted = self.permitted_class(&class_name, permit).await?;
        let (class, access) = permitted.ok_or_else(ParseError::object_not_found)?;
        let mut conditions = match access {
            Access::All => Vec::new(),
            Access::Where(condition) => vec![condition],
            Access::Nothing => return Err(ParseError::object_not_found()),
        };
        conditions.extend(super::owned::conditions(request.owned.as_ref(), &class.schema)?);
        let reach = super::reach(&caller, &class, &id, conditions)?;
        Ok(RemovalDraft { caller, class, reach })
    }
}
