//! `/classes/…`: objects of every class.

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderValue, StatusCode};
use parsefleet_proto::v1::{FindRequest, GetRequest};
use percent_encoding::{CONTROLS, utf8_percent_encode};

use super::{
    me,
    ownership::{Owner, owner_of},
};
use crate::{
    app::App,
    backend::{DataBackend, Target},
    body::Members,
    failure::Result,
    parameters::Parameters,
    privilege::Caller,
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
    let mut request = FindRequest::default();
    Parameters::merge(query, body).apply_to_find(&mut request)?;
    request.context = Some(caller.request_context());
    request.class_name = class.to_owned();
    request.mount_url = mount_url.to_owned();
    Ok(Reply::ok(app.data.find(request).await?))
}

pub(super) async fn get(
    app: &App,
    caller: &Caller,
    (class, id): (&str, &str),
    query: Option<&str>,
    body: &Members,
    mount_url: &str,
) -> Result<Reply> {
    let mut request = GetRequest::default();
    Parameters::merge(query, body).apply_to_get(&mut request)?;
    request.context = Some(caller.request_context());
    request.class_name = class.to_owned();
    request.object_id = id.to_owned();
    request.mount_url = mount_url.to_owned();
    let object = app.data.get(request).await?;
    Ok(Reply::ok(with_own_session_token(caller, class, id, object)))
}

pub(super) async fn create(app: &App, caller: &Caller, class: &str, body: Members, mount_url: &str) -> Result<Reply> {
    let writer = caller.writer()?;
    let created = writes_of(app, class).create(writer, class, body.into_bytes(), mount_url).await?;
    Ok(Reply {
        status: StatusCode::CREATED,
        location: location(mount_url, class, &created.object_id),
        body: created.body,
    })
}

pub(super) async fn update(
    app: &App,
    caller: &Caller,
    (class, id): (&str, &str),
    body: Members,
    mount_url: &str,
) -> Result<Reply> {
    let writer = caller.writer()?;
    let body = writes_of(app, class).update(writer, Target { class, id }, body.into_bytes(), mount_url).await?;
    Ok(Reply::ok(body))
}

pub(super) async fn delete(app: &App, caller: &Caller, (class, id): (&str, &str)) -> Result<Reply> {
    let writer = caller.writer()?;
    writes_of(app, class).delete(writer, Target { class, id }).await?;
    Ok(Reply::ok(Bytes::from_static(b"{}")))
}

/// The service that takes writes of a class. Auth and push take none yet: data answers what it may do for them.
fn writes_of<'a>(app: &'a App, class: &str) -> &'a DataBackend {
    match owner_of(class) {
        Owner::Auth | Owner::Push | Owner::Data => &app.data,
    }
}

fn location(mount_url: &str, class: &str, id: &str) -> Option<HeaderValue> {
    let url = match class {
        "_User" => format!("{mount_url}/users/{id}"),
        _ => format!("{mount_url}/classes/{class}/{id}"),
    };
    // Ids may be chosen by clients; a header is ASCII.
    HeaderValue::from_str(&Cow::from(utf8_percent_encode(&url, CONTROLS))).ok()
}

/// Users who read themselves find the session token that they came with.
fn with_own_session_token(caller: &Caller, class: &str, id: &str, object: Bytes) -> Bytes {
    let Some(session) = caller.session().filter(|session| class == "_User" && session.user_id == id) else {
        return object;
    };
    me::with_token(object, &session.token)
}
