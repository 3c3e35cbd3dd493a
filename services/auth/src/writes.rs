//! Writes to `_User`, `_Session` and `_Role`, as clients ask for them: planned here, carried out by data with the caller's
//! rights, finished here.
//!
//! A plan is what data has to do, and what follows once it is done. Planning changes nothing that a client could see.

use std::future::Future;

use async_trait::async_trait;
use bytes::Bytes;
use parsefleet_core::{ErrorCode, ParseError, error::Result};
use parsefleet_proto::v1::{
    CreateOwnedResponse, CreateRequest, DeleteRequest, DeleteResponse, OperationResult, UpdateRequest, UpdateResponse,
    operation::Operation as Kind,
};
use parsefleet_runtime::rpc::deadline;
use serde_json::{Map, Value as Json, json};
use tracing::Instrument as _;

use crate::{
    json::{self, internal},
    service::AuthService,
};

/// One write: what data has to do, and what follows.
pub(crate) struct Plan {
    /// `None` if there is nothing for data to do.
    pub(crate) operation: Option<Kind>,
    pub(crate) finish: Box<dyn Finish>,
}

/// What a write answers.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    /// Id of the object that was created, or was there already.
    pub(crate) object_id: String,
    pub(crate) body: Bytes,
    /// Whether an object that was to be created was there already.
    pub(crate) existed: bool,
}

/// What follows a write that happened. If it did not, nothing is to be undone: an intent stays until the sweep of the outbox
/// sees that nothing came of it.
#[async_trait]
pub(crate) trait Finish: Send {
    /// What the caller is told when data refused the write.
    fn refusal(&self, error: ParseError) -> ParseError {
        error
    }

    /// Whose sessions end with the write. They do so in any case: also if nobody knows whether it happened, or if the time of the
    /// request ran out before it was finished.
    fn ends_sessions_of(&self) -> Option<&str> {
        None
    }

    /// The write happened, with this result. If it did for an earlier request with the same id, nothing that this one planned is in
    /// the database.
    async fn complete(self: Box<Self>, service: &AuthService, result: OperationResult) -> Result<Answer>;
}

/// Nothing follows: the answer is data's.
pub(crate) struct Done;

#[async_trait]
impl Finish for Done {
    async fn complete(self: Box<Self>, _: &AuthService, result: OperationResult) -> Result<Answer> {
        Ok(result.into())
    }
}

impl From<OperationResult> for Answer {
    fn from(result: OperationResult) -> Self {
        Self { object_id: result.object_id, body: result.body, existed: false }
    }
}

impl From<Answer> for OperationResult {
    fn from(answer: Answer) -> Self {
        Self { object_id: answer.object_id, body: answer.body, existed: answer.existed, repeated: false }
    }
}

impl Plan {
    /// Something that data does and that nothing follows.
    pub(crate) fn pass(operation: Kind) -> Self {
        Self { operation: Some(operation), finish: Box::new(Done) }
    }

    /// Whether this service changes a column of an object that is there.
    pub(crate) fn writes(&self, column: &str) -> Result<bool> {
        let Some(Kind::Update(UpdateRequest { owned: Some(owned), .. })) = &self.operation else { return Ok(false) };
        Ok(json::object(&owned.columns)?.contains_key(column))
    }

    /// The change of an object with more columns, in the names of rows, that happens only if this holds, too.
    pub(crate) fn with_owned(mut self, columns: Map<String, Json>, condition: Json) -> Result<Self> {
        let Some(Kind::Update(update)) = &mut self.operation else { return Err(internal()) };
        let owned = update.owned.get_or_insert_default();
        let mut all = json::object(&owned.columns)?;
        all.extend(columns);
        owned.columns = json::bytes(all);
        let others = json::object(&owned.r#where)?;
        let condition = if others.is_empty() { condition } else { json!({ "$and": [others, condition] }) };
        owned.r#where = condition.to_string().into();
        Ok(self)
    }
}

impl AuthService {
    /// Creates an object of the three classes.
    #[tracing::instrument(name = "auth.create", skip_all, fields(parse.class = %request.class_name))]
    pub(crate) async fn create_object(&self, request: CreateRequest) -> Result<CreateOwnedResponse> {
        let plan = self.plan_create(request, None).await?;
        let answer = self.carry_out(plan).await?;
        Ok(CreateOwnedResponse { object_id: answer.object_id, body: answer.body, existed: answer.existed })
    }

