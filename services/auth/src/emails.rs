//! Verification of addresses, as far as it belongs to writes and log-ins.

use parsefleet_core::{ErrorCode, ParseError, acl::is_truthy, error::Result};
use parsefleet_proto::v1::RequestContext;
use serde_json::{Map, Value as Json};

use crate::{caller::Caller, service::AuthService, users::UserRow};

/// A user whose address is new, or is sent again.
pub(crate) struct Addressed<'a> {
    pub(crate) context: &'a RequestContext,
    pub(crate) caller: &'a Caller,
    pub(crate) user_id: &'a str,
    /// Whether the user is about to be created.
    pub(crate) is_new: bool,
    /// The address as it is going to be stored; `None` if the write does not touch it, or removes it.
    pub(crate) email: Option<&'a str>,
    /// The body of the write, without password and `authData`.
    pub(crate) body: &'a Map<String, Json>,
    /// `authData` as it was sent.
    pub(crate) identities: Option<&'a Json>,
}

/// What a write means for the user's address.
#[derive(Debug, Default)]
pub(crate) struct MailPlan {
    /// Columns to be written, in the names of rows.
    pub(crate) columns: Map<String, Json>,
    /// Whether the user gets no session before the address is verified.
    pub(crate) awaits_verification: bool,
}

impl AuthService {
    /// What the write means for the address: a token, and a mail that is sent once the write happened.
    pub(crate) async fn plan_mail(&self, _user: &Addressed<'_>) -> Result<MailPlan> {
        Ok(MailPlan::default())
    }

    /// Refuses to let somebody in whose address is not verified, if it has to be.
    ///
    /// # Errors
    /// 205 for such a user.
    pub(crate) fn check_verified(&self, user: &UserRow) -> Result<()> {
        let verification = &self.config.user_mail.verification;
        let must_be = verification.is_asked && verification.prevent_login;
        let is_verified = user.email_verified.as_ref().is_some_and(is_truthy);
        if must_be && !is_verified {
            return Err(unverified());
        }
        Ok(())
    }
}

impl MailPlan {
    /// The write did not happen.
    pub(crate) async fn abandon(self, _service: &AuthService) {}

    /// The write happened.
    ///
    /// # Errors
    /// 205 if the user has been made and is not to be let in yet.
    pub(crate) async fn complete(self, service: &AuthService, is_new: bool) -> Result<()> {
        let prevents = service.config.user_mail.verification.prevent_signup;
        if is_new && self.awaits_verification && prevents {
            return Err(unverified());
        }
        Ok(())
    }
}

fn unverified() -> ParseError {
    ParseError::new(ErrorCode::EmailNotFound, "User email is not verified.")
}
