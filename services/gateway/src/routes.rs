//! Which route a path means, and the way into its handler. `/batch` sub-requests enter here, too.

mod accounts;
mod aggregate;
mod batch;
mod classes;
mod config;
mod emails;
mod hooks;
pub(crate) mod me;
mod ownership;
mod schemas;
pub(crate) mod security;
mod server_info;

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

#[cfg(fuzzing)]
pub(crate) use self::batch::read_everything as read_batch;
pub(crate) use self::{accounts::AccountCall, hooks::HookCall, schemas::SchemaCall};
use crate::{
    app::App,
    body::Members,
    failure::{Failure, Result},
    privilege::Caller,
    render::Reply,
    verb::Verb,
};

/// A route with the names in its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route<'a> {
    Find {
        class: Cow<'a, str>,
    },
    Create {
        class: Cow<'a, str>,
    },
    Get {
        class: Cow<'a, str>,
        id: Cow<'a, str>,
    },
    Update {
        class: Cow<'a, str>,
        id: Cow<'a, str>,
    },
    Delete {
        class: Cow<'a, str>,
        id: Cow<'a, str>,
    },
    Aggregate {
        class: Cow<'a, str>,
    },
    /// The user that the caller's session token stands for.
    CurrentUser,
    /// The session that the caller's session token stands for.
    CurrentSession,
    GetConfig,
    UpdateConfig,
    Schemas(SchemaCall<'a>),
    Hooks(HookCall<'a>),
    /// Ways in and out.
    Account(AccountCall),
    SendEmail,
    ServerInfo,
    Security,
    Batch,
}

/// One request, or one part of a batch, ready to be carried out.
pub(crate) struct Call<'a> {
    pub(crate) caller: &'a Caller,
    pub(crate) route: Route<'a>,
    /// The path that led to the route, after the mount path.
    pub(crate) path: &'a str,
    pub(crate) query: Option<&'a str>,
    pub(crate) body: Members,
    pub(crate) mount_url: &'a str,
    /// `X-Parse-Request-Id`; empty if none was sent.
    pub(crate) request_id: Cow<'a, str>,
}

impl<'a> Route<'a> {
    /// Finds the route of a path that starts after the mount path. Case and one trailing slash do not matter.
    ///
    /// # Errors
    /// 400 for a name that is not well encoded.
    pub(crate) fn find(verb: &Verb, path: &'a str) -> Result<Option<Self>> {
        let Some(path) = path.strip_prefix('/') else { return Ok(None) };
        let path = path.strip_suffix('/').unwrap_or(path);
        let mut segments = path.split('/');
        let parts = (segments.next(), segments.next(), segments.next(), segments.next());
        let (Some(first), second, third, None) = parts else { return Ok(HookCall::find(verb, path)?.map(Self::Hooks)) };
        if let (None, Some(call)) = (second, AccountCall::find(verb, first)) {
            return Ok(Some(Self::Account(call)));
        }
        match (verb, second, third) {
            (Verb::Get, None, None) if is(first, "serverInfo") => Ok(Some(Self::ServerInfo)),
            (Verb::Get, None, None) if is(first, "security") => Ok(Some(Self::Security)),
            (Verb::Post, None, None) if is(first, "batch") => Ok(Some(Self::Batch)),
            (Verb::Post, None, None) if is(first, "emails") => Ok(Some(Self::SendEmail)),
            (Verb::Get, Some(class), None) if is(first, "aggregate") && !class.is_empty() => {
                Ok(Some(Self::Aggregate { class: decode(class)? }))
            }
            (Verb::Get, None, None) if is(first, "config") => Ok(Some(Self::GetConfig)),
            (Verb::Put, None, None) if is(first, "config") => Ok(Some(Self::UpdateConfig)),
            (Verb::Get, Some(me), None) if is(first, "users") && is(me, "me") => Ok(Some(Self::CurrentUser)),
            (Verb::Get, Some(me), None) if is(first, "sessions") && is(me, "me") => Ok(Some(Self::CurrentSession)),
            (_, Some(class), id) if is(first, "classes") => Self::of_class(verb, class, id),
            (_, id, None) => match class_of_route(first) {
                Some(class) => Self::of_class(verb, class, id),
                None => match SchemaCall::find(verb, first, id)? {
                    Some(call) => Ok(Some(Self::Schemas(call))),
                    None => Ok(HookCall::find(verb, path)?.map(Self::Hooks)),
                },
            },
            _ => Ok(None),
        }
    }

    /// The class that is asked for.
    pub(crate) fn class(&self) -> Option<&str> {
        match self {
            Self::Find { class }
            | Self::Create { class }
            | Self::Get { class, .. }
            | Self::Update { class, .. }
            | Self::Delete { class, .. }
            | Self::Aggregate { class } => Some(class),
            Self::CurrentUser => Some("_User"),
            Self::CurrentSession => Some("_Session"),
            Self::GetConfig | Self::UpdateConfig => Some("_GlobalConfig"),
            Self::Schemas(call) => call.class(),
            Self::Hooks(call) => call.class(),
            Self::Account(_) | Self::SendEmail | Self::ServerInfo | Self::Security | Self::Batch => None,
        }
    }

