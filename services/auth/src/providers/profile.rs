//! Providers with no more to them than a profile: clients send `id` and `access_token`, and the profile that the token opens
//! tells whose it is. Nothing tells for which app the token was made.

use async_trait::async_trait;
use parsefleet_core::error::Result;
use serde_json::Value as Json;

use super::{
    Occasion, Provider, Slice, Verdict,
    http::{self, Http},
    id_of, refused, text,
};

/// How to ask one of them.
pub(super) struct Profile {
    /// By which name its failures are logged.
    pub(super) name: &'static str,
    pub(super) url: &'static str,
    pub(super) id_member: &'static str,
    /// What is told of a token that is not the user's.
    pub(super) refusal: &'static str,
}

/// Asks for the profile of the token's user.
pub(super) struct ProfileProvider {
    profile: &'static Profile,
    url: String,
    http: Http,
}

impl ProfileProvider {
    pub(super) fn new(profile: &'static Profile, url: Option<&str>, http: &Http) -> Self {
        Self { profile, url: url.unwrap_or(profile.url).to_owned(), http: http.clone() }
    }

    async fn user(&self, token: &str) -> Option<String> {
        let request = self.http.get(&self.url)?.header("authorization", format!("bearer {token}"));
        let answer = http::ask(self.profile.name, Some(request)).await.ok()?.good_json()?;
        id_of(answer.get(self.profile.id_member))
    }
}

#[async_trait]
impl Provider for ProfileProvider {
    async fn validate(&self, slice: &mut Slice, _occasion: &Occasion<'_>) -> Result<Verdict> {
        let user = match text(slice, "access_token") {
            Some(token) => self.user(token).await,
            None => None,
        };
        prove(slice.get("id"), user, self.profile.refusal)
    }
}

/// Whether the user that a provider tells is the one that the client claims to be.
///
/// # Errors
/// 101 with this text if not.
pub(super) fn prove(claimed: Option<&Json>, told: Option<String>, refusal: &str) -> Result<Verdict> {
    match told.filter(|user| id_of(claimed).as_ref() == Some(user)) {
        Some(_) => Ok(Verdict::GOOD),
        None => Err(refused(refusal)),
    }
}
