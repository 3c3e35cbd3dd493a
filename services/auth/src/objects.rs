//! Reading objects by way of the data service, with all rights.

use bytes::Bytes;
use parsefleet_core::{ErrorCode, ParseError, error::Result};
use parsefleet_proto::v1::{FieldList, FindRequest, RequestContext, Selection, data_client::DataClient};
use parsefleet_runtime::rpc::{self, Channel, MESSAGE_LIMIT};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value as Json;

use crate::caller::as_master;

/// Most rows of one read: more than any user has roles, small enough to hold.
const PAGE: usize = 10_000;

/// The objects of the database.
#[derive(Clone)]
pub(crate) struct Objects {
    data: DataClient<Channel>,
}

#[derive(Deserialize)]
struct Results<T> {
    results: Vec<T>,
}

/// A reference to an object, as it stands in another one.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Pointer {
    #[serde(rename = "objectId")]
    pub(crate) object_id: String,
}

impl Objects {
    pub(crate) fn new(data: Channel) -> Self {
        Self { data: DataClient::new(data).max_decoding_message_size(MESSAGE_LIMIT) }
    }

    /// Every object of the class that satisfies `filter`, with these fields only, ordered by id.
    pub(crate) async fn find<T: DeserializeOwned>(
        &self,
        context: &RequestContext,
        class_name: &str,
        filter: &Json,
        keys: &[&str],
    ) -> Result<Vec<T>> {
        let mut found: Vec<T> = Vec::new();
        loop {
            let page: Vec<T> = self.page(context, class_name, filter, keys, found.len()).await?;
            let complete = page.len() < PAGE;
            found.extend(page);
            if complete {
                return Ok(found);
            }
        }
    }

    async fn page<T: DeserializeOwned>(
        &self,
        context: &RequestContext,
        class_name: &str,
        filter: &Json,
        keys: &[&str],
        skip: usize,
    ) -> Result<Vec<T>> {
        let request = FindRequest {
            context: Some(as_master(context)),
            class_name: class_name.to_owned(),
            r#where: Bytes::from(filter.to_string()),
            limit: Some(PAGE as f64),
            skip: Some(skip as f64),
            order: vec!["objectId".to_owned()],
            selection: Some(Selection {
                keys: Some(FieldList { names: keys.iter().map(|key| (*key).to_owned()).collect() }),
                ..Selection::default()
            }),
            ..FindRequest::default()
        };
        let response = self.data.clone().find(request).await.map_err(|status| rpc::parse_error(&status))?;
        let parsed: Results<T> = serde_json::from_slice(&response.into_inner().body).map_err(|error| {
            tracing::error!(%error, class = class_name, "an object could not be understood");
            ParseError::new(ErrorCode::InternalServerError, "Internal server error.")
        })?;
        Ok(parsed.results)
    }
}
