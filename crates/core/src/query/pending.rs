//! Sub-queries that have to be run before the query they are in.

use super::{
    Condition, Constraint, FieldCondition, Query,
    parse::{Target, found_operand},
};
use crate::{ClassSchema, Value};

/// The kinds of sub-query in the order in which Parse Server runs them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Select,
    DontSelect,
    InQuery,
    NotInQuery,
}

const KINDS: [Kind; 4] = [Kind::Select, Kind::DontSelect, Kind::InQuery, Kind::NotInQuery];

impl Query {
    /// The sub-query to run next, in Parse Server's order: `Select`, `DontSelect`, `InQuery`, `NotInQuery`, each wherever it
    /// occurs. `None` once all are resolved.
    pub fn pending(&self) -> Option<&Constraint> {
        KINDS.iter().find_map(|kind| self.pending_of(*kind))
    }

    /// Replaces the constraint that `pending` returned by what its sub-query found: pointers to the objects, or for the
    /// selecting ones the values at the key (`Null` where an object has none). A positive one joins the list of a `$in`
    /// beside it.
    pub fn resolve(&mut self, found: Vec<Value>, schema: &ClassSchema) {
        let Some(kind) = KINDS.into_iter().find(|kind| self.pending_of(*kind).is_some()) else { return };
        self.resolve_first(kind, &mut Some(found), schema);
    }

    fn pending_of(&self, kind: Kind) -> Option<&Constraint> {
        self.conditions.iter().find_map(|condition| match condition {
            Condition::All(queries) | Condition::Any(queries) | Condition::None(queries) => {
                queries.iter().find_map(|query| query.pending_of(kind))
            }
            Condition::Field(field) => field.constraints.iter().find(|constraint| kind_of(constraint) == Some(kind)),
            Condition::RelatedTo { .. } | Condition::ReadableBy(_) | Condition::WritableBy(_) => None,
        })
    }

    fn resolve_first(&mut self, kind: Kind, found: &mut Option<Vec<Value>>, schema: &ClassSchema) {
        for condition in &mut self.conditions {
            match condition {
                Condition::All(queries) | Condition::Any(queries) | Condition::None(queries) => {
                    for query in queries {
                        query.resolve_first(kind, found, schema);
                    }
                }
                Condition::Field(field) => field.resolve_first(kind, found, schema),
                Condition::RelatedTo { .. } | Condition::ReadableBy(_) | Condition::WritableBy(_) => {}
            }
        }
    }
}

impl FieldCondition {
    /// Uses up `found` if a constraint of this kind is here.
    fn resolve_first(&mut self, kind: Kind, found: &mut Option<Vec<Value>>, schema: &ClassSchema) {
        let place = self.constraints.iter().position(|constraint| kind_of(constraint) == Some(kind));
        let Some((place, values)) = place.and_then(|place| found.take().map(|values| (place, values))) else { return };
        let values = operands(values, self, schema);
        if matches!(kind, Kind::DontSelect | Kind::NotInQuery) {
            self.constraints[place] = Constraint::NotIn(values);
            return;
        }
        let listed = self.constraints.iter_mut().find_map(|constraint| match constraint {
            Constraint::In(listed) => Some(listed),
            _ => None,
        });
        match listed {
            Some(listed) => {
                listed.extend(values);
                self.constraints.remove(place);
            }
            None => self.constraints[place] = Constraint::In(values),
        }
    }
}

fn kind_of(constraint: &Constraint) -> Option<Kind> {
    match constraint {
        Constraint::Select(..) => Some(Kind::Select),
        Constraint::DontSelect(..) => Some(Kind::DontSelect),
        Constraint::InQuery(_) => Some(Kind::InQuery),
        Constraint::NotInQuery(_) => Some(Kind::NotInQuery),
        _ => None,
    }
}

/// The values as `$in` reads a list: lists inside it opened, one level deep.
fn operands(values: Vec<Value>, field: &FieldCondition, schema: &ClassSchema) -> Vec<Value> {
    let flat = values.into_iter().flat_map(|value| match value {
        Value::Array(items) => items,
        value => vec![value],
    });
    match Target::resolve(field.path.as_str(), schema) {
        Some(target) => flat.map(|value| found_operand(value, &target)).collect(),
        None => flat.collect(),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed test is what a panic is for")]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::query::tests::{parse, schema};

    fn constraints(query: &Query) -> &[Constraint] {
        match &query.conditions[0] {
            Condition::Field(field) => &field.constraints,
            other => panic!("not a field: {other:?}"),
        }
    }

    #[test]
    fn sub_queries_come_in_parse_servers_order() {
        let mut query = parse(json!({"$or": [
            {"p": {"$notInQuery": {"where": {}, "className": "A"}}},
            {"$and": [{"s": {"$select": {"query": {"className": "B"}, "key": "k"}}}]},
            {"p": {"$inQuery": {"where": {"x": 1}, "className": "C"}}},
        ]}))
        .unwrap();
        let mut classes = Vec::new();
        while let Some(pending) = query.pending() {
            classes.push(match pending {
                Constraint::InQuery(subquery)
                | Constraint::NotInQuery(subquery)
                | Constraint::Select(subquery, _)
                | Constraint::DontSelect(subquery, _) => subquery.class_name.clone(),
                other => panic!("not a sub-query: {other:?}"),
            });
            query.resolve(Vec::new(), &schema());
        }
        assert_eq!(classes, ["B", "C", "A"]);
    }

    #[test]
    fn found_objects_join_a_list_beside_the_sub_query() {
        let mut query = parse(json!({"p": {"$in": ["x"], "$inQuery": {"where": {}, "className": "Q"}}})).unwrap();
        query.resolve(vec![Value::String("y".to_owned())], &schema());
        let [Constraint::In(values)] = constraints(&query) else { panic!("{query:?}") };
        let ids: Vec<String> = values
            .iter()
            .map(|value| match value {
                Value::Pointer(pointer) => format!("{}${}", pointer.class_name, pointer.object_id),
                other => panic!("not a pointer: {other:?}"),
            })
            .collect();
        assert_eq!(ids, ["Q$x", "Q$y"]);
    }

    #[test]
    fn selected_lists_are_opened() {
        let mut query = parse(json!({"s": {"$dontSelect": {"query": {"className": "B"}, "key": "k"}}})).unwrap();
        let list = Value::Array(vec![Value::Null, Value::Bool(true)]);
        query.resolve(vec![list, Value::Number(1.0)], &schema());
        let expected = Constraint::NotIn(vec![Value::Null, Value::Bool(true), Value::Number(1.0)]);
        assert_eq!(constraints(&query), [expected]);
    }
}
