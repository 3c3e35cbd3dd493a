//! From a session token to the user it stands for.

use std::time::{SystemTime, UNIX_EPOCH};

use parsefleet_core::{Date, ErrorCode, ParseError, error::Result};
use parsefleet_proto::v1::{RequestContext, ResolveRequest, ResolveResponse};
use serde::Deserialize;
use serde_json::json;

use crate::{
    objects::{Objects, Pointer},
    roles,
    service::AuthService,
};

/// A session that is in force.
struct Session {
    id: String,
    user_id: String,
    expires_at: Option<Date>,
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

impl AuthService {
    /// Who a token belongs to.
    ///
    /// # Errors
    /// 209 for a token that is unknown or expired.
    #[tracing::instrument(name = "auth.resolve", skip_all)]
    pub(crate) async fn resolve_token(&self, request: ResolveRequest) -> Result<ResolveResponse> {
        let context = request.context.unwrap_or_default();
        let session = resolve(&self.objects, &context, &request.session_token, now()).await?;
        let roles = roles::of_user(&self.objects, &context, &session.user_id).await?;
        Ok(ResolveResponse {
            user_id: session.user_id,
            roles,
            expires_at: session.expires_at.map(|date| date.0),
            session_id: session.id,
        })
    }
}

/// The session with this token.
///
/// # Errors
/// 209 if there is no such session, if its user is gone, or if it expired before `now`.
async fn resolve(objects: &Objects, context: &RequestContext, token: &str, now: Date) -> Result<Session> {
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

fn now() -> Date {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Date(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}
