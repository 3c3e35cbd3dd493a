//! Usernames and addresses: their form, how they are stored, and that nobody has another one's.

use parsefleet_core::{ErrorCode, ParseError, error::Result};
use parsefleet_proto::v1::RequestContext;
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use crate::{json::is_delete, rows::Search, service::AuthService};

/// Somebody, of whom nothing has to be known.
#[derive(Deserialize)]
struct Somebody {}

impl AuthService {
    /// Brings username and address in a body into the case that they are stored in.
    pub(super) fn fold_names(&self, body: &mut Map<String, Json>) {
        let accounts = &self.config.accounts;
        let folded =
            [("username", accounts.convert_username_to_lowercase), ("email", accounts.convert_email_to_lowercase)];
        for (field, _) in folded.into_iter().filter(|(_, is_folded)| *is_folded) {
            if let Some(Json::String(text)) = body.get_mut(field) {
                *text = text.to_lowercase();
            }
        }
    }

    /// A condition for a username that somebody typed, in the case of its letters in which it may be stored.
    pub(crate) fn username_in_either_case(&self, typed: &str) -> Json {
        either_case(typed, self.config.accounts.convert_username_to_lowercase)
    }

    /// The same for an address.
    pub(crate) fn email_in_either_case(&self, typed: &str) -> Json {
        either_case(typed, self.config.accounts.convert_email_to_lowercase)
    }

    /// Refuses a username and an address that somebody else has, whatever the case of its letters. Indexes of the database
    /// have the last word on equal ones.
    ///
    /// # Errors
    /// 202 and 203 for what is taken, 125 for what is no address.
    pub(super) async fn check_names(
        &self,
        context: &RequestContext,
        body: &Map<String, Json>,
        own_id: &str,
    ) -> Result<()> {
        if let Some(Json::String(username)) = body.get("username")
            && self.is_taken(context, "username", username, own_id).await?
        {
            return Err(username_taken());
        }
        if let Some(Json::String(email)) = body.get("email") {
            if !is_address(email) {
                return Err(not_an_address());
            }
            if self.is_taken(context, "email", email, own_id).await? {
                let text = "Account already exists for this email address.";
                return Err(ParseError::new(ErrorCode::EmailTaken, text));
            }
        }
        Ok(())
    }

    async fn is_taken(&self, context: &RequestContext, field: &str, text: &str, own_id: &str) -> Result<bool> {
        let filter = json!({ field: text, "objectId": { "$ne": own_id } });
        let search = Search { filter, limit: 1, keys: &["objectId"], ignore_case: true, ..Search::default() };
        let found: Vec<Somebody> = self.rows.find(context, "_User", &search).await?;
        Ok(!found.is_empty())
    }
}

/// A text as it is, or in lower case as it may be stored.
fn either_case(text: &str, is_folded: bool) -> Json {
    let lower = text.to_lowercase();
    if is_folded && lower != text { json!({ "$in": [text, lower] }) } else { text.into() }
}

/// Whether the body has something that only one user can have.
pub(super) fn has_one(body: &Map<String, Json>) -> bool {
    body.contains_key("username") || body.contains_key("email")
}

/// Refuses to leave a user without what it had: name or address as nothing. (Parse Server stores them.)
///
/// # Errors
/// 200 and 125 for what is empty or null; 107 for a name that is to be removed.
pub(super) fn check_present(body: &Map<String, Json>) -> Result<()> {
    match body.get("username") {
        Some(Json::Null) => return Err(bad_username()),
        Some(Json::String(text)) if text.is_empty() => return Err(bad_username()),
        Some(value) if is_delete(value) => {
            return Err(ParseError::new(ErrorCode::InvalidJson, "username cannot be deleted"));
        }
        _ => {}
    }
    match body.get("email") {
        Some(Json::Null) => Err(not_an_address()),
        Some(Json::String(text)) if text.is_empty() => Err(not_an_address()),
        _ => Ok(()),
    }
}

pub(super) fn bad_username() -> ParseError {
    ParseError::new(ErrorCode::UsernameMissing, "bad or missing username")
}

fn username_taken() -> ParseError {
    ParseError::new(ErrorCode::UsernameTaken, "Account already exists for this username.")
}

fn not_an_address() -> ParseError {
    ParseError::new(ErrorCode::InvalidEmailAddress, "Email address format is invalid.")
}

/// Something before and after an `@`, in one line: JavaScript's `^.+@.+$`, whose dot is no end of a line.
fn is_address(text: &str) -> bool {
    let is_end_of_line = |letter: char| matches!(letter, '\n' | '\r' | '\u{2028}' | '\u{2029}');
    let inner = text.char_indices().skip(1).filter(|(at, letter)| *letter == '@' && at + 1 < text.len());
    !text.contains(is_end_of_line) && inner.count() > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_an_at_inside() {
        for address in ["a@b", "a@@", "@@b", "ä@ö.example", " @ "] {
            assert!(is_address(address), "{address:?}");
        }
        for other in ["", "@", "a@", "@b", "ab", "a@b\n", "a\n@b", "a\u{2028}@b"] {
            assert!(!is_address(other), "{other:?}");
        }
    }

    #[test]
    fn nothing_is_no_name_and_no_address() {
        let code = |body: Json| check_present(body.as_object().unwrap_or(&Map::new())).err().map(|error| error.code);
        assert_eq!(code(json!({ "username": "" })), Some(ErrorCode::UsernameMissing));
        assert_eq!(code(json!({ "username": null })), Some(ErrorCode::UsernameMissing));
        assert_eq!(code(json!({ "username": { "__op": "Delete" } })), Some(ErrorCode::InvalidJson));
        assert_eq!(code(json!({ "email": "" })), Some(ErrorCode::InvalidEmailAddress));
        assert_eq!(code(json!({ "email": null })), Some(ErrorCode::InvalidEmailAddress));
        assert_eq!(code(json!({ "email": { "__op": "Delete" }, "username": "a" })), None);
        assert_eq!(code(json!({ "username": 5 })), None, "the schema refuses it");
    }
}
