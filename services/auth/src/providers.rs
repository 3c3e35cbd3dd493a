//! Third-party identity: who a user is, as others say.
//!
//! A user's `authData` holds a *slice* for each provider. A [`Provider`] proves what a client sent of it; [`identities`] decides
//! whom it stands for and what is stored. Nothing here writes to the log what a client sent, or what a provider answered.

mod anonymous;
mod apple;
mod auth_data;
mod challenge;
mod facebook;
mod gcenter;
mod github;
mod google;
mod gpgames;
mod http;
mod identities;
mod instagram;
mod janraincapture;
mod janrainengage;
mod jwt;
mod keycloak;
mod ldap;
mod line;
mod linkedin;
mod meetup;
mod mfa;
mod microsoft;
mod oauth2;
mod oauth_code;
mod phantauth;
mod profile;
mod qq;
mod registry;
mod spotify;
mod twitter;
mod vkontakte;
mod webhook;
mod wechat;
mod weibo;

#[cfg(test)]
mod tests;

use async_trait::async_trait;
use parsefleet_core::{ErrorCode, ParseError, error::Result};
use parsefleet_proto::v1::RequestContext;
use parsefleet_runtime::config::providers::Policy;
use serde_json::Value as Json;

pub(crate) use self::{
    auth_data::{AuthData, Slice},
    challenge::ChallengeBody,
    identities::{Accepted, Arrival, Identities, Returning},
    registry::Providers,
};

/// A way to prove who one is.
#[async_trait]
pub(crate) trait Provider: Send + Sync {
    /// Runs before the user of this identity is looked for. A provider that learns the id only by proving it does both here.
    async fn before_find(&self, _slice: &mut Slice) -> Result<()> {
        Ok(())
    }

    /// Proves what was sent. What must not be stored is taken out of the slice.
    async fn validate(&self, slice: &mut Slice, occasion: &Occasion<'_>) -> Result<Verdict>;

    /// What the provider means for a log-in of a user who has this stored.
    fn policy(&self, _stored: &Slice) -> Policy {
        Policy::Default
    }

    /// What a client needs to log in; `None` if the provider asks for nothing beforehand.
    async fn challenge(
        &self,
        _challenge: &Json,
        _slice: Option<&Slice>,
        _context: &RequestContext,
    ) -> Result<Option<Json>> {
        Ok(None)
    }
}

/// What a proof is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The provider is new to the user, or the user is new.
    SetUp,
    /// A user who has the provider comes in.
    LogIn,
    /// A user who is in changes what is stored of the provider.
    Update,
}

/// When, and about whom, something is proved.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Occasion<'a> {
    pub(crate) stage: Stage,
    /// What is stored of the provider.
    pub(crate) stored: Option<&'a Slice>,
    /// Whether the master key asks.
    pub(crate) master: bool,
    /// The user, if it is known who that is.
    pub(crate) user_id: Option<&'a str>,
    /// The request that it is part of.
    pub(crate) context: &'a RequestContext,
}

/// What a proof leads to.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// It is good.
    Proved {
        /// What the client is told in `authDataResponse`.
        response: Option<Json>,
        /// What is stored.
        keep: Keep,
    },
    /// It is not good yet: this is stored for the next attempt, and the client reads the error.
    Pending(Slice, ParseError),
}

/// What is stored of a slice that was proved.
#[derive(Debug)]
pub(crate) enum Keep {
    /// What the client sent.
    Sent,
    /// What is there already.
    Stored,
    /// This.
    Other(Slice),
}

impl Verdict {
    /// Good, and stored as it was sent.
    pub(crate) const GOOD: Self = Self::Proved { response: None, keep: Keep::Sent };
}

/// What a client reads whose identity the provider does not confirm.
fn refused(text: impl Into<String>) -> ParseError {
    ParseError::new(ErrorCode::ObjectNotFound, text)
}

/// What a client reads when an adapter gives a text and no code.
fn failed(text: impl Into<String>) -> ParseError {
    ParseError::new(ErrorCode::ScriptFailed, text)
}

/// What a client reads whose provider is not set up, or switched off.
fn unsupported() -> ParseError {
    ParseError::new(ErrorCode::UnsupportedService, "This authentication method is unsupported.")
}

/// A member as text: providers write ids as texts or as numbers, and `authData` holds texts.
fn id_of(value: Option<&Json>) -> Option<String> {
    match value? {
        Json::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Json::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A member that is a text and not empty.
fn text<'a>(slice: &'a Slice, name: &str) -> Option<&'a str> {
    slice.get(name)?.as_str().filter(|text| !text.is_empty())
}
