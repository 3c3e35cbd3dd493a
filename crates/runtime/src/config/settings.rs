//! Effective values: what is given, else the default.

use serde_json::Value as Json;

use super::{
    options::{self, OptionSpec},
    sources::Given,
};

/// Effective values of all options, by name.
#[derive(Debug)]
pub(super) struct Settings {
    given: Given,
}

impl Settings {
    pub(super) fn new(given: Given) -> Self {
        Self { given }
    }

    /// Whether somebody set the option.
    pub(super) fn is_given(&self, name: &str) -> bool {
        self.given.get(name).is_some()
    }

    /// The value of an option, `None` if it is unset and has no default.
    pub(super) fn value(&self, name: &str) -> Option<Json> {
        let option = options::find(name).expect("options asked for are in the table (tested)");
        self.given.get(name).map(|(value, _)| value.clone()).or_else(|| option.default_value())
    }

    /// A text; an empty one is as good as none.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        match self.value(name)? {
            Json::String(text) => Some(text).filter(|text| !text.is_empty()),
            _ => None,
        }
    }

    pub(super) fn boolean(&self, name: &str) -> bool {
        self.value(name) == Some(Json::Bool(true))
    }

    pub(super) fn integer(&self, name: &str) -> Option<i64> {
        self.value(name)?.as_i64()
    }

    pub(super) fn list(&self, name: &str) -> Option<Vec<Json>> {
        match self.value(name)? {
            Json::Array(entries) => Some(entries),
            _ => None,
        }
    }

    /// All options that have a value, secrets blacked out, as `name=value` lines for the log.
    pub(super) fn redacted(&self) -> Vec<String> {
        options::all().filter_map(|option| Some(format!("{}={}", option.name, self.shown(option)?))).collect()
    }

    fn shown(&self, option: &OptionSpec) -> Option<String> {
        let value = self.value(option.name)?;
        Some(if option.secret { "<REDACTED>".to_owned() } else { value.to_string() })
    }
}
