//! What is recorded of each request: one span, one measurement, one log line if it failed.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

use http::StatusCode;
use parsefleet_runtime::telemetry::{Operation, OperationKind, Outcome};

use crate::{failure::Failure, routes::Route};

/// The routes as labels: a closed set.
pub(crate) struct Routes {
    find: Operation,
    create: Operation,
    get: Operation,
    update: Operation,
    delete: Operation,
    batch: Operation,
    server_info: Operation,
    health: Operation,
    preflight: Operation,
    other: Operation,
}

const fn http(name: &'static str) -> Operation {
    Operation::new(OperationKind::HttpServer, name)
}

static ROUTES: Routes = Routes {
    find: http("GET /classes/:class"),
    create: http("POST /classes/:class"),
    get: http("GET /classes/:class/:id"),
    update: http("PUT /classes/:class/:id"),
    delete: http("DELETE /classes/:class/:id"),
    batch: http("POST /batch"),
    server_info: http("GET /serverInfo"),
    health: http("/health"),
    preflight: http("OPTIONS"),
    other: http("other"),
};

/// A request under observation. Dropped before [`finish`](Self::finish), it counts as cancelled by the client.
pub(crate) struct Observation {
    operation: &'static Operation,
    started: Instant,
    is_finished: bool,
}

impl Observation {
    pub(crate) fn start() -> Self {
        Self { operation: &ROUTES.other, started: Instant::now(), is_finished: false }
    }

    pub(crate) fn is_health(&mut self) {
        self.operation = &ROUTES.health;
    }

    pub(crate) fn is_preflight(&mut self) {
        self.operation = &ROUTES.preflight;
    }

    /// The route is known.
    pub(crate) fn routed(&mut self, route: &Route<'_>) {
        self.operation = match route {
            Route::Find { .. } => &ROUTES.find,
            Route::Create { .. } => &ROUTES.create,
            Route::Get { .. } => &ROUTES.get,
            Route::Update { .. } => &ROUTES.update,
            Route::Delete { .. } => &ROUTES.delete,
            Route::Batch => &ROUTES.batch,
            Route::ServerInfo => &ROUTES.server_info,
        };
        let span = tracing::Span::current();
        if !span.is_disabled() {
            span.record("otel.name", self.operation.name());
            if let Some(class) = route.class() {
                span.record("parse.class", capped(class));
            }
        }
    }

    /// The response is known.
    pub(crate) fn finish(mut self, status: StatusCode) {
        self.is_finished = true;
        tracing::Span::current().record("http.response.status_code", status.as_u16());
        self.operation.record(Outcome::from_http(status), self.started.elapsed());
    }
}

impl Drop for Observation {
    fn drop(&mut self) {
        if !self.is_finished {
            self.operation.record(Outcome::Cancelled, self.started.elapsed());
        }
    }
}

/// Logs a failure where it is consumed. Texts that clients may not read are written here only.
pub(crate) fn log(failure: &Failure, status: StatusCode, request_id: &str) {
    let (code, message): (i32, &str) = match failure {
        Failure::Parse(error) => (error.code as i32, &error.message),
        Failure::Http { message, .. } => (0, message),
        Failure::Unauthorized => (0, "unauthorized"),
        Failure::MasterKeyRequired => (0, "master key is required"),
        Failure::NoRoute => (0, "no such route"),
        Failure::Busy => (0, "too many requests in flight"),
    };
    if status.is_server_error() {
        tracing::warn!(request_id, status = status.as_u16(), code, error = message, "request failed");
    } else {
        tracing::debug!(request_id, status = status.as_u16(), code, error = message, "request refused");
    }
}

/// An id for logs and traces: different in every request of every process.
pub(crate) fn request_id(process: u64) -> String {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    format!("{process:016x}-{:x}", COUNTER.fetch_add(1, Ordering::Relaxed))
}

/// A class name that a client made up does not blow up a span.
fn capped(class: &str) -> &str {
    class.get(..64).unwrap_or(class.get(..0).filter(|_| class.len() > 64).unwrap_or(class))
}
