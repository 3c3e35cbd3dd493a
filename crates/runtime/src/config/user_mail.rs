//! What users are asked and given by mail: to verify their address, to choose a new password.

use std::time::Duration;

/// Mails to users.
#[derive(Debug)]
pub struct UserMail {
    /// Whether links can be made and sent: `emailAdapter`, `appName` and `publicServerURL` are there.
    pub is_possible: bool,
    /// Verification of addresses.
    pub verification: Verification,
    /// New passwords for those who forgot theirs.
    pub reset: PasswordReset,
}

/// Something that is so or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// For everybody.
    Fixed(bool),
    /// The app's own code says so, case by case: the address of a webhook.
    Asked(String),
}

impl Decision {
    /// Whether it is so for nobody.
    pub fn is_never(&self) -> bool {
        *self == Self::Fixed(false)
    }
}

/// Verification of addresses.
#[derive(Debug)]
pub struct Verification {
    /// `verifyUserEmails`
    pub is_asked: Decision,
    /// `sendUserEmailVerification`
    pub send_mail: Decision,
    /// `preventLoginWithUnverifiedEmail`
    pub prevent_login: Decision,
    /// `preventSignupWithUnverifiedEmail`
    pub prevent_signup: bool,
    /// `emailVerifyTokenValidityDuration`; a link works for ever without one.
    pub token_validity: Option<Duration>,
    /// `emailVerifyTokenReuseIfValid`
    pub reuse_token: bool,
    /// `emailVerifySuccessOnInvalidEmail`
    pub success_on_invalid_email: bool,
}

/// New passwords for those who forgot theirs.
#[derive(Debug)]
pub struct PasswordReset {
    /// `passwordPolicy.resetTokenValidityDuration`; a link works for ever without one.
    pub token_validity: Option<Duration>,
    /// `passwordPolicy.resetTokenReuseIfValid`
    pub reuse_token: bool,
    /// `passwordPolicy.resetPasswordSuccessOnInvalidEmail`
    pub success_on_invalid_email: bool,
    /// `accountLockout.unlockOnPasswordReset`
    pub unlock: bool,
}
