//! What a log-in needs beside the identity that it comes with.

use parsefleet_core::{ErrorCode, ParseError, error::Result};
use parsefleet_runtime::config::providers::Policy;
use serde_json::{Map, Value as Json};

use super::Identities;
use crate::providers::{AuthData, Slice};

impl Identities<'_> {
    /// Whether this is enough for a log-in by itself.
    pub(super) fn check_policies(&self, sent: &AuthData, stored: &AuthData, row: &Map<String, Json>) -> Result<()> {
        self.check_additional(sent, stored)?;
        let is_additional = |name: &str| self.is_additional(name, stored.get(name));
        let comes_with = |name: &str| sent.get(name).is_some() && stored.get(name).is_some();
        let first = stored.iter().any(|(name, _)| comes_with(name) && !is_additional(name));
        // Who has nothing else keeps what there is.
        let has_more = row.get("_hashed_password").is_some_and(|hash| !hash.is_null())
            || stored.iter().any(|(name, _)| self.providers.get(name).is_some() && !is_additional(name));
        if first || !has_more {
            return Ok(());
        }
        Err(ParseError::new(ErrorCode::OtherCause, "Additional authData is not enough to log in."))
    }

    /// Whether a provider does not say who somebody is, but is asked for in addition.
    pub(super) fn is_additional(&self, name: &str, slice: Option<&Slice>) -> bool {
        slice.is_some_and(|slice| self.providers.policy(name, slice) == Some(Policy::Additional))
    }

    /// Whether what the user's providers ask for is there.
    pub(super) fn check_additional(&self, sent: &AuthData, stored: &AuthData) -> Result<()> {
        let mut missing = Vec::new();
        let mut has_additional = false;
        for (name, slice) in stored.iter() {
            let Some(policy) = slice.and_then(|slice| self.providers.policy(name, slice)) else { continue };
            match (policy, sent.get(name).is_some()) {
                (Policy::Solo, true) => return Ok(()),
                (Policy::Additional, true) => has_additional = true,
                (Policy::Additional, false) => missing.push(name),
                (Policy::Solo, false) | (Policy::Default, _) => {}
            }
        }
        if has_additional || missing.is_empty() {
            return Ok(());
        }
        Err(ParseError::new(ErrorCode::OtherCause, format!("Missing additional authData {}", missing.join(","))))
    }
}
