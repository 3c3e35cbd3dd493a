//! `meetup`: clients send `id` and `access_token`. Nothing tells for which app a token was made.

use async_trait::async_trait;
use parsefleet_core::error::Result;

use super::{
    Occasion, Provider, Slice, Verdict,
    http::{self, Http},
    id_of, refused, text,
};

const PROFILE: &str = "https://api.meetup.com/2/member/self";

/// Asks for the profile of the token's user.
pub(super) struct Meetup {
    profile_url: String,
    http: Http,
}

impl Meetup {
    pub(super) fn new(profile_url: Option<&str>, http: &Http) -> Self {
        Self { profile_url: profile_url.unwrap_or(PROFILE).to_owned(), http: http.clone() }
    }

    async fn user(&self, token: &str) -> Option<String> {
        let request = self.http.get(&self.profile_url)?.header("authorization", format!("bearer {token}"));
        id_of(http::ask("meetup", Some(request)).await.ok()?.good_json()?.get("id"))
    }
}

#[async_trait]
impl Provider for Meetup {
    async fn validate(&self, slice: &mut Slice, _occasion: &Occasion<'_>) -> Result<Verdict> {
        let user = match text(slice, "access_token") {
            Some(token) => self.user(token).await,
            None => None,
        };
        match user.filter(|user| id_of(slice.get("id")).as_ref() == Some(user)) {
            Some(_) => Ok(Verdict::GOOD),
            None => Err(refused("Meetup auth is invalid for this user.")),
        }
    }
}
