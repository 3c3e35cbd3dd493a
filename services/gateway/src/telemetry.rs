//! What is recorded of each request: one span, one measurement, one log line if it failed.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

use http::StatusCode;
use parsefleet_core::{ErrorCode, error::Disclosure};
use parsefleet_runtime::telemetry::{Operation, OperationKind, Outcome, rename_span};

use crate::{
    failure::Failure,
    pages::PageRoute,
    routes::{AccountCall, HookCall, Route, SchemaCall},
};

/// The routes as labels: a closed set.
pub(crate) struct Routes {
    find: Operation,
    create: Operation,
    get: Operation,
    update: Operation,
    delete: Operation,
    aggregate: Operation,
    current_user: Operation,
    current_session: Operation,
    get_config: Operation,
    update_config: Operation,
    schemas: Schemas,
    hooks: Hooks,
    accounts: Accounts,
    send_email: Operation,
    batch: Operation,
    server_info: Operation,
    security: Operation,
    page: Operation,
    health: Operation,
    preflight: Operation,
    other: Operation,
}

/// Routes of classes.
struct Schemas {
    list: Operation,
    get: Operation,
    create: Operation,
    modify: Operation,
    delete: Operation,
    purge: Operation,
}

/// Routes of hooks.
struct Hooks {
    list: Operation,
    register: Operation,
    get: Operation,
    replace: Operation,
}

/// Ways in and out.
struct Accounts {
    log_in: Operation,
    log_in_as: Operation,
    log_out: Operation,
    verify_password: Operation,
    request_password_reset: Operation,
    request_email_verification: Operation,
    challenge: Operation,
    upgrade_session: Operation,
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
    aggregate: http("GET /aggregate/:class"),
    current_user: http("GET /users/me"),
    current_session: http("GET /sessions/me"),
    get_config: http("GET /config"),
    update_config: http("PUT /config"),
    schemas: Schemas {
        list: http("GET /schemas"),
        get: http("GET /schemas/:class"),
        create: http("POST /schemas"),
        modify: http("PUT /schemas/:class"),
        delete: http("DELETE /schemas/:class"),
        purge: http("DELETE /purge/:class"),
    },
    hooks: Hooks {
        list: http("GET /hooks/triggers"),
        register: http("POST /hooks/triggers"),
        get: http("GET /hooks/triggers/:class/:trigger"),
        replace: http("PUT /hooks/triggers/:class/:trigger"),
    },
    accounts: Accounts {
        log_in: http("POST /login"),
        log_in_as: http("POST /loginAs"),
        log_out: http("POST /logout"),
        verify_password: http("POST /verifyPassword"),
        request_password_reset: http("POST /requestPasswordReset"),
        request_email_verification: http("POST /verificationEmailRequest"),
        challenge: http("POST /challenge"),
        upgrade_session: http("POST /upgradeToRevocableSession"),
    },
    send_email: http("POST /emails"),
    batch: http("POST /batch"),
    server_info: http("GET /serverInfo"),
    security: http("GET /security"),
    page: http("/:pages"),
    health: http("/health"),
    preflight: http("OPTIONS"),
    other: http("other"),
};

/// A request under observation: measured when it is dropped.
pub(crate) struct Observation {
    operation: &'static Operation,
    started: Instant,
    /// How it ended, as far as that is known; the client going away is what happens otherwise.
    outcome: Outcome,
}

impl Observation {
    pub(crate) fn start() -> Self {
        Self { operation: &ROUTES.other, started: Instant::now(), outcome: Outcome::Cancelled }
    }

    pub(crate) fn is_health(&mut self) {
        self.operation = &ROUTES.health;
    }

    pub(crate) fn is_preflight(&mut self) {
        self.operation = &ROUTES.preflight;
    }

    /// It is about a page.
    pub(crate) fn is_page(&mut self, route: &PageRoute<'_>) {
        self.operation = &ROUTES.page;
        let span = tracing::Span::current();
        if !span.is_disabled() {
            rename_span(&span, route.label());
        }
    }

