//! `/batch`: several requests in one. Each part enters the routes as a request of the same caller would; the parts of a
//! transaction go to data together.

mod transaction;

use std::borrow::Cow;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, future::BoxFuture, stream};
use http::StatusCode;
use parsefleet_core::{ErrorCode, ParseError};
use serde_json::value::RawValue;

use super::{Call, Route};
use crate::{
    app::App,
    body::Members,
    failure::{Failure, Result},
    gateway::is_login,
    javascript::Loose,
    mount::Mount,
    privilege::Caller,
    rate_limit::{Subject, User},
    render::{Reply, error_body},
    verb::Verb,
};

/// Parts of one batch that are worked on at the same time.
const CONCURRENCY: usize = 32;

/// Pieces of work that are still to be made. The compiler cannot tell whether an unboxed one is `Send`.
type Work<'a, T> = Box<dyn Iterator<Item = BoxFuture<'a, T>> + Send + 'a>;

/// One sub-request as it was sent.
struct Part {
    method: String,
    /// After the API's prefix, normalised.
    path: String,
    query: Option<String>,
    body: Option<Bytes>,
}

pub(super) async fn run(
    app: &App,
    caller: &Caller,
    body: &Members,
    mount_url: &str,
    request_id: &str,
) -> Result<Reply> {
    let parts = parts_of(app, caller, body).await?;
    let routes = parts.iter().map(Part::route).collect::<Result<Vec<_>>>()?;
    if body.get("transaction") == Some("true") {
        return transaction::run(app, caller, &parts, routes, mount_url, request_id).await;
    }
    let work = parts.iter().zip(routes).enumerate().map(|(index, (part, route))| {
        let request_id = app.idempotency.id_of_part(request_id, index);
        part.run(app, caller, route, mount_url, request_id)
    });
    let mut answers = a_few_at_a_time(Box::new(work));
    let mut list = Vec::with_capacity(64 * parts.len() + 2);
    list.push(b'[');
    while let Some(answer) = answers.next().await {
        if list.len() > 1 {
            list.push(b',');
        }
        let (label, content): (&[u8], Cow<'_, [u8]>) = match &answer {
            Ok(reply) => (b"{\"success\":", Cow::Borrowed(&reply.body)),
            Err(failure) => (b"{\"error\":", Cow::Owned(error_body(failure, app.config.http.sanitise_errors))),
        };
        list.extend_from_slice(label);
        list.extend_from_slice(&content);
        list.push(b'}');
    }
    list.push(b']');
    Ok(Reply::ok(list))
}

/// The answers of work, in its order. Each piece is made when its turn comes: one that waits would cost kilobytes, and a
/// body has room for half a million.
fn a_few_at_a_time<'a, T>(work: Work<'a, T>) -> impl Stream<Item = T> + Send + 'a
where
    T: Send + 'a,
{
    stream::iter(work).buffered(CONCURRENCY)
}

/// Reads and admits all parts, before any of them is carried out.
async fn parts_of(app: &App, caller: &Caller, body: &Members) -> Result<Vec<Part>> {
    let requests = requests_of(body)?;
    check_number(app, caller, requests.len())?;
    let parts = requests.into_iter().map(|request| Part::read(&app.mount, body.share(request.get())));
    let parts = parts.collect::<Result<Vec<_>>>()?;
    for part in &parts {
        part.admit(app, caller).await?;
    }
    Ok(parts)
}

fn requests_of(body: &Members) -> Result<Vec<&RawValue>> {
    let requests = body.get("requests").filter(|requests| requests.starts_with('['));
    let requests = requests.and_then(|requests| serde_json::from_str(requests).ok());
    requests.ok_or_else(|| invalid("requests must be an array"))
}

/// Clients may not put more requests into a batch than the app allows.
fn check_number(app: &App, caller: &Caller, number: usize) -> Result<()> {
    let limit = app.config.objects.request_complexity.batch_request_limit.filter(|_| caller.role().is_none());
    match limit.filter(|limit| number > *limit) {
        Some(limit) => {
            Err(invalid(format!("Batch request contains {number} sub-requests, which exceeds the limit of {limit}.")))
        }
        None => Ok(()),
    }
}

impl Part {
    fn read(mount: &Mount, request: Bytes) -> Result<Self> {
        let not_a_string = || invalid("batch request path must be a string");
        if !request.starts_with(b"{") {
            return Err(not_a_string());
        }
        let members = Members::split(request)?;
        let url = members.get("path").map(Loose::json);
        let url = url.as_ref().and_then(Loose::as_string).ok_or_else(not_a_string)?;
        let (path, query) = url.split_once('?').map_or((&*url, None), |(path, query)| (path, Some(query)));
        let inner = mount.strip_batch(path).ok_or_else(|| invalid(format!("cannot route batch path {url}")))?;
        let method = members.get("method").map(Loose::json);
        let body = members.get("body").filter(|body| Loose::json(body).is_truthy()).map(|body| members.share(body));
        Ok(Self {
            method: method.as_ref().map_or(Cow::Borrowed("undefined"), Loose::to_text).into_owned(),
            path: normalise(inner),
            query: query.map(str::to_owned),
            body,
        })
    }

