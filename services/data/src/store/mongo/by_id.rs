//! One object by its id.
//!
//! MongoDB plans every query but one: a filter of nothing but an `_id`. With the permission condition beside the id a get cost it half
//! as much again. So the id alone is asked for, and whether the caller may read the object is decided here, by the very
//! condition of the query, before the object leaves the store.

use bson::{RawBsonRef, RawDocument};
use parsefleet_core::{
    Query, Value,
    query::{Column, Condition, Constraint},
};

use crate::store::{Documents, FindOptions};

/// A query for one object by id that its reader has to be permitted to read.
pub(super) struct ById<'q> {
    subjects: &'q [String],
    /// The query without the permission.
    pub(super) query: Query,
}

impl<'q> ById<'q> {
    /// What the query is, if it is such a one and the columns to decide it are read.
    pub(super) fn of(query: &'q Query, options: &FindOptions) -> Option<Self> {
        let (id, subjects) = match &*query.conditions {
            [id @ Condition::Field(_), Condition::ReadableBy(subjects)] => (id, subjects),
            _ => return None,
        };
        let Condition::Field(field) = id else { return None };
        let is_one =
            field.column == Column::ObjectId && matches!(&*field.constraints, [Constraint::Equal(Value::String(_))]);
        let reads_permission =
            options.projection.as_ref().is_none_or(|columns| columns.iter().any(|column| column == "_rperm"));
        let is_plain = options.order.is_empty()
            && options.skip == 0
            && options.hint.is_none()
            && !options.text_score
            && !options.ignore_case;
        (is_one && reads_permission && is_plain)
            .then(|| Self { subjects, query: Query { conditions: vec![id.clone()] } })
    }

    /// The documents, if the reader may have them.
    pub(super) fn permitted(&self, found: Documents) -> Documents {
        let permits = found.iter().all(|document| self.permits(document));
        if permits { found } else { Documents::default() }
    }

    /// MongoDB's `{_rperm: {$in: [null, "*", …]}}`.
    fn permits(&self, document: &RawDocument) -> bool {
        match document.get("_rperm") {
            Ok(None | Some(RawBsonRef::Null | RawBsonRef::Undefined)) => true,
            Ok(Some(RawBsonRef::Array(items))) => items.into_iter().flatten().any(|item| self.names(item)),
            Ok(Some(item)) => self.names(item),
            Err(_) => false,
        }
    }

    fn names(&self, item: RawBsonRef<'_>) -> bool {
        match item {
            RawBsonRef::Null | RawBsonRef::Undefined => true,
            RawBsonRef::String(subject) => subject == "*" || self.subjects.iter().any(|known| known == subject),
            _ => false,
        }
    }
}
