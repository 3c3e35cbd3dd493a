//! What each page route answers.

use http::Response;
use http_body::Body as _;
use parsefleet_core::{ErrorCode, ParseError};
use parsefleet_runtime::config::{CustomRoute, Page};
use serde_json::{Map, Value as Json};

use super::{
    Pages,
    files::SafePath,
    locale::Locale,
    params::Params,
    route::PageRoute,
    show::{self, Manner, Sight},
    visit::Visit,
};
use crate::{
    failure::{Failure, Result},
    render::Body,
};

const EXPIRED: &str = "The password reset link has expired";
const INVALID: &str = "Failed to reset password: username / email / token is invalid";
const MISMATCH: &str = "The passwords do not match.";

impl Pages {
    /// Answers a request for a page.
    ///
    /// # Errors
    /// 403 for another app, a Parse error for a script or if a service cannot answer.
    pub(crate) async fn answer(&self, route: &PageRoute<'_>, visit: &Visit) -> Result<Response<Body>> {
        let response = match route {
            PageRoute::VerifyEmail { app_id } => self.verify_email(app_id, visit).await?,
            PageRoute::ResendVerificationEmail { app_id } => self.resend(app_id, visit).await?,
            PageRoute::PasswordResetForm { app_id } => self.reset_form(app_id, visit).await?,
            PageRoute::ResetPassword { app_id } => self.reset_password(app_id, visit).await?,
            PageRoute::ChoosePassword => self.choose_password(visit).await?,
            PageRoute::Custom { app_id, index } => self.custom(app_id, *index, visit).await?,
            PageRoute::File { path } => self.file(path, visit).await?,
        };
        if !visit.is_head {
            return Ok(response);
        }
        let length = response.body().size_hint().exact().and_then(|length| usize::try_from(length).ok());
        Ok(show::without_content(response, length.unwrap_or(0)))
    }

    async fn verify_email(&self, app_id: &str, visit: &Visit) -> Result<Response<Body>> {
        self.check_app(app_id)?;
        let Some(token) = visit.query("token") else {
            return self.show(visit, Sight::of(Page::EmailVerificationLinkInvalid)).await;
        };
        // Whoever only looks where a link leads has not opened it.
        let is_verified = match visit.is_head {
            true => false,
            false => match self.auth.verify_email(visit.context.clone(), token).await {
                Ok(is_verified) => is_verified,
                Err(error) if is_ours(&error) => return Err(error.into()),
                // The app is against it.
                Err(_) => false,
            },
        };
        if is_verified {
            return self.show(visit, Sight::of(Page::EmailVerificationSuccess)).await;
        }
        let private = Map::from_iter([("resendToken".to_owned(), Json::from(token))]);
        self.show(visit, Sight { private, ..Sight::of(Page::EmailVerificationLinkInvalid) }).await
    }

    async fn resend(&self, app_id: &str, visit: &Visit) -> Result<Response<Body>> {
        self.check_app(app_id)?;
        let (username, token) = (visit.form("username"), visit.form("token"));
        if username.is_none() && token.is_none() {
            return self.show(visit, Sight::of(Page::EmailVerificationLinkInvalid)).await;
        }
        let context = visit.context.clone();
        let (username, token) = (username.unwrap_or_default(), token.unwrap_or_default());
        let locale = visit.locale.as_ref().map(Locale::as_str).unwrap_or_default();
        let sent = self.auth.resend_verification_email(context, username, token, locale).await?;
        let hides_failure = self.config.user_mail.verification.success_on_invalid_email;
        let page = match sent || hides_failure {
            true => Page::EmailVerificationSendSuccess,
            false => Page::EmailVerificationSendFail,
        };
        self.show(visit, Sight::of(page)).await
    }

    async fn reset_form(&self, app_id: &str, visit: &Visit) -> Result<Response<Body>> {
        self.check_app(app_id)?;
        let Some(token) = visit.query("token") else {
            return self.show(visit, Sight::of(Page::PasswordResetLinkInvalid)).await;
        };
        let username = match self.auth.check_reset_token(visit.context.clone(), token).await {
            Ok(username) => username,
            Err(error) if is_ours(&error) => return Err(error.into()),
            Err(_) => return self.show(visit, Sight::of(Page::PasswordResetLinkInvalid)).await,
        };
        let mut params = Params::default().with("token", token);
        // Pages for older servers name the user; those of today do not learn who it is.
        if self.config.pages.custom_urls.get(&Page::PasswordReset).is_some_and(|custom| custom.is_legacy) {
            params.set("username", &username);
        }
        self.show(visit, Sight::of(Page::PasswordReset).with(params)).await
    }

