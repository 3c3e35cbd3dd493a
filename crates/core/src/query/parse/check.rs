//! What is checked of a `where` before any of it is typed, in Parse Server's order: depth, sub-queries, the shape of
//! `$or`, `$and` and `$nor`, names.

use serde_json::{Map as JsonMap, Value as Json};

use super::{invalid_query, subquery, truthy};
use crate::{
    ErrorCode, ParseError,
    error::Result,
    query::{QueryAccess, QueryRules},
};

/// Levels of `$or`, `$and` and `$nor` that nobody may exceed: what is nested deeper serves no query and only costs stack.
const DEPTH_LIMIT: usize = 64;

const COMBINATORS: [&str; 3] = ["$or", "$and", "$nor"];

/// Internal columns that any client may name (to no effect on what it may read).
const CLIENT_COLUMNS: [&str; 2] = ["_rperm", "_wperm"];

/// Internal columns that master and maintenance keys may name.
const MASTER_COLUMNS: [&str; 10] = [
    "_email_verify_token",
    "_perishable_token",
    "_perishable_token_expires_at",
    "_email_verify_token_expires_at",
    "_failed_login_count",
    "_account_lockout_expires_at",
    "_password_changed_at",
    "_password_history",
    "_tombstone",
    "_session_token",
];

/// Columns with tokens that open an account. Whoever may ask about them can find them out, letter by letter.
const TOKENS: [&str; 3] = ["_email_verify_token", "_perishable_token", "_session_token"];

pub(super) fn check(filter: &JsonMap<String, Json>, rules: &QueryRules) -> Result<()> {
    check_depth(filter, rules)?;
    subquery::check(filter)?;
    if rules.access == QueryAccess::Client {
        check_combinators(filter)?;
    }
    check_names(filter, rules)
}

fn check_depth(filter: &JsonMap<String, Json>, rules: &QueryRules) -> Result<()> {
    let allowed = match rules.access {
        QueryAccess::Client => rules.max_depth.map_or(DEPTH_LIMIT, |depth| depth.min(DEPTH_LIMIT)),
        QueryAccess::Master | QueryAccess::ReadOnly | QueryAccess::Service => DEPTH_LIMIT,
    };
    if depth_of_members(filter) > allowed {
        let message = format!("Query condition nesting depth exceeds maximum allowed depth of {allowed}");
        return Err(invalid_query(message));
    }
    Ok(())
}

fn depth_of_members(members: &JsonMap<String, Json>) -> usize {
    let depth = |(key, value): (&String, &Json)| depth(value) + usize::from(COMBINATORS.contains(&key.as_str()));
    members.iter().map(depth).max().unwrap_or(0)
}

fn depth(json: &Json) -> usize {
    match json {
        Json::Object(members) => depth_of_members(members),
        Json::Array(items) => items.iter().map(depth).max().unwrap_or(0),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => 0,
    }
}

/// Clients read an early, sanitised refusal; master and maintenance keys meet the one in `check_names`.
fn check_combinators(filter: &JsonMap<String, Json>) -> Result<()> {
    for key in COMBINATORS {
        match filter.get(key) {
            None => {}
            Some(Json::Array(items)) => items.iter().filter_map(Json::as_object).try_for_each(check_combinators)?,
            Some(Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Object(_)) => {
                return Err(ParseError::sanitised(ErrorCode::InvalidQuery, format!("{key} must be an array")));
            }
        }
    }
    Ok(())
}

fn check_names(filter: &JsonMap<String, Json>, rules: &QueryRules) -> Result<()> {
    if truthy(filter, "ACL").is_some() {
        return Err(invalid_query("Cannot query on ACL."));
    }
    for key in COMBINATORS {
        if let Some(list) = filter.get(key) {
            check_list(key, list, rules)?;
        }
    }
    let combined = COMBINATORS.iter().any(|key| filter.contains_key(*key));
    for (key, value) in filter {
        check_pattern(value, rules)?;
        let relation = key == "$relatedTo" && !combined && truthy(filter, key).is_some();
        if !relation && !is_allowed(key, rules.access) {
            return Err(ParseError::new(ErrorCode::InvalidKeyName, format!("Invalid key name: {key}")));
        }
    }
    Ok(())
}

fn check_list(key: &str, list: &Json, rules: &QueryRules) -> Result<()> {
    let malformed = || invalid_query(format!("Bad {key} format - use an array value."));
    let items = match list.as_array() {
        Some(items) if !items.is_empty() => items,
        None if key != "$nor" => return Err(malformed()),
        None | Some(_) => {
            return Err(invalid_query(format!("Bad {key} format - use an array of at least 1 value.")));
        }
    };
    items.iter().try_for_each(|item| check_names(item.as_object().ok_or_else(malformed)?, rules))
}

fn check_pattern(value: &Json, rules: &QueryRules) -> Result<()> {
    if rules.access == QueryAccess::Client && !rules.allow_regex && has_pattern(value) {
        return Err(invalid_query("$regex operator is not allowed"));
    }
    let Some(pattern) = value.get("$regex") else { return Ok(()) };
    if !pattern.is_string() {
        return Err(invalid_query("$regex value must be a string"));
    }
    match value.get("$options") {
        None => Ok(()),
        Some(Json::String(options))
            if !options.is_empty() && options.chars().all(|letter| "imxsu".contains(letter)) =>
        {
            Ok(())
        }
        Some(Json::String(options)) => Err(invalid_query(format!("Bad $options value for query: {options}"))),
        Some(Json::Null | Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_)) => {
            Err(invalid_query("$options value must be a string"))
        }
    }
}

/// Whether a regular expression is asked for, by itself or in the list of `$all`.
fn has_pattern(value: &Json) -> bool {
    let list = value.get("$all").and_then(Json::as_array);
    value.get("$regex").is_some() || list.into_iter().flatten().any(|item| item.get("$regex").is_some())
}

fn is_allowed(key: &str, access: QueryAccess) -> bool {
    let named = key.starts_with(|first: char| first.is_ascii_alphabetic())
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.');
    named
        || COMBINATORS.contains(&key)
        || CLIENT_COLUMNS.contains(&key)
        || match access {
            QueryAccess::Client => false,
            QueryAccess::Master => MASTER_COLUMNS.contains(&key),
            QueryAccess::ReadOnly => MASTER_COLUMNS.contains(&key) && !TOKENS.contains(&key),
            QueryAccess::Service => MASTER_COLUMNS.contains(&key) || key == "_hashed_password",
        }
}
