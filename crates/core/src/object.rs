//! A whole object, as triggers, the matcher and live queries see it.

use crate::{Acl, Date, Map, ObjectId};

/// An object with the columns every class has.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// `objectId`.
    pub id: ObjectId,
    /// `createdAt`.
    pub created_at: Date,
    /// `updatedAt`.
    pub updated_at: Date,
    /// `ACL`; `None` is public.
    pub acl: Option<Acl>,
    /// Everything else, internal columns (`_…`) included where the reader may see them.
    pub fields: Map,
}
