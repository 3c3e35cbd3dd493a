//! Objects as triggers are told of them.

use bson::RawDocument;
use parsefleet_core::{Query, error::Result};
use serde_json::{Map as JsonMap, Value as Json};

use super::{Reader, by_id, fields::Fields, output::Site};
use crate::{
    caller::Caller,
    codec::{self, JsonReader, ReadView},
    error::{corrupt_document, parse_error},
    schema::Class,
    service::DataService,
    store::{FindOptions, StoreError},
};

impl DataService {
    /// What the caller may see of an object, found by a query that holds all conditions; `None` if it is not there.
    pub(crate) async fn object_for(
        &self,
        caller: &Caller,
        class: &Class,
        query: &Query,
        mount_url: &str,
    ) -> Result<Option<JsonMap<String, Json>>> {
        let options = FindOptions { limit: Some(1), ..FindOptions::default() };
        let found = self.store.find(&class.schema, query, &options).await.map_err(parse_error)?;
        let Some(document) = found.first() else { return Ok(None) };
        let fields = Fields::default();
        let site = Site { fields: &fields, mount_url, includes: None };
        let reader = Reader::new(self, caller, None)?;
        let json = reader.print(class, site, |printer| printer.object(document)).await?;
        members(&json).map(Some)
    }

    /// An object that is about to be changed, as triggers are told of it: what the caller may see, unless they are exempt from
    /// what is protected.
    pub(crate) async fn original_for(
        &self,
        caller: &Caller,
        class: &Class,
        query: &Query,
        mount_url: &str,
    ) -> Result<Option<JsonMap<String, Json>>> {
        let viewer = if self.settings.protected_fields_trigger_exempt { &Caller::Master } else { caller };
        self.object_for(viewer, class, query, mount_url).await
    }

    /// A user as the master key sees it.
    pub(crate) async fn user_for_triggers(&self, class: &Class, id: &str) -> Result<Option<JsonMap<String, Json>>> {
        self.object_for(&Caller::Master, class, &by_id(id), "").await
    }

    /// An object that was just stored, as the master key sees it.
    pub(crate) fn stored_object(
        &self,
        class: &Class,
        document: &RawDocument,
        mount_url: &str,
    ) -> Result<JsonMap<String, Json>> {
        let files = self.file_urls(mount_url);
        let mut reader = JsonReader::new(ReadView {
            schema: &class.schema,
            selected: None,
            hidden: &[],
            owner_exempt: true,
            reader: &codec::Reader::Master,
            files: &files,
            identities: &self.settings.identities,
            includes: None,
        });
        let mut json = Vec::new();
        reader.write(&mut json, document).map_err(corrupt_document)?;
        members(&json)
    }
}

fn members(json: &[u8]) -> Result<JsonMap<String, Json>> {
    let parsed = serde_json::from_slice(json);
    parsed.map_err(|error| parse_error(StoreError::Failed(format!("a printed object cannot be read: {error}"))))
}
