//! Rows of the classes that this service owns, internal columns included, by way of the data service.

use bytes::Bytes;
use parsefleet_core::{ErrorCode, ParseError, error::Result};
use parsefleet_proto::v1::{
    ChangeRowRequest, FindRowsRequest, InsertRowRequest, RemoveRowsRequest, RequestContext, rows_client::RowsClient,
};
use parsefleet_runtime::rpc::{self, Channel, MESSAGE_LIMIT};
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

/// Rows as they are stored. No permission applies here: whoever calls has decided.
#[derive(Clone)]
pub(crate) struct Rows {
    data: RowsClient<Channel>,
}

/// Which rows, and what of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Search<'a> {
    /// Condition, in the names of rows.
    pub(crate) filter: Json,
    /// Terms of order.
    pub(crate) order: &'a [&'a str],
    /// Most rows; 0 for all.
    pub(crate) limit: u32,
    /// Rows to leave out at the start.
    pub(crate) skip: u32,
    /// Columns; none for all.
    pub(crate) keys: &'a [&'a str],
    /// Whether text is compared without regard to case.
    pub(crate) ignore_case: bool,
}

/// Whether a change makes a row a newer one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Touch {
    /// `updatedAt` stays: what the server notes for itself.
    No,
    /// `updatedAt` becomes the time of the change.
    Yes,
}

impl Rows {
    pub(crate) fn new(data: Channel) -> Self {
        let client = RowsClient::new(data);
        Self { data: client.max_decoding_message_size(MESSAGE_LIMIT).max_encoding_message_size(MESSAGE_LIMIT) }
    }

    /// The rows that are looked for.
    pub(crate) async fn find<T: DeserializeOwned>(
        &self,
        context: &RequestContext,
        class_name: &str,
        search: &Search<'_>,
    ) -> Result<Vec<T>> {
        let request = FindRowsRequest {
            context: Some(context.clone()),
            class_name: class_name.to_owned(),
            r#where: json_bytes(&search.filter),
            order: search.order.iter().map(|term| (*term).to_owned()).collect(),
            limit: search.limit,
            skip: search.skip,
            keys: search.keys.iter().map(|key| (*key).to_owned()).collect(),
            ignore_case: search.ignore_case,
        };
        let response = self.data.clone().find(request).await.map_err(|status| rpc::parse_error(&status))?;
        response.into_inner().rows.iter().map(|row| read(class_name, row)).collect()
    }

    /// Stores a row, and returns it as it is stored.
    ///
    /// # Errors
    /// The error of the unique index that has one of its values already.
    pub(crate) async fn insert<T: DeserializeOwned>(
        &self,
        context: &RequestContext,
        class_name: &str,
        row: &Json,
    ) -> Result<T> {
        let context = Some(context.clone());
        let request = InsertRowRequest { context, class_name: class_name.to_owned(), row: json_bytes(row) };
        let response = self.data.clone().insert(request).await.map_err(|status| rpc::parse_error(&status))?;
        read(class_name, &response.into_inner().row)
    }

    /// Changes one row that satisfies the condition, in one operation. The row as it is then; `None` if none satisfied it.
    pub(crate) async fn change<T: DeserializeOwned>(
        &self,
        context: &RequestContext,
        class_name: &str,
        filter: &Json,
        changes: &Json,
        touch: Touch,
    ) -> Result<Option<T>> {
        let request = ChangeRowRequest {
            context: Some(context.clone()),
            class_name: class_name.to_owned(),
            r#where: json_bytes(filter),
            changes: json_bytes(changes),
            touch: touch == Touch::Yes,
        };
        let response = self.data.clone().change(request).await.map_err(|status| rpc::parse_error(&status))?;
        response.into_inner().row.map(|row| read(class_name, &row)).transpose()
    }

    /// Removes all rows that satisfy the condition, and tells how many there were.
    pub(crate) async fn remove(&self, context: &RequestContext, class_name: &str, filter: &Json) -> Result<u64> {
        let context = Some(context.clone());
        let request = RemoveRowsRequest { context, class_name: class_name.to_owned(), r#where: json_bytes(filter) };
        let response = self.data.clone().remove(request).await.map_err(|status| rpc::parse_error(&status))?;
        Ok(response.into_inner().removed)
    }
}

fn json_bytes(value: &Json) -> Bytes {
    Bytes::from(value.to_string())
}

fn read<T: DeserializeOwned>(class_name: &str, row: &[u8]) -> Result<T> {
    serde_json::from_slice(row).map_err(|error| {
        tracing::error!(%error, class = class_name, "a row could not be understood");
        ParseError::new(ErrorCode::InternalServerError, "Internal server error.")
    })
}
