//! Links in mails.

use std::time::Duration;

use parsefleet_core::{Date, uri::URI_COMPONENT};
use parsefleet_runtime::config::Config;
use percent_encoding::utf8_percent_encode;
use serde_json::{Map, Value as Json};

use crate::{clock, random};

/// What a link does. Its columns hold the secret of the link and until when it works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// It verifies an address.
    Verify,
    /// It leads to the form for a new password.
    Reset,
}

/// The secret of a link.
pub(super) struct Token {
    pub(super) text: String,
    /// `None` if it works for ever.
    expires_at: Option<Date>,
}

impl Purpose {
    /// The column of the secret.
    pub(super) fn column(self) -> &'static str {
        match self {
            Self::Verify => "_email_verify_token",
            Self::Reset => "_perishable_token",
        }
    }

    /// The column of the time at which it stops working.
    pub(super) fn expiry_column(self) -> &'static str {
        match self {
            Self::Verify => "_email_verify_token_expires_at",
            Self::Reset => "_perishable_token_expires_at",
        }
    }

    fn page(self) -> &'static str {
        match self {
            Self::Verify => "verify_email",
            Self::Reset => "request_password_reset",
        }
    }

    /// The link with this secret.
    pub(super) fn link(self, config: &Config, token: &str) -> String {
        let public = config.http.public_server_url.as_deref().unwrap_or_default().trim_end_matches('/');
        let app_id = utf8_percent_encode(&config.app_id, URI_COMPONENT);
        let path = format!("/{}/{app_id}/{}", config.pages.endpoint, self.page());
        let token = utf8_percent_encode(token, URI_COMPONENT);
        match &config.pages.frame_url {
            // The page at this URL shows ours in a frame.
            Some(frame) => format!("{frame}?link={}&token={token}", utf8_percent_encode(&path, URI_COMPONENT)),
            None => format!("{public}{path}?token={token}"),
        }
    }
}

impl Token {
    /// A new one, good for so long.
    pub(super) fn new(validity: Option<Duration>) -> Self {
        Self { text: random::link_token(), expires_at: validity.map(|validity| clock::after(clock::now(), validity)) }
    }

    /// The columns in which it is stored.
    pub(super) fn columns(&self, purpose: Purpose) -> Map<String, Json> {
        let mut columns = Map::new();
        columns.insert(purpose.column().to_owned(), self.text.as_str().into());
        if let Some(expires_at) = self.expires_at {
            columns.insert(purpose.expiry_column().to_owned(), clock::to_json(expires_at));
        }
        columns
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use parsefleet_runtime::config::{Launch, load};

    use super::*;

    fn config(pages: &[(&str, &str)]) -> Config {
        let common = [
            ("PARSE_SERVER_APPLICATION_ID", "my app"),
            ("PARSE_SERVER_MASTER_KEY", "master"),
            ("PARSE_PUBLIC_SERVER_URL", "https://api.example/parse/"),
        ];
        let environment = common.iter().chain(pages).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let Ok(Launch::Run(startup)) = load(std::iter::empty(), environment) else { panic!("no configuration") };
        startup.config
    }

    #[test]
    fn links_lead_to_pages() {
        let config = config(&[]);
        let link = Purpose::Verify.link(&config, "abc");
        assert_eq!(link, "https://api.example/parse/apps/my%20app/verify_email?token=abc");
        let link = Purpose::Reset.link(&config, "a&b");
        assert_eq!(link, "https://api.example/parse/apps/my%20app/request_password_reset?token=a%26b");
    }

    #[test]
    fn links_may_be_masked_by_a_frame() {
        let config = config(&[
            ("PARSE_SERVER_CUSTOM_PAGES", r#"{"parseFrameURL": "https://frame.example/page"}"#),
            ("PARSE_SERVER_PAGES", r#"{"pagesEndpoint": "users"}"#),
        ]);
        let link = Purpose::Verify.link(&config, "abc");
        assert_eq!(link, "https://frame.example/page?link=%2Fusers%2Fmy%2520app%2Fverify_email&token=abc");
    }

    #[test]
    fn secrets_have_an_end_only_if_they_are_given_one() {
        let token = Token::new(None);
        assert_eq!(token.text.len(), 25);
        assert_eq!(token.columns(Purpose::Reset).len(), 1);
        let columns = Token::new(Some(Duration::from_secs(60))).columns(Purpose::Verify);
        assert_eq!(columns["_email_verify_token_expires_at"]["__type"], "Date");
        assert_ne!(Token::new(None).text, token.text);
    }
}
