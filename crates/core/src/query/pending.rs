//! Sub-queries that have to be run before the query they are in.

use super::{Constraint, Query};
use crate::{ClassSchema, Value};

impl Query {
    /// The sub-query to run next, in Parse Server's order: `Select`, `DontSelect`, `InQuery`, `NotInQuery`, each wherever it
    /// occurs. `None` once all are resolved.
    pub fn pending(&self) -> Option<&Constraint> {
        todo!()
    }

    /// Replaces the constraint that `pending` returned by what its sub-query found: pointers to the objects, or for the
    /// selecting ones the values at the key (`Null` where an object has none). A positive one joins the list of a `$in`
    /// beside it.
    pub fn resolve(&mut self, _found: Vec<Value>, _schema: &ClassSchema) {
        todo!()
    }
}
