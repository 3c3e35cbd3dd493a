//! Queries inside queries: `$select`, `$dontSelect`, `$inQuery`, `$notInQuery`.

use serde_json::{Map as JsonMap, Value as Json};

use super::{invalid_json, invalid_query, truthy};
use crate::{
    ErrorCode, FieldPath, ParseError,
    acl::is_truthy,
    error::Result,
    query::{Constraint, Subquery},
};

/// Parse Server runs them before it looks at anything else, in this order, so a malformed one is the first thing to be
/// reported.
const OPERATORS: [&str; 4] = ["$select", "$dontSelect", "$inQuery", "$notInQuery"];

pub(super) fn check(filter: &JsonMap<String, Json>) -> Result<()> {
    OPERATORS.iter().try_for_each(|operator| check_members(operator, filter))
}

fn check_members(operator: &str, members: &JsonMap<String, Json>) -> Result<()> {
    if let Some(value) = truthy(members, operator) {
        parse(operator, value)?;
    }
    for (key, value) in members {
        if !OPERATORS.contains(&key.as_str()) {
            check_value(operator, value)?;
        }
    }
    Ok(())
}

fn check_value(operator: &str, value: &Json) -> Result<()> {
    match value {
        Json::Object(members) => check_members(operator, members),
        Json::Array(items) => items.iter().try_for_each(|item| check_value(operator, item)),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => Ok(()),
    }
}

pub(super) fn parse(operator: &str, value: &Json) -> Result<Constraint> {
    let selects = matches!(operator, "$select" | "$dontSelect");
    if !is_truthy(value) {
        return Err(if selects {
            let message = format!("the {operator} constraint is not supported yet");
            ParseError::new(ErrorCode::CommandUnavailable, message)
        } else {
            invalid_json(format!("bad constraint: {operator}"))
        });
    }
    let improper = || invalid_query(format!("improper usage of {operator}"));
    if !selects {
        let subquery = value.get("where").and_then(|_| subquery(value)).ok_or_else(improper)?;
        return Ok(if operator == "$inQuery" {
            Constraint::InQuery(subquery)
        } else {
            Constraint::NotInQuery(subquery)
        });
    }
    let members = value.as_object().filter(|members| members.len() == 2).ok_or_else(improper)?;
    let subquery = members.get("query").and_then(subquery).ok_or_else(improper)?;
    let key = members.get("key").and_then(Json::as_str).and_then(FieldPath::in_query).ok_or_else(improper)?;
    Ok(if operator == "$select" { Constraint::Select(subquery, key) } else { Constraint::DontSelect(subquery, key) })
}

/// A class and, unless everything is asked for, a `where`.
fn subquery(value: &Json) -> Option<Subquery> {
    let class_name = value.get("className").and_then(Json::as_str).filter(|name| !name.is_empty())?;
    let filter = match value.get("where") {
        None => Json::Object(JsonMap::new()),
        Some(filter @ Json::Object(_)) => filter.clone(),
        Some(Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_)) => return None,
    };
    let redirect_key = value.get("redirectClassNameForKey").and_then(Json::as_str).map(str::to_owned);
    Some(Subquery { class_name: class_name.to_owned(), filter, redirect_key })
}
