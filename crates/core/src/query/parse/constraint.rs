//! The operators of one field.

use serde_json::{Map as JsonMap, Value as Json};

use super::{Target, geo, invalid_json, invalid_query, javascript, operand, relative_time, subquery, text};
use crate::{
    ErrorCode, ParseError, Value,
    acl::is_truthy,
    error::Result,
    query::{Constraint, Pattern, QueryRules},
    schema::FieldType,
};

/// Reads a set of operators. `None` if the value is a literal.
///
/// Operators are taken in reverse alphabetical order, as Parse Server does: of two mistakes the same one is reported.
pub(super) fn parse(value: &Json, target: &Target<'_>, rules: &QueryRules) -> Result<Option<Vec<Constraint>>> {
    let members = match value {
        Json::Object(members) => members,
        Json::Array(items) if items.is_empty() => return Ok(Some(Vec::new())),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) => return Ok(None),
    };
    let mut operators: Vec<&str> = members.keys().map(String::as_str).collect();
    operators.sort_unstable_by(|left, right| right.cmp(left));
    let mut constraints = Vec::with_capacity(operators.len());
    for operator in operators {
        if !operator.starts_with('$') {
            return Ok(None);
        }
        read(operator, members, target, rules, &mut constraints)?;
    }
    Ok(Some(constraints))
}

fn read(
    operator: &str,
    members: &JsonMap<String, Json>,
    target: &Target<'_>,
    rules: &QueryRules,
    constraints: &mut Vec<Constraint>,
) -> Result<()> {
    let value = &members[operator];
    let constraint = match operator {
        "$eq" => Constraint::Equal(comparand(operator, value, target, rules)?),
        "$ne" => Constraint::NotEqual(comparand(operator, value, target, rules)?),
        "$lt" => Constraint::Less(comparand(operator, value, target, rules)?),
        "$lte" => Constraint::LessOrEqual(comparand(operator, value, target, rules)?),
        "$gt" => Constraint::Greater(comparand(operator, value, target, rules)?),
        "$gte" => Constraint::GreaterOrEqual(comparand(operator, value, target, rules)?),
        "$exists" => {
            comparand(operator, value, target, rules)?;
            Constraint::Exists(exists(value))
        }
        "$in" => Constraint::In(list(operator, value, target)?),
        "$nin" => Constraint::NotIn(list(operator, value, target)?),
        "$containedBy" => Constraint::ContainedBy(contained_by(value, target)?),
        "$all" => return all(value, constraints),
        "$regex" => Constraint::Matches(pattern(value, members.get("$options"))?),
        "$options" if members.contains_key("$regex") => return Ok(()),
        "$options" => return Err(invalid_query("$regex value must be a string")),
        "$text" => Constraint::Text(text::parse(value)?),
        "$nearSphere" => geo::near(members)?,
        "$maxDistance" | "$maxDistanceInRadians" | "$maxDistanceInMiles" | "$maxDistanceInKilometers"
            if members.contains_key("$nearSphere") =>
        {
            return Ok(());
        }
        "$within" => geo::within(value)?,
        "$geoWithin" => match geo::geo_within(value)? {
            Some(constraint) => constraint,
            None => return Ok(()),
        },
        "$geoIntersects" => geo::intersects(value)?,
        "$inQuery" | "$notInQuery" | "$select" | "$dontSelect" => subquery::parse(operator, value)?,
        _ => return Err(invalid_json(format!("bad constraint: {operator}"))),
    };
    constraints.push(constraint);
    Ok(())
}

/// The operand of a comparison: an atom, or a time relative to now.
fn comparand(operator: &str, value: &Json, target: &Target<'_>, rules: &QueryRules) -> Result<Value> {
    let Some(time) = value.get("$relativeTime").filter(|time| is_truthy(time)) else {
        return atom(value, target);
    };
    if target.field_type.is_some_and(|field_type| *field_type != FieldType::Date) {
        return Err(invalid_json("$relativeTime can only be used with Date field"));
    }
    if matches!(operator, "$exists" | "$ne" | "$eq") {
        let message = "$relativeTime can only be used with the $lt, $lte, $gt, and $gte operators";
        return Err(invalid_json(message));
    }
    relative_time::parse(time.as_str().unwrap_or_default(), rules.now)
        .map(Value::Date)
        .map_err(|reason| invalid_json(format!("bad $relativeTime ({operator}) value. {reason}")))
}

