//! A provider of identities: it tells about tokens, as RFC 7662 says. Servers use it under any name with `oauth2: true`.

use std::net::Ipv4Addr;

use anyhow::{Context as _, Result};
use axum::{Json, Router, routing::post};
use reqwest::Url;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinSet};

use super::plant_secret;

/// A running provider. Dropping it ends it.
#[derive(Debug)]
pub struct IdentityServer {
    /// What every token starts with: no log may hold it.
    pub secret: String,
    port: u16,
    _task: JoinSet<()>,
}

impl IdentityServer {
    /// Starts one.
    pub async fn start() -> Result<Self> {
        let secret = format!("access-{:032x}", rand::random::<u128>());
        plant_secret(&secret);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("listen for introspection")?;
        let port = listener.local_addr()?.port();
        let known = format!("{secret}.");
        let router = Router::new().route(
            "/introspect",
            post(move |form: String| {
                let token = token_of(&form).unwrap_or_default();
                let id = token.strip_prefix(&known);
                let told = id.map_or_else(|| json!({ "active": false }), |id| json!({ "active": true, "sub": id }));
                async { Json(told) }
            }),
        );
        let mut task = JoinSet::new();
        // It ends with its task only.
        task.spawn(async move { drop(axum::serve(listener, router).await) });
        Ok(Self { secret, port, _task: task })
    }

    /// What a server is told of it, in its option `auth`.
    pub fn options(&self) -> Value {
        let url = format!("http://127.0.0.1:{}/introspect", self.port);
        json!({ "oauth2": true, "tokenIntrospectionEndpointUrl": url, "useridField": "sub" })
    }

    /// What somebody who is known here by this id sends to servers.
    pub fn auth_data(&self, id: &str) -> Value {
        json!({ "id": id, "access_token": format!("{}.{id}", self.secret) })
    }
}

/// What a form says in its field `token`.
fn token_of(form: &str) -> Option<String> {
    let url = Url::parse(&format!("http://form/?{form}")).ok()?;
    url.query_pairs().find(|(name, _)| name == "token").map(|(_, token)| token.into_owned())
}
