//! One request from its first byte to its response.
//!
//! The stages stand in the order in which Parse Server's middlewares do; each says why it is where it is.

use std::{
    borrow::Cow,
    convert::Infallible,
    future::Future,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::extract::ConnectInfo;
use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header, request::Parts};
use http_body::Body as HttpBody;
use parsefleet_cache::Cache;
use parsefleet_core::{ErrorCode, ParseError};
use parsefleet_runtime::{
    config::Config,
    rpc::deadline,
    telemetry::{continue_trace, metrics::count_panic, spans_enabled},
};
use tokio_util::task::TaskTracker;
use tower::Service;
use tracing::{Instrument as _, field};

use crate::{
    Channels, ServeError,
    app::App,
    body::{self, Members},
    client_address::TrustedProxies,
    context::{self, Identity},
    failure::{Failure, Result},
    finish::Finish,
    health::Condition,
    idempotency,
    javascript::Loose,
    pages::{PageRoute, Visit},
    privilege::{Caller, Privilege, Role},
    rate_limit::{Subject, User},
    render::{self, Body, Occasion, Reply},
    routes::{self, AccountCall, Call, Route},
    session::Token,
    telemetry::{self, Observation},
    verb::Verb,
};

/// The REST API as a service. Clones share everything.
#[derive(Clone)]
pub struct Gateway {
    app: Arc<App>,
    /// Prefix of this process' request ids.
    process: u64,
    /// Requests that are being answered, whether or not somebody still waits for the answer.
    pub(crate) requests: TaskTracker,
}

/// A request on its way, and what is known about it so far.
struct Exchange<'a> {
    app: &'a App,
    parts: &'a Parts,
    peer: IpAddr,
    /// The method, until `_method` names another.
    verb: Verb,
    request_id: String,
    observation: Observation,
    /// Headers of the response that do not follow from its content.
    headers: HeaderMap,
}

impl Gateway {
    /// Prepares to serve the API; `cache` keeps who session tokens belong to.
    ///
    /// # Errors
    /// When the configuration cannot be served.
    pub fn try_new(config: Arc<Config>, channels: Channels, cache: Arc<dyn Cache>) -> Result<Self, ServeError> {
        routes::security::log(&config);
        Ok(Self {
            app: Arc::new(App::try_new(config, channels, cache)?),
            process: rand::random(),
            requests: TaskTracker::new(),
        })
    }

    /// Answers one request. A failure, a panic and an overrun deadline are answers, too.
    pub async fn respond<B>(&self, request: Request<B>) -> Response<Body>
    where
        B: HttpBody<Data = Bytes> + Send,
    {
        let (parts, body) = request.into_parts();
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let mut exchange = Exchange {
            app: &self.app,
            peer: peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(peer)| peer.ip()),
            verb: Verb::of(&parts.method),
            request_id: telemetry::request_id(self.process),
            observation: Observation::start(),
            headers: HeaderMap::new(),
            parts: &parts,
        };
        let span = tracing::info_span!(
            "request",
            otel.kind = "server",
            request_id = exchange.request_id,
            parse.app_id = &*self.app.app_id,
            parse.class = field::Empty,
            http.request.method = parts.method.as_str(),
            http.response.status_code = field::Empty,
        );
        if spans_enabled() {
            continue_trace(&span, &parts.headers);
        }
        async {
            let response = exchange.respond(body).await;
            exchange.observation.finish(response.status());
            response
        }
        .instrument(span)
        .await
    }
}

impl<B> Service<Request<B>> for Gateway
where
    B: HttpBody<Data = Bytes> + Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let gateway = self.clone();
        // A client that hangs up does not stop a write between its steps, nor a database command between question and answer,
        // which would cost the connection to the database.
        let answer = Finish::new(async move { gateway.respond(request).await }, &self.requests);
        Box::pin(async move { Ok(answer.await) })
    }
}

