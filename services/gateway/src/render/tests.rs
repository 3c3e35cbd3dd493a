#![allow(clippy::unwrap_used, reason = "a test may fail by panic")]

use parsefleet_core::ErrorCode;

use super::*;

fn occasion<'a>(verb: &'a Verb, path: &'a str, headers: &'a HeaderMap) -> Occasion<'a> {
    Occasion { verb, path, headers, sanitise: true }
}

fn header_of<'a>(response: &'a Response<Body>, name: &str) -> &'a str {
    response.headers().get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
}

#[test]
fn tags_are_those_of_express() {
    for (body, tag) in [
        ("OK", "W/\"2-nOO9QiTIwXgNtWtBJezz8kv3SLc\""),
        ("{\"status\":\"ok\"}", "W/\"f-VaSQ4oDUiZblZNAEkkN+sX+q3Sg\""),
        ("{\"results\":[]}", "W/\"e-24vRBFXLdkiGHboJ0qD/fA5L4XI\""),
        ("", "W/\"0-2jmj7l5rSw0yVb/vlWAYkK/YBwk\""),
    ] {
        assert_eq!(entity_tag::weak(body.as_bytes()), tag);
    }
    let long = |last: u8| {
        let mut body = vec![b'x'; 0x4001];
        body[0x4000] = last;
        entity_tag::weak(&body).to_str().unwrap().to_owned()
    };
    assert!(long(b'a').starts_with("W/\"4001-"));
    assert_ne!(long(b'a'), long(b'b'));
    assert_eq!(long(b'a'), long(b'a'));
}

#[test]
fn what_the_client_has_is_not_sent_again() {
    let fresh = |verb: &Verb, if_none_match: &str, cache_control: &str| {
        let mut headers = HeaderMap::new();
        headers.insert("if-none-match", if_none_match.parse().unwrap());
        headers.insert("cache-control", cache_control.parse().unwrap());
        let response = response(&occasion(verb, "/", &headers), Ok(Reply::ok("{\"status\":\"ok\"}")));
        assert_eq!(header_of(&response, "etag"), "W/\"f-VaSQ4oDUiZblZNAEkkN+sX+q3Sg\"");
        assert_eq!(response.headers().contains_key("content-type"), response.status() == 200);
        response.status() == 304
    };
    assert!(fresh(&Verb::Get, "W/\"f-VaSQ4oDUiZblZNAEkkN+sX+q3Sg\"", "max-age=0"));
    assert!(fresh(&Verb::Get, "\"x\", \"f-VaSQ4oDUiZblZNAEkkN+sX+q3Sg\"", ""));
    assert!(fresh(&Verb::Head, "*", ""));
    assert!(!fresh(&Verb::Get, "*", "private, no-cache"));
    assert!(!fresh(&Verb::Get, "\"other\"", ""));
    assert!(!fresh(&Verb::Post, "*", ""));
}

#[test]
fn failures_are_never_not_modified() {
    let mut headers = HeaderMap::new();
    headers.insert("if-none-match", "*".parse().unwrap());
    let failure = ParseError::new(ErrorCode::InvalidQuery, "no");
    assert_eq!(response(&occasion(&Verb::Get, "/", &headers), Err(failure.into())).status(), 400);
}

#[test]
fn error_bodies_have_parses_shape() {
    let body = |failure: Failure, sanitise| String::from_utf8(error_body(&failure, sanitise)).unwrap();
    let open = ParseError::new(ErrorCode::InvalidJson, "a \"quoted\" text");
    assert_eq!(body(open.into(), true), r#"{"code":107,"error":"a \"quoted\" text"}"#);
    let closed = ParseError::sanitised(ErrorCode::OperationForbidden, "secret reason");
    assert_eq!(body(closed.clone().into(), true), r#"{"code":119,"error":"Permission denied"}"#);
    assert_eq!(body(closed.into(), false), r#"{"code":119,"error":"secret reason"}"#);
    let said = ParseError::said(ErrorCode::ScriptFailed, serde_json::json!({"reason": ["\"x\""]}));
    assert_eq!(body(said.into(), true), r#"{"code":141,"error":{"reason":["\"x\""]}}"#);
    assert_eq!(body(Failure::too_large(), true), r#"{"error":"request entity too large"}"#);
    assert_eq!(body(Failure::MasterKeyRequired, true), r#"{"error":"Permission denied"}"#);
    assert_eq!(body(Failure::MasterKeyRequired, false), r#"{"error":"unauthorized: master key is required"}"#);
}

#[test]
fn unauthorized_has_neither_type_nor_tag() {
    let response = response(&occasion(&Verb::Get, "/", &HeaderMap::new()), Err(Failure::Unauthorized));
    assert_eq!(response.status(), 403);
    assert!(response.headers().is_empty());
}

#[test]
fn a_missing_route_answers_expresss_page() {
    let headers = HeaderMap::new();
    let response = response(&occasion(&Verb::Other("G<T".into()), "/a'b%zz%20{", &headers), Err(Failure::NoRoute));
    assert_eq!(response.status(), 404);
    assert_eq!(header_of(&response, "content-type"), "text/html; charset=utf-8");
    assert_eq!(header_of(&response, "content-security-policy"), "default-src 'none'");
    let expected = "Cannot G&lt;T /a&#39;b%25zz%20%7B";
    let length = expected.len() + 139 - "Cannot GET /".len();
    assert_eq!(header_of(&response, "content-length"), length.to_string());
}
