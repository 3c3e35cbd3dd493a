//! Searches without regard to case: what MongoDB does by a collation is done here by patterns, which the indexes that ignore
//! case narrow down.

use parsefleet_core::{
    Query, Value,
    query::{Column, Condition, Constraint, FieldCondition, Pattern},
};

/// The same query with texts that are equal but for their case as good as equal. Ids stay exact.
pub(super) fn ignoring_case(query: &Query) -> Query {
    Query { conditions: query.conditions.iter().map(condition).collect() }
}

fn condition(condition: &Condition) -> Condition {
    let each = |queries: &[Query]| queries.iter().map(ignoring_case).collect();
    match condition {
        Condition::All(queries) => Condition::All(each(queries)),
        Condition::Any(queries) => Condition::Any(each(queries)),
        Condition::None(queries) => Condition::None(each(queries)),
        Condition::Field(field) => self::field(field),
        Condition::RelatedTo { .. } | Condition::ReadableBy(_) | Condition::WritableBy(_) => condition.clone(),
    }
}

fn field(field: &FieldCondition) -> Condition {
    if !matches!(field.column, Column::Plain | Column::Nested | Column::AuthData | Column::Renamed(_)) {
        return Condition::Field(field.clone());
    }
    let only = |constraints| FieldCondition { constraints, ..field.clone() };
    let (texts, rest): (Vec<&Constraint>, Vec<&Constraint>) =
        field.constraints.iter().partition(|constraint| matches!(constraint, Constraint::In(_)));
    let rest: Vec<Constraint> = rest.into_iter().map(constraint_of).collect();
    let mut conditions = Vec::new();
    if !rest.is_empty() || texts.is_empty() {
        conditions.push(Condition::Field(only(rest)));
    }
    for constraint in texts {
        let Constraint::In(values) = constraint else { continue };
        let one = |value: &Value| Query {
            conditions: vec![Condition::Field(only(vec![constraint_of(&Constraint::Equal(value.clone()))]))],
        };
        conditions.push(Condition::Any(values.iter().map(one).collect()));
    }
    match conditions.len() {
        1 => conditions.remove(0),
        _ => Condition::All(vec![Query { conditions }]),
    }
}

fn constraint_of(constraint: &Constraint) -> Constraint {
    match constraint {
        Constraint::Equal(Value::String(text)) => Constraint::Matches(whole(text)),
        other => other.clone(),
    }
}

/// The pattern of a whole text.
fn whole(text: &str) -> Pattern {
    let mut source = String::with_capacity(text.len() + 2);
    source.push('^');
    for character in text.chars() {
        if character.is_ascii_punctuation() {
            source.push('\\');
        }
        source.push(character);
    }
    source.push('$');
    Pattern { source, options: "i".to_owned() }
}
