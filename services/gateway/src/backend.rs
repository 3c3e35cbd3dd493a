//! The edge to the services: the one place of this crate that knows gRPC.

use bytes::Bytes;
use parsefleet_core::ParseError;
use parsefleet_proto::v1::{
    AggregateRequest, CreateRequest, CreateResponse, DeleteRequest, DistinctRequest, FindRequest, GetConfigRequest,
    GetRequest, Operation, OperationResult, PingRequest, RequestContext, ResolveRequest, ResolveResponse,
    TransactRequest, UpdateConfigRequest, UpdateRequest, auth_client::AuthClient, data_client::DataClient,
};
use parsefleet_runtime::rpc::{self, Channel, MESSAGE_LIMIT};
use tonic::Status;

/// Calls to auth.
pub(crate) struct AuthBackend(AuthClient<Channel>);

/// Calls to data.
pub(crate) struct DataBackend(DataClient<Channel>);

// === impl AuthBackend ===

impl AuthBackend {
    pub(crate) fn new(channel: Channel) -> Self {
        Self(AuthClient::new(channel))
    }

    pub(crate) async fn resolve(&self, token: &str, context: RequestContext) -> Result<ResolveResponse, ParseError> {
        let message = ResolveRequest { context: Some(context), session_token: token.to_owned() };
        Ok(self.0.clone().resolve(message).await.map_err(parse_error)?.into_inner())
    }
}

// === impl DataBackend ===

impl DataBackend {
    pub(crate) fn new(channel: Channel) -> Self {
        let client = DataClient::new(channel);
        Self(client.max_decoding_message_size(MESSAGE_LIMIT).max_encoding_message_size(MESSAGE_LIMIT))
    }

    pub(crate) async fn get(&self, message: GetRequest) -> Result<Bytes, ParseError> {
        let answer = self.0.clone().get(message).await.map_err(parse_error)?;
        Ok(answer.into_inner().object)
    }

    pub(crate) async fn find(&self, message: FindRequest) -> Result<Bytes, ParseError> {
        let answer = self.0.clone().find(message).await.map_err(parse_error)?;
        Ok(answer.into_inner().body)
    }

    pub(crate) async fn aggregate(&self, message: AggregateRequest) -> Result<Bytes, ParseError> {
        let answer = self.0.clone().aggregate(message).await.map_err(parse_error)?;
        Ok(answer.into_inner().body)
    }

    pub(crate) async fn distinct(&self, message: DistinctRequest) -> Result<Bytes, ParseError> {
        let answer = self.0.clone().distinct(message).await.map_err(parse_error)?;
        Ok(answer.into_inner().body)
    }

    pub(crate) async fn create(&self, message: CreateRequest) -> Result<CreateResponse, ParseError> {
        let answer = self.0.clone().create(message).await.map_err(parse_error)?;
        Ok(answer.into_inner())
    }

    pub(crate) async fn update(&self, message: UpdateRequest) -> Result<Bytes, ParseError> {
        let answer = self.0.clone().update(message).await.map_err(parse_error)?;
        Ok(answer.into_inner().body)
    }

    pub(crate) async fn delete(&self, message: DeleteRequest) -> Result<(), ParseError> {
        self.0.clone().delete(message).await.map_err(parse_error)?;
        Ok(())
    }

    pub(crate) async fn transact(&self, operations: Vec<Operation>) -> Result<Vec<OperationResult>, ParseError> {
        let answer = self.0.clone().transact(TransactRequest { operations }).await.map_err(parse_error)?;
        Ok(answer.into_inner().results)
    }
}

impl DataBackend {
    pub(crate) async fn config(&self, context: RequestContext) -> Result<Bytes, ParseError> {
        let message = GetConfigRequest { context: Some(context) };
        let answer = self.0.clone().get_config(message).await.map_err(parse_error)?;
        Ok(answer.into_inner().body)
    }

    pub(crate) async fn update_config(&self, context: RequestContext, body: Bytes) -> Result<(), ParseError> {
        let message = UpdateConfigRequest { context: Some(context), body };
        self.0.clone().update_config(message).await.map_err(parse_error)?;
        Ok(())
    }

    /// Whether objects can be reached.
    pub(crate) async fn ping(&self) -> Result<(), ParseError> {
        self.0.clone().ping(PingRequest {}).await.map_err(parse_error)?;
        Ok(())
    }
}

/// What a client is told of a failed call.
#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn parse_error(status: Status) -> ParseError {
    rpc::parse_error(&status)
}
