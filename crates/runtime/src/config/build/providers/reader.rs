//! Reading the options of one provider, so that none is left unread in silence.

use std::{cell::RefCell, collections::BTreeSet};

use secrecy::SecretString;
use serde_json::{Map, Value as Json};

/// Members that hold an adapter's code.
const CODE: &[&str] = &[
    "module",
    "class",
    "adapter",
    "validateAuthData",
    "validateAppId",
    "validateSetUp",
    "validateLogin",
    "validateUpdate",
    "validateOptions",
    "beforeFind",
    "afterFind",
    "challenge",
    "sendSMS",
];

/// The options of a provider.
pub(super) struct Reader<'a> {
    path: String,
    members: &'a Map<String, Json>,
    read: RefCell<BTreeSet<&'static str>>,
    problems: RefCell<Vec<String>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(path: impl Into<String>, members: &'a Map<String, Json>) -> Self {
        Self { path: path.into(), members, read: RefCell::default(), problems: RefCell::default() }
    }

    /// The member as it was given; null is as good as none.
    pub(super) fn value(&self, name: &'static str) -> Option<&'a Json> {
        self.read.borrow_mut().insert(name);
        self.members.get(name).filter(|value| !value.is_null())
    }

    /// Notes what is wrong.
    pub(super) fn problem(&self, text: impl Into<String>) {
        self.problems.borrow_mut().push(text.into());
    }

    /// Notes what is wrong with a member.
    pub(super) fn wrong(&self, name: &str, must: &str) {
        self.problem(format!("{}.{name} {must}", self.path));
    }

    /// A text; an empty one is as good as none. A number is taken as it is written.
    pub(super) fn text(&self, name: &'static str) -> Option<String> {
        match self.value(name)? {
            Json::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
            Json::Number(number) => Some(number.to_string()),
            _ => {
                self.wrong(name, "must be a string.");
                None
            }
        }
    }

    /// A text that has to be there; `missing` is said if it is not.
    pub(super) fn required(&self, name: &'static str, missing: &str) -> Option<String> {
        let text = self.text(name);
        if text.is_none() {
            self.problem(missing);
        }
        text
    }

    /// A text that must not be shown.
    pub(super) fn secret(&self, name: &'static str) -> Option<SecretString> {
        self.text(name).map(SecretString::from)
    }

    /// A list of texts; a single text is a list of its own.
    pub(super) fn texts(&self, name: &'static str) -> Vec<String> {
        let Some(value) = self.value(name) else { return Vec::new() };
        let entries = match value {
            Json::Array(entries) => entries.as_slice(),
            single => std::slice::from_ref(single),
        };
        let texts: Option<Vec<String>> = entries.iter().map(plain).collect();
        if texts.is_none() {
            self.wrong(name, "must be a string or a list of strings.");
        }
        texts.unwrap_or_default().into_iter().filter(|text| !text.is_empty()).collect()
    }

    /// A switch.
    pub(super) fn flag(&self, name: &'static str) -> bool {
        self.flag_or(name, false)
    }

    /// A switch with a default.
    pub(super) fn flag_or(&self, name: &'static str, default: bool) -> bool {
        match self.value(name) {
            None => default,
            Some(Json::Bool(value)) => *value,
            Some(_) => {
                self.wrong(name, "must be a boolean.");
                default
            }
        }
    }

    /// A whole number greater than zero.
    pub(super) fn positive(&self, name: &'static str) -> Option<u64> {
        let value = self.value(name)?;
        let number = value.as_u64().filter(|number| *number > 0);
        if number.is_none() {
            self.wrong(name, "must be a whole number greater than 0.");
        }
        number
    }

    /// An object.
    pub(super) fn object(&self, name: &'static str) -> Option<&'a Map<String, Json>> {
        match self.value(name)? {
            Json::Object(members) => Some(members),
            _ => {
                self.wrong(name, "must be an object.");
                None
            }
        }
    }

    /// What was wrong, unknown members included.
    pub(super) fn finish(self) -> Vec<String> {
        let read = self.read.into_inner();
        let mut problems = self.problems.into_inner();
        for name in self.members.keys().filter(|name| !read.contains(name.as_str())) {
            problems.push(match CODE.contains(&name.as_str()) {
                true => format!(
                    "{}.{name}: adapters written in JavaScript run in the Cloud Code runner, which is not there yet",
                    self.path
                ),
                false => format!("error: unknown option {}.{name}", self.path),
            });
        }
        problems
    }
}

fn plain(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
