//! The gRPC edge: the only place of this service that knows tonic.

mod hooks;
mod rows;
mod schemas;

use std::future::Future;

use parsefleet_core::error::Result;
use parsefleet_proto::{
    status_from_error,
    v1::{
        AggregateRequest, AggregateResponse, CheckRequest, CheckResponse, ClaimRequest, ClaimResponse, CreateRequest,
        CreateResponse, DeleteRequest, DeleteResponse, DistinctRequest, DistinctResponse, FindRequest, FindResponse,
        GetConfigRequest, GetConfigResponse, GetRequest, GetResponse, PingRequest, PingResponse, TransactRequest,
        TransactResponse, UpdateConfigRequest, UpdateConfigResponse, UpdateRequest, UpdateResponse,
        data_server::{Data, DataServer},
    },
};
use parsefleet_runtime::rpc::MESSAGE_LIMIT;
use tonic::{Request, Response, Status, async_trait};
use tracing::{Instrument as _, Span, field::Empty, info_span};

use crate::{config::CLASS as CONFIG, service::DataService};

impl DataService {
    /// The service as a gRPC server, for this process or for a port.
    pub fn into_server(self) -> DataServer<Self> {
        DataServer::new(self).max_decoding_message_size(MESSAGE_LIMIT).max_encoding_message_size(MESSAGE_LIMIT)
    }
}

#[async_trait]
impl Data for DataService {
    async fn get(&self, request: Request<GetRequest>) -> Result<Response<GetResponse>, Status> {
        let request = request.into_inner();
        let span = span("get", &request.class_name);
        answer(span, async { Ok(GetResponse { object: self.get_object(&request).await? }) }).await
    }

    async fn find(&self, request: Request<FindRequest>) -> Result<Response<FindResponse>, Status> {
        let request = request.into_inner();
        let span = span("find", &request.class_name);
        answer(span, async { Ok(FindResponse { body: self.find_objects(&request).await? }) }).await
    }

    async fn aggregate(&self, request: Request<AggregateRequest>) -> Result<Response<AggregateResponse>, Status> {
        let request = request.into_inner();
        let span = span("aggregate", &request.class_name);
        answer(span, async { Ok(AggregateResponse { body: self.aggregate_objects(&request).await? }) }).await
    }

    async fn distinct(&self, request: Request<DistinctRequest>) -> Result<Response<DistinctResponse>, Status> {
        let request = request.into_inner();
        let span = span("distinct", &request.class_name);
        answer(span, async { Ok(DistinctResponse { body: self.distinct_values(&request).await? }) }).await
    }

    async fn create(&self, request: Request<CreateRequest>) -> Result<Response<CreateResponse>, Status> {
        let request = request.into_inner();
        let span = span("create", &request.class_name);
        answer(span, async {
            let created = self.create_object(&request).await?;
            Ok(CreateResponse { object_id: created.id.as_str().to_owned(), body: created.body })
        })
        .await
    }

    async fn update(&self, request: Request<UpdateRequest>) -> Result<Response<UpdateResponse>, Status> {
        let request = request.into_inner();
        let span = span("update", &request.class_name);
        answer(span, async { Ok(UpdateResponse { body: self.update_object(&request).await? }) }).await
    }

    async fn delete(&self, request: Request<DeleteRequest>) -> Result<Response<DeleteResponse>, Status> {
        let request = request.into_inner();
        let span = span("delete", &request.class_name);
        answer(span, async {
            self.delete_object(&request).await?;
            Ok(DeleteResponse {})
        })
        .await
    }

    async fn check(&self, request: Request<CheckRequest>) -> Result<Response<CheckResponse>, Status> {
        let operation = request.into_inner().operation.unwrap_or_default();
        answer(span("check", ""), async {
            self.check_operation(&operation).await?;
            Ok(CheckResponse {})
        })
        .await
    }

    async fn transact(&self, request: Request<TransactRequest>) -> Result<Response<TransactResponse>, Status> {
        let request = request.into_inner();
        answer(span("transact", ""), async { Ok(TransactResponse { results: self.transact(&request).await? }) }).await
    }

    async fn get_config(&self, request: Request<GetConfigRequest>) -> Result<Response<GetConfigResponse>, Status> {
        let request = request.into_inner();
        let span = span("get_config", CONFIG);
        answer(span, async { Ok(GetConfigResponse { body: self.config(&request).await? }) }).await
    }

    async fn update_config(
        &self,
        request: Request<UpdateConfigRequest>,
    ) -> Result<Response<UpdateConfigResponse>, Status> {
        let request = request.into_inner();
        answer(span("update_config", CONFIG), async {
            self.update_config(&request).await?;
            Ok(UpdateConfigResponse {})
        })
        .await
    }

    async fn ping(&self, _: Request<PingRequest>) -> Result<Response<PingResponse>, Status> {
        answer(span("ping", ""), async {
            self.ready().await?;
            Ok(PingResponse {})
        })
        .await
    }

    async fn claim(&self, request: Request<ClaimRequest>) -> Result<Response<ClaimResponse>, Status> {
        let request = request.into_inner();
        answer(span("claim", ""), async {
            self.claim_request(&request).await?;
            Ok(ClaimResponse {})
        })
        .await
    }
}

/// One span per call. Class names come from clients: they are data of the span, never a metric's label.
fn span(operation: &'static str, class: &str) -> Span {
    info_span!("data", parse.op = operation, parse.class = class, parse.code = Empty)
}

async fn answer<T>(span: Span, work: impl Future<Output = Result<T>>) -> Result<Response<T>, Status> {
    let outcome = work.instrument(span.clone()).await;
    outcome.map(Response::new).map_err(|error| {
        span.record("parse.code", error.code as i32);
        status_from_error(&error)
    })
}
