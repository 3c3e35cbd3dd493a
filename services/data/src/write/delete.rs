//! Removing an object.

use std::sync::Arc;

use parsefleet_core::{ObjectId, ParseError, Query, error::Result};
use parsefleet_proto::v1::DeleteRequest;

use crate::{
    caller::Caller,
    error::parse_error,
    policy::{
        self, Access, Operation,
        guards::{self, Method},
    },
    schema::Class,
    service::DataService,
};

impl DataService {
    /// Removes an object. Rows of relations from and to it stay, as in Parse Server.
    ///
    /// # Errors
    /// 101 if it is not there or the caller may not write it, 119 if the caller may not delete objects of the class.
    pub async fn delete_object(&self, request: &DeleteRequest) -> Result<()> {
        let (class, reach) = self.draft_removal(request).await?;
        let removed = self.store.delete(&class.schema, &reach).await.map_err(parse_error)?;
        if removed == 0 {
            return Err(ParseError::object_not_found());
        }
        self.announce(&class.schema.name).await;
        // The live event and afterDelete come here.
        Ok(())
    }

    /// The object to be removed, if the caller may do it.
    pub(super) async fn draft_removal(&self, request: &DeleteRequest) -> Result<(Arc<Class>, Query)> {
        let caller = Caller::from_context(request.context.as_ref())?;
        guards::check_write(&caller, Method::Delete, &request.class_name, request.owned.as_ref())?;
        let class_name = super::class_name(&request.class_name).map_err(|_| ParseError::object_not_found())?;
        let id = ObjectId::new(&request.object_id).ok_or_else(ParseError::object_not_found)?;

        // beforeDelete comes here.
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
        Ok((class, reach))
    }
}
