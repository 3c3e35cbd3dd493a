//! What the app decides about mails, case by case: options that hold the address of a webhook in the place of a function.

use parsefleet_core::{ErrorCode, ParseError, error::Result};
use parsefleet_proto::v1::RequestContext;
use parsefleet_runtime::config::Decision;
use serde_json::{Map, Value as Json, json};

use super::{Addressed, row::Addressee};
use crate::{service::AuthService, triggers::Call};

/// What is decided about: a user, and what brings it up.
pub(super) struct Case<'c> {
    context: &'c RequestContext,
    /// The user who is there already; empty if there is none.
    user_id: &'c str,
    /// The new user, or the changes to the one who is there.
    user: Map<String, Json>,
    /// What brings it up, in Parse's words.
    about: Map<String, Json>,
}

impl<'c> Case<'c> {
    /// Somebody is about to be written.
    pub(super) fn of_write(user: &'c Addressed<'c>) -> Self {
        let mut written = user.body.clone();
        if !user.is_new {
            return Self { context: user.context, user_id: user.user_id, user: written, about: Map::new() };
        }
        written.insert("objectId".to_owned(), user.user_id.into());
        let about = created_with("signup", &origin(user.identities));
        Self { context: user.context, user_id: "", user: written, about }
    }

    /// Somebody logs in with these identities, or else with a password.
    pub(super) fn of_log_in(context: &'c RequestContext, user_id: &'c str, identities: Option<&Json>) -> Self {
        Self { context, user_id, user: Map::new(), about: created_with("login", &origin(identities)) }
    }

    /// Somebody asks for another mail.
    pub(super) fn of_resending(context: &'c RequestContext, user: &'c Addressee) -> Self {
        let about = Map::from_iter([("resendRequest".to_owned(), true.into())]);
        Self { context, user_id: user.id(), user: Map::new(), about }
    }
}

impl AuthService {
    /// Whether users are to verify their addresses.
    pub(super) async fn asks_to_verify(&self, case: &Case<'_>) -> Result<bool> {
        self.decide("verifyUserEmails", &self.config.user_mail.verification.is_asked, case).await
    }

    /// Whether who has not done it is kept out.
    pub(super) async fn prevents_log_in(&self, case: &Case<'_>) -> Result<bool> {
        self.decide("preventLoginWithUnverifiedEmail", &self.config.user_mail.verification.prevent_login, case).await
    }

    /// Whether the mail is sent by itself.
    pub(super) async fn sends_verification(&self, case: &Case<'_>) -> Result<bool> {
        self.decide("sendUserEmailVerification", &self.config.user_mail.verification.send_mail, case).await
    }

    /// # Errors
    /// 141 with what the app says against it, or because it gives no answer.
    async fn decide(&self, function: &str, decision: &Decision, case: &Case<'_>) -> Result<bool> {
        let url = match decision {
            Decision::Fixed(always) => return Ok(*always),
            Decision::Asked(url) => url,
        };
        let Case { context, user_id, user, about } = case;
        let call = Call { context, url, function, user_id, user: user.clone(), about: about.clone() };
        match self.triggers.call(call).await? {
            Some(Json::Bool(answer)) => Ok(answer),
            // Whoever does not answer the question has not decided anything.
            None | Some(_) => {
                let text = format!("{function} was not decided.");
                Err(ParseError::new(ErrorCode::ScriptFailed, text))
            }
        }
    }
}

/// What somebody comes with, in Parse's words: the names of identities, or `password`. What takes one away is none.
fn origin(identities: Option<&Json>) -> String {
    let sent = identities.and_then(Json::as_object).into_iter().flatten();
    let names: Vec<&str> = sent.filter(|(_, slice)| !slice.is_null()).map(|(name, _)| name.as_str()).collect();
    if names.is_empty() { "password".to_owned() } else { names.join(",") }
}

fn created_with(action: &str, provider: &str) -> Map<String, Json> {
    let created_with = json!({ "action": action, "authProvider": provider });
    Map::from_iter([("createdWith".to_owned(), created_with)])
}
