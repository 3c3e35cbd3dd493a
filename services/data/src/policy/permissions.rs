//! Class-level permissions, read once from what the schema collection holds.

use serde_json::{Map, Value as Json};

use super::Operation;
use crate::caller::User;

/// The class-level permissions of one class. A class without any is open to everybody.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Permissions {
    get: Rule,
    find: Rule,
    count: Rule,
    create: Rule,
    update: Rule,
    delete: Rule,
    add_field: Rule,
    read_user_fields: Vec<String>,
    write_user_fields: Vec<String>,
    /// The default ACL of new objects, as stored.
    pub(crate) default_acl: Option<Map<String, Json>>,
}

/// Who may do one thing. Nobody, unless it says otherwise.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Rule {
    public: bool,
    subjects: Vec<String>,
    /// Any user may.
    pub(crate) requires_authentication: bool,
    /// Users may, with the objects whose fields of these names point to them.
    pub(crate) pointer_fields: Vec<String>,
}

impl Permissions {
    /// Reads `class_permissions`; an operation that is not there is closed.
    pub(crate) fn from_json(json: &Map<String, Json>) -> Self {
        let rule = |name: &str| json.get(name).map_or_else(Rule::default, Rule::from_json);
        Self {
            get: rule("get"),
            find: rule("find"),
            count: rule("count"),
            create: rule("create"),
            update: rule("update"),
            delete: rule("delete"),
            add_field: rule("addField"),
            read_user_fields: texts(json.get("readUserFields")),
            write_user_fields: texts(json.get("writeUserFields")),
            default_acl: json.get("ACL").and_then(Json::as_object).cloned(),
        }
    }

    /// Who may do this.
    pub(crate) fn rule(&self, operation: Operation) -> &Rule {
        match operation {
            Operation::Get => &self.get,
            Operation::Find => &self.find,
            Operation::Count => &self.count,
            Operation::Create => &self.create,
            Operation::Update => &self.update,
            Operation::Delete => &self.delete,
            Operation::AddFieldOnCreate | Operation::AddFieldOnUpdate => &self.add_field,
        }
    }

    /// Fields whose users may do every operation of this kind.
    pub(crate) fn user_fields(&self, operation: Operation) -> &[String] {
        if operation.reads() { &self.read_user_fields } else { &self.write_user_fields }
    }
}

impl Rule {
    fn from_json(json: &Json) -> Self {
        let mut rule = Self::default();
        for (subject, value) in json.as_object().into_iter().flatten() {
            match (subject.as_str(), value) {
                ("*", Json::Bool(true)) => rule.public = true,
                ("requiresAuthentication", Json::Bool(true)) => rule.requires_authentication = true,
                ("pointerFields", fields) => rule.pointer_fields = texts(Some(fields)),
                (subject, Json::Bool(true)) => rule.subjects.push(subject.to_owned()),
                _ => {}
            }
        }
        rule
    }

    /// Whether the rule names the caller, without looking at any object.
    pub(crate) fn grants(&self, user: Option<&User>) -> bool {
        self.public || user.is_some_and(|user| user.subjects().iter().any(|subject| self.subjects.contains(subject)))
    }
}

/// The strings of a list; anything else names nothing.
fn texts(json: Option<&Json>) -> Vec<String> {
    let items = json.and_then(Json::as_array).into_iter().flatten();
    items.filter_map(|item| item.as_str().map(str::to_owned)).collect()
}
