//! `microsoft`: clients send `code` and `redirect_uri`.

use parsefleet_core::ErrorCode;

use super::oauth_code::{Carries, Description, Exchange, Failure, Id, Part, Profile, Sending, no_headers};

pub(super) static MICROSOFT: Description = Description {
    name: "Microsoft",
    needs: (&[], ""),
    exchange: Exchange {
        url: "https://login.microsoftonline.com/common/oauth2/v2.0/token",
        sending: Sending::Form,
        parameters: &[
            ("client_id", Part::ClientId),
            ("client_secret", Part::ClientSecret),
            ("grant_type", Part::Grant),
            ("redirect_uri", Part::RedirectUri),
            ("code", Part::Code),
        ],
        failure: Failure::Text(ErrorCode::ObjectNotFound, "Microsoft API request failed."),
    },
    profile: Profile {
        url: "https://graph.microsoft.com/v1.0/me",
        carries: Carries::Bearer,
        headers: no_headers,
        id: Id::Member("id", &[]),
        failure: Failure::Text(ErrorCode::ObjectNotFound, "Microsoft API request failed."),
        incomplete: None,
    },
};
