#![allow(clippy::unwrap_used, reason = "a test may fail by panic")]

use std::{sync::Arc, time::Duration};

use parsefleet_proto::v1::Privilege;
use tokio::net::TcpListener;

use crate::testing::Setup;

const APP: (&str, &str) = ("x-parse-application-id", "test");
const FIND: &str = "GET /parse/classes/A";

async fn privilege(setup: &Setup, headers: &[(&str, &str)]) -> Privilege {
    let response = setup.ask(FIND, &[&[APP], headers].concat(), "").await;
    assert_eq!(response.status(), 200);
    setup.context().privilege()
}

#[tokio::test]
async fn keys_give_roles() {
    let setup = Setup::new(&[]);
    let (master, maintenance) = ("x-parse-master-key", "x-parse-maintenance-key");
    assert_eq!(privilege(&setup, &[]).await, Privilege::Public);
    assert_eq!(privilege(&setup, &[(master, "master")]).await, Privilege::Master);
    assert_eq!(privilege(&setup, &[(master, "readonly")]).await, Privilege::ReadOnlyMaster);
    assert_eq!(privilege(&setup, &[(maintenance, "maintenance")]).await, Privilege::Maintenance);
    assert_eq!(privilege(&setup, &[(maintenance, "maintenance"), (master, "master")]).await, Privilege::Maintenance);
    assert_eq!(privilege(&setup, &[(master, "wrong"), (maintenance, "master")]).await, Privilege::Public);
    assert_eq!(privilege(&setup, &[(master, "Master")]).await, Privilege::Public);
    assert_eq!(privilege(&setup, &[("x-parse-session-token", "r:good")]).await, Privilege::User);
    assert_eq!(privilege(&setup, &[("x-parse-session-token", "r:x"), (master, "master")]).await, Privilege::Master);
}

