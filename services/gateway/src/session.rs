//! Whose request it is: session tokens, and who they stand for.

mod resolver;

use std::sync::Arc;

use aws_lc_rs::digest;
use base64::prelude::{BASE64_STANDARD_NO_PAD, Engine as _};

pub(crate) use self::resolver::SessionResolver;

/// Who a token belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    /// The session's own id.
    pub(crate) id: String,
    /// The user's id.
    pub(crate) user_id: String,
    /// All role names of the user, without `role:`.
    pub(crate) roles: Vec<String>,
    /// The token itself: a user who reads himself gets it back.
    pub(crate) token: Token,
}

/// A session token. Its `Debug` form says nothing.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Token(Arc<str>);

// === impl Token ===

impl Token {
    /// Takes the text as the client sent it.
    pub(crate) fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The secret text.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Token(..)")
    }
}

/// What stands for a token where others can read: its key in the cache.
pub fn digest(token: &str) -> String {
    let digest = digest::digest(&digest::SHA256, token.as_bytes());
    BASE64_STANDARD_NO_PAD.encode(digest)
}
