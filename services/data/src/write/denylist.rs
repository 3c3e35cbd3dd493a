//! `requestKeywordDenylist`: words that no write may hold.

use parsefleet_core::{ErrorCode, ParseError, error::Result};
use regex::Regex;
use serde_json::{Map, Value as Json};

/// The rules, ready to be applied.
#[derive(Clone, Debug, Default)]
pub(crate) struct Denylist(Vec<Rule>);

/// A member with this key, with this value, or with both.
#[derive(Clone, Debug)]
struct Rule {
    key: Option<Word>,
    value: Option<Word>,
    /// The rule as compact JSON: the refusal names it.
    text: String,
}

/// A text is searched for the pattern, anything else has to be equal.
#[derive(Clone, Debug)]
struct Word {
    pattern: Option<Regex>,
    exact: Json,
}

impl Denylist {
    /// Reads the rules of the settings.
    pub(crate) fn new(rules: &[Json]) -> Self {
        let rule = |rule: &Json| {
            let word = |name: &str| rule.get(name).map(Word::new);
            Rule { key: word("key"), value: word("value"), text: rule.to_string() }
        };
        Self(rules.iter().map(rule).collect())
    }

    /// Refuses a body that holds a prohibited word anywhere.
    ///
    /// # Errors
    /// 105
    pub(crate) fn check(&self, body: &Map<String, Json>) -> Result<()> {
        match self.0.iter().find(|rule| rule.is_in_object(body)) {
            None => Ok(()),
            Some(rule) => Err(ParseError::new(
                ErrorCode::InvalidKeyName,
                format!("Prohibited keyword in request data: {}.", rule.text),
            )),
        }
    }
}

impl Rule {
    fn is_in_object(&self, members: &Map<String, Json>) -> bool {
        members.iter().any(|(key, value)| self.matches(key, value) || self.is_in(value))
    }

    fn is_in(&self, json: &Json) -> bool {
        match json {
            Json::Object(members) => self.is_in_object(members),
            Json::Array(items) => items.iter().enumerate().any(|(index, item)| {
                // JavaScript counts the index of an element as its key.
                self.matches(&index.to_string(), item) || self.is_in(item)
            }),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => false,
        }
    }

    fn matches(&self, key: &str, value: &Json) -> bool {
        let key_matches = self.key.as_ref().map(|word| word.matches_text(key));
        let value_matches = self.value.as_ref().map(|word| word.matches(value));
        match (key_matches, value_matches) {
            (None, None) => false,
            (key, value) => key.unwrap_or(true) && value.unwrap_or(true),
        }
    }
}

impl Word {
    /// A pattern that is no regular expression is searched for as it is.
    fn new(word: &Json) -> Self {
        let pattern =
            word.as_str().and_then(|text| Regex::new(text).or_else(|_| Regex::new(&regex::escape(text))).ok());
        Self { pattern, exact: word.clone() }
    }

    fn matches(&self, value: &Json) -> bool {
        match value.as_str() {
            Some(text) => self.matches_text(text),
            None => *value == self.exact,
        }
    }

    fn matches_text(&self, text: &str) -> bool {
        self.pattern.as_ref().is_some_and(|pattern| pattern.is_match(text))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use serde_json::json;

    use super::*;

    fn refusal(body: &Json) -> Option<String> {
        let rules = [json!({"key": "_bsontype", "value": "Code"}), json!({"key": "constructor"})];
        Denylist::new(&rules).check(body.as_object().unwrap()).err().map(|error| error.message)
    }

    #[test]
    fn words_are_found_at_any_depth_and_inside_longer_ones() {
        let expected = Some(r#"Prohibited keyword in request data: {"key":"constructor"}."#.to_owned());
        assert_eq!(refusal(&json!({"a": [{"b": {"constructorId": 1}}]})), expected);
        assert_eq!(refusal(&json!({"a": "constructor"})), None);
    }

    #[test]
    fn a_rule_of_two_words_needs_both() {
        assert!(refusal(&json!({"a": {"_bsontype": "Code"}})).is_some());
        assert_eq!(refusal(&json!({"a": {"_bsontype": "Long"}})), None);
    }
}