    /// Checks what would be checked of a request of its own.
    async fn admit(&self, app: &App, caller: &Caller) -> Result<()> {
        let is_batch = matches!(Route::find(&Verb::Post, &self.path), Ok(Some(Route::Batch)));
        if is_batch && self.method.eq_ignore_ascii_case("POST") {
            return Err(invalid("nested batch requests are not allowed"));
        }
        let verb = Verb::parse(&self.method);
        app.allow_list.check(&verb, &self.path, caller.role())?;
        let method = self.method.to_ascii_uppercase();
        // Who logs in does so as nobody.
        let session = caller.session().filter(|_| !is_login(&self.path));
        let subject = Subject {
            path: &self.path,
            verb: &verb,
            // The part came in a POST.
            methods: [&method, "POST"],
            role: caller.role(),
            address: caller.address,
            token: caller.token().filter(|_| !is_login(&self.path)),
            user: User::Known(session.map(|session| session.user_id.as_str())),
        };
        app.rate_limits.count(&subject).await.into_result(StatusCode::BAD_REQUEST)
    }

    fn route(&self) -> Result<Route<'_>> {
        let route = Route::find(&Verb::parse(&self.method), &self.path)?;
        route.ok_or_else(|| invalid(format!("cannot route {} {}", self.method, self.path)))
    }

    /// Carries the part out. Boxed, because a batch is itself a route.
    fn run<'a>(
        &'a self,
        app: &'a App,
        caller: &'a Caller,
        route: Route<'a>,
        mount_url: &'a str,
        request_id: String,
    ) -> BoxFuture<'a, Result<Reply>> {
        Box::pin(async move {
            let body = self.members()?;
            let (path, query, request_id) = (&*self.path, self.query.as_deref(), Cow::Owned(request_id));
            super::run(app, Call { caller, route, path, query, body, mount_url, request_id }).await
        })
    }

    fn members(&self) -> Result<Members> {
        match &self.body {
            None => Ok(Members::default()),
            Some(body) if body.starts_with(b"{") || body.starts_with(b"[") => Members::split(body.clone()),
            Some(_) => Err(invalid("batch request body must be an object")),
        }
    }
}

fn invalid(message: impl Into<String>) -> Failure {
    ParseError::new(ErrorCode::InvalidJson, message).into()
}

/// An absolute path without empty, `.` and `..` segments; a trailing slash stays.
fn normalise(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::with_capacity(4);
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            name => segments.push(name),
        }
    }
    let mut normal = String::with_capacity(path.len() + 1);
    for segment in &segments {
        normal.push('/');
        normal.push_str(segment);
    }
    if normal.is_empty() || path.ends_with('/') {
        normal.push('/');
    }
    normal
}

/// Reads a batch as far as that can be done without carrying it out: for the fuzz target.
#[cfg(fuzzing)]
pub(crate) fn read_everything(mount: &Mount, body: &Members) {
    use crate::parameters::Parameters;

    for request in requests_of(body).unwrap_or_default() {
        let Ok(part) = Part::read(mount, body.share(request.get())) else { continue };
        assert!(part.path.starts_with('/') && !part.path.contains("//") && !part.path.contains("/../"));
        let _ = part.route();
        let Ok(members) = part.members() else { continue };
        let parameters = Parameters::merge(part.query.as_deref(), &members);
        let _ = parameters.apply_to_find(&mut Default::default());
        let _ = parameters.apply_to_get(&mut Default::default());
        let bytes = members.into_bytes();
        assert!(serde_json::from_slice::<&RawValue>(&bytes).is_ok(), "what is sent on is JSON");
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::{pending, ready},
        sync::atomic::{AtomicUsize, Ordering},
    };

    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn no_part_is_begun_before_there_is_a_place_for_it() {
        let begun = AtomicUsize::new(0);
        let work = (0..1000).map(|_| {
            begun.fetch_add(1, Ordering::SeqCst);
            pending::<()>().boxed()
        });
        let mut hanging = a_few_at_a_time(Box::new(work));
        assert!(hanging.next().now_or_never().is_none());
        assert_eq!(begun.load(Ordering::SeqCst), CONCURRENCY);
        let all: Vec<usize> = a_few_at_a_time(Box::new((0..1000).map(|number| ready(number).boxed()))).collect().await;
        assert_eq!(all, (0..1000).collect::<Vec<_>>());
    }

    #[test]
    fn paths_are_normalised_like_posix_ones() {
        for (path, normal) in [
            ("/classes/A", "/classes/A"),
            ("classes/A", "/classes/A"),
            ("//classes/A/", "/classes/A/"),
            ("/x/../classes/./A", "/classes/A"),
            ("/../..", "/"),
            ("", "/"),
        ] {
            assert_eq!(normalise(path), normal, "{path}");
        }
    }
}
