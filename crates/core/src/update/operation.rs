//! `{"__op": …}`.

use serde_json::{Map as JsonMap, Value as Json};

use super::RelationChange;
use crate::{
    ErrorCode, ParseError, Value,
    acl::is_truthy,
    error::Result,
    value::{Pointer, javascript_text},
};

/// An operation with its operands. What it does to an object depends on whether that is there already.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Operation {
    Delete,
    Increment(f64),
    Add(Vec<Value>),
    AddUnique(Vec<Value>),
    Remove(Vec<Value>),
    /// `AddRelation`, `RemoveRelation`, or a `Batch` of them.
    Relation(Vec<RelationChange>),
}

/// Which kind of write an operation is part of: Parse's error texts differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    New,
    Existing,
}

impl Operation {
    /// Whether the value of a field is an operation and not an object to be stored.
    pub(super) fn is_in(members: &JsonMap<String, Json>, target: Target) -> bool {
        let is_typed = members.get("__type").is_some_and(is_truthy);
        let is_named = members.get("__op").is_some_and(|name| target == Target::Existing || is_truthy(name));
        is_named && !is_typed
    }

    /// Reads an operation.
    ///
    /// # Errors
    /// 107 if it is none that clients may use or its operands are not what it takes, 108 if it has no name or is a batch
    /// of anything but relation operations.
    pub(super) fn parse(mut members: JsonMap<String, Json>, target: Target) -> Result<Self> {
        let name = members.swap_remove("__op").unwrap_or_default();
        match name.as_str().unwrap_or_default() {
            "Delete" => Ok(Self::Delete),
            "Increment" => {
                let amount = members.get("amount").and_then(Json::as_f64);
                amount.map(Self::Increment).ok_or_else(|| invalid(target.bad_amount()))
            }
            "Add" => operands(members, BAD_ADDITION).map(Self::Add),
            "AddUnique" => operands(members, BAD_ADDITION).map(Self::AddUnique),
            "Remove" => operands(members, target.bad_removal()).map(Self::Remove),
            name @ ("AddRelation" | "RemoveRelation" | "Batch") => {
                let mut changes = Vec::new();
                collect_relation_changes(name, &members, target, &mut changes)?;
                Ok(Self::Relation(changes))
            }
            _ if !is_truthy(&name) => Err(unavailable(&javascript_text(&name))),
            _ => Err(invalid(format!("unknown operation: {}", javascript_text(&name)))),
        }
    }
}

impl RelationChange {
    /// The objects to relate, or not to relate any longer.
    pub fn targets(&self) -> &[Pointer] {
        match self {
            Self::Add(targets) | Self::Remove(targets) => targets,
        }
    }
}

const BAD_ADDITION: &str = "objects to add must be an array";

impl Target {
    fn bad_amount(self) -> &'static str {
        match self {
            // A slip of the original, but the text is protocol.
            Self::New => BAD_ADDITION,
            Self::Existing => "incrementing must provide a number",
        }
    }

    fn bad_removal(self) -> &'static str {
        match self {
            Self::New => BAD_ADDITION,
            Self::Existing => "objects to remove must be an array",
        }
    }
}

fn operands(mut members: JsonMap<String, Json>, not_an_array: &str) -> Result<Vec<Value>> {
    match members.swap_remove("objects") {
        Some(Json::Array(objects)) => Value::list_from_nested(objects),
        _ => Err(invalid(not_an_array)),
    }
}

/// Adds what a relation operation does; one in a batch may be a batch again.
fn collect_relation_changes(
    name: &str,
    members: &JsonMap<String, Json>,
    target: Target,
    changes: &mut Vec<RelationChange>,
) -> Result<()> {
    match name {
        "AddRelation" => changes.push(RelationChange::Add(pointers(name, members, BAD_ADDITION)?)),
        "RemoveRelation" => changes.push(RelationChange::Remove(pointers(name, members, target.bad_removal())?)),
        "Batch" => {
            let operations = members.get("ops").and_then(Json::as_array).filter(|operations| !operations.is_empty());
            for operation in operations.ok_or_else(|| invalid("Batch needs at least one operation"))? {
                let members = operation.as_object().ok_or_else(|| unavailable("Batch"))?;
                let name = members.get("__op").and_then(Json::as_str).unwrap_or_default();
                collect_relation_changes(name, members, target, changes)?;
            }
        }
        _ => return Err(unavailable("Batch")),
    }
    Ok(())
}

fn pointers(operation: &str, members: &JsonMap<String, Json>, not_an_array: &str) -> Result<Vec<Pointer>> {
    let objects = members.get("objects").and_then(Json::as_array).ok_or_else(|| invalid(not_an_array))?;
    if objects.is_empty() {
        return Err(invalid(format!("{operation} needs at least one object")));
    }
    let read = |object| pointer(object).ok_or_else(|| invalid(format!("{operation} takes pointers only")));
    objects.iter().map(read).collect()
}

fn pointer(json: &Json) -> Option<Pointer> {
    let member = |key| json.get(key).and_then(Json::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
    Some(Pointer { class_name: member("className")?, object_id: member("objectId")? })
}

fn invalid(message: impl Into<String>) -> ParseError {
    ParseError::new(ErrorCode::InvalidJson, message)
}

fn unavailable(operation: &str) -> ParseError {
    ParseError::new(ErrorCode::CommandUnavailable, format!("The {operation} operator is not supported yet."))
}
