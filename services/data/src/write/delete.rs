//! Removing an object.

use parsefleet_core::{ObjectId, ParseError, Query, error::Result};
use parsefleet_proto::v1::DeleteRequest;

use crate::{
    caller::Caller,
    conditions::is_object,
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
        conditions.push(is_object(id.as_str()));
        conditions.extend(policy::writable(&caller));
        conditions.extend(policy::own_session(&caller, &class)?);
        conditions.extend(super::owned::conditions(request.owned.as_ref(), &class.schema)?);
        let removed = self.store.delete(&class.schema, &Query { conditions }).await.map_err(parse_error)?;
        if removed == 0 {
            return Err(ParseError::object_not_found());
        }
        self.announce(&class_name).await;
        // The live event and afterDelete come here.
        Ok(())
    }
}
