//! `/classes/…`: objects of every class.

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderValue, StatusCode};
use parsefleet_proto::v1::{CreateRequest, DeleteRequest, FindRequest, GetRequest, Once, UpdateRequest};
use percent_encoding::{CONTROLS, utf8_percent_encode};

use super::{me, ownership::Writes};
use crate::{
    app::App,
    body::Members,
    failure::Result,
    parameters::Parameters,
    privilege::{Caller, Writer},
    render::Reply,
};

pub(super) async fn find(
    app: &App,
    caller: &Caller,
    class: &str,
    query: Option<&str>,
    body: &Members,
    mount_url: &str,
) -> Result<Reply> {
    Ok(Reply::ok(app.data.find(find_request(caller, class, query, body, mount_url)?).await?))
}

pub(super) async fn get(
    app: &App,
    caller: &Caller,
    (class, id): (&str, &str),
    query: Option<&str>,
    body: &Members,
    mount_url: &str,
) -> Result<Reply> {
    let object = app.data.get(get_request(caller, (class, id), query, body, mount_url)?).await?;
    Ok(Reply::ok(with_own_session_token(caller, class, id, object)))
}

pub(super) async fn create(
    app: &App,
    caller: &Caller,
    class: &str,
    body: Members,
    mount_url: &str,
    once: Option<Once>,
) -> Result<Reply> {
    let request = create_request(caller.writer()?, class, body, mount_url);
    let created = Writes::of(app, class).create(request, once).await?;
    let status = if created.existed { StatusCode::OK } else { StatusCode::CREATED };
    Ok(Reply { status, location: location(mount_url, class, &created.object_id), body: created.body })
}

pub(super) async fn update(
    app: &App,
    caller: &Caller,
    target: (&str, &str),
    body: Members,
    mount_url: &str,
    once: Option<Once>,
) -> Result<Reply> {
    let request = update_request(caller.writer()?, target, body, mount_url);
    Ok(Reply::ok(Writes::of(app, target.0).update(request, once).await?))
}

pub(super) async fn delete(app: &App, caller: &Caller, target: (&str, &str), mount_url: &str) -> Result<Reply> {
    Writes::of(app, target.0).delete(delete_request(caller.writer()?, target, mount_url)).await?;
    Ok(Reply::ok(DELETED))
}

// === what data is asked, by itself or as part of a transaction ===

/// The answer to a delete.
pub(super) const DELETED: Bytes = Bytes::from_static(b"{}");

pub(super) fn find_request(
    caller: &Caller,
    class: &str,
    query: Option<&str>,
    body: &Members,
    mount_url: &str,
) -> Result<FindRequest> {
    let mut request = FindRequest::default();
    Parameters::merge(query, body).apply_to_find(&mut request)?;
    request.context = Some(caller.request_context());
    request.class_name = class.to_owned();
    request.mount_url = mount_url.to_owned();
    Ok(request)
}

pub(super) fn get_request(
    caller: &Caller,
    (class, id): (&str, &str),
    query: Option<&str>,
    body: &Members,
    mount_url: &str,
) -> Result<GetRequest> {
    let mut request = GetRequest::default();
    Parameters::merge(query, body).apply_to_get(&mut request)?;
    request.context = Some(caller.request_context());
    request.class_name = class.to_owned();
    request.object_id = id.to_owned();
    request.mount_url = mount_url.to_owned();
    Ok(request)
}

pub(super) fn create_request(writer: Writer<'_>, class: &str, body: Members, mount_url: &str) -> CreateRequest {
    CreateRequest {
        context: Some(writer.caller().request_context()),
        class_name: class.to_owned(),
        body: body.into_bytes(),
        mount_url: mount_url.to_owned(),
        owned: None,
    }
}

pub(super) fn update_request(
    writer: Writer<'_>,
    (class, id): (&str, &str),
    body: Members,
    mount_url: &str,
) -> UpdateRequest {
    UpdateRequest {
        context: Some(writer.caller().request_context()),
        class_name: class.to_owned(),
        object_id: id.to_owned(),
        body: body.into_bytes(),
        mount_url: mount_url.to_owned(),
        owned: None,
    }
}

pub(super) fn delete_request(writer: Writer<'_>, (class, id): (&str, &str), mount_url: &str) -> DeleteRequest {
    DeleteRequest {
        context: Some(writer.caller().request_context()),
        class_name: class.to_owned(),
        object_id: id.to_owned(),
        owned: None,
        mount_url: mount_url.to_owned(),
    }
}

// === details ===

fn location(mount_url: &str, class: &str, id: &str) -> Option<HeaderValue> {
    let url = match class {
        "_User" => format!("{mount_url}/users/{id}"),
        _ => format!("{mount_url}/classes/{class}/{id}"),
    };
    // Ids may be chosen by clients; a header is ASCII.
    HeaderValue::from_str(&Cow::from(utf8_percent_encode(&url, CONTROLS))).ok()
}

/// Users who read themselves find the session token that they came with.
pub(super) fn with_own_session_token(caller: &Caller, class: &str, id: &str, object: Bytes) -> Bytes {
    let Some(session) = caller.session().filter(|session| class == "_User" && session.user_id == id) else {
        return object;
    };
    me::with_token(object, &session.token)
}
