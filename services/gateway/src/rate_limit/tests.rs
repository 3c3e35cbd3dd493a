#![allow(clippy::unwrap_used, reason = "a test may fail by panic")]

use crate::testing::Setup;

const APP: (&str, &str) = ("x-parse-application-id", "test");
const MASTER: (&str, &str) = ("x-parse-master-key", "master");

/// A gateway with one limit of two requests a minute.
fn limited(members: &str) -> Setup {
    let limit =
        format!(r#"[{{"requestTimeWindow": 60000, "requestCount": 2, "includeInternalRequests": true, {members}}}]"#);
    Setup::new(&[("PARSE_SERVER_RATE_LIMIT", &limit), ("PARSE_SERVER_TRUST_PROXY", "true")])
}

async fn status(setup: &Setup, line: &str, headers: &[(&str, &str)]) -> u16 {
    setup.ask(line, &[&[APP], headers].concat(), "{}").await.status().as_u16()
}

#[tokio::test]
async fn the_client_is_told_how_it_stands() {
    let setup = limited(r#""requestPath": "/classes/A""#);
    let header = |response: &http::Response<bytes::Bytes>, name: &str| {
        response.headers().get(name).map(|value| value.to_str().unwrap().to_owned())
    };
    for remaining in ["1", "0"] {
        let response = setup.ask("GET /parse/classes/A", &[APP], "").await;
        assert_eq!(response.status(), 200);
        assert_eq!(header(&response, "x-ratelimit-limit").unwrap(), "2");
        assert_eq!(header(&response, "x-ratelimit-remaining").unwrap(), remaining);
        assert_eq!(header(&response, "retry-after"), None);
    }
    let response = setup.ask("GET /parse/classes/A", &[APP], "").await;
    assert_eq!(response.status(), 429);
    assert_eq!(response.body(), r#"{"code":100,"error":"Too many requests."}"#);
    assert_eq!(header(&response, "x-ratelimit-remaining").unwrap(), "0");
    assert_eq!(header(&response, "retry-after").unwrap(), "60");
    let reset: u64 = header(&response, "x-ratelimit-reset").unwrap().parse().unwrap();
    let now = super::SystemTime::now().duration_since(super::UNIX_EPOCH).unwrap().as_secs();
    assert!((now + 58..=now + 61).contains(&reset), "{reset} {now}");
    let other = setup.ask("GET /parse/classes/B", &[APP], "").await;
    assert_eq!((other.status().as_u16(), header(&other, "x-ratelimit-limit")), (200, None));
}

#[tokio::test]
async fn no_spelling_goes_by_uncounted() {
    for line in [
        "GET /parse/classes/A/",
        "GET /PARSE/Classes/a",
        "GET /parse//classes/A",
        "GET /parse/classes/%41",
        "GET /parse/%63lasses/A",
        "GET /parse/classes/A?limit=1",
        "HEAD /parse/classes/A",
    ] {
        let setup = limited(r#""requestPath": "/classes/A", "requestMethods": ["GET"]"#);
        for _ in 0..2 {
            assert_eq!(status(&setup, "GET /parse/classes/A", &[]).await, 200);
        }
        assert_eq!(status(&setup, line, &[]).await, 429, "{line}");
    }
}

#[tokio::test]
async fn both_paths_of_a_class_count_together() {
    for (limit, lines) in [
        ("/roles", ["GET /parse/classes/_Role", "GET /parse/classes/%5FRole", "GET /parse/roles"]),
        ("/users{/:id}", ["GET /parse/classes/_User/x", "PUT /parse/classes/_User/x", "GET /parse/users"]),
        ("/classes/_Session", ["GET /parse/sessions", "HEAD /parse/sessions", "GET /parse/Sessions/"]),
        (
            "/classes/_Installation/*id",
            ["GET /parse/installations/x", "DELETE /parse/installations/x", "GET /parse/installations/y"],
        ),
    ] {
        let setup = limited(&format!(r#""requestPath": "{limit}""#));
        for (index, line) in lines.into_iter().enumerate() {
            assert_eq!(status(&setup, line, &[]).await == 429, index == 2, "{limit} {line}");
        }
        let (method, path) = lines[0].split_once(' ').unwrap();
        let batch = format!(r#"{{"requests":[{{"method":"{method}","path":"{path}"}}]}}"#);
        assert_eq!(setup.ask("POST /parse/batch", &[APP], &batch).await.status(), 400, "{limit} in a batch");
    }
}

#[tokio::test]
async fn the_method_that_counts_is_the_real_one() {
    let setup = limited(r#""requestPath": "/classes/A", "requestMethods": ["GET"]"#);
    let overridden = r#"{"_method":"GET"}"#;
    for expected in [200, 200, 429] {
        assert_eq!(setup.ask("POST /parse/classes/A", &[APP], overridden).await.status(), expected);
    }
    assert_eq!(status(&setup, "POST /parse/classes/A", &[]).await, 201);
    let expression = limited(r#""requestPath": "/classes/A", "requestMethods": "P.*T""#);
    for expected in [201, 201, 429] {
        assert_eq!(status(&expression, "POST /parse/classes/A", &[]).await, expected);
    }
    assert_eq!(status(&expression, "GET /parse/classes/A", &[]).await, 200);
}

#[tokio::test]
async fn parts_of_a_batch_count_one_by_one() {
    let setup = limited(r#""requestPath": "/classes/A", "errorResponseMessage": "slower""#);
    let batch = |paths: &[&str]| {
        let parts: Vec<_> = paths.iter().map(|path| format!(r#"{{"method":"GET","path":"/parse{path}"}}"#)).collect();
        format!(r#"{{"requests":[{}]}}"#, parts.join(","))
    };
    let response =
        setup.ask("POST /parse/batch", &[APP], &batch(&["/classes/A", "/classes//A", "/classes/%41?x=1"])).await;
    assert_eq!((response.status().as_u16(), &response.body()[..]), (400, &br#"{"code":100,"error":"slower"}"#[..]));
    assert!(setup.data.is_unasked(), "nothing of the batch is carried out");
    assert_eq!(status(&setup, "GET /parse/classes/A", &[]).await, 429);
    assert_eq!(setup.ask("POST /parse/batch", &[APP, MASTER], &batch(&["/classes/A"])).await.status(), 200);
}

#[tokio::test]
async fn zones_tell_people_apart() {
    const TOKEN: (&str, &str) = ("x-parse-session-token", "r:good");
    const OTHER: (&str, &str) = ("x-parse-session-token", "r:other");
    let here = |address: &'static str| ("x-forwarded-for", address);
    let line = "GET /parse/classes/A";
    for (zone, same, different) in [
        ("ip", vec![here("1.1.1.1"), TOKEN], Some(vec![here("2.2.2.2")])),
        ("ip", vec![here("::ffff:1.1.1.1")], Some(vec![here("2001:db8::1")])),
        ("session", vec![here("2.2.2.2"), TOKEN], Some(vec![here("1.1.1.1")])),
        ("user", vec![here("2.2.2.2"), OTHER], Some(vec![here("1.1.1.1")])),
        ("global", vec![here("2.2.2.2")], None),
    ] {
        let setup = limited(&format!(r#""requestPath": "/classes/*name", "zone": "{zone}""#));
        for _ in 0..2 {
            assert_eq!(status(&setup, line, &[here("1.1.1.1"), TOKEN]).await, 200, "{zone}");
        }
        assert_eq!(status(&setup, line, &same).await, 429, "{zone}");
        if let Some(different) = different {
            assert_eq!(status(&setup, line, &different).await, 200, "{zone}");
        }
    }
}

#[tokio::test]
async fn a_network_of_ipv6_is_one_sender() {
    let setup = limited(r#""requestPath": "/classes/A""#);
    for (address, expected) in
        [("2001:db8::1", 200), ("2001:db8::2", 200), ("2001:db8::1:0:0:1", 429), ("2001:db8:0:1::1", 200)]
    {
        assert_eq!(
            status(&setup, "GET /parse/classes/A", &[("x-forwarded-for", address)]).await,
            expected,
            "{address}"
        );
    }
}

#[tokio::test]
async fn invented_tokens_are_counted_by_their_address() {
    for zone in ["session", "user"] {
        let setup = limited(&format!(r#""requestPath": "/classes/A", "zone": "{zone}""#));
        for (token, expected) in [("r:1", 400), ("r:2", 400), ("r:3", 429), ("r:good", 200)] {
            let headers = [("x-parse-session-token", token), ("x-forwarded-for", "1.1.1.1")];
            assert_eq!(status(&setup, "GET /parse/classes/A", &headers).await, expected, "{zone} {token}");
        }
    }
}

#[tokio::test]
async fn keys_and_the_own_machine_are_exempt_unless_included() {
    let line = "GET /parse/classes/A";
    let setup = limited(r#""requestPath": "/classes/A""#);
    for _ in 0..3 {
        assert_eq!(status(&setup, line, &[MASTER]).await, 200);
        assert_eq!(status(&setup, line, &[("x-parse-master-key", "readonly")]).await, 200);
    }
    for expected in [200, 200, 429] {
        assert_eq!(status(&setup, line, &[("x-parse-maintenance-key", "maintenance")]).await, expected);
    }
    let included = limited(r#""requestPath": "/classes/A", "includeMasterKey": true, "requestMethods": ["POST"]"#);
    for expected in [200, 200, 429] {
        assert_eq!(status(&included, line, &[MASTER]).await, expected);
    }
    let outside = Setup::new(&[(
        "PARSE_SERVER_RATE_LIMIT",
        r#"{"requestPath": "/classes/A", "requestTimeWindow": 60000, "requestCount": 0}"#,
    )]);
    assert_eq!(status(&outside, line, &[]).await, 200);
}

#[tokio::test]
async fn what_is_refused_or_not_there_counts_too() {
    let setup = limited(r#""requestPath": "/*all""#);
    let bad = ("x-parse-session-token", "r:bad");
    assert_eq!(status(&setup, "GET /parse/nope", &[]).await, 404);
    assert_eq!(status(&setup, "GET /parse/classes/A", &[bad]).await, 400);
    assert_eq!(status(&setup, "GET /parse/classes/A", &[bad]).await, 429);
    assert_eq!(setup.ask("GET /parse/health", &[], "").await.status(), 200);
}
