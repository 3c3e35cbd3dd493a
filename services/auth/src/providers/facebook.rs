//! `facebook`: an access token that the Graph API knows (`id`, `access_token`), or a token of limited log-in (`id`, `token`).

use async_trait::async_trait;
use aws_lc_rs::hmac;
use parsefleet_core::error::Result;
use parsefleet_runtime::config::providers::Facebook as Options;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value as Json;

use super::{
    Occasion, Provider, Slice, Verdict,
    http::{self, Http},
    id_of,
    jwt::{Audience, Keys, OneOrMore, Signature, Verifier},
    refused, text,
};

const ISSUER: &str = "https://www.facebook.com";
const KEYS: &str = "https://www.facebook.com/.well-known/oauth/openid/jwks/";
const GRAPH: &str = "https://graph.facebook.com";

/// Both ways to log in with Facebook.
pub(super) struct Facebook {
    app_ids: Vec<String>,
    app_secret: Option<SecretString>,
    graph: String,
    limited: Verifier,
    http: Http,
}

impl Facebook {
    /// `None` without an app.
    pub(super) fn try_new(options: &Options, graph: Option<&str>, keys_url: Option<&str>, http: &Http) -> Option<Self> {
        let keys = Keys::new("facebook", keys_url.unwrap_or(KEYS).to_owned(), http.clone(), options.keys);
        let limited = Verifier::new(
            keys,
            OneOrMore::one(ISSUER.to_owned()),
            "id token not issued by correct OpenID provider",
            Audience::For(OneOrMore::of(options.app_ids.iter().cloned())?),
            OneOrMore::one(Signature::Rs256),
        );
        Some(Self {
            app_ids: options.app_ids.clone(),
            app_secret: options.app_secret.clone(),
            graph: graph.unwrap_or(GRAPH).to_owned(),
            limited,
            http: http.clone(),
        })
    }

    /// The app that the token is for, and then the user it is for.
    async fn ask_graph(&self, slice: &Slice) -> Result<()> {
        let invalid = || refused("Facebook auth is invalid for this user.");
        let token = text(slice, "access_token").ok_or_else(invalid)?;
        let app = self.graph_id("app", token, &[]).await.ok_or_else(invalid)?;
        if !self.app_ids.contains(&app) {
            return Err(invalid());
        }
        let user = self.graph_id("me", token, &[("fields", "id")]).await.ok_or_else(invalid)?;
        if id_of(slice.get("id")) == Some(user) { Ok(()) } else { Err(invalid()) }
    }

    async fn graph_id(&self, node: &str, token: &str, fields: &[(&str, &str)]) -> Option<String> {
        let proof = self.app_secret.as_ref().map(|secret| proof(secret, token));
        let mut request =
            self.http.get(&format!("{}/{node}", self.graph))?.query(fields).query(&[("access_token", token)]);
        if let Some(proof) = proof {
            request = request.query(&[("appsecret_proof", proof)]);
        }
        let answer: Json = http::ask("facebook", Some(request)).await.ok()?.good_json()?;
        id_of(answer.get("id"))
    }
}

/// That the request comes from the app: HMAC-SHA256 of the token under the app's secret, in hexadecimal.
fn proof(secret: &SecretString, token: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes());
    hmac::sign(&key, token.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[async_trait]
impl Provider for Facebook {
    async fn validate(&self, slice: &mut Slice, _occasion: &Occasion<'_>) -> Result<Verdict> {
        match text(slice, "token") {
            Some(token) => self.limited.verify(token, slice.get("id")).await.map(|_| ())?,
            None => self.ask_graph(slice).await?,
        }
        Ok(Verdict::GOOD)
    }
}
