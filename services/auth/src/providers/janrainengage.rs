//! `janrainengage`: clients send `id` and `auth_token`.

use async_trait::async_trait;
use parsefleet_core::error::Result;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value as Json;

use super::{
    Occasion, Provider, Slice, Verdict,
    http::{self, Http},
    id_of,
    profile::prove,
    text,
};

const AUTH_INFO: &str = "https://rpxnow.com/api/v2/auth_info";

/// Asks Engage for the identifier of the token's profile.
pub(super) struct JanrainEngage {
    api_key: SecretString,
    auth_info_url: String,
    http: Http,
}

impl JanrainEngage {
    pub(super) fn new(api_key: &SecretString, auth_info_url: Option<&str>, http: &Http) -> Self {
        let auth_info_url = auth_info_url.unwrap_or(AUTH_INFO).to_owned();
        Self { api_key: api_key.clone(), auth_info_url, http: http.clone() }
    }

    async fn identifier(&self, token: &str) -> Option<String> {
        let form = [("token", token), ("apiKey", self.api_key.expose_secret()), ("format", "json")];
        let request = self.http.post(&self.auth_info_url)?.form(&form);
        let answer = http::ask("janrainengage", Some(request)).await.ok()?.json()?;
        let identifier = id_of(answer.get("profile").and_then(|profile| profile.get("identifier")));
        identifier.filter(|_| answer.get("stat").and_then(Json::as_str) == Some("ok"))
    }
}

#[async_trait]
impl Provider for JanrainEngage {
    async fn validate(&self, slice: &mut Slice, _occasion: &Occasion<'_>) -> Result<Verdict> {
        let identifier = match text(slice, "auth_token") {
            Some(token) => self.identifier(token).await,
            None => None,
        };
        prove(slice.get("id"), identifier, "Janrain engage auth is invalid for this user.")
    }
}
