#![allow(clippy::unwrap_used, reason = "a failed test is what it is for")]

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::body::Body;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;
use tracing_subscriber::layer::SubscriberExt as _;

use super::*;
use crate::{
    Readiness, Shutdown,
    admin::{Admin, router},
};

/// Lines written.
#[derive(Clone, Default)]
struct Output(Arc<Mutex<Vec<u8>>>);

impl io::Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Output {
    fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
    }
}

fn subscriber(directives: &str, json: bool) -> (impl Subscriber + Send + Sync, LogFilter, Output) {
    let (filter, handle) = LogFilter::new(directives).unwrap();
    let output = Output::default();
    let writer = output.clone();
    let layer = layer(json, move || writer.clone()).with_filter(filter);
    (Registry::default().with(layer), handle, output)
}

#[test]
fn json_lines_hold_the_fields_with_their_types() {
    let (subscriber, _, output) = subscriber("info", true);
    tracing::subscriber::with_default(subscriber, || {
        tracing::info!(count = 3, share = 0.5, late = true, name = "a\"b", "message");
        tracing::debug!("not printed");
    });
    let line: Value = serde_json::from_str(&output.take()).unwrap();
    let expected = serde_json::json!({
        "timestamp": line["timestamp"], "level": "INFO", "target": module_path!(), "message": "message",
        "count": 3, "share": 0.5, "late": true, "name": "a\"b",
    });
    assert_eq!(line, expected);
    assert!(line["timestamp"].as_str().unwrap().starts_with("20"));
}

#[test]
fn text_lines_read_from_left_to_right() {
    let (subscriber, _, output) = subscriber("info", false);
    tracing::subscriber::with_default(subscriber, || tracing::warn!(count = 3, "message"));
    let line = output.take();
    assert!(line.ends_with(&format!(" WARN {}: message count=3\n", module_path!())), "{line}");
}

#[test]
fn spans_are_off_at_their_call_site() {
    let (subscriber, _, _) = subscriber("trace", true);
    tracing::subscriber::with_default(subscriber, || assert!(tracing::error_span!("request").is_disabled()));
}

#[tokio::test]
async fn the_filter_changes_while_the_process_runs() {
    let (subscriber, log_filter, output) = subscriber("info", false);
    let _default = tracing::subscriber::set_default(subscriber);
    let shutdown = Shutdown::new(Duration::ZERO, Duration::ZERO);
    let router = router(Admin { readiness: Readiness::default(), log_filter, shutdown });
    let put = |directives: &'static str| {
        let request = Request::put("/log-filter").body(Body::from(directives)).unwrap();
        router.clone().oneshot(request)
    };
    let log = || {
        tracing::debug!("now");
        output.take().contains("now")
    };
    assert!(!log());
    let answer = put("warn,parsefleet_runtime=debug").await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let text = answer.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(text, "parsefleet_runtime=debug,warn");
    assert!(log());
    assert_eq!(put("parsefleet_runtime=loud").await.unwrap().status(), StatusCode::BAD_REQUEST);
    assert!(log(), "a filter that cannot be read changes nothing");
    assert_eq!(put("off").await.unwrap().status(), StatusCode::OK);
    assert!(!log());
}
