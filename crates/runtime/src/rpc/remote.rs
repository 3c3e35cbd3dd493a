//! Calls across the network: deadline, credential, trace, metrics, and one repetition elsewhere where that is safe.

use std::{error::Error, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, Uri, header::AUTHORIZATION, uri::PathAndQuery};
use http_body_util::{BodyExt as _, Either, Full};
use secrecy::ExposeSecret as _;
use tokio::time::{Instant, timeout_at};
use tonic::{Code, Status};
use tracing::{Instrument as _, field::Empty};

use super::{
    Body, ClientOptions, ConnectError,
    balance::Balancer,
    channel::{Call, Transport},
    deadline,
    dial::{Dialler, Payload},
    endpoint::{Endpoint, InFlight},
    method::{self, Method},
    resolve::Target,
    server,
    tls::ClientTls,
};
use crate::telemetry::{self, Outcome};

/// A service across the network.
pub(super) struct Remote {
    balancer: Arc<Balancer>,
    authorization: Option<HeaderValue>,
    timeout: Duration,
}

impl Remote {
    pub(super) fn try_new(target: &str, options: ClientOptions) -> Result<Self, ConnectError> {
        let refuse = |reason| ConnectError::Target { target: target.to_owned(), reason };
        let targets = Target::parse_list(target)?;
        let authorization = match &options.credential {
            None => None,
            Some(credential) => {
                let value = server::authorization(credential);
                let mut value = HeaderValue::from_str(value.expose_secret())
                    .map_err(|_| refuse("the service credential cannot be sent in a header"))?;
                value.set_sensitive(true);
                Some(value)
            }
        };
        if options.tls.is_none() && targets.iter().any(|target| target.server_name.is_some()) {
            return Err(refuse("https needs certificates: PARSEFLEET_TLS_CERT, PARSEFLEET_TLS_KEY, PARSEFLEET_TLS_CA"));
        }
        let tls = options.tls.clone().map(ClientTls::try_new).transpose()?;
        let dialler = Arc::new(Dialler { tls, timeout: options.connect_timeout });
        Ok(Self {
            balancer: Arc::new(Balancer::start(targets, dialler, &options)),
            authorization,
            timeout: options.timeout,
        })
    }
}

impl Transport for Remote {
    fn call(&self, mut request: Request<Body>) -> Call {
        let method = Method::of(request.uri().path());
        let sent = deadline::from_headers(request.headers());
        let now = Instant::now();
        // Within a request of this process its deadline is enforced already.
        let (deadline, enforce) = match (deadline::current(), sent) {
            (None, sent) => (now + sent.unwrap_or(self.timeout), true),
            (Some(current), None) => (current, false),
            (Some(current), Some(sent)) => (current.min(now + sent), true),
        };
        let headers = request.headers_mut();
        headers.insert(HeaderName::from_static(deadline::HEADER), deadline::to_header(deadline - now));
        if let Some(authorization) = &self.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        let balancer = Arc::clone(&self.balancer);
        if !telemetry::spans_enabled() {
            return Box::pin(run(balancer, method, request, deadline, enforce));
        }
        let span = tracing::info_span!(
            "rpc",
            otel.name = method.called.name(),
            otel.kind = "client",
            rpc.grpc.status_code = Empty
        );
        telemetry::inject_trace(&span, request.headers_mut());
        Box::pin(run(balancer, method, request, deadline, enforce).instrument(span))
    }
}

async fn run(
    balancer: Arc<Balancer>,
    method: &'static Method,
    request: Request<Body>,
    deadline: Instant,
    enforce: bool,
) -> Result<Response<Body>, Status> {
    let timer = method.called.start();
    if deadline <= Instant::now() {
        timer.finish(Outcome::Timeout);
        return Err(Status::deadline_exceeded("no time left for the call"));
    }
    let call = async {
        if method.unary {
            unary(&balancer, method, request, deadline).await
        } else {
            stream(&balancer, request, deadline).await
        }
    };
    let answer = if enforce {
        timeout_at(deadline, call).await.unwrap_or_else(|_| Err(Status::deadline_exceeded("no answer in time")))
    } else {
        call.await
    };
    let code = match &answer {
        Ok((_, code)) => *code,
        Err(status) => status.code(),
    };
    timer.finish(method::outcome(code));
    if telemetry::spans_enabled() {
        tracing::Span::current().record("rpc.grpc.status_code", i32::from(code));
    }
    answer.map(|(response, _)| response)
}

