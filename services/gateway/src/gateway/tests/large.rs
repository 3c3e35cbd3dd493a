#![allow(clippy::unwrap_used, reason = "a test may fail by panic")]

use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

use crate::testing::Setup;

const APP: (&str, &str) = ("x-parse-application-id", "test");

/// An array in an array in an array …
fn deep_array(depth: usize) -> String {
    "[".repeat(depth) + &"]".repeat(depth)
}

#[tokio::test]
async fn deep_arrays_are_read_like_flat_ones() {
    let setup = Setup::new(&[]);
    let deep = deep_array(100_000);
    // A URL has 64 KiB, that of a part of a batch has no limit.
    let less_deep = deep_array(30_000);
    for name in [
        "keys",
        "excludeKeys",
        "include",
        "includeAll",
        "order",
        "limit",
        "skip",
        "count",
        "redirectClassNameForKey",
        "hint",
        "explain",
        "comment",
        "readPreference",
    ] {
        let line = format!("GET /parse/classes/A?{name}={less_deep}");
        assert_eq!(setup.ask(&line, &[APP], "").await.status(), 200, "{name} of the query");
        let part = format!(r#"{{"requests":[{{"method":"GET","path":"/parse/classes/A?{name}={deep}"}}]}}"#);
        let response = setup.ask("POST /parse/batch", &[APP], &part).await;
        assert_eq!(response.body(), r#"[{"success":{"results":[]}}]"#, "{name} of a part of a batch");
        let body = format!(r#"{{"_method":"GET","{name}":{deep}}}"#);
        assert_eq!(setup.ask("POST /parse/classes/A", &[APP], &body).await.status(), 200, "{name} of the body");
    }
    let response = setup.ask(&format!("GET /parse/classes/A?where={less_deep}"), &[APP], "").await;
    assert_eq!(response.body(), r#"{"code":107,"error":"where parameter is not valid JSON"}"#);
}

#[tokio::test]
async fn deep_arrays_among_the_conventions_are_refused() {
    let setup = Setup::new(&[]);
    let deep = deep_array(100_000);
    for name in ["_SessionToken", "_InstallationId", "_MasterKey", "_ContentType", "_ApplicationId", "_JavaScriptKey"] {
        let body = format!(r#"{{"_ApplicationId":"test","{name}":{deep}}}"#);
        let status = setup.ask("POST /parse/classes/A", &[], &body).await.status();
        assert_eq!(status, if name == "_JavaScriptKey" { 201 } else { 403 }, "{name}");
    }
    for (name, status) in [("_method", 201), ("_context", 201), ("_noBody", 201), ("a", 201)] {
        let body = format!(r#"{{"_ApplicationId":"test","{name}":{deep}}}"#);
        assert_eq!(setup.ask("POST /parse/classes/A", &[], &body).await.status(), status, "{name}");
    }
}

#[tokio::test]
async fn deep_arrays_in_a_batch_are_no_danger() {
    let setup = Setup::new(&[]);
    let deep = deep_array(100_000);
    for (part, status) in [
        (format!(r#"{{"method":{deep},"path":"/parse/classes/A"}}"#), 400),
        (format!(r#"{{"method":"GET","path":{deep}}}"#), 400),
        (format!(r#"{{"method":"POST","path":"/parse/classes/A","body":{deep}}}"#), 200),
        (format!(r#"{{"method":"GET","path":"/parse/classes/A","body":{{"keys":{deep}}}}}"#), 200),
        (deep.clone(), 400),
    ] {
        let response = setup.ask("POST /parse/batch", &[APP], &format!(r#"{{"requests":[{part}]}}"#)).await;
        assert_eq!(response.status(), status, "{}", &part[..40]);
    }
    assert_eq!(setup.ask("POST /parse/batch", &[APP], &format!(r#"{{"requests":{deep}}}"#)).await.status(), 400);
}

#[tokio::test]
async fn deep_arrays_in_an_aggregation_are_no_danger() {
    let setup = Setup::new(&[]);
    let deep = deep_array(100_000);
    let headers = [APP, ("x-parse-master-key", "master")];
    for name in ["distinct", "pipeline", "hint", "explain", "comment", "readPreference", "rawValues", "group"] {
        let body = format!(r#"{{"_method":"GET","{name}":{deep}}}"#);
        assert_eq!(setup.ask("POST /parse/aggregate/A", &headers, &body).await.status(), 200, "{name}");
    }
}

#[tokio::test]
async fn many_members_take_no_longer_than_their_bytes() {
    let setup = Setup::new(&[]);
    let (mut members, mut query) = (String::new(), String::new());
    for number in 0..100_000 {
        write!(members, r#","{number}":1"#).unwrap();
        write!(query, "&{number}=1").unwrap();
    }
    let headers = [APP, ("x-parse-master-key", "master")];
    let part = |path: &str| format!(r#"{{"requests":[{{"method":"GET","path":"/parse/{path}?{query}"}}]}}"#);
    let started = Instant::now();
    for (line, body) in [
        ("POST /parse/classes/A", format!(r#"{{"_method":"GET"{members}}}"#)),
        ("POST /parse/classes/A/x", format!(r#"{{"_method":"GET"{members}}}"#)),
        ("POST /parse/aggregate/A", format!(r#"{{"_method":"GET"{members}}}"#)),
        ("POST /parse/batch", part("classes/A")),
        ("POST /parse/batch", part("login")),
    ] {
        setup.ask(line, &headers, &body).await;
    }
    // Comparing each name with each takes minutes.
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}
