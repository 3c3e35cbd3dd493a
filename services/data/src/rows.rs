//! Rows as they are stored, for the service that owns their class: no permission applies, and every column is seen.
//!
//! The gateway never asks here. Each request is one atomic operation of the store.

use std::sync::Arc;

use bytes::Bytes;
use parsefleet_core::{
    ClassName, ClassSchema, ErrorCode, NewObject, Object, ObjectId, ObjectUpdate, ParseError, Query,
    error::Result,
    query::{QueryAccess, QueryRules, order},
    update::{ObjectIds, Writer},
};
use parsefleet_proto::v1::{ChangeRowRequest, FindRowsRequest, InsertRowRequest, RemoveRowsRequest};
use serde_json::{Map as JsonMap, Value as Json};

use crate::{
    clock,
    codec::{self, FileUrls, JsonReader, ReadView, Reader, columns::projected_names},
    error::{corrupt_document, parse_error, write_error},
    policy::guards,
    schema::Class,
    service::DataService,
    store::{Documents, FindOptions},
    write::generate_id,
};

/// The joins of the classes of which there are rows.
const JOINS: [&str; 2] = ["_Join:users:_Role", "_Join:roles:_Role"];

/// Any id: a change names the rows it is about by its condition.
const ANY_ID: &str = "row";

