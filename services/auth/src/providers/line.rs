//! `line`: clients send `code` and `redirect_uri`.

use parsefleet_core::ErrorCode;

use super::oauth_code::{Carries, Description, Exchange, Failure, Id, Part, Profile, Sending, no_headers};

pub(super) static LINE: Description = Description {
    name: "Line",
    needs: (&[], ""),
    exchange: Exchange {
        url: "https://api.line.me/oauth2/v2.1/token",
        sending: Sending::Form,
        parameters: &[
            ("client_id", Part::ClientId),
            ("client_secret", Part::ClientSecret),
            ("grant_type", Part::Grant),
            ("redirect_uri", Part::RedirectUri),
            ("code", Part::Code),
        ],
        failure: Failure::Status(ErrorCode::ObjectNotFound, "Failed to exchange code for token: "),
    },
    profile: Profile {
        url: "https://api.line.me/v2/profile",
        carries: Carries::Bearer,
        headers: no_headers,
        id: Id::Member("userId", &[]),
        failure: Failure::Status(ErrorCode::ObjectNotFound, "Failed to fetch Line user: "),
        incomplete: Some("Invalid Line user data received."),
    },
};
