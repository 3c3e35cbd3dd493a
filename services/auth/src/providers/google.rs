//! `google`: Google's identity tokens. Clients send `id` and `id_token`.

use async_trait::async_trait;
use parsefleet_core::error::Result;
use parsefleet_runtime::config::providers::OpenId;

use super::{
    Occasion, Provider, Slice, Verdict,
    http::Http,
    jwt::{Audience, Keys, OneOrMore, Signature, Verifier},
    refused, text,
};

const ISSUERS: [&str; 2] = ["accounts.google.com", "https://accounts.google.com"];
const KEYS: &str = "https://www.googleapis.com/oauth2/v3/certs";

/// Verifies tokens of Google.
pub(super) struct Google(Verifier);

impl Google {
    /// `None` without a client id.
    pub(super) fn try_new(options: &OpenId, keys_url: Option<&str>, http: &Http) -> Option<Self> {
        let keys = Keys::new("google", keys_url.unwrap_or(KEYS).to_owned(), http.clone(), options.keys);
        Some(Self(Verifier::new(
            keys,
            OneOrMore::of(ISSUERS.map(str::to_owned))?,
            "id token not issued by correct provider",
            Audience::For(OneOrMore::of(options.client_ids.iter().cloned())?),
            OneOrMore::one(Signature::Rs256),
        )))
    }
}

#[async_trait]
impl Provider for Google {
    async fn validate(&self, slice: &mut Slice, _occasion: &Occasion<'_>) -> Result<Verdict> {
        let token = text(slice, "id_token").ok_or_else(|| refused("id token is invalid for this user."))?;
        self.0.verify(token, slice.get("id")).await?;
        Ok(Verdict::GOOD)
    }
}
