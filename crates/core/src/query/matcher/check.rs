//! One constraint, made ready: operands in stored form, regular expressions compiled.

use std::cmp::Ordering;

use fancy_regex::Regex;

use super::undecidable;
use crate::{
    Object, Value,
    error::Result,
    query::{
        Column, Constraint, geo,
        place::{AtEnd, Place},
        stored::{compare, lower, rank},
    },
    value::GeoPoint,
};

#[derive(Debug)]
pub(super) enum Check {
    Equal(Value),
    NotEqual(Value),
    Less(Value),
    LessOrEqual(Value),
    Greater(Value),
    GreaterOrEqual(Value),
    Exists(bool),
    In(Vec<Value>),
    NotIn(Vec<Value>),
    All(Vec<Value>),
    AllMatch(Vec<Regex>),
    ContainedBy(Vec<Value>),
    Matches(Box<Regex>),
    Near { point: GeoPoint, max_distance: Option<f64> },
    WithinBox(GeoPoint, GeoPoint),
    WithinPolygon(Vec<GeoPoint>),
    WithinSphere(GeoPoint, f64),
    Intersects(GeoPoint),
}

impl Check {
    pub(super) fn new(constraint: &Constraint, column: &Column) -> Result<Self> {
        let one = |value: &Value| operand(value, column);
        let many = |values: &[Value]| values.iter().map(one).collect::<Vec<_>>();
        Ok(match constraint {
            Constraint::Equal(value) => Self::Equal(one(value)),
            Constraint::NotEqual(value) => Self::NotEqual(one(value)),
            Constraint::Less(value) => Self::Less(one(value)),
            Constraint::LessOrEqual(value) => Self::LessOrEqual(one(value)),
            Constraint::Greater(value) => Self::Greater(one(value)),
            Constraint::GreaterOrEqual(value) => Self::GreaterOrEqual(one(value)),
            Constraint::Exists(exists) => Self::Exists(*exists),
            Constraint::In(values) => Self::In(many(values)),
            Constraint::NotIn(values) => Self::NotIn(many(values)),
            Constraint::All(values) => Self::All(values.clone()),
            Constraint::AllMatch(patterns) => {
                Self::AllMatch(patterns.iter().map(|pattern| pattern.compile()).collect::<Result<_>>()?)
            }
            Constraint::ContainedBy(values) => Self::ContainedBy(many(values)),
            Constraint::Matches(pattern) => Self::Matches(Box::new(pattern.compile()?)),
            Constraint::Near { point, max_distance } => Self::Near { point: *point, max_distance: *max_distance },
            Constraint::WithinBox(first, second) => Self::WithinBox(*first, *second),
            Constraint::WithinPolygon(points) => Self::WithinPolygon(points.clone()),
            Constraint::WithinSphere(center, radius) => Self::WithinSphere(*center, *radius),
            Constraint::Intersects(point) => Self::Intersects(*point),
            Constraint::Text(_) => return Err(undecidable("$text")),
            Constraint::InQuery(_)
            | Constraint::NotInQuery(_)
            | Constraint::Select(..)
            | Constraint::DontSelect(..) => return Err(undecidable("a sub-query")),
        })
    }

    /// The centre of a search by distance.
    pub(super) fn near(&self) -> Option<GeoPoint> {
        if let Self::Near { point, .. } = self { Some(*point) } else { None }
    }

    pub(super) fn holds(&self, place: &Place, object: &Object) -> bool {
        let any = |test: &dyn Fn(Option<&Value>) -> bool| {
            place.any(object, AtEnd::Elements, &mut |value: Option<&Value>| test(value))
        };
        let any_place =
            |test: &dyn Fn(GeoPoint) -> bool| any(&|value| value.and_then(geo::flat_point).is_some_and(test));
        match self {
            Self::Equal(operand) => any(&|value| equals(value, operand)),
            Self::NotEqual(operand) => !any(&|value| equals(value, operand)),
            Self::Less(operand) => any(&|value| compares(value, operand, Ordering::is_lt)),
            Self::LessOrEqual(operand) => any(&|value| compares(value, operand, Ordering::is_le)),
            Self::Greater(operand) => any(&|value| compares(value, operand, Ordering::is_gt)),
            Self::GreaterOrEqual(operand) => any(&|value| compares(value, operand, Ordering::is_ge)),
            Self::Exists(exists) => any(&|value| value.is_some()) == *exists,
            Self::In(operands) => any(&|value| is_one_of(value, operands)),
            Self::NotIn(operands) => !any(&|value| is_one_of(value, operands)),
            Self::All(operands) => {
                !operands.is_empty() && operands.iter().all(|operand| any(&|value| equals(value, operand)))
            }
            Self::AllMatch(patterns) => patterns.iter().all(|pattern| any(&|value| matches(value, pattern))),
            Self::ContainedBy(operands) => !place.any(object, AtEnd::Array, &mut |value| {
                let items = if let Some(Value::Array(items)) = value { items.as_slice() } else { &[] };
                items.iter().any(|item| !is_one_of(Some(item), operands))
            }),
            Self::Matches(pattern) => any(&|value| matches(value, pattern)),
            Self::Near { point, max_distance } => any(&|value| {
                let other = value.and_then(geo::legacy_point);
                other.is_some_and(|other| max_distance.is_none_or(|most| geo::distance(*point, other) <= most))
            }),
            Self::WithinBox(first, second) => any_place(&|point| geo::in_box(point, *first, *second)),
            Self::WithinPolygon(points) => any_place(&|point| geo::in_polygon(point, points)),
            Self::WithinSphere(center, radius) => {
                any(&|value| value.is_some_and(|value| geo::in_sphere(value, *center, *radius)))
            }
            Self::Intersects(point) => any(&|value| value.is_some_and(|value| geo::intersects(value, *point))),
        }
    }
}

/// An operand in the form the column holds.
fn operand(value: &Value, column: &Column) -> Value {
    match (column, value) {
        (Column::Array | Column::Nested | Column::AuthData, _) => value.clone(),
        _ => lower(value).map_or(Value::Null, |value| value.into_owned()),
    }
}

fn equals(value: Option<&Value>, operand: &Value) -> bool {
    compares(value, operand, Ordering::is_eq)
}

/// Compares within one type only; what is missing equals null.
fn compares(value: Option<&Value>, operand: &Value, accepts: impl Fn(Ordering) -> bool) -> bool {
    let value = value.unwrap_or(&Value::Null);
    rank(value) == rank(operand) && accepts(compare(value, operand))
}

fn is_one_of(value: Option<&Value>, operands: &[Value]) -> bool {
    operands.iter().any(|operand| equals(value, operand))
}

/// A pattern that exceeds its step limit does not match.
fn matches(value: Option<&Value>, pattern: &Regex) -> bool {
    if let Some(Value::String(text)) = value { pattern.is_match(text.as_str()).unwrap_or(false) } else { false }
}
