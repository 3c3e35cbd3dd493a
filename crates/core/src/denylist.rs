//! `requestKeywordDenylist`: keys and values that no request may hold, however deep.

use fancy_regex::Regex;
use serde_json::{Value as Json, json};

use crate::{ErrorCode, ParseError, error::Result, value::javascript_text};

/// Compiled rules. A rule has a key, a value or both; texts in it are regular expressions that may match anywhere.
#[derive(Clone, Debug)]
pub struct KeywordDenylist {
    rules: Vec<Rule>,
}

/// A rule of the configuration that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("rule {rule}: {reason}")]
pub struct InvalidRule {
    /// The rule as JSON.
    pub rule: String,
    /// What is wrong with it.
    pub reason: String,
}

#[derive(Clone, Debug)]
struct Rule {
    key: Option<Matcher>,
    value: Option<Matcher>,
    /// The rule as the client reads it in the refusal.
    text: String,
}

/// What a rule demands of a key or of a value.
#[derive(Clone, Debug)]
struct Matcher {
    pattern: Pattern,
    /// Values that are not texts have to be equal to this.
    literal: Json,
}

/// A regular expression. Most rules are plain words, for which there is something quicker.
#[derive(Clone, Debug)]
enum Pattern {
    Word(String),
    Expression(Box<Regex>),
}

impl KeywordDenylist {
    /// Compiles the rules of the configuration.
    ///
    /// # Errors
    /// The first rule that is no object of scalars or holds no valid regular expression.
    pub fn new(rules: &[Json]) -> Result<Self, InvalidRule> {
        rules.iter().map(Rule::new).collect::<Result<_, _>>().map(|rules| Self { rules })
    }

    /// Refuses JSON in which a rule finds something.
    ///
    /// # Errors
    /// 105 with the first such rule.
    pub fn check(&self, json: &Json) -> Result<()> {
        match self.first_match(json) {
            Some(rule) => Err(ParseError::new(
                ErrorCode::InvalidKeyName,
                format!("Prohibited keyword in request data: {}.", rule.text),
            )),
            None => Ok(()),
        }
    }

    fn first_match(&self, json: &Json) -> Option<&Rule> {
        let mut open = self.rules.as_slice();
        let mut found = None;
        let mut look = |key: &str, value: &Json| {
            if let Some(place) = open.iter().position(|rule| rule.matches(key, value)) {
                // Only an earlier rule is of interest from now on.
                found = open.get(place);
                open = &open[..place];
            }
        };
        let mut pending = vec![json];
        while let Some(json) = pending.pop() {
            match json {
                Json::Object(members) => {
                    for (key, value) in members {
                        look(key, value);
                        pending.push(value);
                    }
                }
                Json::Array(elements) => {
                    let mut place = itoa::Buffer::new();
                    for (index, value) in elements.iter().enumerate() {
                        look(place.format(index), value);
                        pending.push(value);
                    }
                }
                Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
            }
        }
        found
    }
}

impl Default for KeywordDenylist {
    /// Parse Server's own rules.
    fn default() -> Self {
        let word = |word: &str| Matcher { pattern: Pattern::Word(word.to_owned()), literal: json!(word) };
        let rule = |key: &str, value: Option<&str>, rule: Json| Rule {
            key: Some(word(key)),
            value: value.map(word),
            text: rule.to_string(),
        };
        Self {
            rules: vec![
                rule("_bsontype", Some("Code"), json!({"key": "_bsontype", "value": "Code"})),
                rule("constructor", None, json!({"key": "constructor"})),
                rule("__proto__", None, json!({"key": "__proto__"})),
            ],
        }
    }
}

impl Rule {
    fn new(rule: &Json) -> Result<Self, InvalidRule> {
        let invalid = |reason| InvalidRule { rule: rule.to_string(), reason };
        let Json::Object(members) = rule else { return Err(invalid("not an object".to_owned())) };
        let matcher = |name| members.get(name).map(Matcher::new).transpose();
        Ok(Self {
            key: matcher("key").map_err(invalid)?,
            value: matcher("value").map_err(invalid)?,
            text: rule.to_string(),
        })
    }

