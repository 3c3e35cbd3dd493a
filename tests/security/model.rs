//! Who may read what, said once more and apart from the server: object permissions, class-level permissions, protected
//! fields, and what Parse hides of its own classes.

use serde_json::Value as Json;

use crate::world::{Class, Item};

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    Nobody,
    /// A user without roles.
    Alice,
    /// A user in the role `staff`.
    Carol,
}

impl Caller {
    pub(crate) const ALL: [Self; 3] = [Self::Nobody, Self::Alice, Self::Carol];

    /// Id of the user.
    pub(crate) fn id(self) -> Option<&'static str> {
        match self {
            Self::Nobody => None,
            Self::Alice => Some("alice"),
            Self::Carol => Some("carol"),
        }
    }

    fn subjects(self) -> &'static [&'static str] {
        match self {
            Self::Nobody => &["*"],
            Self::Alice => &["*", "alice"],
            Self::Carol => &["*", "carol", "role:staff"],
        }
    }

    fn is(self, subject: &str) -> bool {
        self.subjects().contains(&subject)
    }
}

/// Whether the caller may read an object in any way: by its id or by a query.
pub(crate) fn may_read(caller: Caller, class: &Class, item: &Item) -> bool {
    if class.name == "_Session" {
        return caller.id().is_some_and(|id| points_to(item.fields.get("user"), id));
    }
    let acl = item.readers.as_ref().is_none_or(|readers| readers.iter().any(|reader| caller.is(reader)));
    let Some(permissions) = &class.permissions else { return acl };
    let by_class = |operation: &str| permits(caller, permissions, operation, item);
    acl && (by_class("get") || by_class("find") || by_class("count"))
}

fn permits(caller: Caller, permissions: &Json, operation: &str, item: &Item) -> bool {
    let rule = &permissions[operation];
    if caller.subjects().iter().any(|subject| rule[subject] == true) {
        return true;
    }
    let wants_user = rule["requiresAuthentication"] == true;
    if wants_user && caller.id().is_none() {
        return false;
    }
    let mut fields: Vec<&str> = texts(&rule["pointerFields"]);
    fields.extend(texts(&permissions["readUserFields"]));
    if fields.is_empty() {
        return wants_user;
    }
    caller.id().is_some_and(|id| fields.iter().any(|field| points_to(item.fields.get(*field), id)))
}

/// The fields of an object that the caller may not see, though it may read the object.
pub(crate) fn hidden_fields(caller: Caller, class: &Class, item: &Item) -> Vec<String> {
    let mut hidden = protected(caller, class, item);
    if class.name == "_User" {
        if caller.id() == Some(item.id.as_str()) {
            hidden.clear();
        } else {
            hidden.extend(["email", "authData"].map(str::to_owned));
        }
        hidden.extend(["_hashed_password", "_email_verify_token", "_perishable_token"].map(str::to_owned));
    }
    hidden
}

/// What every group of the caller hides; less in an object that points to the caller.
fn protected(caller: Caller, class: &Class, item: &Item) -> Vec<String> {
    let Some(groups) = class.permissions.as_ref().and_then(|permissions| permissions["protectedFields"].as_object())
    else {
        return Vec::new();
    };
    let applies = |group: &str| match group.strip_prefix("userField:") {
        Some(field) => caller.id().is_some_and(|id| points_to(item.fields.get(field), id)),
        None => caller.is(group) || (group == "authenticated" && caller.id().is_some()),
    };
    let mut sets = groups.iter().filter(|(group, _)| applies(group)).map(|(_, fields)| texts(fields));
    let Some(mut hidden) = sets.next() else { return Vec::new() };
    for set in sets {
        hidden.retain(|field| set.contains(field));
    }
    hidden.into_iter().map(str::to_owned).collect()
}

/// Whether a field is a pointer to the user or a list that holds one.
fn points_to(value: Option<&Json>, id: &str) -> bool {
    match value {
        Some(Json::Array(items)) => items.iter().any(|item| points_to(Some(item), id)),
        Some(value) => value["className"] == "_User" && value["objectId"] == id,
        None => false,
    }
}

fn texts(list: &Json) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Json::as_str).collect()
}
