//! Who may read and write a user.

use parsefleet_core::{ErrorCode, ParseError, acl::is_truthy, error::Result};
use parsefleet_proto::v1::RequestContext;
use serde_json::{Value as Json, json};

use super::UserRow;
use crate::caller::Caller;

/// Refuses what is no permissions: taken for some it would grant nothing, and lock the user out.
///
/// # Errors
/// 123 for anything but an object whose members say `read` and `write`, or the operation that removes it.
pub(super) fn check(sent: Option<&Json>) -> Result<()> {
    let grants = |rights: &Json| match rights {
        Json::Object(rights) => {
            rights.iter().all(|(right, given)| matches!(right.as_str(), "read" | "write") && given.is_boolean())
        }
        _ => false,
    };
    let is_valid = match sent {
        None => true,
        Some(Json::Object(subjects)) => subjects.contains_key("__op") || subjects.values().all(grants),
        Some(other) => !is_truthy(other),
    };
    if is_valid { Ok(()) } else { Err(ParseError::new(ErrorCode::InvalidAcl, "Invalid ACL.")) }
}

/// The permissions of a new user for which nobody, and no class, gives some. Those of the user itself come to all.
pub(super) fn of_new_user(is_private: bool) -> Json {
    match is_private {
        true => json!({}),
        false => json!({ "*": { "read": true, "write": false } }),
    }
}

/// The permissions that somebody changes a user to: the user itself is never locked out, but by a key of the app.
pub(super) fn of_changed_user(sent: &Json, id: &str, caller: &Caller) -> Json {
    match sent {
        Json::Object(rights) if !caller.is_privileged() => {
            let mut rights = rights.clone();
            rights.insert(id.to_owned(), json!({ "read": true, "write": true }));
            Json::Object(rights)
        }
        other => other.clone(),
    }
}

/// Whether the caller may write this user. The write itself is bound to it again: this is to know it before anything is done
/// with what only a writer may learn of.
pub(super) fn may_write(user: &UserRow, caller: &Caller, context: &RequestContext) -> bool {
    let id = match caller {
        Caller::Maintenance | Caller::Master => return true,
        Caller::Public | Caller::ReadOnlyMaster => return false,
        Caller::User(id) => id,
    };
    let Some(acl) = &user.acl else { return true };
    let writes = |subject: &str| acl.get(subject).and_then(|rights| rights.get("write")).is_some_and(is_truthy);
    writes("*") || writes(id) || context.roles.iter().any(|role| writes(&format!("role:{role}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_locks_himself_out() {
        let own = json!({ "read": true, "write": true });
        assert_eq!(of_changed_user(&json!({}), "u", &Caller::User("u".to_owned())), json!({ "u": own }));
        assert_eq!(of_changed_user(&json!({}), "u", &Caller::Master), json!({}));
        assert_eq!(of_changed_user(&Json::Null, "u", &Caller::Public), Json::Null);
    }

    #[test]
    fn what_is_no_permissions_is_refused() {
        for wrong in [
            json!(5),
            json!("x"),
            json!([]),
            json!({"*": {"delete": true}}),
            json!({"*": {"read": "yes"}}),
            json!({"*": 1}),
        ] {
            assert!(check(Some(&wrong)).is_err(), "{wrong}");
        }
        for right in [
            json!({}),
            json!({"*": {}}),
            json!({"role:a": {"read": true, "write": false}}),
            json!({"__op": "Delete"}),
            json!(null),
        ] {
            assert!(check(Some(&right)).is_ok(), "{right}");
        }
        assert!(check(None).is_ok());
    }

    #[test]
    fn writers_are_those_that_the_acl_names() {
        let user = |acl: Json| UserRow { acl: Some(acl), ..UserRow::default() };
        let context = RequestContext { roles: vec!["admin".to_owned()], ..RequestContext::default() };
        let caller = Caller::User("u".to_owned());
        for acl in [
            json!({ "u": { "write": true } }),
            json!({ "*": { "write": true } }),
            json!({ "role:admin": { "write": true } }),
        ] {
            assert!(may_write(&user(acl.clone()), &caller, &context), "{acl}");
            assert!(!may_write(&user(acl), &Caller::Public, &context));
        }
        for acl in [json!({}), json!({ "u": { "read": true } }), json!({ "role:other": { "write": true } })] {
            assert!(!may_write(&user(acl.clone()), &caller, &context), "{acl}");
            assert!(may_write(&user(acl), &Caller::Master, &context));
        }
        assert!(may_write(&UserRow::default(), &caller, &context), "no ACL is public");
    }
}
