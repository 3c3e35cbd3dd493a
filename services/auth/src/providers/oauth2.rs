//! Any name with `oauth2: true`: a server that tells about tokens (RFC 7662). Clients send `id` and `access_token`.

use async_trait::async_trait;
use parsefleet_core::error::Result;
use parsefleet_runtime::config::providers::OAuth2 as Options;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value as Json;

use super::{
    Occasion, Provider, Slice, Verdict,
    http::{self, Http},
    id_of, refused, text,
};

/// Asks the server about each token, once.
pub(super) struct OAuth2 {
    name: String,
    url: String,
    user_id_field: String,
    apps: Option<(String, Vec<String>)>,
    authorization: Option<SecretString>,
    http: Http,
}

impl OAuth2 {
    pub(super) fn new(name: &str, options: &Options, http: &Http) -> Self {
        Self {
            name: name.to_owned(),
            url: options.introspection_url.clone(),
            user_id_field: options.user_id_field.clone(),
            apps: options.apps.clone(),
            authorization: options.authorization.clone(),
            http: http.clone(),
        }
    }

    async fn introspect(&self, token: &str) -> Option<Json> {
        let mut request = self.http.post(&self.url)?.form(&[("token", token)]);
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization.expose_secret());
        }
        http::ask(&self.name, Some(request)).await.ok()?.good_json()
    }
}

#[async_trait]
impl Provider for OAuth2 {
    async fn validate(&self, slice: &mut Slice, _occasion: &Occasion<'_>) -> Result<Verdict> {
        let invalid = || refused("OAuth2 access token is invalid for this user.");
        let token = text(slice, "access_token").ok_or_else(invalid)?;
        let told = self.introspect(token).await;
        let told = told.ok_or_else(|| refused("OAuth2 token introspection request failed."))?;
        if let Some((field, ids)) = &self.apps {
            let is_ours = |app: &Json| id_of(Some(app)).is_some_and(|app| ids.contains(&app));
            let ours = match told.get(field) {
                Some(Json::Array(apps)) => apps.iter().any(is_ours),
                Some(app) => is_ours(app),
                None => false,
            };
            if !ours {
                return Err(refused("OAuth2: Invalid app ID."));
            }
        }
        let active = told.get("active") == Some(&Json::Bool(true));
        let user = id_of(told.get(&self.user_id_field));
        if active && user.is_some() && user == id_of(slice.get("id")) { Ok(Verdict::GOOD) } else { Err(invalid()) }
    }
}
