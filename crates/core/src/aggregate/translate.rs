//! From Parse's names and values to the database's, in the stages where Parse Server does it.

use serde_json::{Map as JsonMap, Value as Json};

use super::{Names, Pipeline, Rules, Stage, StageName, Values, confine::Stages, plain};
use crate::{Date, FieldType, Map, Value, error::Result, value::javascript_text};

pub(super) fn translate(stages: &Stages, rules: &Rules<'_>) -> Result<Pipeline> {
    let translator = Translator { rules };
    let stages: Vec<Stage> = stages.iter().map(|(name, argument)| translator.stage(*name, argument)).collect();
    let groups_by_pointer = stages.iter().any(groups_by_pointer);
    Ok(Pipeline { stages, groups_by_pointer })
}

fn groups_by_pointer(stage: &Stage) -> bool {
    let Value::Object(members) = &stage.argument else { return false };
    stage.name == StageName::Group && matches!(members.get("_id"), Some(Value::String(id)) if id.contains("$_p_"))
}

struct Translator<'r> {
    rules: &'r Rules<'r>,
}

impl Translator<'_> {
    fn stage(&self, name: StageName, argument: &Json) -> Stage {
        let argument = match (name, argument) {
            (StageName::Match, argument) => self.conditions(argument),
            (StageName::Project, Json::Object(members)) => self.projection(members),
            (StageName::Group, argument) => self.expression(argument),
            (StageName::GeoNear, Json::Object(members)) => {
                let member = |(key, value): (&String, &Json)| match key.as_str() {
                    "query" => (key.clone(), self.conditions(value)),
                    _ => (key.clone(), plain(value)),
                };
                Value::Object(members.iter().map(member).collect())
            }
            _ => plain(argument),
        };
        Stage { name, argument }
    }

    /// A filter. Names of fields are translated at any depth.
    fn conditions(&self, json: &Json) -> Value {
        match json {
            Json::Array(items) => Value::Array(items.iter().map(|item| self.conditions(item)).collect()),
            Json::Object(members) => {
                Value::Object(members.iter().map(|(field, value)| self.condition(field, value)).collect())
            }
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => plain(json),
        }
    }

    fn condition(&self, field: &str, value: &Json) -> (String, Value) {
        match self.rules.schema.field_type(field) {
            Some(FieldType::Pointer(target)) if self.rules.names == Names::Parse => {
                (format!("_p_{field}"), self.pointer(target, value))
            }
            Some(FieldType::Date) if self.rules.values == Values::Parse => (self.name(field), date(value)),
            _ => (self.name(field), self.conditions(value)),
        }
    }

    /// What a pointer is compared with: an id alone is one of the field's class.
    fn pointer(&self, target: &str, value: &Json) -> Value {
        match value {
            _ if self.rules.values == Values::Extended => plain(value),
            Json::Bool(_) | Json::Number(_) | Json::String(_) => {
                Value::String(format!("{target}${}", javascript_text(value)))
            }
            Json::Null | Json::Array(_) | Json::Object(_) => pointers(value),
        }
    }

    /// What is shown: only names are translated, and only those of the members themselves.
    fn projection(&self, members: &JsonMap<String, Json>) -> Value {
        let member = |(field, value): (&String, &Json)| match self.rules.schema.field_type(field) {
            Some(FieldType::Pointer(_)) if self.rules.names == Names::Parse => (format!("_p_{field}"), plain(value)),
            _ => (self.name(field), self.conditions(value)),
        };
        Value::Object(members.iter().map(member).collect())
    }

    /// Expressions of `$group`: texts that are nothing but the name of a field, wherever they stand.
    fn expression(&self, json: &Json) -> Value {
        match json {
            Json::Array(items) => Value::Array(items.iter().map(|item| self.expression(item)).collect()),
            Json::Object(members) => {
                Value::Object(members.iter().map(|(key, value)| (key.clone(), self.expression(value))).collect())
            }
            Json::String(text) => Value::String(self.field_expression(text).unwrap_or_else(|| text.clone())),
            Json::Null | Json::Bool(_) | Json::Number(_) => plain(json),
        }
    }

    fn field_expression(&self, text: &str) -> Option<String> {
        let field = text.strip_prefix('$').filter(|_| self.rules.names == Names::Parse)?;
        match (field, self.rules.schema.field_type(field)) {
            ("createdAt", _) => Some("$_created_at".to_owned()),
            ("updatedAt", _) => Some("$_updated_at".to_owned()),
            (_, Some(FieldType::Pointer(_))) => Some(format!("$_p_{field}")),
            _ => None,
        }
    }

    fn name(&self, field: &str) -> String {
        match field {
            "objectId" if self.rules.names == Names::Parse => "_id".to_owned(),
            "createdAt" if self.rules.names == Names::Parse => "_created_at".to_owned(),
            "updatedAt" if self.rules.names == Names::Parse => "_updated_at".to_owned(),
            _ => field.to_owned(),
        }
    }
}

/// What a date is compared with: texts that are dates, and Date literals, at any depth.
fn date(json: &Json) -> Value {
    let parse = |text: &str| Date::parse(text).map(Value::Date);
    match json {
        Json::String(text) => parse(text).unwrap_or_else(|| Value::String(text.clone())),
        Json::Array(items) => Value::Array(items.iter().map(date).collect()),
        Json::Object(members) => {
            let literal = members.get("iso").and_then(Json::as_str).filter(|_| has_type(members, "Date"));
            literal.and_then(parse).unwrap_or_else(|| {
                Value::Object(members.iter().map(|(key, value)| (key.clone(), date(value))).collect::<Map>())
            })
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => plain(json),
    }
}

/// Pointer literals as they are stored, at any depth.
fn pointers(json: &Json) -> Value {
    match json {
        Json::Array(items) => Value::Array(items.iter().map(pointers).collect()),
        Json::Object(members) => {
            let text = |key| members.get(key).and_then(Json::as_str);
            match (text("className"), text("objectId")) {
                (Some(class), Some(id)) if has_type(members, "Pointer") => Value::String(format!("{class}${id}")),
                _ => Value::Object(members.iter().map(|(key, value)| (key.clone(), pointers(value))).collect()),
            }
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => plain(json),
    }
}

fn has_type(members: &JsonMap<String, Json>, name: &str) -> bool {
    members.get("__type").and_then(Json::as_str) == Some(name)
}
