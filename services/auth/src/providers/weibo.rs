//! `weibo`: clients send `code` and `redirect_uri`.

use parsefleet_core::ErrorCode;

use super::oauth_code::{Carries, Description, Exchange, Failure, Id, Part, Profile, Sending, no_headers};

pub(super) static WEIBO: Description = Description {
    name: "Weibo",
    needs: (&["code", "redirect_uri"], "Weibo auth requires code and redirect_uri to be sent."),
    exchange: Exchange {
        url: "https://api.weibo.com/oauth2/access_token",
        sending: Sending::Form,
        parameters: &[
            ("client_id", Part::ClientId),
            ("client_secret", Part::ClientSecret),
            ("grant_type", Part::Grant),
            ("code", Part::Code),
            ("redirect_uri", Part::RedirectUri),
        ],
        failure: Failure::Text(ErrorCode::ObjectNotFound, "Weibo auth is invalid for this user."),
    },
    profile: Profile {
        url: "https://api.weibo.com/oauth2/get_token_info",
        carries: Carries::Form,
        headers: no_headers,
        id: Id::Member("uid", &[]),
        failure: Failure::Text(ErrorCode::ObjectNotFound, "Weibo auth is invalid for this user."),
        incomplete: None,
    },
};
