//! `github`: clients send `code`.

use parsefleet_core::ErrorCode;

use super::oauth_code::{Carries, Description, Exchange, Failure, Id, Part, Profile, Sending, no_headers};

pub(super) static GITHUB: Description = Description {
    name: "GitHub",
    needs: (&[], ""),
    exchange: Exchange {
        url: "https://github.com/login/oauth/access_token",
        sending: Sending::Json,
        parameters: &[("client_id", Part::ClientId), ("client_secret", Part::ClientSecret), ("code", Part::Code)],
        failure: Failure::Status(ErrorCode::ValidationError, "Failed to exchange code for token: "),
    },
    profile: Profile {
        url: "https://api.github.com/user",
        carries: Carries::Bearer,
        headers: no_headers,
        id: Id::Member("id", &["login"]),
        failure: Failure::Status(ErrorCode::ValidationError, "Failed to fetch GitHub user: "),
        incomplete: Some("Invalid GitHub user data received."),
    },
};
