//! From a session token to the user it stands for.

use parsefleet_core::{Date, ErrorCode, ParseError, error::Result};
use parsefleet_proto::v1::RequestContext;
use serde::Deserialize;
use serde_json::json;

use crate::objects::{Objects, Pointer};

/// A session that is in force.
pub(crate) struct Session {
    pub(crate) id: String,
    pub(crate) user_id: String,
    pub(crate) expires_at: Option<Date>,
}

#[derive(Deserialize)]
struct SessionRow {
    #[serde(rename = "objectId")]
    object_id: String,
    user: Option<Pointer>,
    #[serde(rename = "expiresAt")]
    expires_at: Option<ExpiresAt>,
}

#[derive(Deserialize)]
struct ExpiresAt {
    iso: String,
}

/// A user, of whom nothing has to be known but that there is one.
#[derive(Deserialize)]
struct UserRow {}

/// The session with this token.
///
/// # Errors
/// 209 if there is no such session, if its user is gone, or if it expired before `now`.
pub(crate) async fn resolve(objects: &Objects, context: &RequestContext, token: &str, now: Date) -> Result<Session> {
    let filter = json!({ "sessionToken": token });
    let rows: Vec<SessionRow> = objects.find(context, "_Session", &filter, &["user", "expiresAt"]).await?;
    let row = rows.into_iter().next().ok_or_else(unknown)?;
    let expires_at = match row.expires_at {
        None => None,
        Some(date) => Some(Date::parse(&date.iso).ok_or_else(unknown)?),
    };
    if expires_at.is_some_and(|expiry| expiry < now) {
        return Err(ParseError::new(ErrorCode::InvalidSessionToken, "Session token is expired."));
    }
    let user_id = row.user.ok_or_else(unknown)?.object_id;
    if user_id.starts_with("role:") {
        // An id like this would pass for a role in every ACL.
        return Err(ParseError::new(ErrorCode::InternalServerError, "Invalid object ID."));
    }
    let filter = json!({ "objectId": user_id });
    let users: Vec<UserRow> = objects.find(context, "_User", &filter, &["objectId"]).await?;
    if users.is_empty() {
        return Err(unknown());
    }
    Ok(Session { id: row.object_id, user_id, expires_at })
}

fn unknown() -> ParseError {
    ParseError::new(ErrorCode::InvalidSessionToken, "Invalid session token")
}
