//! What a write does to an object: plain values and update operations.

use crate::{Acl, FieldName, FieldPath, Value, value::Pointer};

/// The changes of one write, in the order they were given.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Update {
    /// Changes of stored columns. Applied together, atomically.
    pub changes: Vec<(FieldPath, Change)>,
    /// Changes of relations. Applied to the join collections after the object itself was written.
    pub relations: Vec<(FieldName, RelationChange)>,
    /// New permissions; `None` leaves them as they are.
    pub acl: Option<Acl>,
}

/// What happens to one column.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Replaces the value.
    Set(Value),
    /// Removes the value (`Delete`).
    Unset,
    /// Adds to a number; a missing one counts as 0.
    Increment(f64),
    /// Appends to an array (`Add`).
    Add(Vec<Value>),
    /// Appends what the array does not hold yet.
    AddUnique(Vec<Value>),
    /// Removes every element equal to one of these.
    Remove(Vec<Value>),
}

/// What happens to one relation.
#[derive(Clone, Debug, PartialEq)]
pub enum RelationChange {
    /// `AddRelation`.
    Add(Vec<Pointer>),
    /// `RemoveRelation`.
    Remove(Vec<Pointer>),
}
