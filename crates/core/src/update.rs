//! What a write does to an object: plain values and update operations.

use crate::{Acl, Date, FieldName, FieldPath, Map, ObjectId, Value, schema::TypedField, value::Pointer};

mod body;
mod create;
mod modify;
mod operation;

/// The changes of one write, in the order they were given.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Update {
    /// Changes of stored columns. Applied together, atomically. No path leads into another one.
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

/// What the body of a create asks for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NewObject {
    /// The id the client chose, where it may.
    pub object_id: Option<ObjectId>,
    /// `createdAt` of an imported object.
    pub created_at: Option<Date>,
    /// `updatedAt` of an imported object: there whenever `created_at` is.
    pub updated_at: Option<Date>,
    /// Permissions; `None` is public.
    pub acl: Option<Acl>,
    /// The columns to store. As in Parse Server a key with dots is a column of that name.
    pub fields: Map,
    /// Rows for the join collections.
    pub relations: Vec<(FieldName, RelationChange)>,
    /// What the write demands of the schema.
    pub types: Vec<TypedField>,
    /// Fields that were submitted as operations: the answer holds their values.
    pub computed: Vec<FieldName>,
}

/// What the body of an update asks for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ObjectUpdate {
    /// The changes.
    pub update: Update,
    /// What the write demands of the schema.
    pub types: Vec<TypedField>,
    /// Paths that were submitted as operations: the answer holds their new values.
    pub computed: Vec<FieldPath>,
    /// The ACL in `update` came as a `Delete` operation.
    pub acl_deleted: bool,
}

/// What the writer may do beyond the public API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Writer {
    /// Everybody, the master key included: no column that starts with `_`.
    #[default]
    Client,
    /// The maintenance key: such columns are fields like any other, and timestamps of new objects can be given.
    Maintenance,
    /// A service of Parsefleet itself: such columns are written, but the schema does not learn of them.
    Service,
}

/// Whether clients may choose the id of a new object (`allowCustomObjectId`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ObjectIds {
    /// Ids are generated.
    #[default]
    Generated,
    /// A client may give one.
    Custom,
}
