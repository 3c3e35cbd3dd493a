//! Queries inside queries: each is asked with the caller's permissions, and its answer becomes a list of values.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use parsefleet_core::{
    ClassSchema, FieldPath, Query, Value,
    error::Result,
    query::{Constraint, Subquery},
    value::Pointer,
};
use serde_json::Value as Json;

use super::Reader;
use crate::{
    policy,
    schema::Class,
    store::{Documents, FindOptions},
};

/// A class and documents of it.
type Found = (Arc<Class>, Documents);

impl Reader<'_> {
    /// Answers every sub-query of a query.
    pub(super) async fn resolve_subqueries(&self, class: &ClassSchema, query: &mut Query) -> Result<()> {
        while let Some(pending) = query.pending() {
            let found = match pending {
                Constraint::InQuery(subquery) | Constraint::NotInQuery(subquery) => self.pointers(subquery).await?,
                Constraint::Select(subquery, key) | Constraint::DontSelect(subquery, key) => {
                    self.values(subquery, key).await?
                }
                _ => break,
            };
            query.resolve(found, class);
        }
        Ok(())
    }

    /// Pointers to the objects of a sub-query.
    async fn pointers(&self, subquery: &Subquery) -> Result<Vec<Value>> {
        let projection = Some(vec!["_id".to_owned()]);
        let Some((class, documents)) = self.subquery(subquery, projection).await? else { return Ok(Vec::new()) };
        let class_name = class.schema.name.as_str();
        let pointer =
            |id: &str| Value::Pointer(Pointer { class_name: class_name.to_owned(), object_id: id.to_owned() });
        Ok(documents.iter().filter_map(|document| document.get_str("_id").ok().map(pointer)).collect())
    }

    /// The values at a key of the objects of a sub-query; `Null` where there is none or the caller may not see it.
    async fn values(&self, subquery: &Subquery, key: &FieldPath) -> Result<Vec<Value>> {
        let Some((class, documents)) = self.subquery(subquery, None).await? else { return Ok(Vec::new()) };
        let class = self.class_with(class, &[key.root()]).await?;
        self.visible_values(&class, &documents, key)
    }

    /// A sub-query returns every object it finds: `limit`, `skip` and `order` in it mean nothing.
    fn subquery<'s>(
        &'s self,
        subquery: &'s Subquery,
        projection: Option<Vec<String>>,
    ) -> BoxFuture<'s, Result<Option<Found>>> {
        Box::pin(async move {
            let redirect = subquery.redirect_key.as_deref();
            let Some(class) = self.class_of_query(&subquery.class_name, redirect).await? else { return Ok(None) };
            let everything = Json::Object(serde_json::Map::new());
            let filter = if subquery.filter.is_null() { &everything } else { &subquery.filter };
            let operation = self.operation_of(&class, filter);
            policy::authorise(&class, self.caller, operation)?;
            let (class, query) = self.query(class, filter).await?;
            let options =
                FindOptions { projection, read_preference: self.subquery_preference.clone(), ..FindOptions::default() };
            let documents = self.fetch(&class, &query, operation, &options).await?;
            Ok(Some((class, documents)))
        })
    }
}
