//! Writing and reading objects by way of the data service, with the rights of who asks.

use bytes::Bytes;
use parsefleet_core::error::Result;
use parsefleet_proto::v1::{
    CheckRequest, CreateRequest, DeleteRequest, FindRequest, GetRequest, Operation, OperationResult, TransactRequest,
    UpdateRequest, data_client::DataClient, operation::Operation as Kind,
};
use parsefleet_runtime::rpc::{self, Channel, MESSAGE_LIMIT};

/// The objects of the database, behind all permissions.
#[derive(Clone)]
pub(crate) struct Data {
    client: DataClient<Channel>,
}

impl Data {
    pub(crate) fn new(channel: Channel) -> Self {
        let client = DataClient::new(channel);
        Self { client: client.max_decoding_message_size(MESSAGE_LIMIT).max_encoding_message_size(MESSAGE_LIMIT) }
    }

    /// One object.
    pub(crate) async fn get(&self, request: GetRequest) -> Result<Bytes> {
        Ok(self.client.clone().get(request).await.map_err(|status| rpc::parse_error(&status))?.into_inner().object)
    }

    /// Carries out one operation.
    pub(crate) async fn carry_out(&self, operation: Kind) -> Result<OperationResult> {
        match operation {
            Kind::Get(request) => Ok(result(self.get(request).await?)),
            Kind::Find(request) => Ok(result(self.find(request).await?)),
            Kind::Create(request) => self.create(request).await,
            Kind::Update(request) => Ok(result(self.update(request).await?)),
            Kind::Delete(request) => self.delete(request).await.map(|()| result(Bytes::new())),
        }
    }

    /// What is wrong with a write, as far as data knows; nothing is written.
    pub(crate) async fn check(&self, write: Kind) -> Result<()> {
        let request = CheckRequest { operation: Some(Operation { operation: Some(write) }) };
        self.client.clone().check(request).await.map(|_| ()).map_err(|status| rpc::parse_error(&status))
    }

    /// Carries out several operations as one.
    pub(crate) async fn transact(&self, request: TransactRequest) -> Result<Vec<OperationResult>> {
        Ok(self
            .client
            .clone()
            .transact(request)
            .await
            .map_err(|status| rpc::parse_error(&status))?
            .into_inner()
            .results)
    }

    async fn find(&self, request: FindRequest) -> Result<Bytes> {
        Ok(self.client.clone().find(request).await.map_err(|status| rpc::parse_error(&status))?.into_inner().body)
    }

    async fn create(&self, request: CreateRequest) -> Result<OperationResult> {
        let created =
            self.client.clone().create(request).await.map_err(|status| rpc::parse_error(&status))?.into_inner();
        Ok(OperationResult { object_id: created.object_id, body: created.body, ..OperationResult::default() })
    }

    async fn update(&self, request: UpdateRequest) -> Result<Bytes> {
        Ok(self.client.clone().update(request).await.map_err(|status| rpc::parse_error(&status))?.into_inner().body)
    }

    async fn delete(&self, request: DeleteRequest) -> Result<()> {
        self.client.clone().delete(request).await.map(|_| ()).map_err(|status| rpc::parse_error(&status))
    }
}

fn result(body: Bytes) -> OperationResult {
    OperationResult { body, ..OperationResult::default() }
}
