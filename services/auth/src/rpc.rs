//! The gRPC edge: the only place of this service that knows tonic.

use std::future::Future;

use parsefleet_core::error::Result;
use parsefleet_proto::{
    status_from_error,
    v1::{
        CreateOwnedResponse, CreateRequest, DeleteRequest, DeleteResponse, ResolveRequest, ResolveResponse,
        TransactRequest, TransactResponse, UpdateRequest, UpdateResponse,
        auth_server::{Auth, AuthServer},
    },
};
use parsefleet_runtime::rpc::MESSAGE_LIMIT;
use tonic::{Request, Response, Status, async_trait};

use crate::service::AuthService;

impl AuthService {
    /// The service as a gRPC server, for this process or for a port.
    pub fn into_server(self) -> AuthServer<Self> {
        AuthServer::new(self).max_decoding_message_size(MESSAGE_LIMIT).max_encoding_message_size(MESSAGE_LIMIT)
    }
}

#[async_trait]
impl Auth for AuthService {
    async fn resolve(&self, request: Request<ResolveRequest>) -> Result<Response<ResolveResponse>, Status> {
        answer(self.resolve_token(request.into_inner())).await
    }

    async fn create(&self, request: Request<CreateRequest>) -> Result<Response<CreateOwnedResponse>, Status> {
        let created = self.objects.data().create(request.into_inner()).await?.into_inner();
        let response = CreateOwnedResponse { object_id: created.object_id, body: created.body, existed: false };
        Ok(Response::new(response))
    }

    async fn update(&self, request: Request<UpdateRequest>) -> Result<Response<UpdateResponse>, Status> {
        self.objects.data().update(request.into_inner()).await
    }

    async fn delete(&self, request: Request<DeleteRequest>) -> Result<Response<DeleteResponse>, Status> {
        self.objects.data().delete(request.into_inner()).await
    }

    async fn transact(&self, request: Request<TransactRequest>) -> Result<Response<TransactResponse>, Status> {
        self.objects.data().transact(request.into_inner()).await
    }
}

async fn answer<T>(work: impl Future<Output = Result<T>>) -> Result<Response<T>, Status> {
    work.await.map(Response::new).map_err(|error| status_from_error(&error))
}
