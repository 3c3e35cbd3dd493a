//! `apple`: Sign in with Apple. Clients send `id` and `token`.

use async_trait::async_trait;
use parsefleet_core::error::Result;
use parsefleet_runtime::config::providers::OpenId;

use super::{
    Occasion, Provider, Slice, Verdict,
    http::Http,
    jwt::{Audience, Keys, OneOrMore, Signature, Verifier},
    refused, text,
};

const ISSUER: &str = "https://appleid.apple.com";
const KEYS: &str = "https://appleid.apple.com/auth/keys";

/// Verifies tokens of Apple.
pub(super) struct Apple(Verifier);

impl Apple {
    /// `None` without a client id.
    pub(super) fn try_new(options: &OpenId, keys_url: Option<&str>, http: &Http) -> Option<Self> {
        let keys = Keys::new("apple", keys_url.unwrap_or(KEYS).to_owned(), http.clone(), options.keys);
        Some(Self(Verifier::new(
            keys,
            OneOrMore::one(ISSUER.to_owned()),
            "id token not issued by correct OpenID provider",
            Audience::For(OneOrMore::of(options.client_ids.iter().cloned())?),
            OneOrMore::one(Signature::Rs256),
        )))
    }
}

#[async_trait]
impl Provider for Apple {
    async fn validate(&self, slice: &mut Slice, _occasion: &Occasion<'_>) -> Result<Verdict> {
        let token = text(slice, "token").ok_or_else(|| refused("id token is invalid for this user."))?;
        self.0.verify(token, slice.get("id")).await?;
        Ok(Verdict::GOOD)
    }
}
