//! Requests about classes themselves: what there is, making and changing it, removing it.
//!
//! Everything a request asks for is checked against the class as it is now before any of it is done. The description of a
//! class changes in one operation, whose condition is the state that was checked; if somebody else was faster, the
//! request is checked again.

mod change;
mod define;
mod index;
mod remove;

use bytes::Bytes;
use parsefleet_core::{
    ErrorCode, ParseError,
    error::Result,
    schema::{SchemaRules, VOLATILE_CLASSES},
    update::ObjectIds,
};
use parsefleet_proto::v1::{GetSchemaRequest, ListSchemasRequest, RequestContext};
use serde_json::{Value as Json, json};

use crate::{caller::Caller, service::DataService};

impl DataService {
    /// Every class, as `{"results": […]}`.
    ///
    /// # Errors
    /// 119 unless a master key asks.
    pub async fn list_schemas(&self, request: &ListSchemasRequest) -> Result<Bytes> {
        check_reader(request.context.as_ref())?;
        let snapshot = self.schema.fresh().await?;
        let classes: Vec<Json> = snapshot.stored_classes().map(|class| class.schema.to_rest()).collect();
        Ok(json!({ "results": classes }).to_string().into())
    }

    /// One class.
    ///
    /// # Errors
    /// 103 if it is not there, 119 unless a master key asks.
    pub async fn get_schema(&self, request: &GetSchemaRequest) -> Result<Bytes> {
        check_reader(request.context.as_ref())?;
        let name = request.class_name.as_str();
        let snapshot = self.schema.fresh().await?;
        let class = match VOLATILE_CLASSES.contains(&name) {
            true => snapshot.class(name),
            false => snapshot.stored_class(name),
        };
        Ok(class.ok_or_else(|| missing_class(name))?.schema.to_rest().to_string().into())
    }

    fn schema_rules(&self) -> SchemaRules {
        let user_ids = if self.settings.allow_custom_object_id { ObjectIds::Custom } else { ObjectIds::Generated };
        SchemaRules { user_ids, index_fields: self.settings.index_fields }
    }

    /// # Errors
    /// 119 if classes are what the configuration says.
    fn check_unlocked(&self) -> Result<()> {
        if !self.settings.lock_schemas {
            return Ok(());
        }
        let text = "Cannot perform this operation when schemas options is used.";
        Err(ParseError::new(ErrorCode::OperationForbidden, text))
    }
}

fn check_reader(context: Option<&RequestContext>) -> Result<()> {
    match Caller::from_context(context)? {
        Caller::Master | Caller::ReadOnlyMaster => Ok(()),
        Caller::Public | Caller::User(_) | Caller::Maintenance => Err(master_required()),
    }
}

/// Refuses everybody without the master key; `action` is what the read-only one cannot do.
fn check_writer(context: Option<&RequestContext>, action: &str) -> Result<()> {
    match Caller::from_context(context)? {
        Caller::Master => Ok(()),
        Caller::ReadOnlyMaster => Err(ParseError::sanitised(
            ErrorCode::OperationForbidden,
            format!("read-only masterKey isn't allowed to {action} a schema."),
        )),
        Caller::Public | Caller::User(_) | Caller::Maintenance => Err(master_required()),
    }
}

fn master_required() -> ParseError {
    ParseError::sanitised(ErrorCode::OperationForbidden, "unauthorized: master key is required")
}

fn missing_class(name: &str) -> ParseError {
    ParseError::new(ErrorCode::InvalidClassName, format!("Class {name} does not exist."))
}
