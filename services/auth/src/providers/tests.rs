//! Providers against local servers that speak their protocols, over real sockets.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod forge;
mod gcenter;
mod identities;
mod jwt;
mod keys;
mod ldap;
mod mfa;
mod oauth_code;
mod server;
mod tokens;
mod twitter;
mod users;

use parsefleet_core::{ParseError, error::Result};
use parsefleet_proto::v1::RequestContext;
use parsefleet_runtime::config::{Config, Launch, load};
use serde_json::{Value as Json, json};

use super::{Keep, Occasion, Provider, Providers, Slice, Stage, Verdict};

/// The configuration with this `auth`.
fn config(auth: &Json) -> Config {
    config_with(auth, &[])
}

fn config_with(auth: &Json, flags: &[&str]) -> Config {
    let auth = auth.to_string();
    let arguments = ["--appId", "app", "--masterKey", "key", "--auth", &auth];
    let arguments = arguments.iter().chain(flags).map(|argument| (*argument).to_owned());
    match load(arguments, []).unwrap() {
        Launch::Run(startup) => startup.config,
        Launch::Print(text) => panic!("{text}"),
    }
}

/// All providers of this `auth`.
fn providers(auth: &Json) -> Providers {
    Providers::for_test(config(auth), Vec::new())
}

fn slice(given: Json) -> Slice {
    match given {
        Json::Object(slice) => slice,
        other => panic!("{other} is no slice"),
    }
}

/// What becomes of a slice that somebody new sends: what would be stored, or code and text.
async fn sign_up(providers: &Providers, name: &str, sent: Json) -> Result<Json, (i32, String)> {
    let provider = providers.usable(name).map_err(refusal)?;
    let mut sent = slice(sent);
    provider.before_find(&mut sent).await.map_err(refusal)?;
    let context = RequestContext::default();
    let occasion = Occasion { stage: Stage::SetUp, stored: None, master: false, user_id: None, context: &context };
    stored(provider, &mut sent, &occasion).await
}

async fn stored(provider: &dyn Provider, sent: &mut Slice, occasion: &Occasion<'_>) -> Result<Json, (i32, String)> {
    match provider.validate(sent, occasion).await.map_err(refusal)? {
        Verdict::Proved { keep: Keep::Sent, .. } => Ok(Json::Object(sent.clone())),
        Verdict::Proved { keep: Keep::Stored, .. } => Ok(Json::Null),
        Verdict::Proved { keep: Keep::Other(other), .. } => Ok(Json::Object(other)),
        Verdict::Pending(_, error) => Err(refusal(error)),
    }
}

fn refusal(error: ParseError) -> (i32, String) {
    (error.code as i32, error.message)
}

/// What a client reads.
fn says<T>(code: i32, text: &str) -> Result<T, (i32, String)> {
    Err((code, text.to_owned()))
}

#[tokio::test]
async fn who_is_not_set_up_is_not_supported() {
    let providers = providers(&json!({ "github": { "clientId": "a", "clientSecret": "b", "enabled": false } }));
    for name in ["github", "google", "mfa", "nobody"] {
        let answer = sign_up(&providers, name, json!({ "id": "1" })).await;
        assert_eq!(answer, says(252, "This authentication method is unsupported."), "{name}");
    }
    assert_eq!(sign_up(&providers, "anonymous", json!({ "id": "1" })).await, Ok(json!({ "id": "1" })));
    let off = Providers::for_test(config_with(&json!({}), &["--enableAnonymousUsers", "false"]), Vec::new());
    let answer = sign_up(&off, "anonymous", json!({ "id": "1" })).await;
    assert_eq!(answer, says(252, "This authentication method is unsupported."));
}