    fn matches(&self, key: &str, value: &Json) -> bool {
        match (&self.key, &self.value) {
            (None, None) => false,
            (Some(demanded), None) => demanded.matches_text(key),
            (None, Some(demanded)) => demanded.matches(value),
            (Some(demanded_key), Some(demanded)) => demanded_key.matches_text(key) && demanded.matches(value),
        }
    }
}

impl Matcher {
    fn new(json: &Json) -> Result<Self, String> {
        if json.is_object() || json.is_array() {
            return Err("key and value are texts, numbers or booleans".to_owned());
        }
        let source = javascript_text(json);
        let is_word = source.chars().all(|character| character.is_alphanumeric() || character == '_');
        let pattern = if is_word {
            Pattern::Word(source)
        } else {
            Pattern::Expression(Box::new(Regex::new(&source).map_err(|error| error.to_string())?))
        };
        Ok(Self { pattern, literal: json.clone() })
    }

    fn matches(&self, json: &Json) -> bool {
        match json {
            Json::String(text) => self.matches_text(text),
            Json::Number(number) => self.literal.as_f64().is_some_and(|literal| number.as_f64() == Some(literal)),
            Json::Bool(_) | Json::Null => *json == self.literal,
            Json::Array(_) | Json::Object(_) => false,
        }
    }

    fn matches_text(&self, text: &str) -> bool {
        match &self.pattern {
            Pattern::Word(word) => text.contains(word.as_str()),
            // A text on which the expression gives up is not let through.
            Pattern::Expression(expression) => expression.is_match(text).unwrap_or(true),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use serde_json::{Value as Json, json};

    use super::KeywordDenylist;

    fn refusal(denylist: &KeywordDenylist, json: Json) -> Option<String> {
        let error = denylist.check(&json).err()?;
        assert_eq!(error.code as i32, 105);
        Some(error.message)
    }

    #[test]
    fn the_default_rules_match_anywhere_in_a_key() {
        let denylist = KeywordDenylist::default();
        let constructor = "Prohibited keyword in request data: {\"key\":\"constructor\"}.".to_owned();
        let code = "Prohibited keyword in request data: {\"key\":\"_bsontype\",\"value\":\"Code\"}.".to_owned();
        assert_eq!(refusal(&denylist, json!({"a": [{"constructorId": 1}]})), Some(constructor));
        assert_eq!(refusal(&denylist, json!({"__proto__": 1, "a": {"_bsontype": "Code"}})), Some(code));
        assert_eq!(refusal(&denylist, json!({"a": {"_bsontype": "Long"}, "b": "constructor", "c": [1, null]})), None);
    }

    #[test]
    fn rules_compiled_from_json_are_the_default_ones() {
        let denylist = KeywordDenylist::new(&[
            json!({"key": "_bsontype", "value": "Code"}),
            json!({"key": "constructor"}),
            json!({"key": "__proto__"}),
        ])
        .unwrap();
        assert_eq!(format!("{denylist:?}"), format!("{:?}", KeywordDenylist::default()));
    }

    #[test]
    fn texts_are_expressions_and_other_values_are_compared() {
        let denylist = KeywordDenylist::new(&[
            json!({"key": "^a[0-9]+$"}),
            json!({"value": "x(?=y)"}),
            json!({"key": "n", "value": 5}),
            json!({"value": true}),
            json!({}),
        ])
        .unwrap();
        assert_eq!(refusal(&denylist, json!({"a1b": 1, "n": 6, "m": 5, "x": "xz", "f": false})), None);
        for json in [json!({"a1": 1}), json!(["xy"]), json!({"n": 5.0}), json!({"n": "5"}), json!([[true]])] {
            assert!(denylist.check(&json).is_err(), "{json} passed");
        }
    }

    #[test]
    fn rules_that_cannot_work_are_named() {
        let error = KeywordDenylist::new(&[json!({"key": "a"}), json!({"key": "("})]).unwrap_err();
        assert_eq!(error.rule, "{\"key\":\"(\"}");
        assert!(KeywordDenylist::new(&[json!({"key": {}})]).is_err());
        assert!(KeywordDenylist::new(&[json!("a")]).is_err());
    }
}
