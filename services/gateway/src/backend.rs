//! The edge to the services: the one place of this crate that knows gRPC.

/// Calls a method of a service: directly if it is in this process, because encoding and copying a page of objects costs more than
/// finding its way, otherwise by the generated client.
macro_rules! ask {
    ($backend:expr, $path:literal, $method:ident, $message:expr) => {{
        let message = $message;
        let answer = match &$backend.here {
            Some(service) => rpc::in_process($path, service.$method(Request::new(message))).await,
            // Boxed, because it is large, and rarer here than the way above.
            None => Box::pin($backend.client.clone().$method(message)).await.map(Response::into_inner),
        };
        answer.map_err(parse_error)
    }};
}

mod auth;
mod hooks;
mod schemas;

use std::sync::Arc;

use bytes::Bytes;
use parsefleet_core::{ErrorCode, ParseError};
use parsefleet_proto::v1::{
    AggregateRequest, ClaimRequest, CreateRequest, CreateResponse, DeleteRequest, DistinctRequest, FindRequest,
    GetConfigRequest, GetRequest, Once, Operation, OperationResult, PingRequest, RequestContext, TransactRequest,
    UpdateConfigRequest, UpdateRequest, data_client::DataClient, data_server::Data, operation::Operation as Kind,
};
use parsefleet_runtime::rpc::{self, Channel, MESSAGE_LIMIT};
use tonic::{Request, Response, Status};

pub(crate) use self::{auth::AuthBackend, hooks::HooksBackend, schemas::SchemasBackend};

/// Calls to data.
pub(crate) struct DataBackend {
    client: DataClient<Channel>,
    /// The service itself, if it is in this process.
    here: Option<Arc<dyn Data>>,
}

impl DataBackend {
    pub(crate) fn new(channel: Channel, here: Option<Arc<dyn Data>>) -> Self {
        let client = DataClient::new(channel);
        let client = client.max_decoding_message_size(MESSAGE_LIMIT).max_encoding_message_size(MESSAGE_LIMIT);
        Self { client, here }
    }

    pub(crate) async fn get(&self, message: GetRequest) -> Result<Bytes, ParseError> {
        Ok(ask!(self, "/parsefleet.v1.Data/Get", get, message)?.object)
    }

    pub(crate) async fn find(&self, message: FindRequest) -> Result<Bytes, ParseError> {
        Ok(ask!(self, "/parsefleet.v1.Data/Find", find, message)?.body)
    }

    pub(crate) async fn aggregate(&self, message: AggregateRequest) -> Result<Bytes, ParseError> {
        Ok(ask!(self, "/parsefleet.v1.Data/Aggregate", aggregate, message)?.body)
    }

    pub(crate) async fn distinct(&self, message: DistinctRequest) -> Result<Bytes, ParseError> {
        Ok(ask!(self, "/parsefleet.v1.Data/Distinct", distinct, message)?.body)
    }

    pub(crate) async fn create(&self, message: CreateRequest) -> Result<CreateResponse, ParseError> {
        ask!(self, "/parsefleet.v1.Data/Create", create, message)
    }

    pub(crate) async fn update(&self, message: UpdateRequest) -> Result<Bytes, ParseError> {
        Ok(ask!(self, "/parsefleet.v1.Data/Update", update, message)?.body)
    }

    pub(crate) async fn delete(&self, message: DeleteRequest) -> Result<(), ParseError> {
        ask!(self, "/parsefleet.v1.Data/Delete", delete, message).map(|_| ())
    }

    pub(crate) async fn transact(&self, message: TransactRequest) -> Result<Vec<OperationResult>, ParseError> {
        Ok(ask!(self, "/parsefleet.v1.Data/Transact", transact, message)?.results)
    }

    /// Carries one operation out once, however often it is asked.
    pub(crate) async fn transact_once(&self, kind: Kind, once: Once) -> Result<OperationResult, ParseError> {
        only_result(self.transact(operation_once(kind, once)).await?)
    }

    pub(crate) async fn claim(&self, message: ClaimRequest) -> Result<(), ParseError> {
        ask!(self, "/parsefleet.v1.Data/Claim", claim, message).map(|_| ())
    }
}

impl DataBackend {
    pub(crate) async fn config(&self, context: RequestContext) -> Result<Bytes, ParseError> {
        let message = GetConfigRequest { context: Some(context) };
        Ok(ask!(self, "/parsefleet.v1.Data/GetConfig", get_config, message)?.body)
    }

    pub(crate) async fn update_config(&self, context: RequestContext, body: Bytes) -> Result<(), ParseError> {
        let message = UpdateConfigRequest { context: Some(context), body };
        ask!(self, "/parsefleet.v1.Data/UpdateConfig", update_config, message).map(|_| ())
    }

    /// Whether objects can be reached.
    pub(crate) async fn ping(&self) -> Result<(), ParseError> {
        ask!(self, "/parsefleet.v1.Data/Ping", ping, PingRequest {}).map(|_| ())
    }
}

/// A transaction of one operation that is carried out once.
fn operation_once(kind: Kind, once: Once) -> TransactRequest {
    TransactRequest { operations: vec![Operation { operation: Some(kind) }], once: Some(once) }
}

fn only_result(mut results: Vec<OperationResult>) -> Result<OperationResult, ParseError> {
    results.pop().ok_or_else(|| ParseError::new(ErrorCode::InternalServerError, "Internal server error."))
}

/// What a client is told of a failed call.
#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn parse_error(status: Status) -> ParseError {
    rpc::parse_error(&status)
}
