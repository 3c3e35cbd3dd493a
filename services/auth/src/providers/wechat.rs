//! `wechat`: clients send `code`. The id comes with the token, and the second request confirms it.

use parsefleet_core::ErrorCode;

use super::oauth_code::{Carries, Description, Exchange, Failure, Id, Part, Profile, Sending, no_headers};

pub(super) static WECHAT: Description = Description {
    name: "WeChat",
    needs: (&[], ""),
    exchange: Exchange {
        url: "https://api.weixin.qq.com/sns/oauth2/access_token",
        sending: Sending::Query,
        parameters: &[
            ("appid", Part::ClientId),
            ("secret", Part::ClientSecret),
            ("code", Part::Code),
            ("grant_type", Part::Grant),
        ],
        failure: Failure::Text(ErrorCode::ObjectNotFound, "WeChat auth is invalid for this user."),
    },
    profile: Profile {
        url: "https://api.weixin.qq.com/sns/auth?openid={id}",
        carries: Carries::Query,
        headers: no_headers,
        id: Id::Confirmed("errcode"),
        failure: Failure::Text(ErrorCode::ObjectNotFound, "WeChat auth is invalid for this user."),
        incomplete: None,
    },
};
