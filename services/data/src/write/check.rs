//! What is wrong with a write, told without writing anything.
//!
//! The owner of a class asks before it tells its caller anything of other objects, such as that a name is taken: who may not
//! write is to learn nothing of them.

use std::sync::Arc;

use parsefleet_core::{ParseError, Query, error::Result, schema::TypedField};
use parsefleet_proto::v1::{Operation, operation::Operation as Kind};

use crate::{error::parse_error, rows::misused, schema::Class, service::DataService, store::FindOptions};

impl DataService {
    /// Whether permissions, the types of fields and the object to be changed let a write be made.
    ///
    /// # Errors
    /// That of the write itself.
    pub async fn check_operation(&self, operation: &Operation) -> Result<()> {
        match &operation.operation {
            Some(Kind::Create(request)) => {
                let draft = self.draft_new(request).await?;
                match &draft.checked {
                    Some(class) => self.check_types(class, &draft.new.types).await,
                    None => Ok(()),
                }
            }
            Some(Kind::Update(request)) => {
                let draft = self.draft_change(request).await?;
                self.check_types(&draft.checked, &draft.change.types).await?;
                let class = Arc::clone(&draft.checked);
                self.check_reach(&class, draft.into_reach()?).await
            }
            Some(Kind::Delete(request)) => {
                let draft = self.draft_removal(request).await?;
                self.check_reach(&draft.class, draft.reach).await
            }
            Some(Kind::Get(_) | Kind::Find(_)) | None => Err(misused("something that is no write is checked")),
        }
    }

    async fn check_types(&self, class: &Arc<Class>, written: &[TypedField]) -> Result<()> {
        let Err(mismatch) = class.schema.plan(written) else { return Ok(()) };
        // The field may have been removed and made anew.
        let newer = self.schema.newer_class(class).await?.ok_or(mismatch)?;
        newer.schema.plan(written).map(drop)
    }

    async fn check_reach(&self, class: &Class, reach: Query) -> Result<()> {
        let one = FindOptions { limit: Some(1), projection: Some(vec!["_id".to_owned()]), ..FindOptions::default() };
        let found = self.store.find(&class.schema, &reach, &one).await.map_err(parse_error)?;
        if found.is_empty() { Err(ParseError::object_not_found()) } else { Ok(()) }
    }
}
