//! Mails by which an address is verified.

use parsefleet_core::{ErrorCode, ParseError, error::Result};
use parsefleet_proto::v1::{
    RequestContext, RequestEmailVerificationRequest, RequestEmailVerificationResponse, ResendVerificationEmailRequest,
    ResendVerificationEmailResponse,
};
use serde_json::{Map, Value as Json, json};

use super::{
    Addressed, MailPlan,
    decision::Case,
    job::locale_of,
    link::{Purpose, Token},
    row::Addressee,
    wish::Wish,
};
use crate::{
    json::{self, delete},
    rows::Touch,
    service::AuthService,
};

impl AuthService {
    /// What the write means for the address: a token, and a mail that is sent once the write happened.
    pub(crate) async fn plan_mail(&self, user: &Addressed<'_>) -> Result<MailPlan> {
        let new_email = user.email.filter(|email| !email.is_empty());
        let email = new_email.filter(|_| is_anonymous_at_most(user.identities));
        let may_have_to_wait = user.is_new && !has_identity(user.identities);
        let case = Case::of_write(user);
        if (email.is_none() && !may_have_to_wait) || !self.asks_to_verify(&case).await? {
            return self.plan_unverified(user, new_email).await;
        }
        let awaits_verification = may_have_to_wait && self.prevents_log_in(&case).await?;
        let Some(email) = email else { return Ok(MailPlan { awaits_verification, ..MailPlan::default() }) };
        let token = Token::new(self.config.user_mail.verification.token_validity);
        let mut columns = token.columns(Purpose::Verify);
        columns.insert("emailVerified".to_owned(), false.into());
        let intent = match self.sends_verification(&case).await? {
            true => {
                let addressee = self.addressee_of_write(user, email).await?;
                self.intend_mail(Purpose::Verify, &addressee, &token.text, "").await?
            }
            false => None,
        };
        Ok(MailPlan { columns, awaits_verification, intent })
    }

    /// What the write means for an address that nobody is asked to verify: it is not the one that was verified before, nor is an
    /// older link good for it. Parse Server leaves both as they are.
    async fn plan_unverified(&self, user: &Addressed<'_>, email: Option<&str>) -> Result<MailPlan> {
        let never = user.is_new || self.config.user_mail.verification.is_asked.is_never();
        let Some(email) = email.filter(|_| !never) else { return Ok(MailPlan::default()) };
        let present = Addressee::find(&self.rows, user.context, json!({ "objectId": user.user_id })).await?;
        let is_new_address = |present: &Addressee| present.text("email") != Some(email);
        if !present.is_some_and(|present| is_new_address(&present)) {
            return Ok(MailPlan::default());
        }
        let links = [Purpose::Verify.column(), Purpose::Verify.expiry_column()];
        let mut columns: Map<String, Json> = links.map(|column| (column.to_owned(), delete())).into_iter().collect();
        columns.insert("emailVerified".to_owned(), false.into());
        Ok(MailPlan { columns, ..MailPlan::default() })
    }

    /// `POST /verificationEmailRequest`
    #[tracing::instrument(name = "auth.request_email_verification", skip_all)]
    pub(crate) async fn request_verification(
        &self,
        request: RequestEmailVerificationRequest,
    ) -> Result<RequestEmailVerificationResponse> {
        self.check_mail()?;
        let context = request.context.unwrap_or_default();
        let mut body = json::object(&request.body)?;
        let locale = locale_of(&body);
        let email = match body.shift_remove("email").filter(parsefleet_core::acl::is_truthy) {
            None => return Err(ParseError::new(ErrorCode::EmailMissing, "you must provide an email")),
            Some(Json::String(email)) => email,
            Some(_) => {
                let text = "you must provide a valid email string";
                return Err(ParseError::new(ErrorCode::InvalidEmailAddress, text));
            }
        };
        let filter = json!({ "email": self.email_in_either_case(&email) });
        if self.config.user_mail.verification.success_on_invalid_email {
            self.begin_hidden(&context, Wish::Verification { filter, locale }).await?;
        } else {
            let Some(user) = Addressee::find(&self.rows, &context, filter).await? else {
                let text = format!("No user found with email {email}");
                return Err(ParseError::new(ErrorCode::EmailNotFound, text));
            };
            if user.is_verified() {
                return Err(ParseError::new(ErrorCode::OtherCause, format!("Email {email} is already verified.")));
            }
            self.resend(&context, &user, &locale).await?;
        }
        Ok(RequestEmailVerificationResponse {})
    }