#[tokio::test]
async fn a_right_key_from_a_wrong_address_is_refused_even_for_health() {
    let setup = Setup::new(&[
        ("PARSE_SERVER_MASTER_KEY_IPS", "10.0.0.0/8"),
        ("PARSE_SERVER_READ_ONLY_MASTER_KEY_IPS", "10.0.0.0/8"),
        ("PARSE_SERVER_MAINTENANCE_KEY_IPS", "10.0.0.0/8"),
        ("PARSE_SERVER_TRUST_PROXY", "true"),
    ]);
    for key in [
        ("x-parse-master-key", "master"),
        ("x-parse-master-key", "readonly"),
        ("x-parse-maintenance-key", "maintenance"),
    ] {
        for line in [FIND, "GET /parse/health", "GET /parse/nope"] {
            let response = setup.ask(line, &[APP, key], "").await;
            assert_eq!((response.status().as_u16(), &response.body()[..]), (403, &br#"{"error":"unauthorized"}"#[..]));
            assert_eq!(response.headers()["content-type"], "application/json; charset=utf-8");
        }
        let near = setup.ask(FIND, &[APP, key, ("x-forwarded-for", "::ffff:10.1.2.3")], "").await;
        assert_eq!(near.status(), 200);
    }
    let body = r#"{"_ApplicationId":"test","_MasterKey":"master","_method":"GET"}"#;
    assert_eq!(setup.ask("POST /parse/classes/A", &[], body).await.status(), 403);
}

#[tokio::test]
async fn installation_ids_depend_on_where_the_key_was() {
    let setup = Setup::new(&[]);
    let master = ("x-parse-master-key", "master");
    let installation = ("x-parse-installation-id", "mine");
    for (headers, body, expected) in [
        (vec![APP], "{}", ""),
        (vec![APP, installation], "{}", "mine"),
        (vec![APP, master], "{}", "cloud"),
        (vec![APP, master, installation], "{}", "mine"),
        (vec![], r#"{"_ApplicationId":"test","_MasterKey":"master"}"#, ""),
        (vec![], r#"{"_ApplicationId":"test","_MasterKey":"master","_InstallationId":"i"}"#, "i"),
        (vec![], r#"{"_ApplicationId":"test","_InstallationId":"i"}"#, "i"),
        (vec![master], r#"{"_ApplicationId":"test","_InstallationId":"i"}"#, "cloud"),
    ] {
        let response = setup.ask("POST /parse/classes/A", &headers, body).await;
        assert_eq!(response.status(), 201, "{headers:?} {body}");
        assert_eq!(setup.context().installation_id, expected, "{headers:?} {body}");
    }
}

#[tokio::test]
async fn one_configured_client_key_has_to_be_presented() {
    let setup = Setup::new(&[("PARSE_SERVER_REST_API_KEY", "rest"), ("PARSE_SERVER_JAVASCRIPT_KEY", "js")]);
    let status =
        async |headers: &[(&str, &str)]| setup.ask(FIND, &[&[APP], headers].concat(), "").await.status().as_u16();
    assert_eq!(status(&[]).await, 403);
    assert_eq!(status(&[("x-parse-rest-api-key", "wrong")]).await, 403);
    assert_eq!(status(&[("x-parse-client-key", "rest")]).await, 403);
    assert_eq!(status(&[("x-parse-rest-api-key", "rest")]).await, 200);
    assert_eq!(status(&[("x-parse-javascript-key", "js"), ("x-parse-rest-api-key", "wrong")]).await, 200);
    assert_eq!(status(&[("x-parse-master-key", "master")]).await, 200);
    assert_eq!(status(&[("authorization", "Basic dGVzdDpqYXZhc2NyaXB0LWtleT1qcw==")]).await, 200);
    for (key, expected) in [("\"js\"", 200), ("\"x\"", 403), ("5", 403)] {
        let body = format!(r#"{{"_ApplicationId":"test","_JavaScriptKey":{key},"_method":"GET"}}"#);
        assert_eq!(setup.ask("POST /parse/classes/A", &[], &body).await.status(), expected, "{key}");
    }
}

#[tokio::test]
async fn the_allow_list_holds_for_parts_of_a_batch_too() {
    let setup = Setup::new(&[("PARSE_SERVER_ROUTE_ALLOW_LIST", r#"["batch","classes/Open"]"#)]);
    let denied = br#"{"code":119,"error":"Permission denied"}"#;
    assert_eq!(setup.ask("GET /parse/classes/Open/", &[APP], "").await.status(), 200);
    assert_eq!(&setup.ask(FIND, &[APP], "").await.body()[..], denied);
    assert_eq!(&setup.ask("GET /parse/health", &[], "").await.body()[..], denied);
    assert_eq!(setup.ask(FIND, &[APP, ("x-parse-master-key", "master")], "").await.status(), 200);
    let batch = |class: &str| format!(r#"{{"requests":[{{"method":"GET","path":"/parse/classes/{class}"}}]}}"#);
    assert_eq!(setup.ask("POST /parse/batch", &[APP], &batch("Open")).await.status(), 200);
    assert_eq!(&setup.ask("POST /parse/batch", &[APP], &batch("A")).await.body()[..], denied);
}

#[tokio::test]
async fn origins_and_headers_for_browsers_are_configurable() {
    let setup = Setup::new(&[
        ("PARSE_SERVER_ALLOW_ORIGIN", r#"["https://a.example","https://b.example"]"#),
        ("PARSE_SERVER_ALLOW_HEADERS", r#"["X-Mine","X-Yours"]"#),
    ]);
    for (origin, expected) in [
        ("https://b.example", "https://b.example"),
        ("https://c.example", "https://a.example"),
        ("", "https://a.example"),
    ] {
        let response = setup.ask("OPTIONS /parse/x", &[("origin", origin)], "").await;
        let headers = response.headers();
        assert_eq!(headers["access-control-allow-origin"], expected);
        assert!(headers["access-control-allow-headers"].to_str().unwrap().ends_with("Cache-Control, X-Mine, X-Yours"));
        assert_eq!(headers["access-control-allow-methods"], "GET,PUT,POST,DELETE,OPTIONS");
        assert_eq!(headers["access-control-expose-headers"], "X-Parse-Job-Status-Id, X-Parse-Push-Status-Id");
        assert!(!headers.contains_key("vary"));
    }
}

#[tokio::test]
async fn detailed_texts_are_shown_if_the_app_wants_it() {
    let setup = Setup::new(&[("PARSE_SERVER_ENABLE_SANITIZED_ERROR_RESPONSE", "false")]);
    let response = setup.ask("GET /parse/serverInfo", &[APP], "").await;
    assert_eq!(response.body(), r#"{"error":"unauthorized: master key is required"}"#);
    let read_only = ("x-parse-master-key", "readonly");
    let response = setup.ask("POST /parse/classes/A", &[APP, read_only], "{}").await;
    let text = r#"{"code":119,"error":"Cannot perform a write operation when using readOnlyMasterKey"}"#;
    assert_eq!(response.body(), text);
}

#[tokio::test]
async fn server_info_has_the_shape_of_parse_server() {
    let setup = Setup::new(&[]);
    let response = setup.ask("GET /parse/serverInfo", &[APP, ("x-parse-master-key", "readonly")], "").await;
    let info: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
    assert_eq!(info["parseServerVersion"], "9.10.0");
    let features: Vec<_> = info["features"].as_object().unwrap().keys().collect();
    assert_eq!(features, ["globalConfig", "hooks", "cloudCode", "logs", "push", "schemas", "settings"]);
}

#[tokio::test]
async fn bodies_have_a_limit() {
    let setup = Setup::new(&[("PARSE_SERVER_MAX_UPLOAD_SIZE", "1kb")]);
    let body = format!(r#"{{"a":"{}"}}"#, "x".repeat(1024));
    let response = setup.ask("POST /parse/classes/A", &[APP], &body).await;
    assert_eq!(response.status(), 413);
    assert_eq!(response.body(), r#"{"error":"request entity too large"}"#);
}

#[tokio::test]
async fn a_panic_and_an_overrun_deadline_are_answers() {
    let setup = Setup::new(&[]);
    let response = setup.ask("GET /parse/classes/Panic", &[APP], "").await;
    assert_eq!(
        (response.status().as_u16(), &response.body()[..]),
        (500, &br#"{"code":1,"error":"Internal server error."}"#[..])
    );
    let setup = Setup::new(&[("PARSEFLEET_REQUEST_TIMEOUT", "200ms")]);
    let response = setup.ask("GET /parse/classes/Slow", &[APP], "").await;
    assert_eq!(response.body(), r#"{"code":124,"error":"The request timed out."}"#);
}

#[tokio::test]
async fn too_many_requests_at_once_are_refused_but_health_is_not() {
    let setup = Setup::new(&[]);
    let app = Arc::clone(&setup.gateway.app);
    let all = u32::try_from(app.in_flight.available_permits()).unwrap();
    let places = app.in_flight.acquire_many(all).await.unwrap();
    let response = setup.ask(FIND, &[APP], "").await;
    assert_eq!((response.status().as_u16(), &response.headers()["retry-after"]), (503, &"1".parse().unwrap()));
    assert_eq!(setup.ask("GET /parse/health", &[], "").await.status(), 200);
    drop(places);
    assert_eq!(setup.ask(FIND, &[APP], "").await.status(), 200);
}

#[tokio::test]
async fn who_logs_in_does_so_without_a_session() {
    let setup = Setup::new(&[]);
    let response = setup.ask("POST /parse/Login/", &[APP, ("x-parse-session-token", "r:bad")], "{}").await;
    assert_eq!(response.status(), 200);
    assert_eq!(setup.context().privilege(), Privilege::Public);
}

#[tokio::test]
async fn heads_and_lengths_are_right_on_the_wire() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let setup = Setup::new(&[]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = parsefleet_runtime::Shutdown::new(Duration::ZERO, Duration::from_secs(1));
    let server = shutdown.spawn(setup.gateway.clone().serve(listener, shutdown.clone()));
    let ask = async |request: &str| {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer.to_ascii_lowercase()
    };
    let head = ask("HEAD /parse/health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(head.starts_with("http/1.1 200") && head.contains("content-length: 15\r\n"), "{head}");
    assert!(head.ends_with("\r\n\r\n"), "{head}");
    let fresh = ask("GET /parse/health HTTP/1.1\r\nhost: x\r\nif-none-match: *\r\nconnection: close\r\n\r\n").await;
    assert!(fresh.starts_with("http/1.1 304") && !fresh.contains("content-length"), "{fresh}");
    let refused = ask("GET /parse/nope HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(refused.contains("content-length: 24\r\n") && !refused.contains("\r\ncontent-type:"), "{refused}");
    shutdown.trigger();
    server.await.unwrap().unwrap();
}

#[tokio::test]
async fn health_tells_whether_objects_can_be_reached() {
    use std::sync::atomic::Ordering;

    let ask = async |setup: &Setup| {
        let response = setup.ask("GET /parse/health", &[], "").await;
        let retry = response.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
        (response.status().as_u16(), String::from_utf8(response.body().to_vec()).unwrap(), retry)
    };
    let setup = Setup::new(&[]);
    setup.data.away.store(true, Ordering::SeqCst);
    let starting = (503, r#"{"status":"starting"}"#.to_owned(), Some("1".to_owned()));
    assert_eq!(ask(&setup).await, starting);
    setup.data.away.store(false, Ordering::SeqCst);
    assert_eq!(ask(&setup).await, starting, "a verdict stands for a moment");
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(ask(&setup).await, (200, r#"{"status":"ok"}"#.to_owned(), None));
    setup.data.away.store(true, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(ask(&setup).await, (503, r#"{"status":"error"}"#.to_owned(), None));
}

#[tokio::test]
async fn the_security_report_names_what_is_weak() {
    let master = ("x-parse-master-key", "master");
    let report = async |options: &[(&str, &str)]| {
        let response = Setup::new(options).ask("GET /parse/security", &[APP, master], "").await;
        (response.status().as_u16(), serde_json::from_slice::<serde_json::Value>(response.body()).unwrap())
    };
    let disabled = "Enable Parse Server option `security.enableCheck` to run security check.";
    assert_eq!(report(&[]).await, (409, serde_json::json!({ "error": disabled })));

    let enabled = ("PARSE_SERVER_SECURITY", r#"{"enableCheck": true}"#);
    let failed = |report: &serde_json::Value| -> Vec<String> {
        let groups = report["report"]["groups"].as_array().unwrap().iter();
        let checks = groups.flat_map(|group| group["checks"].as_array().unwrap());
        let failed = checks.filter(|check| check["state"] == "fail" && check["warning"].is_string());
        failed.map(|check| check["title"].as_str().unwrap().to_owned()).collect()
    };
    let (status, weak) = report(&[enabled, ("PARSE_SERVER_DATABASE_URI", "mongodb://user:short@host/db")]).await;
    assert_eq!((status, &weak["report"]["version"], &weak["report"]["state"]), (200, &"1.0.0".into(), &"fail".into()));
    assert_eq!(
        failed(&weak),
        [
            "Secure database password",
            "Secure master key",
            "Client class creation disabled",
            "Read-only master key IP range restricted",
            "Request complexity limits enabled",
        ]
    );
    let complexity = r#"{"includeDepth":5,"includeCount":5,"subqueryDepth":5,"queryDepth":5,"batchRequestLimit":50}"#;
    let (_, better) = report(&[
        enabled,
        ("PARSE_SERVER_ALLOW_CLIENT_CLASS_CREATION", "false"),
        ("PARSE_SERVER_READ_ONLY_MASTER_KEY_IPS", "127.0.0.1"),
        ("PARSE_SERVER_REQUEST_COMPLEXITY", complexity),
    ])
    .await;
    assert_eq!(failed(&better), ["Secure master key"], "nothing is known of a database without an address");
}
