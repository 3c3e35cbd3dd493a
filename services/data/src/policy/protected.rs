//! Fields that a caller does not get to see (`protectedFields`).

use std::collections::BTreeMap;

use parsefleet_core::{
    ErrorCode, ParseError, Query,
    error::Result,
    query::{Condition, SortKey},
};
use serde_json::Value as Json;

use crate::caller::Caller;

/// The protected fields of one class: those of its permissions and those of the server's settings, by group.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Protected {
    groups: BTreeMap<String, Vec<String>>,
    /// Field that points to a user, and what is hidden from that user.
    user_fields: Vec<(String, Vec<String>)>,
    /// Fields that are shown to nobody or to the object's owner alone, whatever the groups.
    secret: &'static [&'static str],
}

/// What no client sees of another user, and may not search by either.
const SECRETS_OF_USERS: [&str; 2] = ["authData", "sessionToken"];

/// What one caller sees of a class.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Visibility {
    /// Fields hidden from the caller.
    pub(crate) hidden: Vec<String>,
    /// Per field that may point to the caller: what is still hidden in objects where it does. Always part of `hidden`.
    pub(crate) hidden_for_user_in: Vec<(String, Vec<String>)>,
    /// Fields that the caller may not search or sort by, next to the hidden ones.
    pub(crate) secret: &'static [&'static str],
}

impl Protected {
    /// The union, by group, of `protectedFields` in the class-level permissions and in the settings.
    pub(crate) fn new(permissions: Option<&Json>, settings: Option<&BTreeMap<String, Vec<String>>>) -> Self {
        let mut groups: BTreeMap<String, Vec<String>> = settings.cloned().unwrap_or_default();
        for (group, fields) in permissions.and_then(Json::as_object).into_iter().flatten() {
            let known = groups.entry(group.clone()).or_default();
            for field in fields.as_array().into_iter().flatten().filter_map(Json::as_str) {
                if !known.iter().any(|name| name == field) {
                    known.push(field.to_owned());
                }
            }
        }
        let mut protected = Self::default();
        for (group, fields) in groups {
            match group.strip_prefix("userField:") {
                Some(field) => protected.user_fields.push((field.to_owned(), fields)),
                None => {
                    protected.groups.insert(group, fields);
                }
            }
        }
        protected
    }

    /// The same for Parse's own class of users.
    pub(crate) fn of_users(mut self) -> Self {
        self.secret = &SECRETS_OF_USERS;
        self
    }

    /// Fields that have to be read to know what of an object is hidden.
    pub(crate) fn user_fields(&self) -> impl Iterator<Item = &str> {
        self.user_fields.iter().map(|(field, _)| field.as_str())
    }

    /// What the caller sees: hidden is what every group it belongs to hides.
    pub(crate) fn visibility(&self, caller: &Caller) -> Visibility {
        if !caller.is_restricted() {
            return Visibility::default();
        }
        let mut applicable: Vec<&Vec<String>> = self.groups.get("*").into_iter().collect();
        if let Some(user) = caller.user() {
            applicable.extend(self.groups.get("authenticated"));
            let named = user.subjects().iter().filter(|subject| subject.as_str() != "*");
            applicable.extend(named.filter_map(|subject| self.groups.get(subject)));
        }
        let Some((first, others)) = applicable.split_first() else {
            return Visibility { secret: self.secret, ..Visibility::default() };
        };
        let hidden: Vec<String> =
            first.iter().filter(|field| others.iter().all(|set| set.contains(field))).cloned().collect();
        let hidden_for_user_in = match caller.user() {
            Some(_) if !hidden.is_empty() => self.narrowed(&hidden),
            _ => Vec::new(),
        };
        Visibility { hidden, hidden_for_user_in, secret: self.secret }
    }

    fn narrowed(&self, hidden: &[String]) -> Vec<(String, Vec<String>)> {
        let still_hidden =
            |set: &Vec<String>| hidden.iter().filter(|field| set.contains(field)).cloned().collect::<Vec<_>>();
        self.user_fields.iter().map(|(field, set)| (field.clone(), still_hidden(set))).collect()
    }
}

impl Visibility {
    /// Refuses to search by what the caller may not see: the answer would tell it.
    ///
    /// # Errors
    /// The query names a hidden field.
    pub(crate) fn check_query(&self, query: &Query, class: &str) -> Result<()> {
        for condition in &query.conditions {
            self.check_condition(condition, class)?;
        }
        Ok(())
    }

