//! The service of classes.

use parsefleet_proto::v1::{
    CreateSchemaRequest, CreateSchemaResponse, DeleteSchemaRequest, DeleteSchemaResponse, GetSchemaRequest,
    GetSchemaResponse, ListSchemasRequest, ListSchemasResponse, ModifySchemaRequest, ModifySchemaResponse,
    PurgeRequest, PurgeResponse,
    schemas_server::{Schemas, SchemasServer},
};
use parsefleet_runtime::rpc::MESSAGE_LIMIT;
use tonic::{Request, Response, Status, async_trait};

use super::{answer, span};
use crate::service::DataService;

impl DataService {
    /// The service of classes as a gRPC server, for this process or for a port.
    pub fn into_schemas_server(self) -> SchemasServer<Self> {
        SchemasServer::new(self).max_decoding_message_size(MESSAGE_LIMIT).max_encoding_message_size(MESSAGE_LIMIT)
    }
}

#[async_trait]
impl Schemas for DataService {
    async fn list(&self, request: Request<ListSchemasRequest>) -> Result<Response<ListSchemasResponse>, Status> {
        let request = request.into_inner();
        let span = span("list_schemas", "");
        answer(span, async { Ok(ListSchemasResponse { body: self.list_schemas(&request).await? }) }).await
    }

    async fn get(&self, request: Request<GetSchemaRequest>) -> Result<Response<GetSchemaResponse>, Status> {
        let request = request.into_inner();
        let span = span("get_schema", &request.class_name);
        answer(span, async { Ok(GetSchemaResponse { body: self.get_schema(&request).await? }) }).await
    }

    async fn create(&self, request: Request<CreateSchemaRequest>) -> Result<Response<CreateSchemaResponse>, Status> {
        let request = request.into_inner();
        let span = span("create_schema", &request.class_name);
        answer(span, async { Ok(CreateSchemaResponse { body: self.create_schema(&request).await? }) }).await
    }

    async fn modify(&self, request: Request<ModifySchemaRequest>) -> Result<Response<ModifySchemaResponse>, Status> {
        let request = request.into_inner();
        let span = span("modify_schema", &request.class_name);
        answer(span, async { Ok(ModifySchemaResponse { body: self.modify_schema(&request).await? }) }).await
    }

    async fn delete(&self, request: Request<DeleteSchemaRequest>) -> Result<Response<DeleteSchemaResponse>, Status> {
        let request = request.into_inner();
        let span = span("delete_schema", &request.class_name);
        answer(span, async {
            self.delete_schema(&request).await?;
            Ok(DeleteSchemaResponse {})
        })
        .await
    }

    async fn purge(&self, request: Request<PurgeRequest>) -> Result<Response<PurgeResponse>, Status> {
        let request = request.into_inner();
        let span = span("purge_class", &request.class_name);
        answer(span, async {
            self.purge_class(&request).await?;
            Ok(PurgeResponse {})
        })
        .await
    }
}
