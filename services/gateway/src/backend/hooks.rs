//! Calls about hooks.

use bytes::Bytes;
use parsefleet_core::ParseError;
use parsefleet_proto::v1::{
    GetHookRequest, Hook, ListHooksRequest, RegisterHookRequest, ReplaceHookRequest, RequestContext,
    hooks_client::HooksClient,
};
use parsefleet_runtime::rpc::{Channel, MESSAGE_LIMIT};

use super::parse_error;

/// Calls to data about hooks.
pub(crate) struct HooksBackend(HooksClient<Channel>);

impl HooksBackend {
    pub(crate) fn new(channel: Channel) -> Self {
        let client = HooksClient::new(channel);
        Self(client.max_decoding_message_size(MESSAGE_LIMIT).max_encoding_message_size(MESSAGE_LIMIT))
    }

    pub(crate) async fn list(&self, context: RequestContext) -> Result<Vec<Hook>, ParseError> {
        let message = ListHooksRequest { context: Some(context) };
        Ok(self.0.clone().list(message).await.map_err(parse_error)?.into_inner().hooks)
    }

    pub(crate) async fn get(&self, context: RequestContext, hook: (&str, &str)) -> Result<Option<Hook>, ParseError> {
        let (class_name, trigger_name) = (hook.0.to_owned(), hook.1.to_owned());
        let message = GetHookRequest { context: Some(context), class_name, trigger_name };
        Ok(self.0.clone().get(message).await.map_err(parse_error)?.into_inner().hook)
    }

    pub(crate) async fn register(&self, context: RequestContext, body: Bytes) -> Result<Option<Hook>, ParseError> {
        let message = RegisterHookRequest { context: Some(context), body };
        Ok(self.0.clone().register(message).await.map_err(parse_error)?.into_inner().hook)
    }

    /// Changes a hook, named by its class and trigger; nothing is left of one that was removed.
    pub(crate) async fn replace(
        &self,
        context: RequestContext,
        hook: (&str, &str),
        body: Bytes,
    ) -> Result<Option<Hook>, ParseError> {
        let (class_name, trigger_name) = (hook.0.to_owned(), hook.1.to_owned());
        let message = ReplaceHookRequest { context: Some(context), class_name, trigger_name, body };
        Ok(self.0.clone().replace(message).await.map_err(parse_error)?.into_inner().hook)
    }
}
