//! Queries inside queries: each is asked with the caller's permissions, and its answer becomes a list of values.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use parsefleet_core::{
    ClassSchema, ErrorCode, FieldPath, ParseError, Query, Value,
    error::Result,
    query::{Constraint, Subquery},
    value::Pointer,
};
use serde_json::Value as Json;

use super::{Reader, fields::Fields, output::Site, triggers};
use crate::{
    policy,
    schema::Class,
    store::{Documents, FindOptions},
};

/// What a sub-query finds.
struct Found {
    class: Arc<Class>,
    objects: Objects,
}

/// Objects of a class.
enum Objects {
    /// As they are stored.
    Stored(Documents),
    /// As a trigger answered them.
    Answered(Vec<Json>),
}

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
        let Some(Found { class, objects }) = self.subquery(subquery, projection).await? else { return Ok(Vec::new()) };
        let class_name = class.schema.name.as_str();
        let pointer =
            |id: &str| Value::Pointer(Pointer { class_name: class_name.to_owned(), object_id: id.to_owned() });
        Ok(match &objects {
            Objects::Stored(documents) => {
                documents.iter().filter_map(|document| document.get_str("_id").ok().map(pointer)).collect()
            }
            Objects::Answered(objects) => {
                objects.iter().filter_map(|object| object["objectId"].as_str().map(pointer)).collect()
            }
        })
    }

    /// The values at a key of the objects of a sub-query; `Null` where there is none or the caller may not see it.
    async fn values(&self, subquery: &Subquery, key: &FieldPath) -> Result<Vec<Value>> {
        let Some(Found { class, objects }) = self.subquery(subquery, None).await? else { return Ok(Vec::new()) };
        match objects {
            Objects::Stored(documents) => {
                let class = self.class_with(class, &[key.root()]).await?;
                self.visible_values(&class, &documents, key)
            }
            Objects::Answered(objects) => Value::list_from_nested(objects.iter().map(|o| json_at(o, key)).collect()),
        }
    }

    /// A sub-query returns every object it finds: `limit`, `skip` and `order` in it mean nothing.
    fn subquery<'s>(
        &'s self,
        subquery: &'s Subquery,
        projection: Option<Vec<String>>,
    ) -> BoxFuture<'s, Result<Option<Found>>> {
        Box::pin(async move {
            let reader = self.deeper()?;
            let redirect = subquery.redirect_key.as_deref();
            let everything = Json::Object(serde_json::Map::new());
            let filter = if subquery.filter.is_null() { &everything } else { &subquery.filter };
            let told = || triggers::told_of_subquery(filter, redirect, reader.subquery_limit());
            reader.before(&subquery.class_name, told).await?;
            let Some(class) = reader.class_of_query(&subquery.class_name, redirect).await? else { return Ok(None) };
            let after = reader.triggers_after(class.schema.name.as_str());
            let operation = reader.operation_of(&class, filter);
            policy::authorise(&class, reader.caller, operation)?;
            let (class, query) = reader.query(class, filter).await?;
            let options = FindOptions {
                // A trigger is told of whole objects.
                projection: projection.filter(|_| after.is_none()),
                limit: reader.subquery_limit(),
                read_preference: reader.read_preference.clone(),
                ..FindOptions::default()
            };
            let documents = reader.fetch(&class, &query, operation, &options).await?;
            let objects = match after {
                None => Objects::Stored(documents),
                Some(triggers) => {
                    let fields = Fields::default();
                    let site = Site { fields: &fields, mount_url: reader.mount_url, includes: None };
                    let objects = reader.objects(&class, &documents, site).await?;
                    let class_name = class.schema.name.as_str();
                    let asked = triggers.after_find(reader.service, class_name, told(), objects);
                    Objects::Answered(Box::pin(asked).await?)
                }
            };
            Ok(Some(Found { class, objects }))
        })
    }

    /// The same caller, one sub-query further down.
    ///
    /// # Errors
    /// 102 if that is further than the app allows to clients.
    fn deeper(&self) -> Result<Self> {
        let depth = self.depth + 1;
        let most = self.service.settings.complexity.subquery_depth.filter(|_| self.caller.is_restricted());
        if let Some(most) = most.filter(|most| depth > *most) {
            let message = format!("Subquery nesting depth exceeds maximum allowed depth of {most}");
            return Err(ParseError::new(ErrorCode::InvalidQuery, message));
        }
        Ok(Self { depth, read_preference: self.subquery_preference.clone(), ..self.clone() })
    }

    fn subquery_limit(&self) -> Option<u64> {
        let limit = self.service.settings.complexity.subquery_limit.filter(|_| self.caller.is_restricted())?;
        u64::try_from(limit).ok()
    }
}

/// The value at a path of an object; null where there is none.
fn json_at(object: &Json, path: &FieldPath) -> Json {
    path.segments().try_fold(object, |value, segment| value.get(segment)).cloned().unwrap_or_default()
}
