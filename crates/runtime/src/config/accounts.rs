//! Users: who sees them, how their names are stored, what their passwords have to be like, and who is kept out.

use std::time::Duration;

use regress::Regex;

/// Users and their passwords.
#[derive(Clone, Debug)]
pub struct Accounts {
    /// `enforcePrivateUsers`
    pub enforce_private_users: bool,
    /// `convertEmailToLowercase`
    pub convert_email_to_lowercase: bool,
    /// `convertUsernameToLowercase`
    pub convert_username_to_lowercase: bool,
    /// `revokeSessionOnPasswordReset`
    pub revoke_sessions_on_password_change: bool,
    /// `accountLockout`
    pub lockout: Option<Lockout>,
    /// `passwordPolicy`
    pub passwords: PasswordPolicy,
}

/// When wrong passwords lock an account.
#[derive(Clone, Debug, PartialEq)]
pub struct Lockout {
    /// `duration` in minutes, as it is told to whoever is locked out.
    pub minutes: f64,
    /// `threshold`: so many wrong passwords lock.
    pub threshold: u32,
}

/// What a password has to be like.
#[derive(Clone, Debug, Default)]
pub struct PasswordPolicy {
    /// `validatorPattern`: what it has to match.
    pub pattern: Option<Regex>,
    /// `validationError`: what is said of one that does not.
    pub validation_error: Option<String>,
    /// `doNotAllowUsername`: whether it must not hold the user's name.
    pub refuse_username: bool,
    /// `maxPasswordAge`: how long it is good for.
    pub max_age: Option<Duration>,
    /// `maxPasswordHistory`: so many last ones, the present one included, are not to be used again; 0 for none.
    pub history: usize,
}

impl PasswordPolicy {
    /// What is said of a password that does not match.
    pub fn unfit(&self) -> &str {
        self.validation_error.as_deref().unwrap_or("Password does not meet the Password Policy requirements.")
    }

    /// What is said of a password that holds the user's name.
    pub fn holds_username(&self) -> &'static str {
        "Password cannot contain your username."
    }

    /// What is said of a password that was used before.
    pub fn used_before(&self) -> String {
        format!("New password should not be the same as last {} passwords.", self.history)
    }

    /// Whether the policy says so of some passwords.
    pub fn says(&self, refusal: &str) -> bool {
        (self.pattern.is_some() && refusal == self.unfit())
            || (self.refuse_username && refusal == self.holds_username())
            || (self.history > 0 && refusal == self.used_before())
    }
}

impl Lockout {
    /// `duration`: for how long it locks.
    pub fn duration(&self) -> Duration {
        Duration::from_secs_f64(self.minutes * 60.0)
    }
}
