//! What users are asked and given by mail.

use std::time::Duration;

use serde_json::Value as Json;

use super::Builder;
use crate::config::{Decision, PasswordReset, UserMail, Verification};

impl Builder<'_> {
    pub(super) fn user_mail(&mut self) -> UserMail {
        let missing = self.missing_for_mail();
        let is_possible = missing.is_empty();
        let is_asked = self.decision("verifyUserEmails");
        if !is_asked.is_never() {
            missing.into_iter().for_each(|problem| self.problem(problem));
        }
        UserMail { is_possible, verification: self.verification(is_asked), reset: self.password_reset() }
    }

    /// What links in mails cannot do without, a sentence for each thing that is not there.
    fn missing_for_mail(&self) -> Vec<&'static str> {
        let has_adapter = match self.settings.value("emailAdapter") {
            None | Some(Json::Null | Json::Bool(false)) => false,
            Some(Json::String(module)) => !module.is_empty(),
            Some(_) => true,
        };
        let required = [
            (has_adapter, "An emailAdapter is required for e-mail verification and password resets."),
            (
                self.settings.text("appName").is_some(),
                "An app name is required for e-mail verification and password resets.",
            ),
            (self.settings.text("publicServerURL").is_some(), "The option publicServerURL is required."),
        ];
        required.into_iter().filter_map(|(is_there, problem)| (!is_there).then_some(problem)).collect()
    }

    fn decision(&self, name: &str) -> Decision {
        match self.settings.text(name) {
            Some(url) => Decision::Asked(url),
            None => Decision::Fixed(self.settings.boolean(name)),
        }
    }

    fn verification(&mut self, is_asked: Decision) -> Verification {
        // Zero stands for no end, as if nothing were given.
        let seconds = self.settings.integer("emailVerifyTokenValidityDuration").filter(|seconds| *seconds != 0);
        let token_validity = seconds.and_then(|seconds| u64::try_from(seconds).ok()).map(Duration::from_secs);
        let reuse_token = self.settings.boolean("emailVerifyTokenReuseIfValid");
        if !is_asked.is_never() && seconds.is_some() && token_validity.is_none() {
            self.problem("Email verify token validity duration must be a value greater than 0.");
        }
        if !is_asked.is_never() && reuse_token && seconds.is_none() {
            self.problem("You cannot use emailVerifyTokenReuseIfValid without emailVerifyTokenValidityDuration");
        }
        Verification {
            is_asked,
            send_mail: self.decision("sendUserEmailVerification"),
            prevent_login: self.decision("preventLoginWithUnverifiedEmail"),
            prevent_signup: self.settings.boolean("preventSignupWithUnverifiedEmail"),
            token_validity,
            reuse_token,
            success_on_invalid_email: self.settings.boolean("emailVerifySuccessOnInvalidEmail"),
        }
    }

    fn password_reset(&mut self) -> PasswordReset {
        let policy = self.settings.value("passwordPolicy").unwrap_or(Json::Null);
        let token_validity = match policy.get("resetTokenValidityDuration") {
            None | Some(Json::Null) => None,
            Some(given) => {
                let seconds = given.as_f64().filter(|seconds| *seconds > 0.0);
                let validity = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
                if validity.is_none() {
                    self.problem("passwordPolicy.resetTokenValidityDuration must be a positive number");
                }
                validity
            }
        };
        let reuse_token =
            self.reset_switch(&policy, "resetTokenReuseIfValid", "resetTokenReuseIfValid must be a boolean value");
        if reuse_token == Some(true) && token_validity.is_none() {
            self.problem("You cannot use resetTokenReuseIfValid without resetTokenValidityDuration");
        }
        let success_on_invalid_email = self.reset_switch(
            &policy,
            "resetPasswordSuccessOnInvalidEmail",
            "resetPasswordSuccessOnInvalidEmail must be a boolean value",
        );
        let lockout = self.settings.value("accountLockout").unwrap_or(Json::Null);
        let unlock = self.reset_switch(
            &lockout,
            "unlockOnPasswordReset",
            "Parse Server option accountLockout.unlockOnPasswordReset must be a boolean.",
        );
        PasswordReset {
            token_validity,
            reuse_token: reuse_token.unwrap_or(false),
            success_on_invalid_email: success_on_invalid_email.unwrap_or(true),
            unlock: unlock.unwrap_or(false),
        }
    }

    /// A member that is true or false.
    fn reset_switch(&mut self, group: &Json, name: &str, problem: &str) -> Option<bool> {
        match group.get(name) {
            None | Some(Json::Null) => None,
            Some(Json::Bool(value)) => Some(*value),
            Some(_) => {
                self.problem(problem);
                None
            }
        }
    }
}
