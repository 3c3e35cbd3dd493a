//! What a query mentions, for stores that read no more of an object than they have to.

use std::collections::BTreeSet;

use super::{Condition, Constraint, Query};

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
}
