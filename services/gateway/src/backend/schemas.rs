//! Calls about classes.

use bytes::Bytes;
use parsefleet_core::ParseError;
use parsefleet_proto::v1::{
    CreateSchemaRequest, DeleteSchemaRequest, GetSchemaRequest, ListSchemasRequest, ModifySchemaRequest, PurgeRequest,
    RequestContext, schemas_client::SchemasClient,
};
use parsefleet_runtime::rpc::{Channel, MESSAGE_LIMIT};

use super::parse_error;

/// Calls to data about classes.
pub(crate) struct SchemasBackend(SchemasClient<Channel>);

impl SchemasBackend {
    pub(crate) fn new(channel: Channel) -> Self {
        let client = SchemasClient::new(channel);
        Self(client.max_decoding_message_size(MESSAGE_LIMIT).max_encoding_message_size(MESSAGE_LIMIT))
    }

    pub(crate) async fn list(&self, context: RequestContext) -> Result<Bytes, ParseError> {
        let message = ListSchemasRequest { context: Some(context) };
        Ok(self.0.clone().list(message).await.map_err(parse_error)?.into_inner().body)
    }

    pub(crate) async fn get(&self, context: RequestContext, class: &str) -> Result<Bytes, ParseError> {
        let message = GetSchemaRequest { context: Some(context), class_name: class.to_owned() };
        Ok(self.0.clone().get(message).await.map_err(parse_error)?.into_inner().body)
    }

    /// Without a class in the path `class` is empty.
    pub(crate) async fn create(&self, context: RequestContext, class: &str, body: Bytes) -> Result<Bytes, ParseError> {
        let message = CreateSchemaRequest { context: Some(context), class_name: class.to_owned(), body };
        Ok(self.0.clone().create(message).await.map_err(parse_error)?.into_inner().body)
    }

    pub(crate) async fn modify(&self, context: RequestContext, class: &str, body: Bytes) -> Result<Bytes, ParseError> {
        let message = ModifySchemaRequest { context: Some(context), class_name: class.to_owned(), body };
        Ok(self.0.clone().modify(message).await.map_err(parse_error)?.into_inner().body)
    }

    pub(crate) async fn delete(&self, context: RequestContext, class: &str) -> Result<(), ParseError> {
        let message = DeleteSchemaRequest { context: Some(context), class_name: class.to_owned() };
        self.0.clone().delete(message).await.map(|_| ()).map_err(parse_error)
    }

    pub(crate) async fn purge(&self, context: RequestContext, class: &str) -> Result<(), ParseError> {
        let message = PurgeRequest { context: Some(context), class_name: class.to_owned() };
        self.0.clone().purge(message).await.map(|_| ()).map_err(parse_error)
    }
}
