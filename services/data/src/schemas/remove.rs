//! Removing a class, or everything in it.

use parsefleet_core::{ClassSchema, ErrorCode, ParseError, Query, error::Result, schema::class_name};
use parsefleet_proto::v1::{DeleteSchemaRequest, PurgeRequest};

use super::check_writer;
use crate::{error::parse_error, service::DataService};

/// Classes from which it follows what sessions may do.
const BEHIND_SESSIONS: [&str; 3] = ["_Session", "_Role", "_User"];

impl DataService {
    /// Removes a class that has no objects. A class that is not there is no error.
    ///
    /// # Errors
    /// 103 for what cannot be a class, 255 if it has objects, 119 for who may not.
    pub async fn delete_schema(&self, request: &DeleteSchemaRequest) -> Result<()> {
        check_writer(request.context.as_ref(), "delete")?;
        let name = class_name(&request.class_name)?;
        let snapshot = self.schema.fresh().await?;
        let class = match snapshot.stored_class(name.as_str()) {
            Some(class) => class.schema.clone(),
            None => ClassSchema::new(name.clone()),
        };
        let objects = self.store.drop_class(&class).await.map_err(parse_error)?;
        if objects > 0 {
            return Err(ParseError::new(
                ErrorCode::InvalidSchemaOperation,
                format!("Class {name} is not empty, contains {objects} objects, cannot drop schema."),
            ));
        }
        tracing::info!(parse.class = %name, "class removed");
        // Parse's own classes do not do without their indexes.
        self.prepare_indexes(&name).await;
        self.schema.changed().await?;
        self.forget_sessions(name.as_str()).await;
        Ok(())
    }

    /// Removes every object of a class. A class that is not there is no error.
    ///
    /// # Errors
    /// 119 for who may not.
    pub async fn purge_class(&self, request: &PurgeRequest) -> Result<()> {
        check_writer(request.context.as_ref(), "purge")?;
        let snapshot = self.schema.fresh().await?;
        let Some(class) = snapshot.stored_class(&request.class_name) else { return Ok(()) };
        let removed = self.store.delete(&class.schema, &Query::default()).await.map_err(parse_error)?;
        tracing::info!(parse.class = %class.schema.name, removed, "class purged");
        self.forget_sessions(&request.class_name).await;
        Ok(())
    }

    async fn forget_sessions(&self, class: &str) {
        if BEHIND_SESSIONS.contains(&class) {
            self.invalidation.sessions_removed().await;
        }
    }
}
