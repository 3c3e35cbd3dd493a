//! `/users/me` and `/sessions/me`: what a session token stands for, read by the caller that presents it.

use std::borrow::Cow;

use bytes::{Bytes, BytesMut};
use parsefleet_core::{ErrorCode, ParseError};
use parsefleet_proto::v1::GetRequest;

use crate::{
    app::App,
    failure::Result,
    privilege::Caller,
    render::Reply,
    session::{Session, Token},
};

/// The user of the token, with the token.
pub(super) async fn user(app: &App, caller: &Caller, mount_url: &str) -> Result<Reply> {
    let invalid = || ParseError::sanitised(ErrorCode::InvalidSessionToken, "Invalid session token");
    let session = session_of(app, caller).await?.ok_or_else(invalid)?;
    let user = read(app, caller, "_User", session.user_id.clone(), mount_url).await?.ok_or_else(invalid)?;
    Ok(Reply::ok(with_token(user, &session.token)))
}

/// The session of the token.
pub(super) async fn session(app: &App, caller: &Caller, mount_url: &str) -> Result<Reply> {
    if caller.token().is_none() {
        return Err(ParseError::new(ErrorCode::InvalidSessionToken, "Session token required.").into());
    }
    let session = session_of(app, caller).await?.ok_or_else(not_found)?;
    let session = read(app, caller, "_Session", session.id.clone(), mount_url).await?;
    Ok(Reply::ok(session.ok_or_else(not_found)?))
}

/// The answer to a token without a session, where it is the session that was asked for.
pub(crate) fn not_found() -> ParseError {
    ParseError::new(ErrorCode::InvalidSessionToken, "Session token not found.")
}

/// An object with the session token that its reader came with.
pub(super) fn with_token(object: Bytes, token: &Token) -> Bytes {
    let Some(open) = object.strip_suffix(b"}") else { return object };
    let mut text = BytesMut::from(open);
    if open.len() > 1 {
        text.extend_from_slice(b",");
    }
    text.extend_from_slice(b"\"sessionToken\":");
    text.extend_from_slice(serde_json::Value::from(token.expose()).to_string().as_bytes());
    text.extend_from_slice(b"}");
    text.freeze()
}

/// The session that the caller is known by. With a key, a token decides nothing, and is looked up only here.
async fn session_of<'a>(app: &App, caller: &'a Caller) -> Result<Option<Cow<'a, Session>>> {
    if let Some(session) = caller.session() {
        return Ok(Some(Cow::Borrowed(session)));
    }
    let Some(token) = caller.token() else { return Ok(None) };
    match app.sessions.resolve(token.expose(), caller.request_context()).await {
        Ok(session) => Ok(Some(Cow::Owned(session))),
        Err(error) if error.code == ErrorCode::InvalidSessionToken => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn read(app: &App, caller: &Caller, class: &str, id: String, mount_url: &str) -> Result<Option<Bytes>> {
    let request = GetRequest {
        context: Some(caller.request_context()),
        class_name: class.to_owned(),
        object_id: id,
        mount_url: mount_url.to_owned(),
        ..GetRequest::default()
    };
    match app.data.get(request).await {
        Ok(object) => Ok(Some(object)),
        Err(error) if error.code == ErrorCode::ObjectNotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}
