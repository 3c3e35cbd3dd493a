//! The pages that links in mails lead to.

use std::{collections::BTreeMap, path::PathBuf};

use serde_json::{Map, Value as Json};

/// Pages, where their files are and what is put into them.
#[derive(Debug)]
pub struct Pages {
    /// `pages.pagesEndpoint`, without slashes around it.
    pub endpoint: String,
    /// `pages.pagesPath`: files that go before those that come with the program.
    pub folder: Option<PathBuf>,
    /// `pages.enableLocalization`
    pub localize: bool,
    /// `pages.localizationJsonPath`
    pub translations: Option<PathBuf>,
    /// `pages.localizationFallbackLocale`
    pub fallback_locale: String,
    /// `pages.placeholders`
    pub placeholders: Map<String, Json>,
    /// `pages.forceRedirect`
    pub force_redirect: bool,
    /// `pages.encodePageParamHeaders`
    pub encode_headers: bool,
    /// `pages.customUrls`, and for what they leave out `customPages`.
    pub custom_urls: BTreeMap<Page, CustomUrl>,
    /// `pages.customRoutes`
    pub custom_routes: Vec<CustomRoute>,
    /// `customPages.parseFrameURL`
    pub frame_url: Option<String>,
}

/// A page that users are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Page {
    /// The form for a new password.
    PasswordReset,
    /// The password was changed.
    PasswordResetSuccess,
    /// The link does not lead to the form.
    PasswordResetLinkInvalid,
    /// The address is verified.
    EmailVerificationSuccess,
    /// The link verifies nothing.
    EmailVerificationLinkInvalid,
    /// The link did verify something once. Kept for files and URLs that are there for it.
    EmailVerificationLinkExpired,
    /// A new link is on its way.
    EmailVerificationSendSuccess,
    /// No new link could be sent.
    EmailVerificationSendFail,
}

/// A page of the app's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomUrl {
    /// Absolute.
    pub url: String,
    /// Whether it was given in `customPages`, and so knows the parameters of older servers.
    pub is_legacy: bool,
}

/// A page of the app's own under the pages endpoint, without a function behind it.
#[derive(Clone, Debug)]
pub struct CustomRoute {
    /// `GET` or `POST`.
    pub method: String,
    /// What follows the application id in the path.
    pub path: String,
    /// The file to show.
    pub file: String,
    /// What is put into it.
    pub query: BTreeMap<String, String>,
}

impl Page {
    /// All pages.
    pub const ALL: [Self; 8] = [
        Self::PasswordReset,
        Self::PasswordResetSuccess,
        Self::PasswordResetLinkInvalid,
        Self::EmailVerificationSuccess,
        Self::EmailVerificationLinkInvalid,
        Self::EmailVerificationLinkExpired,
        Self::EmailVerificationSendSuccess,
        Self::EmailVerificationSendFail,
    ];

    /// Its name in `pages.customUrls`.
    pub fn id(self) -> &'static str {
        match self {
            Self::PasswordReset => "passwordReset",
            Self::PasswordResetSuccess => "passwordResetSuccess",
            Self::PasswordResetLinkInvalid => "passwordResetLinkInvalid",
            Self::EmailVerificationSuccess => "emailVerificationSuccess",
            Self::EmailVerificationLinkInvalid => "emailVerificationLinkInvalid",
            Self::EmailVerificationLinkExpired => "emailVerificationLinkExpired",
            Self::EmailVerificationSendSuccess => "emailVerificationSendSuccess",
            Self::EmailVerificationSendFail => "emailVerificationSendFail",
        }
    }

    /// The name of its file.
    pub fn file(self) -> &'static str {
        match self {
            Self::PasswordReset => "password_reset.html",
            Self::PasswordResetSuccess => "password_reset_success.html",
            Self::PasswordResetLinkInvalid => "password_reset_link_invalid.html",
            Self::EmailVerificationSuccess => "email_verification_success.html",
            Self::EmailVerificationLinkInvalid => "email_verification_link_invalid.html",
            Self::EmailVerificationLinkExpired => "email_verification_link_expired.html",
            Self::EmailVerificationSendSuccess => "email_verification_send_success.html",
            Self::EmailVerificationSendFail => "email_verification_send_fail.html",
        }
    }

    /// Names in `customPages` that mean it; the first that is set counts.
    pub(super) fn legacy_names(self) -> &'static [&'static str] {
        match self {
            Self::PasswordReset => &["choosePassword"],
            Self::PasswordResetSuccess => &["passwordResetSuccess"],
            Self::PasswordResetLinkInvalid => &["invalidPasswordResetLink", "invalidLink"],
            Self::EmailVerificationSuccess => &["verifyEmailSuccess"],
            Self::EmailVerificationLinkInvalid => &["invalidVerificationLink", "invalidLink"],
            Self::EmailVerificationLinkExpired => &["expiredVerificationLink", "invalidVerificationLink"],
            Self::EmailVerificationSendSuccess => &["linkSendSuccess"],
            Self::EmailVerificationSendFail => &["linkSendFail"],
        }
    }
}
