//! The admin server of a role: `/livez`, `/readyz`, `/metrics` and `PUT /log-filter`.
//!
//! It listens on its own port, which is not for the public, and lives until the very end of a stop.

use std::io;

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::IntoResponse,
    routing::{get, put},
};
use tokio::net::TcpListener;

use crate::{Readiness, Shutdown, telemetry::LogFilter};

/// What the admin server shows and changes.
#[derive(Clone, Debug)]
pub struct Admin {
    /// Checks behind `/readyz`.
    pub readiness: Readiness,
    /// Filter behind `/log-filter`.
    pub log_filter: LogFilter,
    /// The stop that turns `/readyz` to no.
    pub shutdown: Shutdown,
}

/// Serves the admin port until the stop is complete.
pub async fn serve(listener: TcpListener, admin: Admin) -> io::Result<()> {
    let shutdown = admin.shutdown.clone();
    axum::serve(listener, router(admin)).with_graceful_shutdown(async move { shutdown.complete().await }).await
}

/// The routes, for tests without a socket.
pub fn router(admin: Admin) -> Router {
    Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/log-filter", put(change_log_filter).get(show_log_filter))
        .with_state(admin)
}

async fn readyz(State(admin): State<Admin>) -> impl IntoResponse {
    let mut checks = serde_json::Map::new();
    let mut ready = !admin.shutdown.is_stopping();
    if !ready {
        checks.insert("process".into(), "stopping".into());
    }
    for report in admin.readiness.check().await {
        ready &= report.result.is_ok();
        checks.insert(report.name.into(), report.result.map_or_else(Into::into, |()| "ok".into()));
    }
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(serde_json::json!({ "ready": ready, "checks": checks })))
}

async fn metrics() -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], crate::telemetry::metrics::render())
}

async fn show_log_filter(State(admin): State<Admin>) -> String {
    admin.log_filter.current()
}

async fn change_log_filter(State(admin): State<Admin>, directives: String) -> Result<String, (StatusCode, String)> {
    admin.log_filter.replace(directives.trim()).map_err(|error| (StatusCode::BAD_REQUEST, format!("{error}\n")))?;
    tracing::info!(filter = directives.trim(), "log filter changed");
    Ok(admin.log_filter.current())
}
