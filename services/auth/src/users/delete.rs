//! Leaving.

use async_trait::async_trait;
use parsefleet_core::{ErrorCode, ParseError, error::Result};
use parsefleet_proto::v1::{DeleteRequest, OperationResult, Owned, operation::Operation as Kind};
use serde_json::Map;

use super::update::refusal_of;
use crate::{
    caller::Caller,
    service::AuthService,
    triggers::{Moment, Question},
    writes::{Answer, Finish, Plan},
};

struct RemovedUser {
    caller: Caller,
    user_id: String,
}

impl AuthService {
    /// Plans the removal of a user. Its sessions stay, as in Parse Server, and are good for nothing.
    pub(crate) async fn plan_removed_user(&self, request: DeleteRequest) -> Result<Plan> {
        let caller = Caller::of_writer(request.context.as_ref(), "delete")?;
        if caller == Caller::Public {
            return Err(ParseError::new(ErrorCode::SessionMissing, "Insufficient auth to delete user"));
        }
        let user_id = request.object_id.clone();
        let context = request.context.clone().unwrap_or_default();
        let operation = Kind::Delete(DeleteRequest { owned: Some(Owned::default()), ..request });
        if self.triggers.has(Moment::BeforeDelete).await? {
            self.data.check(operation.clone()).await.map_err(|error| refusal_of(&caller, error))?;
            let question = Question { context: &context, mount_url: "", object_id: &user_id, object: Map::new() };
            self.triggers.ask(Moment::BeforeDelete, question).await?;
        }
        let finish = RemovedUser { caller, user_id };
        Ok(Plan { operation: Some(operation), finish: Box::new(finish) })
    }
}

#[async_trait]
impl Finish for RemovedUser {
    fn refusal(&self, error: ParseError) -> ParseError {
        refusal_of(&self.caller, error)
    }

    async fn complete(self: Box<Self>, service: &AuthService, result: OperationResult) -> Result<Answer> {
        service.news.user_changed(&self.user_id).await;
        Ok(result.into())
    }
}
