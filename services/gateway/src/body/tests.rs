#![allow(clippy::unwrap_used, reason = "a test may fail by panic")]

use http_body_util::{Full, StreamBody};

use super::*;

fn split(text: &'static str) -> Members {
    Members::split(Bytes::from_static(text.as_bytes())).unwrap()
}

fn message(failure: Failure) -> (u16, String) {
    let Failure::Http { status, message } = failure else { panic!("not an HTTP failure: {failure:?}") };
    (status, message.into_owned())
}

async fn read_as(content_type: &str, body: &'static [u8]) -> Result<Bytes> {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, content_type.parse().unwrap());
    read(&headers, Full::new(Bytes::from_static(body)), 1024).await.map(Members::into_bytes)
}

#[test]
fn an_untouched_body_is_the_same_memory() {
    let body = Bytes::from_static(b" {\"a\": 1, \"b\":[1, {\"_method\":2}]} ");
    let members = Members::split(body.clone()).unwrap();
    assert_eq!(members.into_bytes().as_ptr(), body.as_ptr());
}

#[test]
fn what_is_taken_out_leaves_the_rest_as_it_was() {
    let mut members = split(r#"{"_method":"PUT","a" : {"x": 1.0e5},"\u0062":"\u00e9","_method":"GET"}"#);
    assert_eq!(members.get("_method"), Some("\"GET\""));
    assert_eq!(members.get("b"), Some("\"\\u00e9\""));
    members.remove("_method");
    assert_eq!(members.get("_method"), None);
    assert_eq!(members.into_bytes(), r#"{"a":{"x": 1.0e5},"b":"\u00e9"}"#);
}

#[test]
fn an_array_counts_as_an_object_of_positions() {
    assert_eq!(split("[]").into_bytes(), "{}");
    assert_eq!(split("[true, [2]]").into_bytes(), r#"{"0":true,"1":[2]}"#);
}

#[test]
fn text_that_is_no_json_object_is_refused_with_its_position() {
    let failure = |text: &'static str| message(Members::split(Bytes::from_static(text.as_bytes())).unwrap_err());
    assert_eq!(failure("{bad"), (400, "Unexpected token in JSON at position 1".to_owned()));
    assert_eq!(failure("{\n\"a\":\n x}"), (400, "Unexpected token in JSON at position 8".to_owned()));
    assert_eq!(failure(" 5"), (400, "Unexpected token in JSON at position 1".to_owned()));
    assert_eq!(failure("   "), (400, "Unexpected end of JSON input".to_owned()));
    assert_eq!(failure("{\"a\":[1"), (400, "Unexpected end of JSON input".to_owned()));
    assert_eq!(failure("{} x").0, 400);
}

#[test]
fn depth_is_no_danger() {
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(200_000), "]".repeat(200_000));
    assert!(Members::split(Bytes::from(deep)).is_ok());
}

#[tokio::test]
async fn every_type_but_forms_and_multipart_is_json() {
    assert_eq!(read_as("text/plain", b"{\"a\":1}").await.unwrap(), "{\"a\":1}");
    assert_eq!(read_as("nonsense", b"{\"a\":1}").await.unwrap(), "{\"a\":1}");
    assert_eq!(read_as("application/json; charset=UTF-8", b"").await.unwrap(), "{}");
    assert_eq!(read_as("Multipart/Form-Data; boundary=x", b"--x").await.unwrap(), "{}");
    let form = read_as("application/x-www-form-urlencoded", b"a=1&b=x+y&c=%41&a=2&d").await.unwrap();
    assert_eq!(form, r#"{"a":["1","2"],"b":"x y","c":"A","d":""}"#);
}

#[tokio::test]
async fn charsets_and_encodings_that_nobody_reads_are_refused() {
    let failure = read_as("application/json; charset=latin1", b"{}").await.unwrap_err();
    assert_eq!(message(failure), (415, "unsupported charset \"LATIN1\"".to_owned()));
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("Foo"));
    let failure = read(&headers, Full::new(Bytes::from_static(b"{}")), 9).await.unwrap_err();
    assert_eq!(message(failure), (415, "unsupported content encoding \"foo\"".to_owned()));
}

#[tokio::test]
async fn limits_hold_for_announced_and_for_streamed_bodies() {
    let headers = HeaderMap::new();
    let whole = read(&headers, Full::new(Bytes::from_static(b"{\"a\":1}")), 6).await;
    assert_eq!(whole.unwrap_err(), Failure::too_large());
    let streamed = |limit| {
        let pieces = ["{\"a\"", ":1", "}"].map(|piece| Ok::<_, std::io::Error>(http_body::Frame::data(piece.into())));
        read(&headers, StreamBody::new(futures_util::stream::iter(pieces)), limit)
    };
    assert_eq!(streamed(6).await.unwrap_err(), Failure::too_large());
    assert_eq!(streamed(7).await.unwrap().into_bytes(), "{\"a\":1}");
}

#[tokio::test]
async fn a_form_has_limits_of_its_own() {
    let many = (0..=1000).map(|index| format!("a{index}=1")).collect::<Vec<_>>().join("&");
    assert_eq!(message(form::parse(many.as_bytes()).unwrap_err()), (413, "too many parameters".to_owned()));
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
    let large = Bytes::from(vec![b'a'; MAX_FORM + 1]);
    assert_eq!(read(&headers, Full::new(large), usize::MAX).await.unwrap_err(), Failure::too_large());
}

#[tokio::test]
async fn bad_utf8_becomes_the_replacement_character() {
    let body = read(&HeaderMap::new(), Full::new(Bytes::from_static(b"\xef\xbb\xbf{\"a\":\"\xff\"}")), 99).await;
    assert_eq!(body.unwrap().into_bytes(), "{\"a\":\"\u{fffd}\"}");
}
