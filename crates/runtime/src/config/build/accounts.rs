//! Users, their passwords, and who is kept out.

use std::time::Duration;

use regress::Regex;
use serde_json::{Map, Value as Json};

use super::Builder;
use crate::config::{Accounts, Lockout, PasswordPolicy};

const SECONDS_OF_A_DAY: f64 = 86_400.0;

impl Builder<'_> {
    pub(super) fn accounts(&mut self) -> Accounts {
        Accounts {
            enforce_private_users: self.settings.boolean("enforcePrivateUsers"),
            convert_email_to_lowercase: self.settings.boolean("convertEmailToLowercase"),
            convert_username_to_lowercase: self.settings.boolean("convertUsernameToLowercase"),
            revoke_sessions_on_password_change: self.settings.boolean("revokeSessionOnPasswordReset"),
            lockout: self.lockout(),
            passwords: self.password_policy(),
        }
    }

    /// The members of an option that is an object, if it is given.
    fn members(&mut self, name: &str) -> Option<Map<String, Json>> {
        match self.settings.value(name)? {
            Json::Object(members) => Some(members),
            Json::Null => None,
            _ => {
                self.problem(format!("{name} must be an object."));
                None
            }
        }
    }

    fn lockout(&mut self) -> Option<Lockout> {
        let given = self.members("accountLockout")?;
        let minutes =
            given.get("duration").and_then(Json::as_f64).filter(|minutes| *minutes > 0.0 && *minutes < 100_000.0);
        if minutes.is_none() {
            self.problem("Account lockout duration should be greater than 0 and less than 100000");
        }
        let threshold = given.get("threshold").and_then(Json::as_f64);
        let threshold = threshold.filter(|number| number.fract() == 0.0 && *number >= 1.0 && *number <= 999.0);
        if threshold.is_none() {
            self.problem("Account lockout threshold should be an integer greater than 0 and less than 1000");
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an integer from 1 to 999")]
        Some(Lockout { minutes: minutes?, threshold: threshold? as u32 })
    }

    fn password_policy(&mut self) -> PasswordPolicy {
        let Some(given) = self.members("passwordPolicy") else { return PasswordPolicy::default() };
        PasswordPolicy {
            pattern: self.password_pattern(given.get("validatorPattern")),
            validation_error: given.get("validationError").and_then(Json::as_str).map(str::to_owned),
            refuse_username: self.refuse_username(given.get("doNotAllowUsername")),
            max_age: self.password_age(given.get("maxPasswordAge")),
            history: self.password_history(given.get("maxPasswordHistory")),
        }
    }

    fn password_pattern(&mut self, given: Option<&Json>) -> Option<Regex> {
        let pattern = match given {
            None | Some(Json::Null) => return None,
            Some(Json::String(text)) => Regex::new(text).ok(),
            Some(_) => None,
        };
        if pattern.is_none() {
            self.problem("passwordPolicy.validatorPattern must be a regex string or RegExp object.");
        }
        pattern
    }

    fn refuse_username(&mut self, given: Option<&Json>) -> bool {
        match given {
            None | Some(Json::Null) => false,
            Some(Json::Bool(refuse)) => *refuse,
            Some(_) => {
                self.problem("passwordPolicy.doNotAllowUsername must be a boolean value.");
                false
            }
        }
    }

    /// 0 switches it off.
    fn password_age(&mut self, given: Option<&Json>) -> Option<Duration> {
        let days = match given {
            None | Some(Json::Null) => return None,
            Some(given) => given.as_f64().filter(|days| *days >= 0.0),
        };
        let age = days.and_then(|days| Duration::try_from_secs_f64(days * SECONDS_OF_A_DAY).ok());
        if age.is_none() {
            self.problem("passwordPolicy.maxPasswordAge must be a positive number");
        }
        age.filter(|age| !age.is_zero())
    }

    fn password_history(&mut self, given: Option<&Json>) -> usize {
        let number = match given {
            None | Some(Json::Null) => return 0,
            Some(given) => given.as_f64().filter(|number| number.fract() == 0.0 && (0.0..=20.0).contains(number)),
        };
        match number {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an integer from 0 to 20")]
            Some(number) => number as usize,
            None => {
                self.problem("passwordPolicy.maxPasswordHistory must be an integer ranging 0 - 20");
                0
            }
        }
    }
}
