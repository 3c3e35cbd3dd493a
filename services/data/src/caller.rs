//! Who asks: the privilege of a call, decided once at the edge.

use parsefleet_core::{
    ErrorCode, ObjectId, ParseError,
    error::Result,
    value::{Pointer, Value},
};
use parsefleet_proto::v1::{Privilege, RequestContext};

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// Nobody in particular.
    Public,
    /// A user with a session.
    User(User),
    /// The maintenance key: no permission applies, internal columns are visible and writable.
    Maintenance,
    /// The read-only master key: no permission applies to reads, writes are refused.
    ReadOnlyMaster,
    /// The master key: no permission applies.
    Master,
}

/// A user and what permissions may name it by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User {
    id: ObjectId,
    subjects: Vec<String>,
}

/// A caller that may write: a read-only master key cannot become one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Writer<'a>(&'a Caller);

impl Caller {
    /// The caller a request context describes.
    ///
    /// # Errors
    /// The context is missing or contradicts itself. That is never the client's doing, and never turns into a caller
    /// with more rights.
    pub(crate) fn from_context(context: Option<&RequestContext>) -> Result<Self> {
        let context = context.ok_or_else(|| malformed("no request context"))?;
        match context.privilege() {
            Privilege::Unspecified => Err(malformed("no privilege in the request context")),
            Privilege::Public => Ok(Self::Public),
            Privilege::User => User::new(&context.user_id, &context.roles).map(Self::User),
            Privilege::Maintenance => Ok(Self::Maintenance),
            Privilege::ReadOnlyMaster => Ok(Self::ReadOnlyMaster),
            Privilege::Master => Ok(Self::Master),
        }
    }

    /// The user, if the caller is one.
    pub(crate) fn user(&self) -> Option<&User> {
        match self {
            Self::User(user) => Some(user),
            Self::Public | Self::Maintenance | Self::ReadOnlyMaster | Self::Master => None,
        }
    }

    /// What permissions know the caller by; `None` if no permission applies to it.
    pub(crate) fn subjects(&self) -> Option<Vec<String>> {
        match self {
            Self::Public => Some(vec!["*".to_owned()]),
            Self::User(user) => Some(user.subjects.clone()),
            Self::Maintenance | Self::ReadOnlyMaster | Self::Master => None,
        }
    }

    /// Whether permissions apply to the caller.
    pub(crate) fn is_restricted(&self) -> bool {
        match self {
            Self::Public | Self::User(_) => true,
            Self::Maintenance | Self::ReadOnlyMaster | Self::Master => false,
        }
    }

    /// The caller as somebody who writes; `None` for the read-only master key.
    pub(crate) fn writer(&self) -> Option<Writer<'_>> {
        match self {
            Self::Public | Self::User(_) | Self::Maintenance | Self::Master => Some(Writer(self)),
            Self::ReadOnlyMaster => None,
        }
    }
}

impl User {
    /// A user by id, with the names of its roles without `role:`.
    ///
    /// # Errors
    /// The id reads as another kind of subject, and would hold that subject's rights.
    pub(crate) fn new(id: &str, roles: &[String]) -> Result<Self> {
        let id = ObjectId::new(id)
            .filter(|id| id.as_str() != "*" && !id.as_str().starts_with("role:"))
            .ok_or_else(|| malformed("the user id is not one"))?;
        let mut subjects = Vec::with_capacity(roles.len() + 2);
        subjects.push("*".to_owned());
        subjects.extend(roles.iter().map(|role| format!("role:{role}")));
        subjects.push(id.as_str().to_owned());
        Ok(Self { id, subjects })
    }

    /// The user's id.
    pub(crate) fn id(&self) -> &str {
        self.id.as_str()
    }

    /// What permissions know the user by: `*`, each `role:<name>`, the id.
    pub(crate) fn subjects(&self) -> &[String] {
        &self.subjects
    }

    /// A pointer to the user.
    pub(crate) fn pointer(&self) -> Value {
        Value::Pointer(Pointer { class_name: "_User".to_owned(), object_id: self.id.as_str().to_owned() })
    }
}

impl<'a> Writer<'a> {
    /// Who it is.
    pub(crate) fn caller(self) -> &'a Caller {
        self.0
    }
}

fn malformed(what: &str) -> ParseError {
    tracing::error!(what, "a service sent a request context that cannot be used");
    ParseError::new(ErrorCode::InternalServerError, "Internal server error.")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn context(privilege: Privilege, user_id: &str) -> RequestContext {
        RequestContext {
            privilege: privilege as i32,
            user_id: user_id.to_owned(),
            roles: vec!["admin".to_owned()],
            ..RequestContext::default()
        }
    }

    #[test]
    fn a_user_is_known_as_everybody_by_its_roles_and_by_its_id() {
        let caller = Caller::from_context(Some(&context(Privilege::User, "u1"))).unwrap();
        assert_eq!(caller.subjects().unwrap(), ["*", "role:admin", "u1"]);
    }

    #[test]
    fn no_context_and_no_privilege_are_nobody() {
        assert!(Caller::from_context(None).is_err());
        assert!(Caller::from_context(Some(&context(Privilege::Unspecified, ""))).is_err());
    }

    #[test]
    fn a_user_id_cannot_pass_for_a_role_or_for_everybody() {
        for id in ["", "*", "role:admin"] {
            assert!(Caller::from_context(Some(&context(Privilege::User, id))).is_err(), "{id}");
        }
    }

    #[test]
    fn the_read_only_master_key_cannot_write() {
        assert!(Caller::ReadOnlyMaster.writer().is_none());
        assert!(Caller::Master.writer().is_some());
    }
}