/// One message there, one message back. Both are held, so that the call can be made again elsewhere.
async fn unary(
    balancer: &Balancer,
    method: &Method,
    request: Request<Body>,
    deadline: Instant,
) -> Result<(Response<Body>, Code), Status> {
    let (head, body) = request.into_parts();
    let path = head.uri.into_parts().path_and_query.unwrap_or_else(|| PathAndQuery::from_static("/"));
    let message = body.collect().await?.to_bytes();
    let endpoint = balancer.pick(None).await?;
    let first = match attempt(&endpoint, path.clone(), head.headers.clone(), message.clone(), deadline).await {
        Ok(answer) => return Ok(answer),
        Err(failure) => failure,
    };
    if !(first.unsent || method.repeatable) {
        return Err(first.status);
    }
    tracing::debug!(address = %endpoint.address, error = %first.status, "call failed, trying elsewhere");
    let endpoint = balancer.pick(Some(endpoint.address)).await?;
    attempt(&endpoint, path, head.headers, message, deadline).await.map_err(|failure| failure.status)
}

/// Makes a unary call to one instance.
async fn attempt(
    endpoint: &Arc<Endpoint>,
    path: PathAndQuery,
    headers: HeaderMap,
    message: Bytes,
    deadline: Instant,
) -> Result<(Response<Body>, Code), Failure> {
    let (response, in_flight) = send(endpoint, path, headers, Either::Left(Full::new(message)), deadline).await?;
    let (head, body) = response.into_parts();
    let body = body.collect().await;
    in_flight.answered();
    let body = body.map_err(|error| Failure::of_transport(&error, false))?;
    let code = code_of(&head.headers).or_else(|| code_of(body.trailers()?)).unwrap_or(Code::Unknown);
    Ok((Response::from_parts(head, Body::new(body)), code))
}

/// A call with a stream in either direction: made once, and over for metrics when its head is there.
async fn stream(
    balancer: &Balancer,
    request: Request<Body>,
    deadline: Instant,
) -> Result<(Response<Body>, Code), Status> {
    let (head, body) = request.into_parts();
    let path = head.uri.into_parts().path_and_query.unwrap_or_else(|| PathAndQuery::from_static("/"));
    let endpoint = balancer.pick(None).await?;
    let (response, in_flight) =
        send(&endpoint, path, head.headers, Either::Right(body), deadline).await.map_err(|failure| failure.status)?;
    in_flight.answered();
    let code = code_of(response.headers()).unwrap_or(Code::Ok);
    Ok((response.map(Body::new), code))
}

/// Sends a call to one instance and waits for the head of the answer.
async fn send(
    endpoint: &Arc<Endpoint>,
    path: PathAndQuery,
    headers: HeaderMap,
    payload: Payload,
    deadline: Instant,
) -> Result<(Response<hyper::body::Incoming>, InFlight), Failure> {
    let Some(mut sender) = endpoint.sender() else { return Err(Failure::unsent("the connection is closed")) };
    let uri = Uri::builder()
        .scheme(endpoint.target.scheme.clone())
        .authority(endpoint.target.authority.clone())
        .path_and_query(path)
        .build()
        .map_err(|error| Failure::unsent(error.to_string()))?;
    let mut request = Request::new(payload);
    *request.method_mut() = http::Method::POST;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    let in_flight = endpoint.begin(deadline);
    match sender.try_send_request(request).await {
        Ok(response) => Ok((response, in_flight)),
        Err(mut error) => {
            in_flight.answered();
            let unsent = error.take_message().is_some();
            Err(Failure::of_transport(error.error(), unsent))
        }
    }
}

/// A call that got no answer.
struct Failure {
    /// The instance has certainly not begun to work on it.
    unsent: bool,
    status: Status,
}

impl Failure {
    fn unsent(reason: impl Into<String>) -> Self {
        Self { unsent: true, status: Status::unavailable(reason) }
    }

    fn of_transport(error: &hyper::Error, unsent: bool) -> Self {
        let status = Status::unavailable(format!("connection to the service failed: {error}"));
        Self { unsent: unsent || was_refused(error), status }
    }
}

/// Whether HTTP/2 says that the server did not begin with the request: the stream was refused, or the server left in
/// good order before it.
fn was_refused(error: &hyper::Error) -> bool {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<h2::Error>() {
            return match error.reason() {
                Some(h2::Reason::REFUSED_STREAM) => error.is_remote(),
                Some(h2::Reason::NO_ERROR) => error.is_go_away() && error.is_remote(),
                _ => false,
            };
        }
        source = error.source();
    }
    false
}

fn code_of(headers: &HeaderMap) -> Option<Code> {
    headers.get(Status::GRPC_STATUS).map(|code| Code::from_bytes(code.as_ref()))
}