fn atom(value: &Json, target: &Target<'_>) -> Result<Value> {
    operand::compared(value, target).ok_or_else(|| invalid_json(format!("bad atom: {}", javascript::to_json(value))))
}

/// MongoDB's reading of the operand of `$exists`: null and zero are false, any other value is true.
fn exists(value: &Json) -> bool {
    match value {
        Json::Null => false,
        Json::Bool(exists) => *exists,
        Json::Number(number) => number.as_f64() != Some(0.0),
        Json::String(_) | Json::Array(_) | Json::Object(_) => true,
    }
}

/// A list of atoms; lists inside it are opened, one level deep.
fn list(operator: &str, value: &Json, target: &Target<'_>) -> Result<Vec<Value>> {
    let items = value.as_array().ok_or_else(|| invalid_json(format!("bad {operator} value")))?;
    let mut values = Vec::with_capacity(items.len());
    for item in items {
        match item {
            Json::Array(inner) => {
                for item in inner {
                    values.push(atom(item, target)?);
                }
            }
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Object(_) => {
                values.push(atom(item, target)?);
            }
        }
    }
    Ok(values)
}

fn contained_by(value: &Json, target: &Target<'_>) -> Result<Vec<Value>> {
    let items = value.as_array().ok_or_else(|| invalid_json("bad $containedBy: should be an array"))?;
    items.iter().map(|item| atom(item, target)).collect()
}

/// `$all`: values, or `{"$regex": …}` objects. Parse Server wants regular expressions to be all of the starts-with form
/// or none of them, and a single one to be; what else it lets through is one condition for each.
fn all(value: &Json, constraints: &mut Vec<Constraint>) -> Result<()> {
    let items = value.as_array().ok_or_else(|| invalid_json("bad $all value"))?;
    let mut values = Vec::new();
    let mut patterns = Vec::new();
    for item in items {
        match item.get("$regex") {
            Some(source) => patterns.push(pattern(source, item.get("$options"))?),
            None => values.push(
                operand::nested(item)
                    .ok_or_else(|| invalid_json(format!("bad atom: {}", javascript::to_json(item))))?,
            ),
        }
    }
    if !patterns.is_empty() && !is_uniform(items) {
        let shown: Vec<String> = items.iter().map(all_item_text).collect();
        let message = format!("All $all values must be of regex type or none: {}", shown.join(","));
        return Err(invalid_json(message));
    }
    if patterns.is_empty() || !values.is_empty() {
        constraints.push(Constraint::All(values));
    }
    if !patterns.is_empty() {
        constraints.push(Constraint::AllMatch(patterns));
    }
    Ok(())
}

fn is_uniform(items: &[Json]) -> bool {
    let starts_with = |item: &Json| {
        let source = item.get("$regex").and_then(Json::as_str);
        source.is_some_and(|source| source.starts_with("^\\Q") && source.ends_with("\\E"))
    };
    match items {
        [] => true,
        [only] => starts_with(only),
        [first, others @ ..] => others.iter().all(|other| starts_with(other) == starts_with(first)),
    }
}

fn all_item_text(item: &Json) -> String {
    match item.get("$regex") {
        Some(source) => format!("/{}/", javascript::to_string(source)),
        None => javascript::to_string(item),
    }
}

/// A regular expression; `check` has looked at those of whole fields, not at those inside `$all`.
fn pattern(source: &Json, options: Option<&Json>) -> Result<Pattern> {
    let source =
        source.as_str().ok_or_else(|| ParseError::new(ErrorCode::InvalidQuery, "$regex value must be a string"))?;
    let mut letters = String::new();
    for letter in options.and_then(Json::as_str).unwrap_or_default().chars() {
        if "imxsu".contains(letter) && !letters.contains(letter) {
            letters.push(letter);
        }
    }
    Ok(Pattern { source: source.to_owned(), options: letters })
}
