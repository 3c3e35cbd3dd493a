//! Answering calls in this process: what stands around every generated server, with a socket in front or without.
//!
//! Deadline, panic capture, metrics and trace are one wrapper instead of a stack of layers: one allocation per call. A caller that
//! has the service itself at hand can leave the messages out: see [`in_process`].

use std::{
    convert::Infallible,
    future::Future,
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt as _;
use http::{Request, Response};
use tonic::{Code, Status};
use tower::Service;
use tracing::{Instrument as _, Span, field::Empty};

use super::{
    Body,
    channel::{Call, ClientOptions, Transport},
    deadline, error,
    method::{self, Method},
};
use crate::telemetry;

/// A generated server in this process.
pub(super) struct Local<S> {
    pub(super) service: S,
    /// Deadline of calls that bring none.
    pub(super) timeout: Duration,
}

/// A generated server behind a socket.
pub(super) trait Handler: Send + Sync {
    /// Answers a call; the place is held until the answer is there.
    fn handle(&self, request: Request<Body>, place: Place) -> Call;
}

impl<S> Transport for Local<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + Sync,
    S::Future: Send + 'static,
{
    fn call(&self, request: Request<Body>) -> Call {
        self.answer(request, None)
    }
}

impl<S> Handler for Local<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + Sync,
    S::Future: Send + 'static,
{
    fn handle(&self, request: Request<Body>, place: Place) -> Call {
        self.answer(request, Some(place))
    }
}

impl<S> Local<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone,
    S::Future: Send + 'static,
{
    fn answer(&self, request: Request<Body>, place: Option<Place>) -> Call {
        let method = Method::of(request.uri().path());
        // Within a request of this process its deadline is enforced already.
        let timeout = match deadline::from_headers(request.headers()) {
            None if deadline::current().is_some() => None,
            sent => Some(sent.unwrap_or(self.timeout)),
        };
        let span = telemetry::spans_enabled().then(|| {
            let span = span_of(method);
            telemetry::continue_trace(&span, request.headers());
            span
        });
        let answer = self.service.clone().call(request);
        let guarded = async move {
            let _place = place;
            let answered = guard(method, timeout, answer, code_of_response, |status| Ok(status.into_http())).await;
            answered.map_err(|never| match never {})
        };
        match span {
            None => Box::pin(guarded),
            Some(span) => Box::pin(guarded.instrument(span)),
        }
    }
}

/// A call of a service in this process that nobody encodes: `path` names the RPC, as `/package.Service/Method`, and `answer` is the
/// service's own method at work. Deadline, panic capture, metrics and trace are those of every other call.
///
/// # Errors
/// Those of the service; INTERNAL after a panic, DEADLINE_EXCEEDED when the time is over.
pub async fn in_process<T>(
    path: &str,
    answer: impl Future<Output = Result<tonic::Response<T>, Status>>,
) -> Result<T, Status> {
    let method = Method::of(path);
    let timeout = deadline::current().is_none().then(|| ClientOptions::default().timeout);
    let code_of = |answer: &Result<tonic::Response<T>, Status>| answer.as_ref().map_or_else(Status::code, |_| Code::Ok);
    let guarded = guard(method, timeout, answer, code_of, Err);
    let answered = match telemetry::spans_enabled() {
        false => guarded.await,
        true => guarded.instrument(span_of(method)).await,
    };
    answered.map(tonic::Response::into_inner)
}

fn span_of(method: &'static Method) -> Span {
    tracing::info_span!("rpc", otel.name = method.served.name(), otel.kind = "server", rpc.grpc.status_code = Empty)
}

/// A unary answer has its status in the head if it is an error; in the trailers there can only be success.
fn code_of_response(answer: &Result<Response<Body>, Infallible>) -> Code {
    let response = answer.as_ref().unwrap_or_else(|never| match *never {});
    response.headers().get(Status::GRPC_STATUS).map_or(Code::Ok, |code| Code::from_bytes(code.as_ref()))
}

/// Runs a handler to an answer, whatever happens in it.
async fn guard<T>(
    method: &'static Method,
    timeout: Option<Duration>,
    answer: impl Future<Output = T>,
    code_of: impl Fn(&T) -> Code,
    failed: impl Fn(Status) -> T,
) -> T {
    let timer = method.served.start();
    let answer = AssertUnwindSafe(answer).catch_unwind();
    let answer = match timeout {
        None => Ok(answer.await),
        Some(timeout) => deadline::within(timeout, answer).await,
    };
    let answer = match answer {
        Ok(Ok(answer)) => answer,
        Ok(Err(_panic)) => {
            // The panic hook has logged where and why.
            telemetry::metrics::count_panic();
            failed(parsefleet_proto::status_from_error(&error::internal()))
        }
        Err(_elapsed) => failed(Status::deadline_exceeded("the deadline of the call is over")),
    };
    let code = code_of(&answer);
    timer.finish(method::outcome(code));
    if telemetry::spans_enabled() {
        Span::current().record("rpc.grpc.status_code", i32::from(code));
    }
    answer
}

/// How many calls a server answers at a time.
#[derive(Debug)]
pub(super) struct Places {
    taken: AtomicUsize,
    limit: usize,
}

/// One call's place.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
}

impl Places {
    pub(super) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { taken: AtomicUsize::new(0), limit })
    }

    /// A place, unless all are taken.
    pub(super) fn take(self: &Arc<Self>) -> Option<Place> {
        let place = Place { places: Arc::clone(self) };
        (self.taken.fetch_add(1, Ordering::Relaxed) < self.limit).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.taken.fetch_sub(1, Ordering::Relaxed);
    }
}
