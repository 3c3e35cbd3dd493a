//! `keycloak`: access tokens of a realm. Clients send `id`, `access_token`, and `roles` and `groups` as the token has them.

use std::collections::BTreeSet;

use async_trait::async_trait;
use parsefleet_core::error::Result;
use parsefleet_runtime::config::providers::Keycloak as Options;
use serde_json::Value as Json;

use super::{
    Occasion, Provider, Slice, Verdict,
    http::Http,
    jwt::{Audience, Keys, OneOrMore, Signature, Verifier},
    refused, text,
};

/// Verifies tokens of a realm that were given to one client.
pub(super) struct Keycloak(Verifier);

impl Keycloak {
    pub(super) fn new(options: &Options, http: &Http) -> Self {
        let realm = format!("{}/realms/{}", options.server_url, options.realm);
        let keys = Keys::new("keycloak", format!("{realm}/protocol/openid-connect/certs"), http.clone(), options.keys);
        Self(Verifier::new(
            keys,
            OneOrMore::one(realm),
            "access token not issued by correct provider",
            Audience::GivenTo(options.client_id.clone()),
            OneOrMore::one(Signature::Rs256),
        ))
    }
}

#[async_trait]
impl Provider for Keycloak {
    async fn validate(&self, slice: &mut Slice, _occasion: &Occasion<'_>) -> Result<Verdict> {
        let token = text(slice, "access_token").filter(|_| text(slice, "id").is_some());
        let token = token.ok_or_else(|| refused("Missing access token and/or User id"))?;
        let claims = self.0.verify(token, slice.get("id")).await?;
        let alike = |name: &str| alike(claims.get(name), slice.get(name));
        if alike("roles") && alike("groups") { Ok(Verdict::GOOD) } else { Err(refused("Invalid authentication")) }
    }
}

/// Whether both hold the same, in any order.
fn alike(claim: Option<&Json>, sent: Option<&Json>) -> bool {
    match (claim, sent) {
        (Some(Json::Array(claim)), Some(Json::Array(sent))) => {
            let sorted = |list: &[Json]| list.iter().map(Json::to_string).collect::<BTreeSet<_>>();
            claim.len() == sent.len() && sorted(claim) == sorted(sent)
        }
        (claim, sent) => claim == sent,
    }
}
