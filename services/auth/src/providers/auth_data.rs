//! `authData` as clients send it and as it is stored.

use std::collections::BTreeMap;

use parsefleet_core::{ErrorCode, ParseError, error::Result};
use serde_json::{Map, Value as Json};

use super::unsupported;

/// What belongs to one provider.
pub(crate) type Slice = Map<String, Json>;

/// Slices by provider, in the order in which they are proved; `None` unlinks.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct AuthData {
    slices: BTreeMap<String, Option<Slice>>,
    /// The providers in the order of the client.
    order: Vec<String>,
}

impl AuthData {
    /// What a client sent as `authData`.
    ///
    /// # Errors
    /// 252 for nothing, 111 for what is not an object, 252 for a slice that is none.
    pub(crate) fn parse(given: &Json) -> Result<Self> {
        let members = match given {
            Json::Object(members) => members,
            Json::Bool(true) => return Err(not_an_object("Boolean")),
            Json::Number(number) if number.as_f64() != Some(0.0) => return Err(not_an_object("Number")),
            Json::Array(entries) if entries.is_empty() => return Err(not_an_object("Array")),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) => {
                return Err(unsupported());
            }
        };
        let mut slices = BTreeMap::new();
        for (provider, slice) in members {
            let slice = match slice {
                Json::Null => None,
                Json::Object(slice) => Some(slice.clone()),
                _ => return Err(unsupported()),
            };
            slices.insert(provider.clone(), slice);
        }
        Ok(Self { slices, order: members.keys().cloned().collect() })
    }

    /// `authData` of a row; what is not an object in it counts as absent.
    pub(crate) fn stored(row: &Map<String, Json>) -> Self {
        let mut stored = Self::default();
        if let Some(Json::Object(members)) = row.get("authData") {
            for (provider, slice) in members {
                if let Json::Object(slice) = slice {
                    stored.slices.insert(provider.clone(), Some(slice.clone()));
                    stored.order.push(provider.clone());
                }
            }
        }
        stored
    }

    /// Whether it can stand for a user: a slice that is not empty.
    pub(crate) fn identifies(&self) -> bool {
        self.slices.values().flatten().any(|slice| !slice.is_empty())
    }

    /// Whether no provider is named.
    pub(crate) fn is_empty(&self) -> bool {
        self.slices.is_empty()
    }

    /// The providers as a session names them.
    pub(crate) fn names(&self) -> String {
        self.order.join(",")
    }

    /// The slice of a provider.
    pub(crate) fn get(&self, provider: &str) -> Option<&Slice> {
        self.slices.get(provider)?.as_ref()
    }

    /// Slices in alphabetical order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, Option<&Slice>)> {
        self.slices.iter().map(|(provider, slice)| (provider.as_str(), slice.as_ref()))
    }

    /// Slices in alphabetical order, to be rewritten.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (&str, Option<&mut Slice>)> {
        self.slices.iter_mut().map(|(provider, slice)| (provider.as_str(), slice.as_mut()))
    }

    /// Only these providers.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&str, Option<&Slice>) -> bool) {
        self.slices.retain(|provider, slice| keep(provider, slice.as_ref()));
        self.order.retain(|provider| self.slices.contains_key(provider));
    }
}

/// Whether what is sent says nothing that is not stored: clients send back what they read.
pub(super) fn is_echo(sent: &Slice, stored: Option<&Slice>) -> bool {
    let Some(stored) = stored else { return false };
    !sent.is_empty() && sent.iter().all(|(name, value)| stored.get(name) == Some(value))
}

/// Conditions that a stored slice still is what it was, where it changes: of two who use up the same code only one finds it.
/// Only texts, numbers, switches and lists are compared, and only under plain names.
pub(super) fn lock(provider: &str, stored: &Slice, new: Option<&Slice>, conditions: &mut Slice) {
    for (name, value) in stored {
        let comparable = matches!(value, Json::String(_) | Json::Number(_) | Json::Bool(_) | Json::Array(_));
        let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if comparable && plain && new.and_then(|new| new.get(name)) != Some(value) {
            conditions.insert(format!("authData.{provider}.{name}"), value.clone());
        }
    }
}

fn not_an_object(kind: &str) -> ParseError {
    let text = format!("schema mismatch for _User.authData; expected Object but got {kind}");
    ParseError::new(ErrorCode::IncorrectType, text)
}