    /// The page's way to a new link: by name, or by the token of an old one.
    #[tracing::instrument(name = "auth.resend_verification_email", skip_all)]
    pub(crate) async fn resend_verification(
        &self,
        request: ResendVerificationEmailRequest,
    ) -> Result<ResendVerificationEmailResponse> {
        let context = request.context.unwrap_or_default();
        let locale = request.locale;
        let mut filter = Map::new();
        if !request.username.is_empty() {
            filter.insert("username".to_owned(), self.username_in_either_case(&request.username));
        }
        if !request.token.is_empty() {
            filter.insert(Purpose::Verify.column().to_owned(), request.token.into());
        }
        if filter.is_empty() || self.check_mail().is_err() {
            return Ok(ResendVerificationEmailResponse { sent: false });
        }
        let filter = Json::Object(filter);
        if self.config.user_mail.verification.success_on_invalid_email {
            self.begin_hidden(&context, Wish::Verification { filter, locale }).await?;
            return Ok(ResendVerificationEmailResponse { sent: true });
        }
        Ok(ResendVerificationEmailResponse { sent: self.resend_to(&context, filter, &locale).await? })
    }

    /// Sends a new link to the user who satisfies the condition. Whether there was anybody to send it to.
    pub(super) async fn resend_to(&self, context: &RequestContext, filter: Json, locale: &str) -> Result<bool> {
        match Addressee::find(&self.rows, context, filter).await? {
            Some(user) if !user.is_verified() => self.resend(context, &user, locale).await,
            Some(_) | None => Ok(false),
        }
    }

    /// Sends the user a link: the one that was sent before if it still works and may be sent again, else a new one, which makes
    /// the old one worthless.
    async fn resend(&self, context: &RequestContext, user: &Addressee, locale: &str) -> Result<bool> {
        let verification = &self.config.user_mail.verification;
        let case = Case::of_resending(context, user);
        if user.text("email").is_none() || !self.asks_to_verify(&case).await? {
            return Ok(false);
        }
        let reused = user
            .valid_token(Purpose::Verify)
            .filter(|_| verification.reuse_token && verification.token_validity.is_some());
        if let Some(token) = reused {
            if self.sends_verification(&case).await?
                && let Some(intent) = self.intend_mail(Purpose::Verify, user, token, locale).await?
            {
                intent.happened();
            }
            return Ok(true);
        }
        let token = Token::new(verification.token_validity);
        let intent = match self.sends_verification(&case).await? {
            true => self.intend_mail(Purpose::Verify, user, &token.text, locale).await?,
            false => None,
        };
        let mut changes = token.columns(Purpose::Verify);
        changes.insert("emailVerified".to_owned(), false.into());
        // Who verified the address meanwhile stays verified, and who changed it is sent another mail.
        let filter = json!({ "objectId": user.id(), "email": user.text("email"), "emailVerified": { "$ne": true } });
        let changed: Option<Json> =
            self.rows.change(context, "_User", &filter, &Json::Object(changes), Touch::No).await?;
        match (intent, &changed) {
            (Some(intent), Some(_)) => intent.happened(),
            (Some(intent), None) => intent.failed(),
            (None, _) => {}
        }
        Ok(changed.is_some())
    }

    /// The user as it will be after the write.
    async fn addressee_of_write(&self, user: &Addressed<'_>, email: &str) -> Result<Addressee> {
        let present = match user.is_new {
            true => None,
            false => Addressee::find(&self.rows, user.context, json!({ "objectId": user.user_id })).await?,
        };
        let mut columns = present.unwrap_or_default().0;
        // Operations are no values; a mail can do without what comes of them.
        let values = user.body.iter().filter(|(_, value)| value.get("__op").is_none());
        columns.extend(values.map(|(name, value)| (name.clone(), value.clone())));
        columns.insert("objectId".to_owned(), user.user_id.into());
        columns.insert("email".to_owned(), email.into());
        columns.insert("emailVerified".to_owned(), false.into());
        Ok(Addressee(columns))
    }
}

/// Whether somebody vouches for the user.
fn has_identity(identities: Option<&Json>) -> bool {
    let providers = identities.and_then(Json::as_object);
    providers.is_some_and(|providers| {
        providers.values().any(|slice| slice.as_object().is_some_and(|slice| !slice.is_empty()))
    })
}

/// Whether no identity comes along but an anonymous one: whom a third party vouches for is not asked to verify.
fn is_anonymous_at_most(identities: Option<&Json>) -> bool {
    match identities {
        Some(Json::Object(providers)) => providers.iter().all(|(name, slice)| name == "anonymous" || slice.is_null()),
        None | Some(_) => true,
    }
}
