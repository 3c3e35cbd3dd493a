//! `janraincapture`: clients send `id` and `access_token`.

use async_trait::async_trait;
use parsefleet_core::error::Result;
use serde_json::Value as Json;

use super::{
    Occasion, Provider, Slice, Verdict,
    http::{self, Http},
    id_of,
    profile::prove,
    text,
};

/// Asks the app's Capture host for the uuid of the token's user.
pub(super) struct JanrainCapture {
    entity_url: String,
    http: Http,
}

impl JanrainCapture {
    pub(super) fn new(host: &str, entity_url: Option<&str>, http: &Http) -> Self {
        let entity_url = entity_url.map_or_else(|| format!("https://{host}/entity"), str::to_owned);
        Self { entity_url, http: http.clone() }
    }

    async fn uuid(&self, token: &str) -> Option<String> {
        let query = [("access_token", token), ("attribute_name", "uuid")];
        let answer = http::ask("janraincapture", Some(self.http.get(&self.entity_url)?.query(&query))).await.ok()?;
        let answer = answer.json()?;
        id_of(answer.get("result")).filter(|_| answer.get("stat").and_then(Json::as_str) == Some("ok"))
    }
}

#[async_trait]
impl Provider for JanrainCapture {
    async fn validate(&self, slice: &mut Slice, _occasion: &Occasion<'_>) -> Result<Verdict> {
        let uuid = match text(slice, "access_token") {
            Some(token) => self.uuid(token).await,
            None => None,
        };
        prove(slice.get("id"), uuid, "Janrain capture auth is invalid for this user.")
    }
}