impl DataService {
    /// The rows that satisfy a condition.
    ///
    /// # Errors
    /// 102, 105 and 107 for what is wrong with the condition.
    pub async fn find_rows(&self, request: &FindRowsRequest) -> Result<Vec<Bytes>> {
        let class = self.class_of_rows(&request.class_name).await?;
        let schema = &class.schema;
        let options = FindOptions {
            order: order::parse(&request.order.join(","), schema)?,
            skip: request.skip.into(),
            limit: (request.limit > 0).then(|| request.limit.into()),
            projection: projection(schema, &request.keys),
            ignore_case: request.ignore_case,
            ..FindOptions::default()
        };
        let query = condition(schema, &request.r#where)?;
        let documents = self.store.find(schema, &query, &options).await.map_err(parse_error)?;
        print(schema, &request.keys, &documents)
    }

    /// Stores a row. The row as it is stored.
    ///
    /// # Errors
    /// That of the unique index that has one of its values; 105, 107 and 111 for what is wrong with the row.
    pub async fn insert_row(&self, request: &InsertRowRequest) -> Result<Bytes> {
        let now = clock::now();
        let class = self.class_of_rows(&request.class_name).await?;
        let row = object(&request.row)?;
        let new = NewObject::parse(row, Writer::Service, ObjectIds::Custom)?;
        if !new.relations.is_empty() {
            return Err(misused("a row has no relations"));
        }
        let class = self.class_with_fields(class, &new.types).await?;
        let object = Object {
            id: new.object_id.unwrap_or_else(|| generate_id(self.settings.object_id_size)),
            created_at: new.created_at.unwrap_or(now),
            updated_at: new.updated_at.unwrap_or(now),
            acl: new.acl,
            fields: new.fields,
        };
        let document = codec::encode(&class.schema, &object)?;
        let name = &class.schema.name;
        self.store.insert(name, document.clone()).await.map_err(|error| write_error(name, error))?;
        self.announce(name).await;
        let mut stored = Documents::default();
        stored.push(&document);
        print(&class.schema, &[], &stored)?.pop().ok_or_else(|| misused("a row was stored and is not there"))
    }

    /// Changes one row that satisfies a condition, in one operation. The row as it is afterwards; `None` if none does.
    ///
    /// # Errors
    /// That of the unique index that has one of the new values; 102, 105, 107 and 111 for what is wrong with the change.
    pub async fn change_row(&self, request: &ChangeRowRequest) -> Result<Option<Bytes>> {
        let class = self.class_of_rows(&request.class_name).await?;
        let id = ObjectId::new(ANY_ID).ok_or_else(|| misused("no id"))?;
        let change = ObjectUpdate::parse(&id, object(&request.changes)?, Writer::Service)?;
        let is_empty = change.update.changes.is_empty() && change.update.acl.is_none();
        if !change.update.relations.is_empty() || (is_empty && !request.touch) {
            return Err(misused("a change of a row changes its columns"));
        }
        let class = self.class_with_fields(class, &change.types).await?;
        let query = narrow_condition(&class.schema, &request.r#where)?;
        let updated_at = request.touch.then(clock::now);
        let changed = self.store.update_one(&class.schema, &query, &change.update, updated_at).await;
        let name = &class.schema.name;
        let Some(document) = changed.map_err(|error| write_error(name, error))? else { return Ok(None) };
        self.announce(name).await;
        let mut stored = Documents::default();
        stored.push(&document);
        Ok(print(&class.schema, &[], &stored)?.pop())
    }

    /// Removes all rows that satisfy a condition, and tells how many there were.
    ///
    /// # Errors
    /// 102, 105 and 107 for what is wrong with the condition.
    pub async fn remove_rows(&self, request: &RemoveRowsRequest) -> Result<u64> {
        let class = self.class_of_rows(&request.class_name).await?;
        let query = narrow_condition(&class.schema, &request.r#where)?;
        let removed = self.store.delete(&class.schema, &query).await.map_err(parse_error)?;
        if removed > 0 {
            self.announce(&class.schema.name).await;
        }
        Ok(removed)
    }

    /// A class of which there are rows.
    async fn class_of_rows(&self, name: &str) -> Result<Arc<Class>> {
        let prepared = |name| Arc::new(Class::new(ClassSchema::new(name), &self.settings));
        let outbox = ClassName::outbox();
        if name == outbox.as_str() {
            return Ok(prepared(outbox));
        }
        let no_rows = || misused(&format!("{name} is a class without an owner"));
        if JOINS.contains(&name) {
            return ClassName::new(name).map(prepared).ok_or_else(no_rows);
        }
        if !guards::OWNED.contains(&name) {
            return Err(no_rows());
        }
        self.schema.current().await?.class(name).cloned().ok_or_else(no_rows)
    }

    /// The class with everything that a row demands of it. What is no class of the app has no schema.
    async fn class_with_fields(
        &self,
        class: Arc<Class>,
        types: &[parsefleet_core::schema::TypedField],
    ) -> Result<Arc<Class>> {
        let name = &class.schema.name;
        if name.is_outbox() || name.is_join() {
            return Ok(class);
        }
        self.schema.extend(name, types, &mut |_| Ok(())).await
    }
}

/// A condition in the names of rows.
pub(crate) fn condition(schema: &ClassSchema, filter: &[u8]) -> Result<Query> {
    if filter.is_empty() {
        return Ok(Query::default());
    }
    let filter: Json = serde_json::from_slice(filter).map_err(|_| invalid_json())?;
    Query::parse(&filter, schema, &QueryRules::new(QueryAccess::Service, clock::now()))
}

/// A condition that is one: nobody means all rows when he changes or removes some.
fn narrow_condition(schema: &ClassSchema, filter: &[u8]) -> Result<Query> {
    let query = condition(schema, filter)?;
    if query.conditions.is_empty() {
        return Err(misused("no condition"));
    }
    Ok(query)
}

/// A JSON object in the names of rows.
pub(crate) fn object(bytes: &[u8]) -> Result<JsonMap<String, Json>> {
    if bytes.is_empty() {
        return Ok(JsonMap::new());
    }
    serde_json::from_slice(bytes).map_err(|_| invalid_json())
}

/// The stored columns of a selection; `None` is all.
fn projection(schema: &ClassSchema, keys: &[String]) -> Option<Vec<String>> {
    // One column per provider, of which only the documents know.
    if keys.is_empty() || keys.iter().any(|key| key == "authData") {
        return None;
    }
    let columns = keys.iter().flat_map(|key| projected_names(schema, key, &[]));
    Some(std::iter::once("_id".to_owned()).chain(columns).collect())
}

fn print(schema: &ClassSchema, keys: &[String], documents: &Documents) -> Result<Vec<Bytes>> {
    let files = FileUrls::default();
    let mut reader = JsonReader::new(ReadView {
        schema,
        selected: (!keys.is_empty()).then_some(keys),
        hidden: &[],
        owner_exempt: true,
        reader: &Reader::System,
        files: &files,
        identities: &codec::AS_STORED,
        includes: None,
    });
    let row = |document| {
        let mut row = Vec::new();
        reader.write(&mut row, document).map_err(corrupt_document)?;
        Ok(Bytes::from(row))
    };
    documents.iter().map(row).collect()
}

fn invalid_json() -> ParseError {
    ParseError::new(ErrorCode::InvalidJson, "invalid JSON")
}

/// A mistake of another service, which its client cannot mend.
pub(crate) fn misused(what: &str) -> ParseError {
    tracing::error!(what, "another service asks for rows in a way that makes no sense");
    ParseError::new(ErrorCode::InternalServerError, "Internal server error.")
}