    fn check_condition(&self, condition: &Condition, class: &str) -> Result<()> {
        match condition {
            Condition::All(queries) | Condition::Any(queries) | Condition::None(queries) => {
                queries.iter().try_for_each(|query| self.check_query(query, class))
            }
            Condition::Field(field) if self.hides(field.path.as_str(), field.path.root()) => {
                Err(forbidden(&format!("query {}", field.path), class))
            }
            // The key of a `$relatedTo` belongs to the class of the owner, and is checked there.
            Condition::Field(_) | Condition::RelatedTo { .. } | Condition::ReadableBy(_) | Condition::WritableBy(_) => {
                Ok(())
            }
        }
    }

    /// Refuses to sort by what the caller may not see.
    ///
    /// # Errors
    /// The order names a hidden field.
    pub(crate) fn check_order(&self, order: &[SortKey], class: &str) -> Result<()> {
        match order.iter().find(|key| self.hides(key.path.as_str(), key.path.root())) {
            Some(key) => Err(forbidden(&format!("sort by {}", key.path), class)),
            None => Ok(()),
        }
    }

    /// Refuses to follow a relation the caller may not see.
    ///
    /// # Errors
    /// The relation is hidden.
    pub(crate) fn check_relation(&self, key: &str, class: &str) -> Result<()> {
        if self.hides(key, key) { Err(forbidden(&format!("query {key}"), class)) } else { Ok(()) }
    }

    /// Refuses a full-text search of what the caller may not see. An index over several columns is searched as a whole,
    /// whichever field a query names.
    ///
    /// # Errors
    /// The index holds a hidden field.
    pub(crate) fn check_text_index(&self, columns: &[String], class: &str) -> Result<()> {
        let hidden = |column: &&String| {
            let root = column.split('.').next().unwrap_or_default();
            let is_secret = || self.secret.iter().any(|field| root.contains(field) || root.starts_with("_auth_data_"));
            root == "$**" || self.hides(column, root) || is_secret()
        };
        match columns.iter().find(hidden) {
            Some(column) if self.hides_something() => Err(forbidden(&format!("query {column}"), class)),
            _ => Ok(()),
        }
    }

    /// Whether there is anything that the caller may not see.
    pub(crate) fn hides_something(&self) -> bool {
        !self.hidden.is_empty() || !self.secret.is_empty()
    }

    fn hides(&self, path: &str, root: &str) -> bool {
        self.hidden.iter().any(|field| field == path || field == root) || self.secret.contains(&root)
    }
}

fn forbidden(what: &str, class: &str) -> ParseError {
    ParseError::sanitised(ErrorCode::OperationForbidden, format!("This user is not allowed to {what} on class {class}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use serde_json::json;

    use super::*;
    use crate::caller::User;

    fn user(id: &str, roles: &[&str]) -> Caller {
        let roles: Vec<String> = roles.iter().map(|role| (*role).to_owned()).collect();
        Caller::User(User::new(id, &roles).unwrap())
    }

    fn protected(json: &Json) -> Protected {
        Protected::new(Some(json), None)
    }

    #[test]
    fn hidden_is_what_every_group_of_the_caller_hides() {
        let fields = protected(&json!({"*": ["a", "b"], "authenticated": ["b", "c"], "role:staff": [], "u9": ["a"]}));
        assert_eq!(fields.visibility(&Caller::Public).hidden, ["a", "b"]);
        assert_eq!(fields.visibility(&user("u1", &[])).hidden, ["b"]);
        assert!(fields.visibility(&user("u1", &["staff"])).hidden.is_empty());
        assert!(fields.visibility(&user("u9", &[])).hidden.is_empty());
        assert!(fields.visibility(&Caller::Master).hidden.is_empty());
    }

    #[test]
    fn settings_add_to_the_permissions_of_the_class() {
        let settings = BTreeMap::from([("*".to_owned(), vec!["email".to_owned()])]);
        let fields = Protected::new(Some(&json!({"*": ["phone"]})), Some(&settings));
        assert_eq!(fields.visibility(&Caller::Public).hidden, ["email", "phone"]);
    }

    #[test]
    fn a_user_field_never_hides_more_than_the_groups_do() {
        let fields = protected(&json!({"*": ["a", "b"], "userField:owner": ["b", "z"]}));
        let seen = fields.visibility(&user("u1", &[]));
        assert_eq!(seen.hidden, ["a", "b"]);
        assert_eq!(seen.hidden_for_user_in, [("owner".to_owned(), vec!["b".to_owned()])]);
        assert!(fields.visibility(&Caller::Public).hidden_for_user_in.is_empty());
    }
}
