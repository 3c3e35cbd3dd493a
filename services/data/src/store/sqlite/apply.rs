//! MongoDB's update operators on one document, with MongoDB's result, order of new fields and error texts.
//!
//! The update comes as the document that MongoDB itself would be sent, so that both stores cannot disagree about columns.

use std::cmp::Ordering;

use bson::{Bson, Document};

use super::{equality::equal, place::Place};
use crate::store::StoreError;

/// Most levels of members and elements in a document that MongoDB keeps.
const MOST_LEVELS: usize = 179;

/// One operator on one path.
struct Action<'a> {
    path: &'a str,
    operator: Operator,
    operand: &'a Bson,
}

#[derive(Clone, Copy)]
enum Operator {
    Set,
    Unset,
    Increment,
    Push,
    AddToSet,
    PullAll,
}

/// Applies `$set`, `$unset`, `$inc`, `$push`, `$addToSet` and `$pullAll` of `update`. If anything fails the document is
/// to be thrown away.
///
/// # Errors
/// `Refused` where MongoDB refuses.
pub(super) fn apply(document: &mut Document, update: &Document) -> Result<(), StoreError> {
    let mut actions = Vec::new();
    for (name, changes) in update {
        let operator = Operator::parse(name)?;
        let Bson::Document(changes) = changes else {
            return Err(refused(format!("Modifiers operate on fields but we found another type in {name}")));
        };
        actions.extend(changes.iter().map(|(path, operand)| Action { path, operator, operand }));
    }
    // MongoDB adds new fields in the order of their names, array positions in the order of numbers.
    actions.sort_by(|left, right| compare_paths(left.path, right.path));
    for pair in actions.windows(2) {
        if let [first, second] = pair
            && is_prefix(first.path, second.path)
        {
            let (path, prefix) = (second.path, first.path);
            return Err(refused(format!("Updating the path '{path}' would create a conflict at '{prefix}'")));
        }
    }
    actions.iter().try_for_each(|action| action.apply(document))?;
    // Without a path a value is as deep as JSON may be, which is less.
    let leads_inside = actions.iter().any(|action| action.path.contains('.'));
    if leads_inside && document.values().any(|value| is_deeper(value, MOST_LEVELS - 1)) {
        return Err(refused(format!("Document exceeds maximum nesting depth of {MOST_LEVELS}")));
    }
    Ok(())
}

/// Whether there are more levels in a value than these.
fn is_deeper(value: &Bson, levels: usize) -> bool {
    let below = |value: &Bson| levels == 0 || is_deeper(value, levels - 1);
    match value {
        Bson::Document(members) => members.values().any(below),
        Bson::Array(items) => items.iter().any(below),
        _ => false,
    }
}

impl Operator {
    fn parse(name: &str) -> Result<Self, StoreError> {
        Ok(match name {
            "$set" => Self::Set,
            "$unset" => Self::Unset,
            "$inc" => Self::Increment,
            "$push" => Self::Push,
            "$addToSet" => Self::AddToSet,
            "$pullAll" => Self::PullAll,
            other => return Err(refused(format!("Unknown modifier: {other}"))),
        })
    }
}