impl Exchange<'_> {
    async fn respond<B>(&mut self, body: B) -> Response<Body>
    where
        B: HttpBody<Data = Bytes> + Send,
    {
        let app = self.app;
        // 1. Outside the mount path there is nothing, not even CORS.
        let Some(path) = app.mount.strip(self.parts.uri.path()) else {
            return render::response(&self.occasion(), Err(Failure::NoRoute));
        };
        // 2. Browsers ask before they send a key.
        let origin = app.cors.origin(&self.parts.headers);
        let mut response = if self.verb == Verb::Options {
            self.observation.is_preflight();
            render::preflight(&self.occasion())
        } else {
            let limit = app.config.fleet.request_timeout;
            let mut response = match app.pages.find(&self.verb, path) {
                // 3. Pages are for people, who bring no keys.
                Some(route) => match guarded(limit, self.page(&route, path, body)).await {
                    Ok(page) => page,
                    Err(failure) => self.finished(Err(failure)),
                },
                None => {
                    let outcome = guarded(limit, self.answer(path, body)).await;
                    self.finished(outcome)
                }
            };
            response.headers_mut().extend(self.headers.drain());
            response
        };
        app.cors.apply(response.headers_mut(), origin);
        response
    }

    /// A page, for whoever opened a link.
    async fn page<B>(&mut self, route: &PageRoute<'_>, path: &str, body: B) -> Result<Response<Body>>
    where
        B: HttpBody<Data = Bytes> + Send,
    {
        self.observation.is_page(route);
        let (app, headers) = (self.app, &self.parts.headers);
        let address = TrustedProxies::new(self.peer, &app.config.http.trust_proxy).client(headers);
        context::role_in_headers(&app.config.keys, headers, address)?;
        let _place = app.in_flight.try_acquire().map_err(|_| Failure::Busy)?;
        let form = body::read_form(headers, body).await?;
        let (caller, _) = self.caller(path, Identity::default(), address);
        self.count(path, &caller, None).await?;
        let visit = Visit::new(&self.verb, self.parts.uri.query(), form, headers, caller.request_context());
        app.pages.answer(route, &visit).await
    }

    async fn answer<B>(&mut self, path: &str, body: B) -> Result<Reply>
    where
        B: HttpBody<Data = Bytes> + Send,
    {
        let (app, config) = (self.app, &self.app.config);
        let headers = &self.parts.headers;
        let trust = TrustedProxies::new(self.peer, &config.http.trust_proxy);
        let address = trust.client(headers);
        // 3. A key from a wrong address stops everything, health included.
        let header_role = context::role_in_headers(&config.keys, headers, address)?;
        // 4. Health needs no application id and is never shed.
        if is_health(path) {
            self.observation.is_health();
            app.allow_list.check(&self.verb, path, header_role)?;
            let condition = app.health.condition(&app.data).await;
            if condition == Condition::Starting {
                self.headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            return Ok(condition.reply());
        }
        // 5. Bodies cost memory: the limit comes before them.
        let _place = app.in_flight.try_acquire().map_err(|_| Failure::Busy)?;
        let mut body = body::read(headers, body, config.http.max_upload_size).await?;
        // 6. The real method decides the route.
        self.override_method(&mut body);
        // 7. Application, keys, client-key rule.
        let identity = context::identify(config, headers, &mut body, header_role, address)?;
        let (mut caller, token) = self.caller(path, identity, address);
        // 8. Limits count what is asked for, whether or not it is allowed and there.
        self.count(path, &caller, token.as_ref()).await?;
        // 9. The allow list comes before the session, so that it costs nothing.
        app.allow_list.check(&self.verb, path, caller.role())?;
        // A bad session token fails even routes that do not exist.
        self.log_in(path, &mut caller, token).await?;
        // 10. The route.
        let verb = if self.verb == Verb::Head { &Verb::Get } else { &self.verb };
        let route = Route::find(verb, path)?.ok_or(Failure::NoRoute)?;
        self.observation.routed(&route);
        let mount_url = app.mount.url(&self.parts.uri, headers, &trust);
        let query = self.parts.uri.query();
        let request_id = Cow::Borrowed(idempotency::request_id(headers));
        routes::run(app, Call { caller: &caller, route, path, query, body, mount_url: &mount_url, request_id }).await
    }

    /// `_method` in a POST's body, whatever it is, is taken out; a string replaces the method.
    fn override_method(&mut self, body: &mut Members) {
        if self.verb != Verb::Post {
            return;
        }
        let Some(method) = body.get("_method").map(Loose::json).filter(Loose::is_truthy) else { return };
        if let Some(name) = method.as_string() {
            self.verb = Verb::parse(&name.to_ascii_uppercase());
        }
        body.remove("_method");
    }

    /// The caller as far as it is known without its session, and the token of that.
    fn caller(&self, path: &str, identity: Identity, address: Option<IpAddr>) -> (Caller, Option<Token>) {
        let Identity { role, installation_id, sent_installation_id, session_token, cloud_context } = identity;
        // Who logs in does so as nobody.
        let token = session_token.filter(|_| role.is_some() || !is_login(path)).map(|token| Token::new(&token));
        let caller = Caller {
            privilege: role.map_or(Privilege::Public, Role::into),
            app_id: Arc::clone(&self.app.app_id),
            installation_id,
            sent_installation_id,
            address,
            cloud_context,
            headers: context::told_headers(&self.parts.headers),
            request_id: self.request_id.clone(),
            idle_token: token.clone().filter(|token| role.is_some() || is_to_be_upgraded(path, token)),
        };
        let token = token.filter(|token| role.is_some() || !is_to_be_upgraded(path, token));
        (caller, token)
    }

    /// Counts the request against the limits.
    async fn count(&mut self, path: &str, caller: &Caller, token: Option<&Token>) -> Result<()> {
        let method = self.verb.name();
        let subject = Subject {
            path,
            verb: if self.verb == Verb::Head { &Verb::Get } else { &self.verb },
            methods: [method, if self.verb == Verb::Head { "GET" } else { method }],
            role: caller.role(),
            address: caller.address,
            token,
            user: User::OfToken(&self.app.sessions, caller),
        };
        let verdict = self.app.rate_limits.count(&subject).await;
        verdict.write_headers(&mut self.headers);
        verdict.into_result(StatusCode::TOO_MANY_REQUESTS)
    }

    /// Makes the caller the user of its session token. With a key the token decides nothing.
    async fn log_in(&self, path: &str, caller: &mut Caller, token: Option<Token>) -> Result<()> {
        let Some(token) = token.filter(|_| caller.role().is_none()) else { return Ok(()) };
        let session = self.app.sessions.resolve(token.expose(), caller.request_context()).await;
        let asked_for_itself = matches!(Route::find(&self.verb, path), Ok(Some(Route::CurrentSession)));
        caller.privilege = Privilege::User(session.map_err(|error| match error.code {
            ErrorCode::InvalidSessionToken if asked_for_itself => routes::me::not_found(),
            _ => error,
        })?);
        Ok(())
    }

    fn finished(&mut self, outcome: Result<Reply>) -> Response<Body> {
        if let Err(failure) = &outcome {
            self.observation.failed(failure, render::status_of(failure), &self.request_id);
        }
        render::response(&self.occasion(), outcome)
    }

    fn occasion(&self) -> Occasion<'_> {
        Occasion {
            verb: &self.verb,
            path: self.parts.uri.path(),
            headers: &self.parts.headers,
            sanitise: self.app.config.http.sanitise_errors,
        }
    }
}

/// Deadline and panics are caught around everything that does work.
async fn guarded<T>(limit: Duration, work: impl Future<Output = Result<T>>) -> Result<T> {
    // Boxed, because it is large, and everything around it would be moved with it.
    match AssertUnwindSafe(deadline::within(limit, Box::pin(work))).catch_unwind().await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => Err(ParseError::new(ErrorCode::Timeout, "The request timed out.").into()),
        Err(_) => {
            count_panic();
            Err(ParseError::new(ErrorCode::InternalServerError, "Internal server error.").into())
        }
    }
}

/// `/health` and everything below it.
fn is_health(path: &str) -> bool {
    let mut segments = path.split('/').skip(1);
    segments.next().is_some_and(|first| first.eq_ignore_ascii_case("health"))
}

pub(crate) fn is_login(path: &str) -> bool {
    AccountCall::LogIn.is_at(path)
}

/// A token of the kind that was made before sessions were: what it is worth is for the route to find out.
fn is_to_be_upgraded(path: &str, token: &Token) -> bool {
    !token.expose().starts_with("r:") && AccountCall::UpgradeSession.is_at(path)
}

#[cfg(test)]
mod tests;
