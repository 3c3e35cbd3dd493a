//! What a query mentions, for stores that narrow down candidates first.

use std::collections::BTreeSet;

use super::{Column, Condition, Constraint, Query};
use crate::Value;

impl Query {
    /// REST names of the fields that decide, without what is below them.
    pub fn fields(&self) -> BTreeSet<&str> {
        let mut fields = BTreeSet::new();
        self.collect_fields(&mut fields);
        fields
    }

    fn collect_fields<'a>(&'a self, fields: &mut BTreeSet<&'a str>) {
        for condition in &self.conditions {
            match condition {
                Condition::All(queries) | Condition::Any(queries) | Condition::None(queries) => {
                    for query in queries {
                        query.collect_fields(fields);
                    }
                }
                Condition::Field(field) => {
                    fields.insert(field.path.root());
                }
                Condition::RelatedTo { .. } => {
                    fields.insert("objectId");
                }
                Condition::ReadableBy(_) | Condition::WritableBy(_) => {
                    fields.insert("ACL");
                }
            }
        }
    }

    /// Whether a full-text search is part of it.
    pub fn searches_text(&self) -> bool {
        self.conditions.iter().any(|condition| match condition {
            Condition::All(queries) | Condition::Any(queries) | Condition::None(queries) => {
                queries.iter().any(Self::searches_text)
            }
            Condition::Field(field) => {
                field.constraints.iter().any(|constraint| matches!(constraint, Constraint::Text(_)))
            }
            Condition::RelatedTo { .. } | Condition::ReadableBy(_) | Condition::WritableBy(_) => false,
        })
    }

    /// The ids to which the query confines itself; `None` if it names none. Objects with these ids need not satisfy it.
    pub fn ids(&self) -> Option<Vec<&str>> {
        self.equal_to("objectId").map(|values| values.into_iter().filter_map(text_of).collect())
    }

    /// The values to which the query confines a field by equality or `$in`, whatever else it asks for; `None` if it does
    /// not. Only a whole field counts, not a path into one.
    pub fn equal_to(&self, field: &str) -> Option<Vec<&Value>> {
        self.conditions.iter().find_map(|condition| match condition {
            Condition::All(queries) => queries.iter().find_map(|query| query.equal_to(field)),
            Condition::Field(condition) if condition.path.as_str() == field && condition.column != Column::Relation => {
                condition.constraints.iter().find_map(|constraint| match constraint {
                    Constraint::Equal(value) => Some(vec![value]),
                    Constraint::In(values) => Some(values.iter().collect()),
                    _ => None,
                })
            }
            Condition::Any(_)
            | Condition::None(_)
            | Condition::Field(_)
            | Condition::RelatedTo { .. }
            | Condition::ReadableBy(_)
            | Condition::WritableBy(_) => None,
        })
    }
}

fn text_of(value: &Value) -> Option<&str> {
    if let Value::String(text) = value { Some(text) } else { None }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed test is what a panic is for")]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::query::tests::parse;

    #[test]
    fn fields_are_roots_at_any_depth() {
        let mut query = parse(json!({"o.k": 1, "$or": [{"n": 1}, {"$nor": [{"a.0.x": 1}]}]})).unwrap();
        query.conditions.push(Condition::ReadableBy(Vec::new()));
        assert_eq!(query.fields().into_iter().collect::<Vec<_>>(), ["ACL", "a", "n", "o"]);
    }

    #[test]
    fn ids_come_from_conjunctions_only() {
        let ids = |filter| parse(filter).unwrap().ids().map(|ids| ids.join(","));
        assert_eq!(ids(json!({"objectId": "x", "n": 1})).as_deref(), Some("x"));
        assert_eq!(ids(json!({"$and": [{"n": 1}, {"objectId": {"$in": ["x", 1, "y"]}}]})).as_deref(), Some("x,y"));
        assert_eq!(ids(json!({"$or": [{"objectId": "x"}]})), None);
        assert_eq!(ids(json!({"objectId": {"$ne": "x"}})), None);
    }
}
