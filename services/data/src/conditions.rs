//! Conditions on the id of an object.

use parsefleet_core::{
    FieldPath, Value,
    query::{Column, Condition, Constraint, FieldCondition},
};

/// The object is this one.
pub(crate) fn is_object(id: &str) -> Condition {
    object_id(Constraint::Equal(Value::String(id.to_owned())))
}

/// The object's id satisfies a constraint.
pub(crate) fn object_id(constraint: Constraint) -> Condition {
    Condition::Field(FieldCondition {
        path: FieldPath::object_id(),
        column: Column::ObjectId,
        constraints: vec![constraint],
    })
}
