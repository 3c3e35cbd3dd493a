//! `twitter`, and `digits`, whose tokens are Twitter's.
//!
//! Clients send a token and its secret with the id (`id`, `auth_token`, `auth_token_secret`), or what Twitter sent them back with
//! (`oauth_token`, `oauth_verifier`), which is exchanged. Both are signed for with the secret of the app, so that a token of another
//! app is of no use.

mod oauth1;

use async_trait::async_trait;
use parsefleet_core::{ParseError, error::Result};
use parsefleet_runtime::config::providers::Consumer;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value as Json};

use self::oauth1::Signer;
use super::{
    Occasion, Provider, Slice, Verdict,
    http::{self, Http},
    id_of, refused, text,
};

const ACCESS_TOKEN: &str = "https://api.twitter.com/oauth/access_token";
const VERIFY_CREDENTIALS: &str = "https://api.twitter.com/1.1/account/verify_credentials.json";

/// Log-in with tokens of Twitter.
pub(super) struct Twitter {
    consumers: Vec<(String, SecretString)>,
    access_token_url: String,
    verify_url: String,
    http: Http,
}

impl Twitter {
    pub(super) fn new(
        consumers: &[Consumer],
        access_token_url: Option<&str>,
        verify_url: Option<&str>,
        http: &Http,
    ) -> Self {
        Self {
            consumers: consumers.iter().map(|consumer| (consumer.key.clone(), consumer.secret.clone())).collect(),
            access_token_url: access_token_url.unwrap_or(ACCESS_TOKEN).to_owned(),
            verify_url: verify_url.unwrap_or(VERIFY_CREDENTIALS).to_owned(),
            http: http.clone(),
        }
    }

    /// The app that the client names; it has to if there are several.
    fn consumer(&self, slice: &Slice) -> Option<&(String, SecretString)> {
        match self.consumers.as_slice() {
            [only] => Some(only),
            several => several.iter().find(|(key, _)| text(slice, "consumer_key") == Some(key)),
        }
    }

    /// The id of the user whom the token is for.
    async fn user(&self, slice: &Slice, token: &str, token_secret: &str) -> Option<String> {
        let (key, secret) = self.consumer(slice)?;
        let signer = Signer { key, secret: secret.expose_secret(), token: Some((token, token_secret)) };
        let authorization = signer.authorization("GET", &self.verify_url, &[]);
        let request = self.http.get(&self.verify_url)?.header("authorization", authorization);
        let profile = http::ask("twitter", Some(request)).await.ok()?.good_json()?;
        id_of(profile.get("id_str"))
    }

    /// What Twitter gives for a verifier: token, its secret, the user's id and name.
    async fn exchange(&self, slice: &Slice, verifier: &str) -> Option<Map<String, Json>> {
        let (key, secret) = self.consumer(slice)?;
        let token = text(slice, "oauth_token")?;
        let signer = Signer { key, secret: secret.expose_secret(), token: Some((token, "")) };
        let parameters = [("oauth_verifier", verifier)];
        let authorization = signer.authorization("POST", &self.access_token_url, &parameters);
        let request = self.http.post(&self.access_token_url)?.header("authorization", authorization).form(&parameters);
        let answer = http::ask("twitter", Some(request)).await.ok().filter(|answer| answer.status.is_success())?;
        Some(oauth1::form(answer.text()?))
    }
}

#[async_trait]
impl Provider for Twitter {
    async fn before_find(&self, slice: &mut Slice) -> Result<()> {
        let Some(verifier) = text(slice, "oauth_verifier").map(str::to_owned) else { return Ok(()) };
        let tokens = self.exchange(slice, &verifier).await.ok_or_else(invalid)?;
        let user = id_of(tokens.get("user_id")).ok_or_else(invalid)?;
        if id_of(slice.get("id")).is_some_and(|given| given != user) {
            return Err(invalid());
        }
        for (name, from) in [("auth_token", "oauth_token"), ("auth_token_secret", "oauth_token_secret")] {
            slice.insert(name.to_owned(), tokens.get(from).cloned().ok_or_else(invalid)?);
        }
        slice.insert("id".to_owned(), user.into());
        slice.remove("oauth_token");
        slice.remove("oauth_verifier");
        Ok(())
    }

    async fn validate(&self, slice: &mut Slice, _occasion: &Occasion<'_>) -> Result<Verdict> {
        let either = |one: &str, other: &str| text(slice, one).or_else(|| text(slice, other));
        let token = either("auth_token", "oauth_token");
        let secret = either("auth_token_secret", "oauth_token_secret");
        let (Some(token), Some(secret)) = (token, secret) else { return Err(invalid()) };
        let user = self.user(slice, token, secret).await.ok_or_else(invalid)?;
        if id_of(slice.get("id")) == Some(user) { Ok(Verdict::GOOD) } else { Err(invalid()) }
    }
}

fn invalid() -> ParseError {
    refused("Twitter auth is invalid for this user.")
}
