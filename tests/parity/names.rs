//! What two servers invent for themselves, made equal.

use regex::Regex;
use serde_json::Value;

/// Gives everything that two servers invent for themselves the same names: ids and session tokens in the order of appearance, times,
/// user names that were made up, recovery codes, and hashes of passwords.
#[derive(Clone)]
pub(crate) struct Names {
    ids: Vec<String>,
    tokens: Vec<String>,
    id: Regex,
    time: Regex,
    token: Regex,
    username: Regex,
    hash: Regex,
    recovery: Regex,
}

impl Names {
    pub(crate) fn new() -> Self {
        Self {
            ids: Vec::new(),
            tokens: Vec::new(),
            id: Regex::new(r"^(?:[A-Za-z0-9]{10}|[0-9a-f]{24})$").expect("the pattern is valid"),
            time: Regex::new(r"20(?:2[5-9]|[3-9]\d)-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z").expect("the pattern is valid"),
            token: Regex::new(r"^r:[0-9a-f]{32}$").expect("the pattern is valid"),
            username: Regex::new(r"^[A-Za-z0-9]{25}$").expect("the pattern is valid"),
            recovery: Regex::new(r"\b[A-Za-z0-9]{30}\b").expect("the pattern is valid"),
            // Both write a hash of cost 10; the prefix depends on the library.
            hash: Regex::new(r"^\$2[aby]\$10\$[./A-Za-z0-9]{53}$").expect("the pattern is valid"),
        }
    }

    pub(crate) fn normalise(&mut self, value: &Value, server_url: &str) -> Value {
        // Ids are learnt from the places that hold nothing else, and then replaced everywhere.
        self.learn(value);
        self.replace(value, server_url)
    }

    /// Ids that were seen so far.
    pub(crate) fn ids(&self) -> &[String] {
        &self.ids
    }

    fn learn(&mut self, value: &Value) {
        match value {
            Value::Object(members) => {
                for (key, member) in members {
                    match member {
                        Value::String(text) if (key == "objectId" || key == "_id") && self.id.is_match(text) => {
                            if !self.ids.contains(text) {
                                self.ids.push(text.clone());
                            }
                        }
                        Value::String(text) if key.ends_with("essionToken") || key == "_session_token" => {
                            if self.token.is_match(text) && !self.tokens.contains(text) {
                                self.tokens.push(text.clone());
                            }
                        }
                        _ => self.learn(member),
                    }
                }
            }
            Value::Array(elements) => elements.iter().for_each(|element| self.learn(element)),
            _ => {}
        }
    }

    fn replace(&self, value: &Value, server_url: &str) -> Value {
        match value {
            Value::String(text) => Value::String(self.normalise_text(text, server_url)),
            Value::Array(elements) => elements.iter().map(|element| self.replace(element, server_url)).collect(),
            Value::Object(members) => members
                .iter()
                .map(|(key, member)| {
                    (self.normalise_text(key, server_url), self.replace_member(key, member, server_url))
                })
                .collect(),
            other => other.clone(),
        }
    }

    fn replace_member(&self, key: &str, value: &Value, server_url: &str) -> Value {
        match (key, value) {
            ("username", Value::String(name)) if self.username.is_match(name) => "<made up>".into(),
            ("_hashed_password", Value::String(hash)) if self.hash.is_match(hash) => "<hash>".into(),
            _ => self.replace(value, server_url),
        }
    }

    pub(crate) fn normalise_text(&self, text: &str, server_url: &str) -> String {
        let host = server_url.trim_end_matches("/parse");
        let mut text = text.replace(host, "<server>");
        for (index, id) in self.ids.iter().enumerate() {
            if text.contains(id.as_str()) {
                text = text.replace(id.as_str(), &format!("<id {}>", index + 1));
            }
        }
        for (index, token) in self.tokens.iter().enumerate() {
            if text.contains(token.as_str()) {
                text = text.replace(token.as_str(), &format!("<token {}>", index + 1));
            }
        }
        let text = self.recovery.replace_all(&text, "<recovery code>");
        self.time.replace_all(&text, "<now>").into_owned()
    }
}
