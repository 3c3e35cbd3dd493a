//! Writing: create, update and delete, each a sequence of named steps.
//!
//! Permissions are asked before the schema is extended, so that a refused write leaves no trace. The object itself is
//! written by one operation of the store, whose condition holds the id and the permission together; the rows of relations
//! follow once it has succeeded. Triggers are asked and told where the sequences name them.

mod body;
mod check;
mod create;
mod delete;
mod owned;
mod reply;
mod room;
mod told;
mod update;

use std::sync::Arc;

pub(crate) use self::create::generate_id;

use bytes::Bytes;
use parsefleet_core::{
    ClassName, ErrorCode, FieldName, ObjectId, ParseError, Query,
    error::Result,
    query::Condition,
    schema::TypedField,
    update::{RelationChange, Writer as BodyWriter},
};

use crate::{
    caller::{Caller, Writer},
    conditions::is_object,
    error::parse_error,
    policy::{self, guards},
    schema::{Class, Permit},
    service::DataService,
};

/// A new object's id, and the answer to its creator.
#[derive(Clone, Debug)]
pub struct Created {
    /// Id of the new object.
    pub id: ObjectId,
    /// `{"objectId": …, "createdAt": …, …}`
    pub body: Bytes,
}

impl DataService {
    /// The class to be written, permission given; `None` if there is no such class yet.
    ///
    /// A refusal is final only if a look at a newer schema does not change it.
    ///
    /// # Errors
    /// The caller may not do this.
    async fn permitted_class<T>(
        &self,
        class: &ClassName,
        permit: impl Fn(&Class) -> Result<T>,
    ) -> Result<Option<(Arc<Class>, T)>> {
        let permit = |class: &Arc<Class>| permit(class).map(|given| (Arc::clone(class), given));
        let snapshot = self.schema.current().await?;
        let refusal = match snapshot.class(class.as_str()).map(permit) {
            Some(Ok(permitted)) => return Ok(Some(permitted)),
            Some(Err(refusal)) => Some(refusal),
            None => None,
        };
        if let Some(newer) = self.schema.second_look().await?
            && let Some(class) = newer.class(class.as_str())
        {
            return permit(class).map(Some);
        }
        refusal.map_or(Ok(None), Err)
    }

    /// The class with everything that a write demands of it. Within a transaction nothing is made: its beginning has seen
    /// to that, and if something is missing all the same, the schema has changed since.
    ///
    /// # Errors
    /// Those of `permit`, which is asked for every class on the way, and 111 if a field has another type.
    async fn extend_schema(
        &self,
        class: &ClassName,
        written: &[TypedField],
        permit: &mut Permit<'_>,
    ) -> Result<Arc<Class>> {
        let Some(scope) = &self.scope else { return self.schema.extend(class, written, permit).await };
        match self.schema.complete(class, written).await? {
            Some(class) => {
                permit(&class)?;
                Ok(class)
            }
            None => Err(scope.miss_schema(class, written)),
        }
    }

    /// To be called when an object has been written under a class: the class or a field may have been removed meanwhile, and
    /// comes back. What a transaction has written is seen by nobody before its end, and looked after then.
    async fn keep_schema(&self, class: &Arc<Class>, written: &[TypedField]) {
        match &self.scope {
            None => self.schema.keep(class, written).await,
            Some(scope) => scope.keep_later(class, written),
        }
    }

    /// Writes the rows of relations, in the order in which they were given.
    async fn write_relations(
        &self,
        class: &ClassName,
        owner: &ObjectId,
        relations: &[(FieldName, RelationChange)],
    ) -> Result<()> {
        for (key, change) in relations {
            let written = match change {
                RelationChange::Add(targets) => self.store.add_relations(class, key, owner.as_str(), targets).await,
                RelationChange::Remove(targets) => {
                    self.store.remove_relations(class, key, owner.as_str(), targets).await
                }
            };
            written.map_err(parse_error)?;
        }
        Ok(())
    }

    /// Tells whoever remembers something about objects of this class.
    pub(crate) async fn announce(&self, class: &ClassName) {
        if class.as_str() == "_Role" {
            self.invalidation.roles_changed().await;
        }
    }
}

/// The class a write names.
///
/// # Errors
/// 107 for what cannot be a class.
fn class_name(name: &str) -> Result<ClassName> {
    ClassName::new(name).ok_or_else(|| ParseError::new(ErrorCode::InvalidJson, "schema class name does not revalidate"))
}

/// The object to be written, as far as it is there for the caller and satisfies these conditions.
///
/// # Errors
/// 209 for a session, if the caller has none.
fn reach(caller: &Caller, class: &Class, id: &ObjectId, mut conditions: Vec<Condition>) -> Result<Query> {
    conditions.push(is_object(id.as_str()));
    conditions.extend(policy::writable(caller));
    conditions.extend(policy::own_session(caller, class)?);
    Ok(Query { conditions })
}

/// What a body may hold depends on who writes it.
fn body_writer(writer: Writer<'_>) -> BodyWriter {
    match writer.caller() {
        Caller::Maintenance => BodyWriter::Maintenance,
        Caller::Public | Caller::User(_) | Caller::ReadOnlyMaster | Caller::Master => BodyWriter::Client,
    }
}

/// Refuses to make a class for somebody who may not.
///
/// # Errors
/// 119 if clients may not make classes.
fn check_creation(service: &DataService, writer: Writer<'_>, class: &ClassName) -> Result<()> {
    guards::check_missing_class(writer.caller(), service.settings.allow_client_class_creation, class.as_str())
}

/// Whether the write touches a field that the class does not have.
fn adds_a_field<'f>(class: &Class, mut written: impl Iterator<Item = &'f str>) -> bool {
    written.any(|path| {
        let root = path.split('.').next().unwrap_or(path);
        class.schema.field_type(root).is_none()
    })
}
