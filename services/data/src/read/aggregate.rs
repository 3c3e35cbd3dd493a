//! Aggregations and distinct values, for the master keys.
//!
//! No object permission applies to these callers, so that none is added; what a pipeline may do at all is decided by
//! `parsefleet_core::aggregate`, before the database sees it.

mod print;

use std::sync::Arc;

use bson::{Bson, Document};
use bytes::Bytes;
use parsefleet_core::{
    ClassName, ErrorCode, FieldPath, ParseError, Value,
    aggregate::{Collection, Given, Names, Pipeline, Rules, Values},
    error::Result,
};
use parsefleet_proto::v1::{AggregateRequest, DistinctRequest};
use serde_json::Value as Json;

use super::{Reader, options, triggers};
use crate::{
    caller::Caller,
    codec::{
        columns::stored_name,
        values::{Place, to_bson},
    },
    error::parse_error,
    hooks::Hooks,
    policy::guards::Method,
    schema::{Class, Snapshot},
    service::DataService,
    store::AggregateOptions,
};

impl DataService {
    /// `{"results":[…]}` of a pipeline.
    ///
    /// # Errors
    /// 119 if the caller may not aggregate, 102 for what is wrong with the pipeline, with the database's own words: who
    /// reads them holds a master key.
    pub async fn aggregate_objects(&self, request: &AggregateRequest) -> Result<Bytes> {
        let caller = self.aggregating_caller(request.context.as_ref())?;
        let stages = pipeline_json(&request.pipeline)?;
        let given = Given::parse(&stages)?;
        let triggers = self.triggers(request.context.as_ref(), &caller, Hooks::ask_about_reads).await?;
        let reader = Reader { triggers: triggers.as_ref(), ..Reader::new(self, &caller, None)? };
        let told = || triggers::told_of_aggregation(None, [("pipeline", &stages)]);
        reader.before(&request.class_name, told).await?;
        let Some(class) = reader.aggregated_class(&request.class_name).await? else { return Ok(nothing()) };
        let fields: Vec<&str> = given.fields().into_iter().collect();
        let class = reader.class_with(class, &fields).await?;
        let options = AggregateOptions {
            hint: options::json(&request.hint, "hint")?,
            explain: options::explain(&request.explain, &caller, &self.settings)?,
            comment: Some(request.comment.clone()).filter(|comment| !comment.is_empty()),
            read_preference: options::read_preference(Some(&request.read_preference))?,
        };
        let values = match request.raw_values.unwrap_or(self.settings.aggregation_raw_values) {
            true => Values::Extended,
            false => Values::Parse,
        };
        let names = match request.raw_field_names.unwrap_or(self.settings.aggregation_raw_field_names) {
            true => Names::Stored,
            false => Names::Parse,
        };
        let pipeline = self.translated(&given, &class, values, names).await?;
        let stages = documents(&pipeline, values)?;
        let found = self.store.aggregate(&class.schema.name, stages, &options).await.map_err(parse_error)?;
        let form = print::Form { values, names, groups_by_pointer: pipeline.groups_by_pointer };
        print::results(&class.schema, &found, form, &self.file_urls(&request.mount_url)).map(Bytes::from)
    }

    /// `{"results":[…]}` with every value of a field once.
    ///
    /// # Errors
    /// 119 if the caller may not aggregate, 102, 105 and 107 for what is wrong with the query.
    pub async fn distinct_values(&self, request: &DistinctRequest) -> Result<Bytes> {
        let caller = self.aggregating_caller(request.context.as_ref())?;
        Given::parse(&pipeline_json(&request.pipeline)?)?;
        let filter = options::filter(&request.r#where)?;
        let triggers = self.triggers(request.context.as_ref(), &caller, Hooks::ask_about_reads).await?;
        let reader = Reader { triggers: triggers.as_ref(), ..Reader::new(self, &caller, None)? };
        let field = Json::from(request.field.as_str());
        let told = || triggers::told_of_aggregation(Some(&filter), [("distinct", &field)]);
        reader.before(&request.class_name, told).await?;
        let Some(path) = distinct_path(&request.field)? else { return Ok(nothing()) };
        let Some(class) = reader.aggregated_class(&request.class_name).await? else { return Ok(nothing()) };
        let class = reader.class_with(class, &[path.root()]).await?;
        let (class, query) = reader.query(class, &filter).await?;
        let column = match path.is_dotted() {
            true => path.as_str().into(),
            false => stored_name(&class.schema, path.as_str()),
        };
        let values = self.store.distinct(&class.schema, &query, &column).await.map_err(parse_error)?;
        print::values(&class.schema, &path, values).map(Bytes::from)
    }

    /// The caller, if it may aggregate.
    fn aggregating_caller(&self, context: Option<&parsefleet_proto::v1::RequestContext>) -> Result<Caller> {
        let caller = Caller::from_context(context)?;
        match caller {
            Caller::Master => Ok(caller),
            Caller::ReadOnlyMaster if self.settings.allow_aggregation_for_read_only_master => Ok(caller),
            Caller::ReadOnlyMaster => Err(ParseError::new(
                ErrorCode::OperationForbidden,
                "Cannot run an aggregation pipeline when using the readOnlyMasterKey",
            )),
            Caller::Public | Caller::User(_) | Caller::Maintenance => {
                Err(ParseError::sanitised(ErrorCode::OperationForbidden, "unauthorized: master key is required"))
            }
        }
    }

    /// The pipeline for the database. If it names a collection that is no class, that may be a new class.
    async fn translated(&self, given: &Given, class: &Class, values: Values, names: Names) -> Result<Pipeline> {
        let translate = |snapshot: &Snapshot| {
            let collection = |name: &str| self.collection(snapshot, name);
            given.translate(&Rules { schema: &class.schema, values, names, collection: &collection })
        };
        let snapshot = self.schema.current().await?;
        let first = translate(&snapshot);
        if first.is_ok() {
            return first;
        }
        let newer: Option<Arc<Snapshot>> = self.schema.second_look().await?;
        newer.map_or(first, |newer| translate(&newer))
    }

    /// The collection that a stage names, by its class or as it is called in the database.
    fn collection(&self, snapshot: &Snapshot, name: &str) -> Option<Collection> {
        let prefix = &self.settings.collection_prefix;
        let is_class = |name: &str| {
            let owner = name.strip_prefix("_Join:").and_then(|rest| rest.split_once(':')).map(|(_, owner)| owner);
            ClassName::new(name).is_some() && snapshot.class(owner.unwrap_or(name)).is_some()
        };
        let class = name.strip_prefix(prefix.as_str()).filter(|name| is_class(name));
        let class = class.or(Some(name).filter(|name| is_class(name)))?;
        Some(Collection { class: class.to_owned(), name: format!("{prefix}{class}") })
    }
}

impl Reader<'_> {
    /// A class to be aggregated. Join collections are none.
    async fn aggregated_class(&self, name: &str) -> Result<Option<Arc<Class>>> {
        Ok(self.class(name, Method::Find).await?.filter(|class| !class.schema.name.is_join()))
    }
}