    /// The route is known.
    pub(crate) fn routed(&mut self, route: &Route<'_>) {
        self.operation = match route {
            Route::Find { .. } => &ROUTES.find,
            Route::Create { .. } => &ROUTES.create,
            Route::Get { .. } => &ROUTES.get,
            Route::Update { .. } => &ROUTES.update,
            Route::Delete { .. } => &ROUTES.delete,
            Route::Aggregate { .. } => &ROUTES.aggregate,
            Route::CurrentUser => &ROUTES.current_user,
            Route::CurrentSession => &ROUTES.current_session,
            Route::GetConfig => &ROUTES.get_config,
            Route::UpdateConfig => &ROUTES.update_config,
            Route::Schemas(call) => match call {
                SchemaCall::List => &ROUTES.schemas.list,
                SchemaCall::Get { .. } => &ROUTES.schemas.get,
                SchemaCall::Create { .. } => &ROUTES.schemas.create,
                SchemaCall::Modify { .. } => &ROUTES.schemas.modify,
                SchemaCall::Delete { .. } => &ROUTES.schemas.delete,
                SchemaCall::Purge { .. } => &ROUTES.schemas.purge,
            },
            Route::Hooks(call) => match call {
                HookCall::List => &ROUTES.hooks.list,
                HookCall::Register => &ROUTES.hooks.register,
                HookCall::Get { .. } => &ROUTES.hooks.get,
                HookCall::Replace { .. } => &ROUTES.hooks.replace,
            },
            Route::Account(call) => match call {
                AccountCall::LogIn => &ROUTES.accounts.log_in,
                AccountCall::LogInAs => &ROUTES.accounts.log_in_as,
                AccountCall::LogOut => &ROUTES.accounts.log_out,
                AccountCall::VerifyPassword => &ROUTES.accounts.verify_password,
                AccountCall::RequestPasswordReset => &ROUTES.accounts.request_password_reset,
                AccountCall::RequestEmailVerification => &ROUTES.accounts.request_email_verification,
                AccountCall::Challenge => &ROUTES.accounts.challenge,
                AccountCall::UpgradeSession => &ROUTES.accounts.upgrade_session,
            },
            Route::SendEmail => &ROUTES.send_email,
            Route::Batch => &ROUTES.batch,
            Route::ServerInfo => &ROUTES.server_info,
            Route::Security => &ROUTES.security,
        };
        let span = tracing::Span::current();
        if !span.is_disabled() {
            rename_span(&span, self.operation.name());
            if let Some(class) = route.class() {
                span.record("parse.class", capped(class));
            }
        }
    }

    /// The request did not succeed. This is where a failure is logged, with texts that clients may not read.
    pub(crate) fn failed(&mut self, failure: &Failure, status: StatusCode, request_id: &str) {
        self.outcome = outcome_of(failure, status);
        let (code, message) = description(failure);
        let status = status.as_u16();
        if self.outcome != Outcome::ClientError {
            tracing::warn!(request_id, status, code, error = message, "request failed");
        } else if is_sanitised(failure) {
            tracing::info!(request_id, status, code, error = message, "request denied");
        } else {
            tracing::debug!(request_id, status, code, error = message, "request refused");
        }
    }

    /// The response is known.
    pub(crate) fn finish(mut self, status: StatusCode) {
        tracing::Span::current().record("http.response.status_code", status.as_u16());
        if self.outcome == Outcome::Cancelled {
            self.outcome = Outcome::from_http(status);
        }
    }
}

impl Drop for Observation {
    fn drop(&mut self) {
        self.operation.record(self.outcome, self.started.elapsed());
    }
}

fn outcome_of(failure: &Failure, status: StatusCode) -> Outcome {
    match failure {
        Failure::Busy => Outcome::Overloaded,
        // A flood of one client is no trouble of ours, and shall not fill the log.
        Failure::TooManyRequests { .. } => Outcome::ClientError,
        Failure::Parse(error) if error.code == ErrorCode::Timeout => Outcome::Timeout,
        Failure::Parse(error) if error.code == ErrorCode::ConnectionFailed => Outcome::Unavailable,
        Failure::Parse(_)
        | Failure::Http { .. }
        | Failure::Unauthorized
        | Failure::MasterKeyRequired
        | Failure::NoRoute => Outcome::from_http(status),
    }
}

/// The client reads less than the whole reason, which is then found only in the log.
fn is_sanitised(failure: &Failure) -> bool {
    matches!(failure, Failure::Parse(error) if error.disclosure == Disclosure::Sanitised)
}

fn description(failure: &Failure) -> (i32, &str) {
    match failure {
        Failure::Parse(error) => (error.code as i32, &error.message),
        Failure::Http { message, .. } => (0, message),
        Failure::Unauthorized => (0, "unauthorized"),
        Failure::MasterKeyRequired => (0, "master key is required"),
        Failure::NoRoute => (0, "no such route"),
        Failure::Busy => (0, "too many requests in flight"),
        Failure::TooManyRequests { message, .. } => (100, message),
    }
}

/// An id for logs and traces: different in every request of every process.
pub(crate) fn request_id(process: u64) -> String {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    format!("{process:016x}-{:x}", COUNTER.fetch_add(1, Ordering::Relaxed))
}

/// The beginning of a class name: one that a client made up does not blow up a span.
fn capped(class: &str) -> &str {
    &class[..class.floor_char_boundary(64)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_too_often_is_not_overload() {
        for status in [StatusCode::TOO_MANY_REQUESTS, StatusCode::BAD_REQUEST] {
            let failure = Failure::TooManyRequests { status, message: String::new() };
            assert_eq!(outcome_of(&failure, status), Outcome::ClientError);
        }
        assert_eq!(outcome_of(&Failure::Busy, StatusCode::SERVICE_UNAVAILABLE), Outcome::Overloaded);
    }
}
