//! The members of an object, each asked for by name: what nobody asked for is a problem, and never ignored in silence.

use std::collections::{BTreeMap, BTreeSet};

use secrecy::SecretString;
use serde_json::{Map, Value as Json};

use crate::config::MailText;

/// Members of an object, and what is wrong with them.
pub(super) struct Members<'a> {
    path: String,
    given: &'a Map<String, Json>,
    known: BTreeSet<&'a str>,
    problems: Vec<String>,
}

impl<'a> Members<'a> {
    pub(super) fn new(path: impl Into<String>, given: &'a Map<String, Json>) -> Self {
        Self { path: path.into(), given, known: BTreeSet::new(), problems: Vec::new() }
    }

    /// All problems, those with members that nobody asked for among them.
    pub(super) fn finish(mut self) -> Vec<String> {
        let unknown = self.given.keys().filter(|name| !self.known.contains(name.as_str()));
        let unknown: Vec<String> = unknown.map(|name| format!("error: unknown option {}.{name}", self.path)).collect();
        self.problems.extend(unknown);
        self.problems
    }

    /// Notes what is wrong with a member.
    pub(super) fn problem(&mut self, name: &str, problem: &str) {
        self.problems.push(format!("{}.{name} {problem}", self.path));
    }

    /// Notes a whole sentence.
    pub(super) fn sentence(&mut self, problem: &str) {
        self.problems.push(problem.to_owned());
    }

    /// The member, if it is there and not null.
    pub(super) fn value(&mut self, name: &str) -> Option<&'a Json> {
        let (name, value) = self.given.get_key_value(name)?;
        self.known.insert(name);
        (!value.is_null()).then_some(value)
    }

    /// A text; an empty one is as good as none.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        match self.value(name)? {
            Json::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
            _ => {
                self.problem(name, "must be a text");
                None
            }
        }
    }

    /// The first of these members that is there: adapters name the same thing differently.
    pub(super) fn text_of(&mut self, names: &[&str]) -> Option<String> {
        let found: Vec<String> = names.iter().filter_map(|name| self.text(name)).collect();
        found.into_iter().next()
    }

    /// A text that has to be there.
    pub(super) fn required(&mut self, name: &str) -> Option<String> {
        let is_given = self.value(name).is_some();
        let text = self.text(name);
        if text.is_none() && (!is_given || self.given.get(name) == Some(&Json::String(String::new()))) {
            self.problem(name, "is required");
        }
        text
    }

    pub(super) fn secret(&mut self, name: &str) -> Option<SecretString> {
        self.required(name).map(SecretString::from)
    }

    /// An address that mails come from or go to.
    pub(super) fn address(&mut self, name: &str) -> Option<String> {
        let text = self.text(name)?;
        if is_mailbox(&text) {
            return Some(text);
        }
        self.problem(name, "must be an address, such as noreply@example.com or My App <noreply@example.com>");
        None
    }

    /// The address that mails come from; the first of these names that is there.
    pub(super) fn sender(&mut self, names: &[&str]) -> Option<String> {
        let given = names.iter().copied().find(|name| self.value(name).is_some());
        match given {
            Some(name) => self.address(name),
            None => {
                self.problem(names[0], "is required");
                None
            }
        }
    }

    pub(super) fn port(&mut self, name: &str) -> Option<u16> {
        let port = match self.value(name)? {
            Json::Number(number) => number.as_u64().and_then(|port| u16::try_from(port).ok()),
            Json::String(text) => text.parse().ok(),
            _ => None,
        };
        if port.is_none_or(|port| port == 0) {
            self.problem(name, "must be a port");
            return None;
        }
        port
    }

    pub(super) fn switch(&mut self, name: &str) -> Option<bool> {
        match self.value(name)? {
            Json::Bool(value) => Some(*value),
            Json::String(text) if text == "true" || text == "false" => Some(text == "true"),
            _ => {
                self.problem(name, "must be true or false");
                None
            }
        }
    }

    /// A URL to send to, without a slash at its end.
    pub(super) fn url(&mut self, name: &str) -> Option<String> {
        let url = self.text(name)?;
        if !url.starts_with("https://") && !url.starts_with("http://") {
            self.problem(name, "must start with https:// or http://");
        }
        Some(url.trim_end_matches('/').to_owned())
    }

    /// The members of a member.
    pub(super) fn object(&mut self, name: &str) -> Option<Members<'a>> {
        match self.value(name)? {
            Json::Object(given) => Some(Members::new(format!("{}.{name}", self.path), given)),
            _ => {
                self.problem(name, "must be an object");
                None
            }
        }
    }

    /// Takes over the problems of members of a member.
    pub(super) fn merge(&mut self, inner: Members<'a>) {
        self.problems.extend(inner.finish());
    }

    /// A template: a text, or texts by language.
    pub(super) fn template(&mut self, name: &str) -> Option<MailText> {
        match self.value(name)? {
            Json::String(text) => Some(MailText::Inline(text.clone())),
            Json::Object(by_locale) => {
                let texts = by_locale.iter().map(|(locale, text)| Some((locale.clone(), text.as_str()?.to_owned())));
                let texts: Option<BTreeMap<String, String>> = texts.collect();
                match texts {
                    Some(texts) if texts.contains_key("default") => Some(MailText::ByLocale(texts)),
                    _ => {
                        self.problem(name, "must hold texts by language, one of them as default");
                        None
                    }
                }
            }
            _ => {
                self.problem(name, "must be a text, or texts by language");
                None
            }
        }
    }

    /// A template in a file.
    pub(super) fn file(&mut self, name: &str) -> Option<MailText> {
        self.text(name).map(|path| MailText::File(path.into()))
    }

    /// Refuses what only JavaScript can mean.
    pub(super) fn no_function(&mut self, name: &str, instead: &str) {
        if self.value(name).is_some() {
            self.problem(name, &format!("is a JavaScript function, which a JSON configuration cannot hold; {instead}"));
        }
    }

    /// Refuses what is known and not understood.
    pub(super) fn refuse(&mut self, names: &[&str], because: &str) {
        for name in names {
            if self.value(name).is_some_and(|value| *value != Json::Bool(false)) {
                self.problem(name, because);
            }
        }
    }
}

/// Whether mails can come from this: one address, with or without a name, and nothing that would end a header line.
fn is_mailbox(text: &str) -> bool {
    if text.chars().any(char::is_control) {
        return false;
    }
    let address = match text.trim().strip_suffix('>') {
        Some(rest) => rest.rsplit_once('<').map(|(_, address)| address),
        None => Some(text.trim()),
    };
    let Some((user, host)) = address.and_then(|address| address.rsplit_once('@')) else { return false };
    let has_gap = |part: &str| part.is_empty() || part.contains([' ', ',', ';', '<', '>']);
    !has_gap(user) && !has_gap(host) && !host.contains('@')
}
