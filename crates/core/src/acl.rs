//! Object permissions: who may read and who may write one object.

use serde_json::Value as Json;

/// The permissions stored with an object. No ACL at all (an `Option<Acl>` of `None`) means public read and write; an
/// empty one means master only.
///
/// Subjects are a user id, `role:<name>` or `*`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Acl {
    /// Subjects that may read, in the order they were given.
    pub read: Vec<String>,
    /// Subjects that may write, in the order they were given.
    pub write: Vec<String>,
}

impl Acl {
    /// Reads `{"<subject>": {"read": bool, "write": bool}}`. As in Parse Server nothing is refused: a subject gets what is
    /// truthy, and any other JSON value grants nothing.
    pub fn from_json(json: &Json) -> Self {
        let mut acl = Self::default();
        let Json::Object(subjects) = json else { return acl };
        for (subject, rights) in subjects {
            if rights.get("read").is_some_and(is_truthy) {
                acl.read.push(subject.clone());
            }
            if rights.get("write").is_some_and(is_truthy) {
                acl.write.push(subject.clone());
            }
        }
        acl
    }
}

/// JavaScript's notion of a true value.
pub(crate) fn is_truthy(json: &Json) -> bool {
    match json {
        Json::Null => false,
        Json::Bool(value) => *value,
        Json::Number(number) => number.as_f64().is_some_and(|number| number != 0.0),
        Json::String(text) => !text.is_empty(),
        Json::Array(_) | Json::Object(_) => true,
    }
}