    /// Changes an object of the three classes.
    #[tracing::instrument(name = "auth.update", skip_all, fields(parse.class = %request.class_name))]
    pub(crate) async fn update_object(&self, request: UpdateRequest) -> Result<UpdateResponse> {
        let plan = self.plan_update(request).await?;
        Ok(UpdateResponse { body: self.carry_out(plan).await?.body })
    }

    /// Removes an object of the three classes.
    #[tracing::instrument(name = "auth.delete", skip_all, fields(parse.class = %request.class_name))]
    pub(crate) async fn delete_object(&self, request: DeleteRequest) -> Result<DeleteResponse> {
        let plan = self.plan_delete(request).await?;
        self.carry_out(plan).await?;
        Ok(DeleteResponse {})
    }

    /// Plans a create. `new_id` is the id that the object is going to have, if that was decided before.
    pub(crate) async fn plan_create(&self, request: CreateRequest, new_id: Option<String>) -> Result<Plan> {
        match request.class_name.as_str() {
            "_User" => self.plan_new_user(request, new_id).await,
            "_Session" => self.plan_new_session(request).await,
            "_Role" => self.plan_role(Kind::Create(request)),
            _ => Err(not_ours(&request.class_name)),
        }
    }

    /// Plans an update.
    pub(crate) async fn plan_update(&self, request: UpdateRequest) -> Result<Plan> {
        match request.class_name.as_str() {
            "_User" => self.plan_changed_user(request).await,
            "_Session" => self.plan_changed_session(request),
            "_Role" => self.plan_role(Kind::Update(request)),
            _ => Err(not_ours(&request.class_name)),
        }
    }

    /// Plans a removal.
    pub(crate) async fn plan_delete(&self, request: DeleteRequest) -> Result<Plan> {
        match request.class_name.as_str() {
            "_User" => self.plan_removed_user(request).await,
            "_Session" => self.plan_removed_session(request).await,
            "_Role" => self.plan_role(Kind::Delete(request)),
            _ => Err(not_ours(&request.class_name)),
        }
    }

    /// Carries a plan out and finishes it.
    pub(crate) async fn carry_out(&self, plan: Plan) -> Result<Answer> {
        let service = self.clone();
        let ending: Vec<String> = plan.finish.ends_sessions_of().map(str::to_owned).into_iter().collect();
        let outcome = self.to_the_end(async move {
            let result = match plan.operation {
                None => Ok(OperationResult::default()),
                Some(operation) => service.data.carry_out(operation).await,
            };
            match result {
                Ok(result) => plan.finish.complete(&service, result).await,
                Err(error) => Err(plan.finish.refusal(error)),
            }
        });
        let outcome = outcome.await;
        self.end_sessions_in_doubt(outcome.as_ref().err(), ending);
        outcome
    }

    /// Ends sessions that a write would have ended, if it is not known whether it did. Whoever got as far as this may change these
    /// users, and does so because the sessions may be in the wrong hands.
    pub(crate) fn end_sessions_in_doubt(&self, error: Option<&ParseError>, users: Vec<String>) {
        let is_in_doubt = |error: &ParseError| {
            matches!(error.code, ErrorCode::InternalServerError | ErrorCode::ConnectionFailed | ErrorCode::Timeout)
        };
        if users.is_empty() || !error.is_some_and(is_in_doubt) {
            return;
        }
        let service = self.clone();
        let ending = async move {
            for user in users {
                service.end_sessions_at_last(&user).await;
            }
        };
        self.tasks.spawn(ending.in_current_span());
    }

    /// Does work to its end, or to the request's deadline, even if nobody waits for it any more: what follows a write must not
    /// be left out because a client went away.
    pub(crate) async fn to_the_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        let left = deadline::remaining();
        let limited = async move {
            match left {
                None => work.await,
                Some(left) => deadline::within(left, work).await.unwrap_or_else(|_| Err(late())),
            }
        };
        self.tasks.spawn(limited.in_current_span()).await.unwrap_or_else(|error| {
            tracing::error!(%error, "a write broke off");
            Err(internal())
        })
    }
}

/// What is answered when the time of a request is over.
pub(crate) fn late() -> ParseError {
    ParseError::new(ErrorCode::Timeout, "The request timed out.")
}

/// The caller sends classes of others elsewhere.
fn not_ours(class: &str) -> ParseError {
    tracing::error!(parse.class = class, "a write to a class that auth does not own");
    internal()
}
