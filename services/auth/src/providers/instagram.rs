//! `instagram`: clients send `code` and `redirect_uri`.

use parsefleet_core::ErrorCode;

use super::oauth_code::{Carries, Description, Exchange, Failure, Id, Part, Profile, Sending, no_headers};

pub(super) static INSTAGRAM: Description = Description {
    name: "Instagram",
    needs: (&[], ""),
    exchange: Exchange {
        url: "https://api.instagram.com/oauth/access_token",
        sending: Sending::Form,
        parameters: &[
            ("client_id", Part::ClientId),
            ("client_secret", Part::ClientSecret),
            ("grant_type", Part::Grant),
            ("redirect_uri", Part::RedirectUri),
            ("code", Part::Code),
        ],
        failure: Failure::Text(ErrorCode::ObjectNotFound, "Instagram API request failed."),
    },
    profile: Profile {
        url: "https://graph.instagram.com/me?fields=id",
        carries: Carries::Query,
        headers: no_headers,
        id: Id::Member("id", &[]),
        failure: Failure::Text(ErrorCode::ObjectNotFound, "Instagram API request failed."),
        incomplete: None,
    },
};
