//! `vkontakte`: clients send `id` and `access_token`. Nothing tells for which app a token was made.

use async_trait::async_trait;
use parsefleet_core::error::Result;
use parsefleet_runtime::config::providers::Vkontakte as Options;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value as Json;

use super::{
    Occasion, Provider, Slice, Verdict,
    http::{self, Http},
    id_of, refused, text,
};

const TOKEN: &str = "https://oauth.vk.com/access_token";
const PROFILE: &str = "https://api.vk.com/method/users.get";

/// Asks whether the app is one, and then for the profile of the token's user.
pub(super) struct Vkontakte {
    app_id: String,
    app_secret: SecretString,
    api_version: String,
    token_url: String,
    profile_url: String,
    http: Http,
}

impl Vkontakte {
    pub(super) fn new(options: &Options, token_url: Option<&str>, profile_url: Option<&str>, http: &Http) -> Self {
        Self {
            app_id: options.app_id.clone(),
            app_secret: options.app_secret.clone(),
            api_version: options.api_version.clone(),
            token_url: token_url.unwrap_or(TOKEN).to_owned(),
            profile_url: profile_url.unwrap_or(PROFILE).to_owned(),
            http: http.clone(),
        }
    }

    /// Whether VK knows the app and its secret.
    async fn is_app(&self) -> bool {
        let query = [
            ("client_id", self.app_id.as_str()),
            ("client_secret", self.app_secret.expose_secret()),
            ("v", &self.api_version),
            ("grant_type", "client_credentials"),
        ];
        let request = self.http.get(&self.token_url).map(|request| request.query(&query));
        let Ok(answer) = http::ask("vkontakte", request).await else { return false };
        answer.good_json().is_some_and(|answer| answer.get("access_token").and_then(Json::as_str).is_some())
    }

    async fn user(&self, token: &str) -> Option<String> {
        let query = [("access_token", token), ("v", &self.api_version)];
        let request = self.http.get(&self.profile_url)?.query(&query);
        let answer = http::ask("vkontakte", Some(request)).await.ok()?.good_json()?;
        id_of(answer.get("response")?.get(0)?.get("id"))
    }
}

#[async_trait]
impl Provider for Vkontakte {
    async fn validate(&self, slice: &mut Slice, _occasion: &Occasion<'_>) -> Result<Verdict> {
        let invalid = || refused("Vk auth is invalid for this user.");
        let token = text(slice, "access_token").ok_or_else(invalid)?;
        if !self.is_app().await {
            return Err(refused("Vk appIds or appSecret is incorrect."));
        }
        let user = self.user(token).await.ok_or_else(invalid)?;
        if id_of(slice.get("id")) == Some(user) { Ok(Verdict::GOOD) } else { Err(invalid()) }
    }
}
