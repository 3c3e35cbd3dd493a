//! Aggregation pipelines: what a caller sends, in the database's names and values, confined to reading the app's classes.
//!
//! ```text
//! Given::parse(json)          the stages, each with a name
//! given.translate(&rules)     the same for the database: names, pointers and dates translated, nothing in it that
//!                             writes, runs code or reads what is no class
//! ```
//!
//! Parse names are understood at the top level of `$match`, `$project`, `$group` and `$geoNear`, as in Parse Server. All
//! else is the database's own language and passes as it is.

use serde_json::Value as Json;

use crate::{ClassSchema, ErrorCode, ParseError, Value, error::Result};

mod confine;
mod given;
mod stage;
#[cfg(test)]
mod tests;
mod translate;

pub use given::Given;
pub use stage::StageName;

/// A pipeline for the database.
#[derive(Clone, Debug, PartialEq)]
pub struct Pipeline {
    /// Stages in order.
    pub stages: Vec<Stage>,
    /// Whether results are grouped by a pointer: their ids are then shown without the class.
    pub groups_by_pointer: bool,
}

/// One stage for the database.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    /// What it does.
    pub name: StageName,
    /// With what. Extended JSON (`{"$date": …}`) if the rules say so, otherwise plain values and dates.
    pub argument: Value,
}

/// How a pipeline is to be understood.
#[derive(Clone, Copy)]
pub struct Rules<'r> {
    /// The class it runs on.
    pub schema: &'r ClassSchema,
    /// What its values are.
    pub values: Values,
    /// What its names are.
    pub names: Names,
    /// The collection that a stage names; `None` if it is not one of the app's.
    pub collection: &'r dyn Fn(&str) -> Option<Collection>,
}

/// What the values of a pipeline are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// Texts compared with a date are dates, texts compared with a pointer are ids.
    Parse,
    /// Extended JSON (`rawValues`).
    Extended,
}

/// What the names in a pipeline are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// Those of the class.
    Parse,
    /// Those of the database (`rawFieldNames`).
    Stored,
}

/// A collection that may be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collection {
    /// The class.
    pub class: String,
    /// Its name in the database.
    pub name: String,
}

fn invalid_query(message: impl Into<String>) -> ParseError {
    ParseError::new(ErrorCode::InvalidQuery, message)
}

/// JSON as it stands: no `__type` means anything.
fn plain(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => number.as_f64().map_or(Value::Null, Value::Number),
        Json::String(text) => Value::String(text.clone()),
        Json::Array(items) => Value::Array(items.iter().map(plain).collect()),
        Json::Object(members) => {
            Value::Object(members.iter().map(|(key, value)| (key.clone(), plain(value))).collect())
        }
    }
}

impl Given {
    /// The pipeline for the database.
    ///
    /// # Errors
    /// 102 for what is no stage, or one that does more than read the app's classes.
    pub fn translate(&self, rules: &Rules<'_>) -> Result<Pipeline> {
        let stages = confine::Confined::new(rules).pipeline(self.stages(), rules.schema.name.as_str())?;
        translate::translate(&stages, rules)
    }
}