    /// All paths that lead to the same class, object or action.
    pub(crate) fn paths(&self) -> Vec<String> {
        let (class, id) = match self {
            Self::Find { class } | Self::Create { class } => (class, None),
            Self::Get { class, id } | Self::Update { class, id } | Self::Delete { class, id } => (class, Some(id)),
            Self::Account(call) => return vec![format!("/{}", call.name())],
            Self::Aggregate { .. }
            | Self::CurrentUser
            | Self::CurrentSession
            | Self::GetConfig
            | Self::UpdateConfig
            | Self::Schemas(_)
            | Self::Hooks(_)
            | Self::SendEmail
            | Self::ServerInfo
            | Self::Security
            | Self::Batch => return Vec::new(),
        };
        let own = CLASS_ROUTES.into_iter().find_map(|(name, known)| (class == known).then(|| format!("/{name}")));
        let roots = std::iter::once(format!("/classes/{class}")).chain(own);
        roots.map(|root| id.map_or_else(|| root.clone(), |id| format!("{root}/{id}"))).collect()
    }

    fn of_class(verb: &Verb, class: &'a str, id: Option<&'a str>) -> Result<Option<Self>> {
        if class.is_empty() || id == Some("") {
            return Ok(None);
        }
        let is_known =
            matches!((verb, id), (Verb::Get | Verb::Post, None) | (Verb::Get | Verb::Put | Verb::Delete, Some(_)));
        if !is_known {
            return Ok(None);
        }
        let class = decode(class)?;
        let id = id.map(decode).transpose()?;
        Ok(match (verb, id) {
            (Verb::Get, None) => Some(Self::Find { class }),
            (Verb::Post, None) => Some(Self::Create { class }),
            (Verb::Get, Some(id)) => Some(Self::Get { class, id }),
            (Verb::Put, Some(id)) => Some(Self::Update { class, id }),
            (Verb::Delete, Some(id)) => Some(Self::Delete { class, id }),
            _ => None,
        })
    }
}

/// Carries a call out.
pub(crate) async fn run(app: &App, call: Call<'_>) -> Result<Reply> {
    // A repetition is found out before anything is done.
    let once = app.idempotency.admit(app, &call).await?;
    let Call { caller, route, query, body, mount_url, request_id, .. } = call;
    match route {
        Route::Find { class } => classes::find(app, caller, &class, query, &body, mount_url).await,
        Route::Create { class } => classes::create(app, caller, &class, body, mount_url, once).await,
        Route::Get { class, id } => classes::get(app, caller, (&class, &id), query, &body, mount_url).await,
        Route::Update { class, id } => classes::update(app, caller, (&class, &id), body, mount_url, once).await,
        Route::Delete { class, id } => classes::delete(app, caller, (&class, &id), mount_url).await,
        Route::Aggregate { class } => aggregate::run(app, caller, &class, query, &body, mount_url).await,
        Route::CurrentUser => me::user(app, caller, mount_url).await,
        Route::CurrentSession => me::session(app, caller, mount_url).await,
        Route::GetConfig => config::get(app, caller).await,
        Route::UpdateConfig => config::update(app, caller, body).await,
        Route::Schemas(call) => schemas::run(app, caller, call, body).await,
        Route::Hooks(call) => hooks::run(app, caller, call, body).await,
        Route::Account(call) => accounts::run(app, caller, call, query, body, mount_url).await,
        Route::SendEmail => emails::send(app, caller, body).await,
        Route::ServerInfo => Ok(server_info::get(app, &caller.master_reader()?)),
        Route::Security => security::get(app, &caller.master_reader()?),
        Route::Batch => batch::run(app, caller, &body, mount_url, &request_id).await,
    }
}

/// Classes that have a route of their own, beside the one under `/classes`.
const CLASS_ROUTES: [(&str, &str); 4] =
    [("users", "_User"), ("sessions", "_Session"), ("roles", "_Role"), ("installations", "_Installation")];

fn class_of_route(segment: &str) -> Option<&'static str> {
    CLASS_ROUTES.into_iter().find_map(|(name, class)| is(segment, name).then_some(class))
}

fn is(segment: &str, name: &str) -> bool {
    segment.eq_ignore_ascii_case(name)
}

/// Decodes a name in a path, as `decodeURIComponent` does it.
fn decode(segment: &str) -> Result<Cow<'_, str>> {
    if !segment.contains('%') {
        return Ok(Cow::Borrowed(segment));
    }
    let mut escapes = segment.split('%').skip(1);
    let is_escaped =
        |part: &str| part.as_bytes().get(..2).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
    let decoded = escapes.all(is_escaped).then(|| percent_decode_str(segment).decode_utf8().ok()).flatten();
    decoded.ok_or_else(|| Failure::http(400, format!("Failed to decode param '{segment}'")))
}

#[cfg(test)]
mod tests;
