//! What the pages ask that links in mails lead to.

use parsefleet_core::ParseError;
use parsefleet_proto::v1::{
    CheckResetTokenRequest, RequestContext, ResendVerificationEmailRequest, ResetPasswordRequest, VerifyEmailRequest,
};
use parsefleet_runtime::rpc;
use tonic::{Request, Response};

use super::{AuthBackend, parse_error};

impl AuthBackend {
    /// Whether the token verified an address.
    pub(crate) async fn verify_email(&self, context: RequestContext, token: &str) -> Result<bool, ParseError> {
        let message = VerifyEmailRequest { context: Some(context), token: token.to_owned() };
        Ok(ask!(self, "/parsefleet.v1.Auth/VerifyEmail", verify_email, message)?.verified)
    }

    /// Whether there is somebody to send a new link to, by name or by the token of an old link.
    pub(crate) async fn resend_verification_email(
        &self,
        context: RequestContext,
        username: &str,
        token: &str,
        locale: &str,
    ) -> Result<bool, ParseError> {
        let (username, token, locale) = (username.to_owned(), token.to_owned(), locale.to_owned());
        let message = ResendVerificationEmailRequest { context: Some(context), username, token, locale };
        Ok(ask!(self, "/parsefleet.v1.Auth/ResendVerificationEmail", resend_verification_email, message)?.sent)
    }

    /// The name of the user whose password the token may change.
    pub(crate) async fn check_reset_token(&self, context: RequestContext, token: &str) -> Result<String, ParseError> {
        let message = CheckResetTokenRequest { context: Some(context), token: token.to_owned() };
        Ok(ask!(self, "/parsefleet.v1.Auth/CheckResetToken", check_reset_token, message)?.username)
    }

    /// Gives the user of the token a new password.
    pub(crate) async fn reset_password(
        &self,
        context: RequestContext,
        token: &str,
        new_password: &str,
    ) -> Result<(), ParseError> {
        let (token, new_password) = (token.to_owned(), new_password.to_owned());
        let message = ResetPasswordRequest { context: Some(context), token, new_password };
        ask!(self, "/parsefleet.v1.Auth/ResetPassword", reset_password, message).map(|_| ())
    }
}
