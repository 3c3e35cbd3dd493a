//! A batch with `transaction: true`: all of its parts happen, or none.
//!
//! If one cannot, the whole request answers that part's error, as if it had been sent by itself: there are no results to
//! tell of the others.

use parsefleet_core::{ErrorCode, ParseError};
use parsefleet_proto::v1::{Operation, OperationResult, TransactRequest, operation::Operation as Kind};

use super::{
    super::{
        Route, classes,
        ownership::{Owner, owner_of},
    },
    Part,
};
use crate::{app::App, failure::Result, idempotency, privilege::Caller, render::Reply};

pub(super) async fn run(
    app: &App,
    caller: &Caller,
    parts: &[Part],
    routes: Vec<Route<'_>>,
    mount_url: &str,
    request_id: &str,
) -> Result<Reply> {
    let mut operations = Vec::with_capacity(parts.len());
    for (part, route) in parts.iter().zip(&routes) {
        operations.push(Operation { operation: Some(operation(caller, part, route, mount_url)?) });
    }
    let covered = parts.iter().zip(&routes).map(|(part, route)| idempotency::Part {
        route,
        path: &part.path,
        query: part.query.as_deref(),
        body: part.body.as_deref(),
    });
    let once = app.idempotency.once_of_parts(caller, request_id, covered);
    let request = TransactRequest { operations, once };
    let results = match routes.iter().any(writes_what_auth_owns) {
        true => app.auth.transact(request).await?,
        false => app.data.transact(request).await?,
    };
    let mut list = Vec::with_capacity(64 * parts.len() + 2);
    list.push(b'[');
    for (route, result) in routes.iter().zip(results) {
        if list.len() > 1 {
            list.push(b',');
        }
        list.extend_from_slice(b"{\"success\":");
        list.extend_from_slice(&body_of(caller, route, result));
        list.push(b'}');
    }
    list.push(b']');
    Ok(Reply::ok(list))
}

/// Whether a part is for auth to decide about; the whole transaction goes there then.
fn writes_what_auth_owns(route: &Route<'_>) -> bool {
    let is_write = matches!(route, Route::Create { .. } | Route::Update { .. } | Route::Delete { .. });
    is_write && route.class().is_some_and(|class| owner_of(class) == Owner::Auth)
}

/// What data is asked for a part.
fn operation(caller: &Caller, part: &Part, route: &Route<'_>, mount_url: &str) -> Result<Kind> {
    let (query, body) = (part.query.as_deref(), part.members()?);
    Ok(match route {
        Route::Find { class } => Kind::Find(classes::find_request(caller, class, query, &body, mount_url)?),
        Route::Get { class, id } => Kind::Get(classes::get_request(caller, (class, id), query, &body, mount_url)?),
        Route::Create { class } => Kind::Create(classes::create_request(caller.writer()?, class, body, mount_url)),
        Route::Update { class, id } => {
            Kind::Update(classes::update_request(caller.writer()?, (class, id), body, mount_url))
        }
        Route::Delete { class, id } => Kind::Delete(classes::delete_request(caller.writer()?, (class, id), mount_url)),
        Route::Aggregate { .. }
        | Route::CurrentUser
        | Route::Schemas(_)
        | Route::Hooks(_)
        | Route::Account(_)
        | Route::SendEmail
        | Route::CurrentSession
        | Route::GetConfig
        | Route::UpdateConfig
        | Route::ServerInfo
        | Route::Security
        | Route::Batch => {
            let message = format!("{} {} cannot be part of a transaction.", part.method, part.path);
            return Err(ParseError::new(ErrorCode::CommandUnavailable, message).into());
        }
    })
}

/// The result of a part, as it would be the body of a response.
fn body_of(caller: &Caller, route: &Route<'_>, result: OperationResult) -> bytes::Bytes {
    match route {
        Route::Get { class, id } => classes::with_own_session_token(caller, class, id, result.body),
        Route::Delete { .. } => classes::DELETED,
        Route::Find { .. }
        | Route::Create { .. }
        | Route::Update { .. }
        | Route::Aggregate { .. }
        | Route::CurrentUser
        | Route::Schemas(_)
        | Route::Hooks(_)
        | Route::Account(_)
        | Route::SendEmail
        | Route::CurrentSession
        | Route::GetConfig
        | Route::UpdateConfig
        | Route::ServerInfo
        | Route::Security
        | Route::Batch => result.body,
    }
}
