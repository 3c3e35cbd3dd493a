//! Rules of Parse's own classes, which no permission can change.

use parsefleet_core::{ErrorCode, ParseError, error::Result};

use parsefleet_proto::v1::Owned;

use crate::caller::{Caller, Writer};

/// Classes that only the keys of the app may touch.
const PRIVILEGED: [&str; 8] = [
    "_JobStatus",
    "_PushStatus",
    "_Hooks",
    "_GlobalConfig",
    "_GraphQLConfig",
    "_JobSchedule",
    "_Audience",
    "_Idempotency",
];

/// Classes that another service owns: it may add to writes what their callers could not write themselves, and asks for rows.
pub(crate) const OWNED: [&str; 3] = ["_User", "_Session", "_Role"];

/// Classes whose writes follow rules of their own (passwords, sessions, devices), which this service does not have: writing
/// them without would corrupt them. They are written by way of their owner, if they have one.
const NOT_WRITABLE: [&str; 3] = ["_User", "_Session", "_Installation"];

/// Classes whose documents are made by routes of their own.
const NOT_CREATABLE: [&str; 3] = ["_Hooks", "_GlobalConfig", "_GraphQLConfig"];

/// What a client does to a class, by the name its refusal uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    /// One object by its id.
    Get,
    /// Objects by a query.
    Find,
    /// A new object.
    Create,
    /// A changed object.
    Update,
    /// A removed object.
    Delete,
}

impl Method {
    fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Find => "find",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// Whether the caller may use the class at all.
///
/// # Errors
/// The class is one that clients may not use, or not in this way.
pub(crate) fn check_class(caller: &Caller, method: Method, class: &str) -> Result<()> {
    if !caller.is_restricted() {
        return Ok(());
    }
    if class == "_Installation" && matches!(method, Method::Delete | Method::Find) {
        return Err(forbidden(method, "installation"));
    }
    if PRIVILEGED.contains(&class) || class.starts_with("_Join:") {
        return Err(forbidden(method, class));
    }
    Ok(())
}

/// The caller as somebody who may write the class.
///
/// # Errors
/// The class is one that clients may not use, the key only reads, or the class has rules this service does not have and the
/// write does not come from where they are.
pub(crate) fn check_write<'a>(
    caller: &'a Caller,
    method: Method,
    class: &str,
    owned: Option<&Owned>,
) -> Result<Writer<'a>> {
    check_class(caller, method, class)?;
    let Some(writer) = caller.writer() else {
        return Err(ParseError::sanitised(
            ErrorCode::OperationForbidden,
            format!("read-only masterKey isn't allowed to perform the {} operation.", method.name()),
        ));
    };
    if class.starts_with("_Join:") {
        return Err(unavailable(format!("{class} is written by relation operations only.")));
    }
    let is_owned = owned.is_some() && OWNED.contains(&class);
    if owned.is_some() && !is_owned {
        return Err(unavailable(format!("{class} belongs to no other service.")));
    }
    if NOT_WRITABLE.contains(&class) && !is_owned {
        return Err(unavailable(format!("{class} cannot be written through this server yet.")));
    }
    Ok(writer)
}

/// Refuses new objects of a class that has none of clients' making.
///
/// # Errors
/// 103 for such a class.
pub(crate) fn check_creatable(class: &str) -> Result<()> {
    if NOT_CREATABLE.contains(&class) {
        return Err(ParseError::new(ErrorCode::InvalidClassName, format!("invalid className: {class}")));
    }
    Ok(())
}

/// Refuses a class that is not there to a caller that may not make it.
///
/// # Errors
/// `allowClientClassCreation` is off.
pub(crate) fn check_missing_class(caller: &Caller, allow_creation: bool, class: &str) -> Result<()> {
    if allow_creation || !caller.is_restricted() {
        return Ok(());
    }
    Err(ParseError::sanitised(
        ErrorCode::OperationForbidden,
        format!("This user is not allowed to access non-existent class: {class}"),
    ))
}

fn unavailable(text: String) -> ParseError {
    ParseError::new(ErrorCode::CommandUnavailable, text)
}

fn forbidden(method: Method, collection: &str) -> ParseError {
    ParseError::sanitised(
        ErrorCode::OperationForbidden,
        format!("Clients aren't allowed to perform the {} operation on the {collection} collection.", method.name()),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use parsefleet_core::error::Disclosure;

    use super::*;

    #[test]
    fn clients_do_not_reach_the_app_s_own_classes() {
        let error = check_class(&Caller::Public, Method::Get, "_Hooks").unwrap_err();
        assert_eq!(error.message, "Clients aren't allowed to perform the get operation on the _Hooks collection.");
        assert_eq!((error.code, error.disclosure), (ErrorCode::OperationForbidden, Disclosure::Sanitised));
        assert!(check_class(&Caller::Public, Method::Find, "_Join:users:_Role").is_err());
        assert!(check_class(&Caller::Master, Method::Find, "_Hooks").is_ok());
    }

    #[test]
    fn installations_can_be_got_but_not_searched() {
        assert!(check_class(&Caller::Public, Method::Get, "_Installation").is_ok());
        let error = check_class(&Caller::Public, Method::Find, "_Installation").unwrap_err();
        assert_eq!(
            error.message,
            "Clients aren't allowed to perform the find operation on the installation collection."
        );
    }

    #[test]
    fn the_read_only_key_is_refused_every_write() {
        for method in [Method::Create, Method::Update, Method::Delete] {
            let error = check_write(&Caller::ReadOnlyMaster, method, "Score", None).unwrap_err();
            assert_eq!(error.code, ErrorCode::OperationForbidden);
        }
    }

    #[test]
    fn classes_with_rules_of_their_own_are_written_by_way_of_their_owner() {
        let owned = Owned::default();
        let error = check_write(&Caller::Master, Method::Create, "_User", None).unwrap_err();
        assert_eq!(error.code, ErrorCode::CommandUnavailable);
        assert!(error.message.contains("_User"));
        assert!(check_write(&Caller::Public, Method::Create, "_User", Some(&owned)).is_ok());
        assert!(check_write(&Caller::ReadOnlyMaster, Method::Create, "_User", Some(&owned)).is_err());
        assert!(check_write(&Caller::Public, Method::Create, "_Role", None).is_ok());
    }

    #[test]
    fn a_class_without_an_owner_is_written_by_its_callers_alone() {
        let owned = Owned::default();
        for class in ["Score", "_Installation"] {
            let error = check_write(&Caller::Master, Method::Update, class, Some(&owned)).unwrap_err();
            assert_eq!(error.code, ErrorCode::CommandUnavailable, "{class}");
        }
    }
}
