//! A pipeline as it is sent, taken apart into stages.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::invalid_query;
use crate::error::Result;

/// The stages of a pipeline, with Parse Server's rules about their shape met.
#[derive(Clone, Debug, PartialEq)]
pub struct Given(Vec<(String, Json)>);

impl Given {
    /// Reads a list of stages, or an object with a member for each stage. There, `distinct` and `where` are no stages.
    ///
    /// # Errors
    /// 102 with the texts of Parse Server.
    pub fn parse(pipeline: &Json) -> Result<Self> {
        let mut stages = Vec::new();
        match pipeline {
            Json::Array(items) => {
                for item in items {
                    let (name, argument) = only_member(item)?;
                    stages.extend(stage(&name, &argument)?);
                }
            }
            Json::Object(members) => {
                for (name, argument) in members {
                    stages.extend(stage(name, argument)?);
                }
            }
            Json::String(text) if !text.is_empty() => return Err(no_stage("0")),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {
                return Err(invalid_query("pipeline must be an array or an object"));
            }
        }
        Ok(Self(stages))
    }

    /// Fields of the class that are named where a field's type decides, up to the first group: what comes after it has
    /// names of its own.
    pub fn fields(&self) -> BTreeSet<&str> {
        let mut fields = BTreeSet::new();
        for (name, argument) in &self.0 {
            match name.as_str() {
                "$match" => collect_keys(argument, &mut fields),
                "$group" => {
                    collect_expressions(argument, &mut fields);
                    break;
                }
                _ => {}
            }
        }
        fields.retain(|field| field.starts_with(|first: char| first.is_ascii_alphabetic()));
        fields
    }

    /// Name and argument of each stage.
    pub(super) fn stages(&self) -> &[(String, Json)] {
        &self.0
    }
}

fn collect_keys<'j>(json: &'j Json, keys: &mut BTreeSet<&'j str>) {
    match json {
        Json::Object(members) => {
            for (key, value) in members {
                keys.insert(root(key));
                collect_keys(value, keys);
            }
        }
        Json::Array(items) => items.iter().for_each(|item| collect_keys(item, keys)),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}

fn collect_expressions<'j>(json: &'j Json, fields: &mut BTreeSet<&'j str>) {
    match json {
        Json::Object(members) => members.values().for_each(|value| collect_expressions(value, fields)),
        Json::Array(items) => items.iter().for_each(|item| collect_expressions(item, fields)),
        Json::String(text) => fields.extend(text.strip_prefix('$').map(root)),
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}

fn root(path: &str) -> &str {
    path.split('.').next().unwrap_or_default()
}

/// The member of something that has just one, as JavaScript counts members.
pub(super) fn only_member(item: &Json) -> Result<(String, Json)> {
    let members: Vec<(String, &Json)> = match item {
        Json::Object(members) => members.iter().map(|(name, argument)| (name.clone(), argument)).collect(),
        Json::Array(items) => items.iter().enumerate().map(|(index, item)| (index.to_string(), item)).collect(),
        Json::String(text) => (0..text.encode_utf16().count()).map(|index| (index.to_string(), item)).collect(),
        Json::Null | Json::Bool(_) | Json::Number(_) => Vec::new(),
    };
    match <[_; 1]>::try_from(members) {
        Ok([(name, argument)]) => Ok((name, argument.clone())),
        Err(members) => {
            let names: Vec<String> = members.into_iter().map(|(name, _)| name).collect();
            let names = names.join(", ");
            Err(invalid_query(format!("Pipeline stages should only have one key but found {names}.")))
        }
    }
}

/// `None` for a member that is no stage.
fn stage(name: &str, argument: &Json) -> Result<Option<(String, Json)>> {
    if matches!(name, "distinct" | "where") {
        return Ok(None);
    }
    if !name.starts_with('$') {
        return Err(no_stage(name));
    }
    if name == "$group" {
        let has = |member| argument.as_object().is_some_and(|members| members.contains_key(member));
        if has("objectId") {
            return Err(invalid_query("Cannot use 'objectId' in aggregation stage $group."));
        }
        if !has("_id") {
            return Err(invalid_query("Invalid parameter for query: group. Missing key _id"));
        }
    }
    Ok(Some((name.to_owned(), argument.clone())))
}

fn no_stage(name: &str) -> crate::ParseError {
    invalid_query(format!("Invalid aggregate stage '{name}'."))
}
