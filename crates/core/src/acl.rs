//! Object permissions: who may read and who may write one object.

use std::collections::HashSet;

use serde_json::Value as Json;

use crate::value::write_json_string;

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

    /// Appends the REST form, which names granted rights only: subjects that may read, then those that may only write.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        let (readers, writers) = (Subjects::new(&self.read), Subjects::new(&self.write));
        out.push(b'{');
        for (place, subject) in self.read.iter().enumerate() {
            let rights = if writers.contains(subject) { r#"{"read":true,"write":true}"# } else { r#"{"read":true}"# };
            write_subject(place == 0, subject, rights, out);
        }
        let write_only = self.write.iter().filter(|subject| !readers.contains(subject));
        for (place, subject) in write_only.enumerate() {
            write_subject(place == 0 && self.read.is_empty(), subject, r#"{"write":true}"#, out);
        }
        out.push(b'}');
    }
}

/// A list to look subjects up in. A few are searched as they are; how many there are is the client's choice.
#[derive(Debug)]
pub struct Subjects<'a, S>(Lookup<'a, S>);

#[derive(Debug)]
enum Lookup<'a, S> {
    Few(&'a [S]),
    Many(HashSet<&'a str>),
}

/// Most subjects that are compared one by one.
const FEW: usize = 16;

impl<'a, S: AsRef<str>> Subjects<'a, S> {
    /// Prepares a list.
    pub fn new(subjects: &'a [S]) -> Self {
        Self(match subjects.len() {
            0..=FEW => Lookup::Few(subjects),
            _ => Lookup::Many(subjects.iter().map(AsRef::as_ref).collect()),
        })
    }

    /// Whether the list holds the subject.
    pub fn contains(&self, subject: &str) -> bool {
        match &self.0 {
            Lookup::Few(subjects) => subjects.iter().any(|other| other.as_ref() == subject),
            Lookup::Many(subjects) => subjects.contains(subject),
        }
    }
}

/// Leaves each subject of a list at its first place only.
pub fn drop_repeated_subjects(subjects: &mut Vec<&str>) {
    if subjects.len() > FEW {
        let mut seen = HashSet::with_capacity(subjects.len());
        subjects.retain(|subject| seen.insert(*subject));
        return;
    }
    let mut place = 0;
    while let Some((subject, before)) = subjects.get(..=place).and_then(<[_]>::split_last) {
        if before.contains(subject) {
            subjects.remove(place);
        } else {
            place += 1;
        }
    }
}

fn write_subject(is_first: bool, subject: &str, rights: &str, out: &mut Vec<u8>) {
    if !is_first {
        out.push(b',');
    }
    write_json_string(subject, out);
    out.push(b':');
    out.extend_from_slice(rights.as_bytes());
}

/// JavaScript's notion of a true value.
pub fn is_truthy(json: &Json) -> bool {
    match json {
        Json::Null => false,
        Json::Bool(value) => *value,
        Json::Number(number) => number.as_f64().is_some_and(|number| number != 0.0),
        Json::String(text) => !text.is_empty(),
        Json::Array(_) | Json::Object(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::{Acl, drop_repeated_subjects};

    fn rewritten(json: Json) -> String {
        let mut out = Vec::new();
        Acl::from_json(&json).write_json(&mut out);
        out.into_iter().map(char::from).collect()
    }

    #[test]
    fn only_granted_rights_are_kept() {
        assert_eq!(
            rewritten(json!({
                "w": {"write": true},
                "u": {"read": true, "write": true},
                "*": {"read": true, "write": false},
                "nothing": {},
                "null": null,
                "truthy": {"read": "yes", "write": 0},
            })),
            r#"{"u":{"read":true,"write":true},"*":{"read":true},"truthy":{"read":true},"w":{"write":true}}"#
        );
        assert_eq!(rewritten(json!({"w": {"write": true}})), r#"{"w":{"write":true}}"#);
    }

    #[test]
    fn what_is_no_acl_grants_nothing() {
        for json in [json!({}), json!("x"), json!(5), json!([1]), json!({"__op": "Delete"})] {
            assert_eq!(rewritten(json), "{}");
        }
    }

    #[test]
    fn a_subject_that_comes_twice_keeps_its_first_place() {
        let many: Vec<String> = (0..20).map(|number| number.to_string()).collect();
        for once in [&[][..], &many[..4], &many] {
            let mut subjects: Vec<&str> =
                once.iter().flat_map(|subject| [subject.as_str(), once[0].as_str()]).collect();
            drop_repeated_subjects(&mut subjects);
            assert_eq!(subjects, once);
        }
    }
}
