//! Which page a path means.

use std::borrow::Cow;

use parsefleet_runtime::config::{CustomRoute, Pages};
use percent_encoding::percent_decode_str;

use crate::verb::Verb;

/// A page that is asked for. Routes of an app start with its id, as it stands in the path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PageRoute<'a> {
    /// The link of a verification mail.
    VerifyEmail { app_id: Cow<'a, str> },
    /// A new link for verification is asked for.
    ResendVerificationEmail { app_id: Cow<'a, str> },
    /// The link of a mail for a new password.
    PasswordResetForm { app_id: Cow<'a, str> },
    /// The form with the new password.
    ResetPassword { app_id: Cow<'a, str> },
    /// The form, whatever the link is worth.
    ChoosePassword,
    /// One of `pages.customRoutes`, by its place there.
    Custom { app_id: Cow<'a, str>, index: usize },
    /// A file of the pages, by its path.
    File { path: &'a str },
}

impl<'a> PageRoute<'a> {
    /// As in Express, case and one trailing slash do not matter, and HEAD is GET.
    pub(crate) fn find(verb: &Verb, path: &'a str, pages: &Pages) -> Option<Self> {
        let rest = below(path.strip_prefix('/')?, &pages.endpoint)?;
        let trimmed = rest.strip_suffix('/').unwrap_or(rest);
        let is_get = verb.is_read();
        let is_post = *verb == Verb::Post;
        if is_get && trimmed.eq_ignore_ascii_case("choose_password") {
            return Some(Self::ChoosePassword);
        }
        if let Some((app_id, name)) = trimmed.split_once('/') {
            let is = |other: &str| name.eq_ignore_ascii_case(other);
            let app_id = percent_decode_str(app_id).decode_utf8_lossy();
            match (is_get, is_post) {
                (true, _) if is("verify_email") => return Some(Self::VerifyEmail { app_id }),
                (_, true) if is("resend_verification_email") => return Some(Self::ResendVerificationEmail { app_id }),
                (true, _) if is("request_password_reset") => return Some(Self::PasswordResetForm { app_id }),
                (_, true) if is("request_password_reset") => return Some(Self::ResetPassword { app_id }),
                _ => {}
            }
            let meant =
                |route: &CustomRoute| is(&route.path) && (route.method == "GET") == is_get && (is_get || is_post);
            if let Some(index) = pages.custom_routes.iter().position(meant) {
                return Some(Self::Custom { app_id, index });
            }
        }
        (is_get && !rest.is_empty()).then_some(Self::File { path: rest })
    }

    /// Its path as a label: one of few.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Self::VerifyEmail { .. } => "GET /:pages/:app/verify_email",
            Self::ResendVerificationEmail { .. } => "POST /:pages/:app/resend_verification_email",
            Self::PasswordResetForm { .. } => "GET /:pages/:app/request_password_reset",
            Self::ResetPassword { .. } => "POST /:pages/:app/request_password_reset",
            Self::ChoosePassword => "GET /:pages/choose_password",
            Self::Custom { .. } => "/:pages/:app/:custom",
            Self::File { .. } => "GET /:pages/:file",
        }
    }
}

/// What follows the endpoint and a slash.
fn below<'a>(path: &'a str, endpoint: &str) -> Option<&'a str> {
    let (head, rest) = path.split_at_checked(endpoint.len())?;
    rest.strip_prefix('/').filter(|_| head.eq_ignore_ascii_case(endpoint))
}
