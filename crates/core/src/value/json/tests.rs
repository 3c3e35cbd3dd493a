#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use serde_json::json;

use super::decode_base64;
use crate::{ErrorCode, ParseError, Value, value::write_json};

fn field(json: serde_json::Value) -> Result<String, (i32, String)> {
    rest(Value::from_field(json))
}

fn rest(value: Result<Value, ParseError>) -> Result<String, (i32, String)> {
    let value = value.map_err(|error| (error.code as i32, error.message))?;
    let mut out = Vec::new();
    write_json(&value, &mut out);
    Ok(String::from_utf8(out).unwrap())
}

#[test]
fn fields_of_every_type_survive_the_round_trip() {
    for json in [
        json!(null),
        json!(true),
        json!(1.5),
        json!("text"),
        json!({"__type": "Date", "iso": "2020-01-02T03:04:05.678Z"}),
        json!({"__type": "Pointer", "className": "C", "objectId": "x"}),
        json!({"__type": "GeoPoint", "latitude": 100, "longitude": 200}),
        json!({"__type": "Polygon", "coordinates": [[0, 0], [0, 1], [1, 1], [0, 0]]}),
        json!({"__type": "File", "name": "n", "url": "u"}),
        json!({"__type": "Bytes", "base64": "aGVsbG8="}),
        json!({"__type": "Relation", "className": "C"}),
        json!([1, [null, {"a": {}}]]),
        json!({"a": {"_b": 1, "__op": "Increment"}, "__type": ""}),
    ] {
        assert_eq!(field(json.clone()), Ok(json.to_string()));
    }
}

#[test]
fn a_type_without_what_it_needs_is_refused_by_name() {
    for (json, name) in [
        (json!({"__type": "Date"}), "Date"),
        (json!({"__type": "Date", "iso": ""}), "Date"),
        (json!({"__type": "Date", "iso": 0}), "Date"),
        (json!({"__type": "Date", "iso": "rubbish"}), "Date"),
        (json!({"__type": "Pointer"}), "Pointer"),
        (json!({"__type": "Pointer", "className": "A$B", "objectId": "x"}), "Pointer"),
        (json!({"__type": "Pointer", "className": "A", "objectId": {}}), "Pointer"),
        (json!({"__type": "GeoPoint", "latitude": 1}), "GeoPoint"),
        (json!({"__type": "Polygon"}), "Polygon"),
        (json!({"__type": "Polygon", "coordinates": []}), "Polygon"),
        (json!({"__type": "Polygon", "coordinates": [[1, 2, 3]]}), "Polygon"),
        (json!({"__type": "File"}), "File"),
        (json!({"__type": "Bytes", "base64": ""}), "Bytes"),
        (json!({"__type": "Relation"}), "Relation"),
        (json!({"__type": "Object", "className": "C"}), "Object"),
        (json!({"__type": 5}), "5"),
        (json!({"__type": [1, null, [true]]}), "1,,true"),
    ] {
        let code = ErrorCode::IncorrectType as i32;
        assert_eq!(field(json), Err((code, format!("This is not a valid {name}"))));
    }
}

#[test]
fn dates_may_be_milliseconds_and_pointers_lack_an_id() {
    assert_eq!(
        field(json!({"__type": "Date", "iso": 1000})),
        Ok(r#"{"__type":"Date","iso":"1970-01-01T00:00:01.000Z"}"#.to_owned())
    );
    assert_eq!(
        field(json!({"__type": "Pointer", "className": "C"})),
        Ok(r#"{"__type":"Pointer","className":"C","objectId":"undefined"}"#.to_owned())
    );
    assert_eq!(
        field(json!({"__type": "Pointer", "className": "C", "objectId": 7})),
        Ok(r#"{"__type":"Pointer","className":"C","objectId":"7"}"#.to_owned())
    );
}

#[test]
fn polygons_are_closed_and_checked() {
    assert_eq!(
        field(json!({"__type": "Polygon", "coordinates": [[0, 0], [0, 1], [1, 1]]})),
        Ok(r#"{"__type":"Polygon","coordinates":[[0,0],[0,1],[1,1],[0,0]]}"#.to_owned())
    );
    assert_eq!(
        field(json!({"__type": "Polygon", "coordinates": [[0, 0], [1, 1], [0, 0]]})),
        Err((1, "GeoJSON: Loop must have at least 3 different vertices".to_owned()))
    );
    let outside = field(json!({"__type": "Polygon", "coordinates": [[0, 0], [0, 1], [91, 1]]}));
    assert_eq!(outside.unwrap_err().0, ErrorCode::InvalidJson as i32);
}

#[test]
fn inside_values_only_dates_pointers_and_bytes_are_converted() {
    let value = Value::from_nested(json!([
        {"__type": "Date", "iso": "1970-01-01"},
        {"__type": "Pointer", "className": "C", "objectId": "x", "extra": 1},
        {"__type": "Bytes", "base64": "aGk="},
        {"__type": "GeoPoint", "latitude": 1},
        {"__type": "File", "name": "n", "url": "u"},
        {"__type": "Pointer", "className": "C", "extra": 1},
    ]))
    .unwrap();
    let Value::Array(elements) = &value else { panic!("not an array: {value:?}") };
    assert!(matches!(
        elements.as_slice(),
        [Value::Date(_), Value::Pointer(_), Value::Bytes(_), Value::Object(_), Value::Object(_), Value::Object(_)]
    ));
    assert_eq!(
        rest(Ok(value)).unwrap(),
        concat!(
            r#"[{"__type":"Date","iso":"1970-01-01T00:00:00.000Z"},"#,
            r#"{"__type":"Pointer","className":"C","objectId":"x"},"#,
            r#"{"__type":"Bytes","base64":"aGk="},"#,
            r#"{"__type":"GeoPoint","latitude":1},"#,
            r#"{"__type":"File","name":"n","url":"u"},"#,
            r#"{"__type":"Pointer","className":"C"}]"#,
        )
    );
}

#[test]
fn nested_keys_hold_no_dollar_and_no_dot() {
    for json in [
        json!({"a.b": 1}),
        json!({"$a": 1}),
        json!({"a": {"b$": 1}}),
        json!({"a": [{"b": {"c.d": 1}}]}),
        json!({"a": {"__type": "Pointer", "className": "C", "objectId": "x", "a.b": 1}}),
        json!({"a": {"__type": "Date", "iso": "2020", "$x": 1}}),
        json!({"a\0": 1}),
    ] {
        let expected = "Nested keys should not contain the '$' or '.' characters".to_owned();
        assert_eq!(field(json), Err((ErrorCode::InvalidNestedKey as i32, expected)));
    }
}

/// Every expectation is what Node answers to `Buffer.from(text, "base64")`.
#[test]
fn base64_is_read_as_node_does() {
    for (text, expected) in [
        ("aGVsbG8=", &b"hello"[..]),
        ("aGVsbG8", b"hello"),
        ("aGVs bG8=\n", b"hello"),
        ("_-8=", &[0xff, 0xef]),
        ("aGVsbG9", b"hello"),
        ("aGVsb", b"hel"),
        ("!!", b""),
    ] {
        assert_eq!(decode_base64(text), expected, "{text}");
    }
}