    async fn reset_password(&self, app_id: &str, visit: &Visit) -> Result<Response<Body>> {
        self.check_app(app_id)?;
        let (token, password) = match (visit.form("token"), visit.form("new_password")) {
            (Some(token), Some(password)) => (token, password),
            _ if !visit.is_script => return self.show(visit, Sight::of(Page::PasswordResetLinkInvalid)).await,
            (None, _) => return Err(ParseError::new(ErrorCode::OtherCause, "Missing token").into()),
            (Some(_), None) => return Err(ParseError::new(ErrorCode::PasswordMissing, "Missing password").into()),
        };
        let error = match visit.form("confirm_new_password") {
            // Without a script nobody else notices.
            Some(again) if again != password && !visit.is_script => MISMATCH.to_owned(),
            _ => match self.auth.reset_password(visit.context.clone(), token, password).await {
                Ok(()) if visit.is_script => return Ok(show::json_text("Password successfully reset")),
                Ok(()) => return self.show(visit, content(Page::PasswordResetSuccess, Params::default())).await,
                Err(error) if is_ours(&error) => return Err(error.into()),
                Err(error) if visit.is_script => {
                    return Err(ParseError::new(ErrorCode::OtherCause, error.message).into());
                }
                Err(error) => error.message,
            },
        };
        let params = Params::default().with("token", token).with("appId", &self.config.app_id).with("error", &error);
        let sight = Sight { private: kind_of(&error), ..content(Page::PasswordReset, params) };
        self.show(visit, sight).await
    }

    /// The form as older servers link to it; what the token is worth shows when it is sent.
    async fn choose_password(&self, visit: &Visit) -> Result<Response<Body>> {
        let app_id = visit.query("appId").or_else(|| visit.query("id"));
        self.check_app(app_id.unwrap_or_default())?;
        let mut params = Params::default().with("appId", &self.config.app_id);
        for name in ["token", "username"] {
            if let Some(value) = visit.query(name) {
                params.set(name, value);
            }
        }
        self.show(visit, Sight::of(Page::PasswordReset).with(params)).await
    }

    async fn custom(&self, app_id: &str, index: usize, visit: &Visit) -> Result<Response<Body>> {
        self.check_app(app_id)?;
        let Some(CustomRoute { file, query, .. }) = self.config.pages.custom_routes.get(index) else {
            return Ok(show::not_found());
        };
        let params = query.iter().fold(Params::default(), |params, (name, value)| params.with(name, value));
        let Some(params) = self.complete(params, visit) else { return Ok(show::not_found()) };
        self.show_file(visit, file, (&params, Map::new()), self.config.pages.force_redirect).await
    }

    async fn file(&self, path: &str, visit: &Visit) -> Result<Response<Body>> {
        let Some(path) = SafePath::of_url(path) else { return Ok(show::not_found()) };
        let Some(file) = self.files.read(&path).await else { return Ok(show::not_found()) };
        if !show::is_page(&path) {
            return Ok(show::raw(&path, &file));
        }
        if visit.query("appId") != Some(&self.config.app_id) {
            let locale = visit.locale.as_ref();
            let params =
                locale.map_or_else(Params::default, |locale| Params::default().with("locale", locale.as_str()));
            return self.content(visit, &file, &params, Map::new());
        }
        let Some(params) = self.complete(Params::default(), visit) else { return Ok(show::not_found()) };
        self.content(visit, &file, &params, self.form_values(&path, visit))
    }

    /// The values of the form when a redirection led to it: by itself its file would not know the token.
    fn form_values(&self, path: &SafePath, visit: &Visit) -> Map<String, Json> {
        let mut values = Map::new();
        let name = path.as_str().rsplit('/').next();
        if name != Some(Page::PasswordReset.file()) {
            return values;
        }
        for name in ["token", "username"] {
            values.extend(visit.query(name).map(|value| (name.to_owned(), Json::from(value))));
        }
        // Nobody else's sentence: the form asks for a password.
        if let Some(error) = visit.query("error").filter(|error| self.is_known(error)) {
            values.insert("error".to_owned(), Json::from(error));
            values.extend(kind_of(error));
        }
        values
    }

    fn is_known(&self, error: &str) -> bool {
        [EXPIRED, INVALID, MISMATCH].contains(&error) || self.config.accounts.passwords.says(error)
    }

    fn check_app(&self, app_id: &str) -> Result<()> {
        if app_id == self.config.app_id { Ok(()) } else { Err(Failure::http(403, "unauthorized")) }
    }
}

fn content(page: Page, params: Params) -> Sight {
    Sight { manner: Manner::Content, ..Sight::of(page).with(params) }
}

/// Which of its own sentences a page says.
fn kind_of(error: &str) -> Map<String, Json> {
    let kind = match error {
        EXPIRED => "isExpired",
        INVALID => "isInvalid",
        MISMATCH => "isMismatch",
        _ => "isOther",
    };
    Map::from_iter([(kind.to_owned(), Json::Bool(true))])
}

/// Whether it is no fault of the link or of the password.
fn is_ours(error: &ParseError) -> bool {
    matches!(error.code, ErrorCode::InternalServerError | ErrorCode::ConnectionFailed | ErrorCode::Timeout)
}
