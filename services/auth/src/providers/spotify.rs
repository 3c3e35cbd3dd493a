//! `spotify`: clients send `code`, `redirect_uri` and `code_verifier` (PKCE).

use parsefleet_core::ErrorCode;

use super::oauth_code::{Carries, Description, Exchange, Failure, Id, Part, Profile, Sending, no_headers};

pub(super) static SPOTIFY: Description = Description {
    name: "spotify",
    needs: (
        &["code", "redirect_uri", "code_verifier"],
        "Spotify auth configuration authData.code and/or authData.redirect_uri and/or authData.code_verifier.",
    ),
    exchange: Exchange {
        url: "https://accounts.spotify.com/api/token",
        sending: Sending::Form,
        parameters: &[
            ("grant_type", Part::Grant),
            ("code", Part::Code),
            ("redirect_uri", Part::RedirectUri),
            ("code_verifier", Part::CodeVerifier),
            ("client_id", Part::ClientId),
        ],
        failure: Failure::Text(ErrorCode::ObjectNotFound, "Spotify API request failed."),
    },
    profile: Profile {
        url: "https://api.spotify.com/v1/me",
        carries: Carries::Bearer,
        headers: no_headers,
        id: Id::Member("id", &[]),
        failure: Failure::Text(ErrorCode::ObjectNotFound, "Spotify API request failed."),
        incomplete: None,
    },
};
