//! Mails to users: to verify an address, to choose a new password; and those that the app's own code writes ([`written`]).
//!
//! A mail to a user belongs to a write: that of the token in its link. It is kept as an intent before the write and published after it
//! (`outbox.rs`), so that neither is there without the other. What a link is worth is decided by one atomic change of the row
//! that has its token; so a link works once, however often it is opened at the same time.
//!
//! Whether somebody is known does not show in the answer to whoever asks for a mail, nor in how long it takes: the answer is
//! given before anybody is looked for ([`hidden`]).

mod decision;
mod hidden;
mod job;
mod link;
mod reset;
mod row;
mod verification;
mod verify;
mod wish;
mod written;

use parsefleet_bus::Intent;
use parsefleet_core::{ErrorCode, ParseError, acl::is_truthy, error::Result};
use parsefleet_proto::v1::{RequestContext, UpdateRequest};
use serde_json::{Map, Value as Json};

use self::decision::Case;
use crate::{caller, json, service::AuthService, users::UserRow};

/// A user whose address is new, or is sent again.
pub(crate) struct Addressed<'a> {
    pub(crate) context: &'a RequestContext,
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
    /// The mail that is sent once the write happened.
    intent: Option<Intent>,
}

impl AuthService {
    /// Refuses to let somebody in whose address is not verified, if it has to be. He comes with these identities, if with any.
    ///
    /// # Errors
    /// 205 for such a user.
    pub(crate) async fn check_verified(
        &self,
        context: &RequestContext,
        user: &UserRow,
        identities: Option<&Json>,
    ) -> Result<()> {
        if user.email_verified.as_ref().is_some_and(is_truthy) {
            return Ok(());
        }
        let case = Case::of_log_in(context, &user.object_id, identities);
        if self.asks_to_verify(&case).await? && self.prevents_log_in(&case).await? {
            return Err(unverified());
        }
        Ok(())
    }

    /// Whether mails with links can be sent at all.
    ///
    /// # Errors
    /// 1 if the app is not set up for it.
    fn check_mail(&self) -> Result<()> {
        if self.config.user_mail.is_possible && self.outbox.is_some() {
            return Ok(());
        }
        let text = "An appName, publicServerURL, and emailAdapter are required for password reset and email verification \
                    functionality.";
        Err(ParseError::new(ErrorCode::InternalServerError, text))
    }
}

impl MailPlan {
    /// The write happened, now or for an earlier request, which had a mail of its own sent.
    ///
    /// # Errors
    /// 205 if the user has been made and is not to be let in yet.
    pub(crate) async fn complete(self, service: &AuthService, is_new: bool, was_repeated: bool) -> Result<()> {
        match self.intent {
            Some(intent) if was_repeated => intent.failed(),
            Some(intent) => intent.happened(),
            None => {}
        }
        let prevents = service.config.user_mail.verification.prevent_signup;
        if is_new && self.awaits_verification && prevents {
            return Err(unverified());
        }
        Ok(())
    }
}

/// The change that a link stands for: made in the name of the app, for who has the secret of the link need not be logged in.
fn change_by_link(context: &RequestContext, user_id: &str, field: &str, value: Json) -> UpdateRequest {
    UpdateRequest {
        context: Some(caller::as_master(context)),
        class_name: "_User".to_owned(),
        object_id: user_id.to_owned(),
        body: json::bytes(Map::from_iter([(field.to_owned(), value)])),
        ..UpdateRequest::default()
    }
}

fn unverified() -> ParseError {
    ParseError::new(ErrorCode::EmailNotFound, "User email is not verified.")
}
