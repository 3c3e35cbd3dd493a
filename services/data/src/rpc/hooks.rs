//! The service of hooks.

use parsefleet_proto::v1::{
    AskHookRequest, AskHookResponse, CallRequest, CallResponse, GetHookRequest, GetHookResponse, ListHooksRequest,
    ListHooksResponse, RegisterHookRequest, RegisterHookResponse, ReplaceHookRequest, ReplaceHookResponse,
    hooks_server::{Hooks, HooksServer},
};
use parsefleet_runtime::rpc::MESSAGE_LIMIT;
use tonic::{Request, Response, Status, async_trait};

use super::{answer, span};
use crate::service::DataService;

impl DataService {
    /// The service of hooks as a gRPC server, for this process or for a port.
    pub fn into_hooks_server(self) -> HooksServer<Self> {
        HooksServer::new(self).max_decoding_message_size(MESSAGE_LIMIT).max_encoding_message_size(MESSAGE_LIMIT)
    }
}

#[async_trait]
impl Hooks for DataService {
    async fn list(&self, request: Request<ListHooksRequest>) -> Result<Response<ListHooksResponse>, Status> {
        let request = request.into_inner();
        let span = span("list_hooks", "");
        answer(span, async { Ok(ListHooksResponse { hooks: self.list_hooks(&request).await? }) }).await
    }

    async fn get(&self, request: Request<GetHookRequest>) -> Result<Response<GetHookResponse>, Status> {
        let request = request.into_inner();
        let span = span("get_hook", &request.class_name);
        answer(span, async { Ok(GetHookResponse { hook: Some(self.get_hook(&request).await?) }) }).await
    }

    async fn register(&self, request: Request<RegisterHookRequest>) -> Result<Response<RegisterHookResponse>, Status> {
        let request = request.into_inner();
        let span = span("register_hook", "");
        answer(span, async { Ok(RegisterHookResponse { hook: Some(self.register_hook(&request).await?) }) }).await
    }

    async fn replace(&self, request: Request<ReplaceHookRequest>) -> Result<Response<ReplaceHookResponse>, Status> {
        let request = request.into_inner();
        let span = span("replace_hook", &request.class_name);
        answer(span, async { Ok(ReplaceHookResponse { hook: self.replace_hook(&request).await? }) }).await
    }

    async fn ask(&self, request: Request<AskHookRequest>) -> Result<Response<AskHookResponse>, Status> {
        let request = request.into_inner();
        answer(span("ask_hook", &request.class_name), self.ask_hook(&request)).await
    }

    async fn call(&self, request: Request<CallRequest>) -> Result<Response<CallResponse>, Status> {
        let request = request.into_inner();
        answer(span("call", "_User"), self.call_function(&request)).await
    }
}
