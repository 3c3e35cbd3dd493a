//! The service of rows.

use parsefleet_proto::v1::{
    ChangeRowRequest, ChangeRowResponse, FindRowsRequest, FindRowsResponse, InsertRowRequest, InsertRowResponse,
    RemoveRowsRequest, RemoveRowsResponse,
    rows_server::{Rows, RowsServer},
};
use parsefleet_runtime::rpc::MESSAGE_LIMIT;
use tonic::{Request, Response, Status, async_trait};

use super::{answer, span};
use crate::service::DataService;

impl DataService {
    /// The service of rows as a gRPC server, for this process or for a port.
    pub fn into_rows_server(self) -> RowsServer<Self> {
        RowsServer::new(self).max_decoding_message_size(MESSAGE_LIMIT).max_encoding_message_size(MESSAGE_LIMIT)
    }
}

#[async_trait]
impl Rows for DataService {
    async fn find(&self, request: Request<FindRowsRequest>) -> Result<Response<FindRowsResponse>, Status> {
        let request = request.into_inner();
        let span = span("find_rows", &request.class_name);
        answer(span, async { Ok(FindRowsResponse { rows: self.find_rows(&request).await? }) }).await
    }

    async fn insert(&self, request: Request<InsertRowRequest>) -> Result<Response<InsertRowResponse>, Status> {
        let request = request.into_inner();
        let span = span("insert_row", &request.class_name);
        answer(span, async { Ok(InsertRowResponse { row: self.insert_row(&request).await? }) }).await
    }

    async fn change(&self, request: Request<ChangeRowRequest>) -> Result<Response<ChangeRowResponse>, Status> {
        let request = request.into_inner();
        let span = span("change_row", &request.class_name);
        answer(span, async { Ok(ChangeRowResponse { row: self.change_row(&request).await? }) }).await
    }

    async fn remove(&self, request: Request<RemoveRowsRequest>) -> Result<Response<RemoveRowsResponse>, Status> {
        let request = request.into_inner();
        let span = span("remove_rows", &request.class_name);
        answer(span, async { Ok(RemoveRowsResponse { removed: self.remove_rows(&request).await? }) }).await
    }
}
