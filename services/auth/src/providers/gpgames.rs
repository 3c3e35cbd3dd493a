//! `gpgames`: Google Play Games. Clients send `code` and `redirect_uri`, and may send `id`.
//!
//! Parse Server asks for the player whom the client names. Google shows any player to anybody who has a token, so that everybody
//! could log in as everybody: we ask for the player whose token it is.

use parsefleet_core::ErrorCode;

use super::oauth_code::{Carries, Description, Exchange, Failure, Id, Part, Profile, Sending, no_headers};

pub(super) static GOOGLE_PLAY_GAMES: Description = Description {
    name: "gpgames",
    needs: (&[], ""),
    exchange: Exchange {
        url: "https://oauth2.googleapis.com/token",
        sending: Sending::Json,
        parameters: &[
            ("client_id", Part::ClientId),
            ("client_secret", Part::ClientSecret),
            ("code", Part::Code),
            ("redirect_uri", Part::RedirectUri),
            ("grant_type", Part::Grant),
        ],
        failure: Failure::Status(ErrorCode::ValidationError, "Failed to exchange code for token: "),
    },
    profile: Profile {
        url: "https://www.googleapis.com/games/v1/players/me",
        carries: Carries::Bearer,
        headers: no_headers,
        id: Id::Member("playerId", &[]),
        failure: Failure::Status(ErrorCode::ValidationError, "Failed to fetch Google Play Games Services user: "),
        incomplete: Some("Invalid Google Play Games Services user data received."),
    },
};
