//! What the service that owns a class adds to a write of one of its callers: columns beyond the caller's rights, and
//! conditions.
//!
//! The caller's own part of the write is checked as any other's; what is added is not. It joins the write when all is
//! checked, so that no check can take one for the other.

use parsefleet_core::{
    Acl, ClassSchema, NewObject, ObjectId, ObjectUpdate,
    error::Result,
    query::Condition,
    update::{ObjectIds, Writer},
};
use parsefleet_proto::v1::Owned;
use serde_json::Value as Json;

use crate::rows;

/// What is added to a new object.
pub(super) struct OwnedColumns {
    columns: NewObject,
    id: Option<ObjectId>,
    /// Its permissions if neither the caller nor the class gives it some.
    default_acl: Option<Acl>,
}

impl OwnedColumns {
    /// Reads what is added.
    ///
    /// # Errors
    /// 105 and 107 for columns that are none.
    pub(super) fn parse(owned: &Owned) -> Result<Self> {
        let columns = NewObject::parse(rows::object(&owned.columns)?, Writer::Service, ObjectIds::Generated)?;
        let default_acl = match &*owned.default_acl {
            [] => None,
            json => Some(Acl::from_json(&Json::Object(rows::object(json)?))),
        };
        Ok(Self { columns, id: ObjectId::new(&owned.object_id), default_acl })
    }

    /// Joins the types of the columns to those of the caller's.
    pub(super) fn demand(&mut self, new: &mut NewObject) {
        new.types.append(&mut self.columns.types);
    }

    /// Joins the columns to the caller's, in whose place they come. The permissions for want of others are returned.
    pub(super) fn join(self, new: &mut NewObject) -> Option<Acl> {
        for (name, value) in self.columns.fields.iter() {
            new.fields.insert(name, value.clone());
            new.computed.retain(|computed| computed.as_str() != name);
        }
        new.relations.extend(self.columns.relations);
        new.acl = self.columns.acl.or(new.acl.take());
        new.object_id = self.id.or(new.object_id.take());
        self.default_acl
    }
}

/// Reads the columns that are changed.
///
/// # Errors
/// 105 and 107 for columns that are none.
pub(super) fn change(owned: &Owned, id: &ObjectId) -> Result<ObjectUpdate> {
    ObjectUpdate::parse(id, rows::object(&owned.columns)?, Writer::Service)
}

/// Joins changes to the caller's, in whose place they come.
pub(super) fn join_change(change: &mut ObjectUpdate, owned: ObjectUpdate) {
    let added = owned.update;
    let is_kept = |root: &str| !added.changes.iter().any(|(path, _)| path.root() == root);
    change.update.changes.retain(|(path, _)| is_kept(path.root()));
    change.computed.retain(|path| is_kept(path.root()));
    change.update.changes.extend(added.changes);
    change.update.relations.extend(added.relations);
    change.update.acl = added.acl.or(change.update.acl.take());
}

/// The conditions that are added.
///
/// # Errors
/// 102, 105 and 107 for what is wrong with them.
pub(super) fn conditions(owned: Option<&Owned>, schema: &ClassSchema) -> Result<Vec<Condition>> {
    let Some(owned) = owned else { return Ok(Vec::new()) };
    Ok(rows::condition(schema, &owned.r#where)?.conditions)
}

/// Lets a user read and write itself, whatever else its permissions say.
pub(super) fn permit_itself(acl: &mut Acl, user: &ObjectId) {
    for subjects in [&mut acl.read, &mut acl.write] {
        if !subjects.iter().any(|subject| subject == user.as_str()) {
            subjects.push(user.as_str().to_owned());
        }
    }
}
