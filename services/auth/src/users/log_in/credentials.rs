//! What somebody logs in with.

use std::fmt;

use parsefleet_core::{ErrorCode, ParseError, acl::is_truthy, error::Result};
use serde_json::{Map, Value as Json};

use crate::json::object;

/// A name or an address, or both, and a password.
pub(crate) struct Credentials {
    username: Option<String>,
    email: Option<String>,
    password: String,
    identities: Option<Json>,
    ignores_verification: bool,
}

impl Credentials {
    /// Reads what was sent.
    ///
    /// # Errors
    /// 200 and 201 for what is missing, 101 for what is no text.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self> {
        Self::of(&object(bytes)?)
    }

    /// The same of a body that was read already.
    pub(crate) fn of(given: &Map<String, Json>) -> Result<Self> {
        let sent = |name: &str| given.get(name).filter(|value| is_truthy(value));
        let (username, email) = (sent("username"), sent("email"));
        if username.is_none() && email.is_none() {
            return Err(ParseError::new(ErrorCode::UsernameMissing, "username/email is required."));
        }
        let Some(password) = sent("password") else {
            return Err(ParseError::new(ErrorCode::PasswordMissing, "password is required."));
        };
        let text = |value: &Json| value.as_str().map(str::to_owned).ok_or_else(invalid_credentials);
        Ok(Self {
            username: username.map(text).transpose()?,
            email: email.map(text).transpose()?,
            password: text(password)?,
            identities: sent("authData").cloned(),
            ignores_verification: sent("ignoreEmailVerification").is_some(),
        })
    }

    pub(super) fn username(&self) -> Option<&str> {
        self.username.as_deref()
    }

    pub(super) fn email(&self) -> Option<&str> {
        self.email.as_deref()
    }

    pub(super) fn password(&self) -> &str {
        &self.password
    }

    /// `authData`
    pub(super) fn identities(&self) -> Option<&Json> {
        self.identities.as_ref()
    }

    /// Whether an address need not be verified, if a key of the app says so.
    pub(super) fn ignores_verification(&self) -> bool {
        self.ignores_verification
    }
}

/// Without anything that is secret or personal.
impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Credentials(..)")
    }
}

/// What everybody is told whose name or password is wrong.
pub(crate) fn invalid_credentials() -> ParseError {
    ParseError::new(ErrorCode::ObjectNotFound, "Invalid username/password.")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use serde_json::json;

    use super::*;

    fn refusal(given: Json) -> Option<(i32, String)> {
        let error = Credentials::of(given.as_object().unwrap()).err()?;
        Some((error.code as i32, error.message))
    }

    #[test]
    fn a_name_and_a_password_are_texts() {
        let missing = |code, text: &str| Some((code, text.to_owned()));
        assert_eq!(refusal(json!({})), missing(200, "username/email is required."));
        assert_eq!(refusal(json!({ "username": "", "email": null })), missing(200, "username/email is required."));
        assert_eq!(refusal(json!({ "username": "a" })), missing(201, "password is required."));
        assert_eq!(refusal(json!({ "username": 5 })), missing(201, "password is required."));
        for given in [
            json!({ "username": "a", "password": 5 }),
            json!({ "username": { "$ne": "a" }, "password": "p" }),
            json!({ "username": "a", "email": ["b"], "password": "p" }),
        ] {
            assert_eq!(refusal(given), missing(101, "Invalid username/password."));
        }
        assert_eq!(refusal(json!({ "username": "a", "password": "p" })), None);
        assert_eq!(refusal(json!({ "email": "a@b", "password": "p" })), None);
    }

    #[test]
    fn nothing_of_them_is_shown() {
        let given = json!({ "username": "anna", "password": "secret" });
        let shown = format!("{:?}", Credentials::of(given.as_object().unwrap()).unwrap());
        assert_eq!(shown, "Credentials(..)");
    }
}
