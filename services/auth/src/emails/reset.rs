//! A new password for those who forgot theirs.

use parsefleet_core::{ErrorCode, ParseError, acl::is_truthy, error::Result};
use parsefleet_proto::v1::{
    CheckResetTokenRequest, CheckResetTokenResponse, RequestContext, RequestPasswordResetRequest,
    RequestPasswordResetResponse, ResetPasswordRequest, ResetPasswordResponse,
};
use serde_json::{Map, Value as Json, json};

use super::{
    change_by_link,
    job::locale_of,
    link::{Purpose, Token},
    row::Addressee,
    wish::Wish,
};
use crate::{
    clock,
    json::{self, delete},
    rows::Touch,
    service::AuthService,
    triggers::{Moment, Question},
};

const PURPOSE: Purpose = Purpose::Reset;
/// The column of a password.
const HASH: &str = "_hashed_password";

impl AuthService {
    /// `POST /requestPasswordReset`
    #[tracing::instrument(name = "auth.request_password_reset", skip_all)]
    pub(crate) async fn request_reset(
        &self,
        request: RequestPasswordResetRequest,
    ) -> Result<RequestPasswordResetResponse> {
        self.check_mail()?;
        let context = request.context.unwrap_or_default();
        let mut body = json::object(&request.body)?;
        let email = body.shift_remove("email").filter(is_truthy);
        let token = body.shift_remove("token").filter(is_truthy);
        let locale = locale_of(&body);
        let email = match (email, token) {
            (None, None) => return Err(ParseError::new(ErrorCode::EmailMissing, "you must provide an email")),
            (email, Some(Json::String(token))) => self.address_of_expired(&context, &token).await?.or(email),
            (_, Some(_)) => return Err(ParseError::new(ErrorCode::InvalidValue, "token must be a string")),
            (email, None) => email,
        };
        let Some(Json::String(email)) = email else {
            let text = "you must provide a valid email string";
            return Err(ParseError::new(ErrorCode::InvalidEmailAddress, text));
        };
        self.before_reset(&context, &email).await?;
        if self.config.user_mail.reset.success_on_invalid_email {
            self.begin_hidden(&context, Wish::Reset { email, locale }).await?;
        } else if !self.send_reset_link(&context, &email, &locale).await? {
            let text = "A user with that email does not exist.";
            return Err(ParseError::new(ErrorCode::ObjectNotFound, text));
        }
        Ok(RequestPasswordResetResponse {})
    }

    /// Asks the app whether this user may have a link. Whoever is refused learns that there is such a user, as in Parse Server; without
    /// a trigger nobody does.
    async fn before_reset(&self, context: &RequestContext, email: &str) -> Result<()> {
        if !self.triggers.has(Moment::BeforePasswordReset).await? {
            return Ok(());
        }
        let Some(user) = Addressee::find(&self.rows, context, self.addressed(email)).await? else { return Ok(()) };
        let question = Question { context, mount_url: "", object_id: user.id(), object: Map::new() };
        self.triggers.ask(Moment::BeforePasswordReset, question).await.map(drop)
    }

    /// The user whose password a token may change.
    #[tracing::instrument(name = "auth.check_reset_token", skip_all)]
    pub(crate) async fn check_token(&self, request: CheckResetTokenRequest) -> Result<CheckResetTokenResponse> {
        let context = request.context.unwrap_or_default();
        let user = self.user_of_token(&context, &request.token).await?;
        Ok(CheckResetTokenResponse { username: user.text("username").unwrap_or_default().to_owned() })
    }