/// The path whose values are asked for, which may be called as in the database; `None` for what can be no field.
///
/// # Errors
/// 102 in the words of MongoDB for what it takes for no path, 105 for a column that only Parse itself writes.
fn distinct_path(field: &str) -> Result<Option<FieldPath>> {
    let field = match field {
        "_id" => "objectId",
        "_created_at" => "createdAt",
        "_updated_at" => "updatedAt",
        other => other,
    };
    let unusable = |text: &str| Err(ParseError::new(ErrorCode::InvalidQuery, text));
    match FieldPath::in_query(field).or_else(|| FieldPath::new(field)) {
        Some(path) => Ok(Some(path)),
        None if field.starts_with('_') => {
            Err(ParseError::new(ErrorCode::InvalidKeyName, format!("Invalid field name: {field}.")))
        }
        None if field.ends_with('.') => unusable("FieldPath must not end with a '.'."),
        None if field.split('.').any(str::is_empty) => unusable("FieldPath field names may not be empty strings."),
        None if field.split('.').any(|part| part.starts_with('$')) => {
            unusable("FieldPath field names may not start with '$'. Consider using $getField or $setField.")
        }
        None if field.split('.').nth(FieldPath::MOST_PARTS).is_some() => unusable("FieldPath is too long"),
        None => Ok(None),
    }
}

/// The answer for a class that is not there.
fn nothing() -> Bytes {
    Bytes::from_static(br#"{"results":[]}"#)
}

fn pipeline_json(bytes: &[u8]) -> Result<Json> {
    serde_json::from_slice(bytes).map_err(|_| ParseError::new(ErrorCode::InvalidJson, "pipeline is not valid JSON"))
}

/// The stages as the database takes them.
fn documents(pipeline: &Pipeline, values: Values) -> Result<Vec<Document>> {
    let stage = |stage: &parsefleet_core::aggregate::Stage| {
        let argument = match values {
            Values::Parse => to_bson(&stage.argument, Place::Nested)?,
            Values::Extended => extended(&stage.argument)?,
        };
        Ok(Document::from_iter([(stage.name.as_str().to_owned(), argument)]))
    };
    pipeline.stages.iter().map(stage).collect()
}

/// Reads extended JSON.
fn extended(value: &Value) -> Result<Bson> {
    let mut json = Vec::new();
    parsefleet_core::value::write_json(value, &mut json);
    let json: Option<Json> = serde_json::from_slice(&json).ok();
    let bson = json.and_then(|json| Bson::try_from(json).ok());
    bson.ok_or_else(|| ParseError::new(ErrorCode::InvalidQuery, "The pipeline is not valid extended JSON."))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn a_column_may_be_called_as_in_the_database() {
        let path = |field| distinct_path(field).unwrap().map(|path| path.to_string());
        assert_eq!(path("_created_at").as_deref(), Some("createdAt"));
        assert_eq!(path("o.k").as_deref(), Some("o.k"));
        assert_eq!(path("a b"), None);
        for field in ["$a", "o.$k", "a..b", "a.", &vec!["a"; 101].join(".")] {
            assert_eq!(distinct_path(field).unwrap_err().code, ErrorCode::InvalidQuery, "{field}");
        }
        assert_eq!(distinct_path("_hashed_password").unwrap_err().code, ErrorCode::InvalidKeyName);
    }
}
