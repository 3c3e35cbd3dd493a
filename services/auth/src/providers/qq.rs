//! `qq`: clients send `code` and `redirect_uri`. Its answers are forms, or arguments of a function.

use parsefleet_core::ErrorCode;

use super::oauth_code::{Carries, Description, Exchange, Failure, Id, Part, Profile, Sending, no_headers};

pub(super) static QQ: Description = Description {
    name: "qq",
    needs: (&[], ""),
    exchange: Exchange {
        url: "https://graph.qq.com/oauth2.0/token",
        sending: Sending::Query,
        parameters: &[
            ("grant_type", Part::Grant),
            ("client_id", Part::ClientId),
            ("client_secret", Part::ClientSecret),
            ("redirect_uri", Part::RedirectUri),
            ("code", Part::Code),
        ],
        failure: Failure::Text(ErrorCode::ObjectNotFound, "qq API request failed."),
    },
    profile: Profile {
        url: "https://graph.qq.com/oauth2.0/me",
        carries: Carries::Query,
        headers: no_headers,
        id: Id::Member("openid", &[]),
        failure: Failure::Text(ErrorCode::ObjectNotFound, "qq API request failed."),
        incomplete: None,
    },
};