    /// Changes the password of whoever has this token: a change of the user like any other, about which the app is asked. The token is
    /// among its conditions: of many who try at the same time one succeeds.
    #[tracing::instrument(name = "auth.reset_password", skip_all)]
    pub(crate) async fn reset_by_token(&self, request: ResetPasswordRequest) -> Result<ResetPasswordResponse> {
        let context = request.context.unwrap_or_default();
        let user = self.user_of_token(&context, &request.token).await?;
        let change = change_by_link(&context, user.id(), "password", request.new_password.into());
        let plan = self.plan_changed_user(change).await?;
        if !plan.writes(HASH)? {
            return Err(ParseError::new(ErrorCode::ScriptFailed, "The password was not changed."));
        }
        let plan = plan.with_owned(self.columns_of_lock(), json!({ PURPOSE.column(): request.token }))?;
        match self.carry_out(plan).await {
            Ok(_) => Ok(ResetPasswordResponse {}),
            Err(error) if error.code == ErrorCode::ObjectNotFound => Err(invalid()),
            Err(error) => Err(error),
        }
    }

    /// What a new password puts an end to if the app says so: the lock.
    fn columns_of_lock(&self) -> Map<String, Json> {
        let unlocks = self.config.accounts.lockout.is_some() && self.config.user_mail.reset.unlock;
        let lock: &[&str] = if unlocks { &["_failed_login_count", "_account_lockout_expires_at"] } else { &[] };
        lock.iter().map(|column| ((*column).to_owned(), delete())).collect()
    }

    /// The user of a token that works.
    ///
    /// # Errors
    /// -1 for a token that does not, or not any more.
    async fn user_of_token(&self, context: &RequestContext, token: &str) -> Result<Addressee> {
        let user = Addressee::by_token(&self.rows, context, PURPOSE, token).await?.ok_or_else(invalid)?;
        let ends = self.config.user_mail.reset.token_validity.is_some();
        if ends && user.expiry(PURPOSE).is_some_and(|expiry| expiry < clock::now()) {
            return Err(ParseError::new(ErrorCode::OtherCause, "The password reset link has expired"));
        }
        Ok(user)
    }

    /// The address of whoever had a token that does not work any more.
    async fn address_of_expired(&self, context: &RequestContext, token: &str) -> Result<Option<Json>> {
        let user = Addressee::by_token(&self.rows, context, PURPOSE, token).await?;
        let expired = user.filter(|user| user.expiry(PURPOSE).is_some_and(|expiry| expiry < clock::now()));
        Ok(expired.and_then(|user| user.text("email").map(Json::from)))
    }

    /// Sends a link to whoever has this address, or this name and no address. Whether there is somebody.
    pub(super) async fn send_reset_link(&self, context: &RequestContext, email: &str, locale: &str) -> Result<bool> {
        let known = self.addressed(email);
        let Some(user) = Addressee::find(&self.rows, context, known.clone()).await? else { return Ok(false) };
        let reset = &self.config.user_mail.reset;
        let reused = user.valid_token(PURPOSE).filter(|_| reset.reuse_token && reset.token_validity.is_some());
        if let Some(token) = reused {
            if let Some(intent) = self.intend_mail(PURPOSE, &user, token, locale).await? {
                intent.happened();
            }
            return Ok(true);
        }
        let token = Token::new(reset.token_validity);
        let intent = self.intend_mail(PURPOSE, &user, &token.text, locale).await?;
        let filter = json!({ "$and": [{ "objectId": user.id() }, known] });
        let changes = Json::Object(token.columns(PURPOSE));
        let changed: Option<Map<String, Json>> =
            self.rows.change(context, "_User", &filter, &changes, Touch::No).await?;
        match (intent, &changed) {
            (Some(intent), Some(_)) => intent.happened(),
            (Some(intent), None) => intent.failed(),
            (None, _) => {}
        }
        Ok(changed.is_some())
    }

    /// Whoever has this address, or this name and no address; as for log-ins, in either case where they are stored in lower case.
    fn addressed(&self, typed: &str) -> Json {
        let (email, username) = (self.email_in_either_case(typed), self.username_in_either_case(typed));
        json!({ "$or": [{ "email": email }, { "username": username, "email": { "$exists": false } }] })
    }
}

fn invalid() -> ParseError {
    let text = "Failed to reset password: username / email / token is invalid";
    ParseError::new(ErrorCode::OtherCause, text)
}
