//! `where` as a client sends it: checked as a whole first, then typed key by key, so that of several mistakes Parse
//! Server's one is reported.

use serde_json::{Map as JsonMap, Value as Json};

use super::{Column, Condition, Constraint, FieldCondition, Query, QueryRules};
use crate::{ClassSchema, ErrorCode, FieldPath, Map, ParseError, Value, acl::is_truthy, error::Result, value::Pointer};

mod check;
mod column;
mod constraint;
mod geo;
mod javascript;
mod operand;
mod relative_time;
mod subquery;
mod text;

#[cfg(test)]
mod tests;

pub(super) use column::{Target, sort_column};
pub(super) use operand::found as found_operand;

impl Query {
    /// Checks and types a `where`. `null` and an empty array ask for everything, like `{}`.
    ///
    /// # Errors
    /// 102, 105 and 107 with the texts of Parse Server.
    pub fn parse(filter: &Json, schema: &ClassSchema, rules: &QueryRules) -> Result<Self> {
        match filter {
            Json::Object(members) => {
                check::check(members, rules)?;
                query(members, schema, rules)
            }
            Json::Null => Ok(Self::default()),
            Json::Array(items) if items.is_empty() => Ok(Self::default()),
            Json::Array(_) | Json::Bool(_) | Json::Number(_) | Json::String(_) => {
                Err(invalid_json("where parameter is not valid JSON"))
            }
        }
    }
}

/// One level of a checked `where`.
fn query(members: &JsonMap<String, Json>, schema: &ClassSchema, rules: &QueryRules) -> Result<Query> {
    let mut conditions = Vec::with_capacity(members.len());
    for (key, value) in members {
        let condition = match key.as_str() {
            "$or" => Condition::Any(queries(value, schema, rules)?),
            "$and" => Condition::All(queries(value, schema, rules)?),
            "$nor" => Condition::None(queries(value, schema, rules)?),
            "$relatedTo" => related_to(value)?,
            _ => Condition::Field(field(key, value, schema, rules)?),
        };
        conditions.push(condition);
    }
    Ok(Query { conditions })
}

/// The members of `$or`, `$and` or `$nor`: `check` has seen that they are objects.
fn queries(list: &Json, schema: &ClassSchema, rules: &QueryRules) -> Result<Vec<Query>> {
    let members = list.as_array().into_iter().flatten().filter_map(Json::as_object);
    members.map(|members| query(members, schema, rules)).collect()
}

fn related_to(value: &Json) -> Result<Condition> {
    let improper = || invalid_query("improper usage of $relatedTo");
    let owner = value.get("object").and_then(pointer).ok_or_else(improper)?;
    let key = value.get("key").and_then(Json::as_str).and_then(FieldPath::in_query).ok_or_else(improper)?;
    Ok(Condition::RelatedTo { owner, key })
}

/// The object a Pointer literal refers to.
fn pointer(json: &Json) -> Option<Pointer> {
    let text = |key| json.get(key).and_then(Json::as_str).map(str::to_owned);
    Some(Pointer { class_name: text("className")?, object_id: text("objectId")? })
}

fn field(key: &str, value: &Json, schema: &ClassSchema, rules: &QueryRules) -> Result<FieldCondition> {
    let target = Target::resolve(key, schema)
        .ok_or_else(|| ParseError::new(ErrorCode::InvalidKeyName, format!("Invalid key name: {key}")))?;
    let separated = separate_literal(value);
    let mut constraints = field_constraints(separated.as_ref().unwrap_or(value), &target, rules)?;
    if target.column == Column::Relation {
        keep_relation_constraints(&mut constraints);
    }
    Ok(FieldCondition { path: target.path, column: target.column, constraints })
}

/// Turns `{"__type": "Pointer", …, "$in": […]}`, which SDKs send when an equality is followed by another constraint, into
/// constraints only. `None` if the value is not such a mixture.
fn separate_literal(value: &Json) -> Option<Json> {
    let members = value.as_object()?;
    let (operators, literal): (JsonMap<_, _>, JsonMap<_, _>) =
        members.clone().into_iter().partition(|(key, _)| key.starts_with('$'));
    if operators.is_empty() || literal.is_empty() {
        return None;
    }
    let mut constraints = operators;
    constraints.insert("$eq".to_owned(), Json::Object(literal));
    Some(Json::Object(constraints))
}

fn field_constraints(value: &Json, target: &Target<'_>, rules: &QueryRules) -> Result<Vec<Constraint>> {
    if let (true, Json::String(text)) = (target.coerces_dates, value) {
        let value = crate::Date::parse(text).map_or_else(|| Value::String(text.clone()), Value::Date);
        return Ok(vec![Constraint::Equal(value)]);
    }
    if let Some(constraints) = constraint::parse(value, target, rules)? {
        return Ok(if constraints.is_empty() {
            vec![Constraint::Equal(Value::Object(Map::new()))]
        } else {
            constraints
        });
    }
    let unusable = || invalid_json(format!("You cannot use {} as a query parameter.", javascript::to_string(value)));
    if target.column == Column::Array && value.is_array() {
        return Err(unusable());
    }
    operand::direct(value, target).map(|value| vec![Constraint::Equal(value)]).ok_or_else(unusable)
}

/// A relation answers only to lists of objects; Parse Server finds nothing for any other constraint, and ignores what
/// stands beside one that it knows.
fn keep_relation_constraints(constraints: &mut Vec<Constraint>) {
    constraints.retain(|constraint| match constraint {
        Constraint::Equal(value) | Constraint::NotEqual(value) => matches!(value, Value::Pointer(_)),
        Constraint::In(_)
        | Constraint::NotIn(_)
        | Constraint::InQuery(_)
        | Constraint::NotInQuery(_)
        | Constraint::Select(..)
        | Constraint::DontSelect(..) => true,
        Constraint::Less(_)
        | Constraint::LessOrEqual(_)
        | Constraint::Greater(_)
        | Constraint::GreaterOrEqual(_)
        | Constraint::Exists(_)
        | Constraint::All(_)
        | Constraint::AllMatch(_)
        | Constraint::ContainedBy(_)
        | Constraint::Matches(_)
        | Constraint::Text(_)
        | Constraint::Near { .. }
        | Constraint::WithinBox(..)
        | Constraint::WithinPolygon(_)
        | Constraint::WithinSphere(..)
        | Constraint::Intersects(_) => false,
    });
    if constraints.is_empty() {
        constraints.push(Constraint::In(Vec::new()));
    }
}

fn invalid_json(message: impl Into<String>) -> ParseError {
    ParseError::new(ErrorCode::InvalidJson, message)
}

fn invalid_query(message: impl Into<String>) -> ParseError {
    ParseError::new(ErrorCode::InvalidQuery, message)
}

/// The value of a member that counts for JavaScript: there and true.
fn truthy<'a>(members: &'a JsonMap<String, Json>, key: &str) -> Option<&'a Json> {
    members.get(key).filter(|value| is_truthy(value))
}
