//! `linkedin`: clients send `code`, `redirect_uri`, and `is_mobile_sdk` if the code came from a mobile SDK.

use parsefleet_core::ErrorCode;

use super::Slice;
use super::oauth_code::{Carries, Description, Exchange, Failure, Id, Part, Profile, Sending};

fn headers(slice: &Slice) -> &'static [(&'static str, &'static str)] {
    match slice.get("is_mobile_sdk").and_then(serde_json::Value::as_bool) {
        Some(true) => &[("x-li-format", "json"), ("x-li-src", "msdk")],
        _ => &[("x-li-format", "json")],
    }
}

pub(super) static LINKEDIN: Description = Description {
    name: "LinkedIn",
    needs: (&[], ""),
    exchange: Exchange {
        url: "https://www.linkedin.com/oauth/v2/accessToken",
        sending: Sending::Form,
        parameters: &[
            ("grant_type", Part::Grant),
            ("code", Part::Code),
            ("redirect_uri", Part::RedirectUri),
            ("client_id", Part::ClientId),
            ("client_secret", Part::ClientSecret),
        ],
        failure: Failure::Text(ErrorCode::ObjectNotFound, "LinkedIn API request failed."),
    },
    profile: Profile {
        url: "https://api.linkedin.com/v2/me",
        carries: Carries::Bearer,
        headers,
        id: Id::Member("id", &[]),
        failure: Failure::Text(ErrorCode::ObjectNotFound, "LinkedIn API request failed."),
        incomplete: None,
    },
};