impl Action<'_> {
    fn apply(&self, document: &mut Document) -> Result<(), StoreError> {
        let id = document.get("_id").cloned().unwrap_or(Bson::Null);
        match self.operator {
            Operator::Unset => {
                Place::existing(document, self.path).into_iter().for_each(Place::remove);
                Ok(())
            }
            Operator::PullAll => self.pull(document),
            Operator::Set => {
                if self.path == "_id" && !equal(&id, self.operand) {
                    let text = "Performing an update on the path '_id' would modify the immutable field '_id'";
                    return Err(refused(text.to_owned()));
                }
                *Place::made(document, self.path)?.value() = self.operand.clone();
                Ok(())
            }
            Operator::Increment => self.increment(Place::made(document, self.path)?, &id),
            Operator::Push => self.push(Place::made(document, self.path)?, &id),
            Operator::AddToSet => self.add_to_set(Place::made(document, self.path)?),
        }
    }

    fn increment(&self, mut place: Place<'_>, id: &Bson) -> Result<(), StoreError> {
        if place.is_new() {
            *place.value() = self.operand.clone();
            return Ok(());
        }
        let value = place.value();
        let Some(sum) = add(value, self.operand) else {
            let (kind, name) = (type_name(value), self.last_name());
            return Err(match value {
                Bson::Int32(_) | Bson::Int64(_) | Bson::Double(_) => refused(format!(
                    "Failed to apply $inc operations to current value ({value}) for document {{_id: {id}}}"
                )),
                _ => refused(format!(
                    "Cannot apply $inc to a value of non-numeric type. {{_id: {id}}} has the field '{name}' of \
                     non-numeric type {kind}"
                )),
            });
        };
        *value = sum;
        Ok(())
    }

    fn push(&self, mut place: Place<'_>, id: &Bson) -> Result<(), StoreError> {
        let added = self.each()?.iter().cloned();
        if place.is_new() {
            *place.value() = Bson::Array(added.collect());
            return Ok(());
        }
        match place.value() {
            Bson::Array(items) => items.extend(added),
            other => {
                let (kind, name) = (type_name(other), self.last_name());
                return Err(refused(format!(
                    "The field '{name}' must be an array but is of type {kind} in document {{_id: {id}}}"
                )));
            }
        }
        Ok(())
    }

    fn add_to_set(&self, mut place: Place<'_>) -> Result<(), StoreError> {
        let wanted = self.each()?;
        if place.is_new() {
            *place.value() = Bson::Array(Vec::with_capacity(wanted.len()));
        }
        match place.value() {
            Bson::Array(items) => {
                for value in wanted {
                    if !items.iter().any(|present| equal(present, value)) {
                        items.push(value.clone());
                    }
                }
            }
            other => {
                let (kind, name) = (type_name(other), self.last_name());
                return Err(refused(format!(
                    "Cannot apply $addToSet to non-array field. Field named '{name}' has non-array type {kind}"
                )));
            }
        }
        Ok(())
    }

    fn pull(&self, document: &mut Document) -> Result<(), StoreError> {
        let Bson::Array(unwanted) = self.operand else {
            return Err(refused("$pullAll requires an array argument".to_owned()));
        };
        let Some(mut place) = Place::existing(document, self.path) else { return Ok(()) };
        match place.value() {
            Bson::Array(items) => items.retain(|item| !unwanted.iter().any(|value| equal(item, value))),
            _ => return Err(refused("Cannot apply $pull to a non-array value".to_owned())),
        }
        Ok(())
    }

    /// The values of `{$each: […]}`, or the operand itself.
    fn each(&self) -> Result<&[Bson], StoreError> {
        match self.operand {
            Bson::Document(operand) => match operand.get("$each") {
                Some(Bson::Array(values)) => Ok(values),
                Some(_) => Err(refused("The argument to $each must be an array".to_owned())),
                None => Ok(std::slice::from_ref(self.operand)),
            },
            other => Ok(std::slice::from_ref(other)),
        }
    }

    fn last_name(&self) -> &str {
        self.path.rsplit('.').next().unwrap_or(self.path)
    }
}

/// The sum in MongoDB's types: 32 bits grow to 64 when they have to, a double makes a double, 64 bits do not overflow.
fn add(left: &Bson, right: &Bson) -> Option<Bson> {
    let whole = |value: &Bson| match value {
        Bson::Int32(number) => Some(i64::from(*number)),
        Bson::Int64(number) => Some(*number),
        _ => None,
    };
    let double = |value: &Bson| match value {
        Bson::Double(number) => Some(*number),
        other => whole(other).map(|number| number as f64),
    };
    match (whole(left), whole(right)) {
        (Some(first), Some(second)) => {
            let sum = first.checked_add(second)?;
            let short = matches!((left, right), (Bson::Int32(_), Bson::Int32(_)));
            Some(i32::try_from(sum).ok().filter(|_| short).map_or(Bson::Int64(sum), Bson::Int32))
        }
        _ => Some(Bson::Double(double(left)? + double(right)?)),
    }
}

fn compare_paths(left: &str, right: &str) -> Ordering {
    let number = |part: &str| part.parse::<u32>().ok();
    let (mut left, mut right) = (left.split('.'), right.split('.'));
    loop {
        let order = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(left), Some(right)) => match (number(left), number(right)) {
                (Some(left), Some(right)) => left.cmp(&right),
                _ => left.cmp(right),
            },
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

fn is_prefix(shorter: &str, longer: &str) -> bool {
    longer.strip_prefix(shorter).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// MongoDB's name of a type.
fn type_name(value: &Bson) -> &'static str {
    match value {
        Bson::Double(_) => "double",
        Bson::String(_) => "string",
        Bson::Array(_) => "array",
        Bson::Document(_) => "object",
        Bson::Boolean(_) => "bool",
        Bson::Null => "null",
        Bson::RegularExpression(_) => "regex",
        Bson::Int32(_) => "int",
        Bson::Int64(_) => "long",
        Bson::Timestamp(_) => "timestamp",
        Bson::Binary(_) => "binData",
        Bson::ObjectId(_) => "objectId",
        Bson::DateTime(_) => "date",
        Bson::Decimal128(_) => "decimal",
        Bson::Undefined => "undefined",
        Bson::MinKey => "minKey",
        Bson::MaxKey => "maxKey",
        Bson::JavaScriptCode(_) => "javascript",
        Bson::JavaScriptCodeWithScope(_) => "javascriptWithScope",
        Bson::Symbol(_) => "symbol",
        Bson::DbPointer(_) => "dbPointer",
    }
}

fn refused(text: String) -> StoreError {
    StoreError::Refused(text)
}

#[cfg(test)]
mod tests;
