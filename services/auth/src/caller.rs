//! Who asks, as far as this service decides on it.

use parsefleet_core::{ErrorCode, ParseError, error::Result};
use parsefleet_proto::v1::{Privilege, RequestContext};

/// The installation that Cloud Code and bare master keys count as: it is given no sessions.
const CLOUD: &str = "cloud";

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// Nobody in particular.
    Public,
    /// A user with a session, by id.
    User(String),
    /// The maintenance key.
    Maintenance,
    /// The read-only master key.
    ReadOnlyMaster,
    /// The master key.
    Master,
}

impl Caller {
    /// The caller that a request context describes.
    ///
    /// # Errors
    /// The context is missing, or contradicts itself. That is never the client's doing.
    pub(crate) fn of(context: Option<&RequestContext>) -> Result<Self> {
        let context = context.ok_or_else(malformed)?;
        match context.privilege() {
            Privilege::Unspecified => Err(malformed()),
            Privilege::Public => Ok(Self::Public),
            Privilege::User if context.user_id.is_empty() => Err(malformed()),
            Privilege::User => Ok(Self::User(context.user_id.clone())),
            Privilege::Maintenance => Ok(Self::Maintenance),
            Privilege::ReadOnlyMaster => Ok(Self::ReadOnlyMaster),
            Privilege::Master => Ok(Self::Master),
        }
    }

    /// The caller as somebody who writes.
    ///
    /// # Errors
    /// 119 for the read-only master key.
    pub(crate) fn of_writer(context: Option<&RequestContext>, operation: &str) -> Result<Self> {
        match Self::of(context)? {
            Self::ReadOnlyMaster => Err(ParseError::sanitised(
                ErrorCode::OperationForbidden,
                format!("read-only masterKey isn't allowed to perform the {operation} operation."),
            )),
            caller @ (Self::Public | Self::User(_) | Self::Maintenance | Self::Master) => Ok(caller),
        }
    }

    /// Whether permissions do not apply: a key of the app is given.
    pub(crate) fn is_privileged(&self) -> bool {
        match self {
            Self::Public | Self::User(_) => false,
            Self::Maintenance | Self::ReadOnlyMaster | Self::Master => true,
        }
    }

    /// Whether it is this user.
    pub(crate) fn is_user(&self, id: &str) -> bool {
        matches!(self, Self::User(own) if own == id)
    }

    /// Whether it is some user.
    pub(crate) fn is_logged_in(&self) -> bool {
        matches!(self, Self::User(_))
    }
}

/// The same request by the server itself.
pub(crate) fn as_master(context: &RequestContext) -> RequestContext {
    RequestContext {
        privilege: Privilege::Master.into(),
        user_id: String::new(),
        roles: Vec::new(),
        session_token: String::new(),
        ..context.clone()
    }
}

/// The same request by a user.
pub(crate) fn as_user(context: &RequestContext, id: &str, roles: Vec<String>) -> RequestContext {
    RequestContext { privilege: Privilege::User.into(), user_id: id.to_owned(), roles, ..context.clone() }
}

/// Whether the request comes from where no session is opened for.
pub(crate) fn is_cloud(context: &RequestContext) -> bool {
    context.installation_id == CLOUD
}

fn malformed() -> ParseError {
    tracing::error!("a service sent a request context that cannot be used");
    ParseError::new(ErrorCode::InternalServerError, "Internal server error.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(privilege: Privilege, user: &str) -> RequestContext {
        RequestContext { privilege: privilege.into(), user_id: user.to_owned(), ..RequestContext::default() }
    }

    #[test]
    fn no_context_is_nobody() {
        assert!(Caller::of(None).is_err());
        assert!(Caller::of(Some(&context(Privilege::Unspecified, ""))).is_err());
        assert!(Caller::of(Some(&context(Privilege::User, ""))).is_err());
    }

    #[test]
    fn the_read_only_key_writes_nothing() {
        let refusal = Caller::of_writer(Some(&context(Privilege::ReadOnlyMaster, "")), "create").err();
        assert_eq!(refusal.map(|error| error.code), Some(ErrorCode::OperationForbidden));
        assert_eq!(Caller::of_writer(Some(&context(Privilege::Master, "")), "create"), Ok(Caller::Master));
    }
}
