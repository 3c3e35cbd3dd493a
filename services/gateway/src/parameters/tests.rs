#![allow(clippy::unwrap_used, reason = "a test may fail by panic")]

use super::*;

fn find(query: &str, body: &'static str) -> Result<FindRequest, ParseError> {
    let body = Members::split(Bytes::from_static(body.as_bytes())).unwrap();
    let mut request = FindRequest::default();
    Parameters::merge(Some(query), &body).apply_to_find(&mut request)?;
    Ok(request)
}

fn get(query: &str, body: &'static str) -> Result<GetRequest, ParseError> {
    let body = Members::split(Bytes::from_static(body.as_bytes())).unwrap();
    let mut request = GetRequest::default();
    Parameters::merge(Some(query), &body).apply_to_get(&mut request)?;
    Ok(request)
}

fn keys(query: &str) -> Option<Vec<String>> {
    find(query, "{}").unwrap().selection.unwrap().keys.map(|list| list.names)
}

fn limit(query: &str) -> Option<f64> {
    find(query, "{}").unwrap().limit
}

#[test]
fn limits_are_numbers_in_javascripts_sense() {
    assert_eq!(limit(""), None);
    assert_eq!(limit("limit=0"), Some(0.0));
    assert_eq!(limit("limit=-1"), Some(-1.0));
    assert_eq!(limit("limit=1e1"), Some(10.0));
    assert_eq!(limit("limit=%200x1F"), Some(31.0));
    assert_eq!(limit("limit=true"), Some(1.0));
    assert_eq!(limit("limit=%225%22"), Some(5.0));
    assert_eq!(limit("limit[]=7"), Some(7.0));
    assert_eq!(limit("limit=%5B7%5D"), Some(7.0));
    assert_eq!(limit("limit=Infinity"), Some(f64::INFINITY));
    for absent in ["limit=", "limit=null", "limit=false", "limit=%22%22"] {
        assert_eq!(limit(absent), None, "{absent}");
    }
    for odd in ["limit=abc", "limit=1&limit=2", "limit={}", "limit=nan", "limit=inf", "limit=--1", "limit=1_0"] {
        assert!(limit(odd).unwrap().is_nan(), "{odd}");
    }
}

#[test]
fn lists_are_comma_texts_or_arrays() {
    assert_eq!(keys(""), None);
    assert_eq!(keys("keys=null"), None);
    assert_eq!(keys("keys="), Some(vec![]));
    for same in ["keys=a,b.c", "keys=[%22a%22,%22b.c%22]", "keys=a&keys=b.c", "keys[]=a&keys[]=b.c", "keys=,a,,b.c"] {
        assert_eq!(keys(same).unwrap(), ["a", "b.c"], "{same}");
    }
    assert_eq!(keys("keys=5").unwrap(), ["5"]);
    assert_eq!(keys("keys={}").unwrap(), ["[object Object]"]);
    let nested = r#"[ "a", ["b\",[", [[ 5 ]] , null], {"x\"}": [{}, "]"]}, [], true , "é\u00e9" ]"#;
    let expected = ["a", "b\"", "[", "5", "[object Object]", "true", "éé"];
    assert_eq!(
        keys(&form_urlencoded::Serializer::new(String::new()).append_pair("keys", nested).finish()).unwrap(),
        expected
    );
    let order = r#"[[],["a",null],[[]]]"#;
    assert_eq!(find(&format!("order={order}"), "{}").unwrap().order, ["", "a", "", ""]);
    assert_eq!(find("order=-a,+b", "{}").unwrap().order, ["-a", "b"]);
    assert_eq!(find("order=,", "{}").unwrap().order, ["", ""]);
    assert!(find("order=", "{}").unwrap().order.is_empty());
    assert_eq!(find("include=*,a", "{}").unwrap().selection.unwrap().include, ["*", "a"]);
}

#[test]
fn the_query_string_wins_over_the_body() {
    let request = find("limit=3", r#"{"limit":5,"skip":2,"where":{"a": 1}}"#).unwrap();
    assert_eq!((request.limit, request.skip, &request.r#where[..]), (Some(3.0), Some(2.0), &b"{\"a\": 1}"[..]));
}

#[test]
fn conditions_are_json_or_json_in_a_string() {
    assert_eq!(find("", "{}").unwrap().r#where, "");
    for text in ["where=%7B%22a%22:1%7D", "where=%20%7B%22a%22:1%7D", "where=%22%7B%5C%22a%5C%22:1%7D%22"] {
        assert_eq!(find(text, "{}").unwrap().r#where, "{\"a\":1}", "{text}");
    }
    assert_eq!(find("", r#"{"where":"{\"a\":1}"}"#).unwrap().r#where, "{\"a\":1}");
    for text in ["where=bad", "where=", "where=5", "where=null", "where=%22x%22", "where=%7B", "where=%FF", "where=[]"]
    {
        let error = find(text, "{}").unwrap_err();
        assert_eq!((error.code, &*error.message), (ErrorCode::InvalidJson, "where parameter is not valid JSON"));
    }
}

#[test]
fn flags_are_truthy_values() {
    for on in ["1", "true", "x", "[]", "%22x%22"] {
        assert!(find(&format!("count={on}"), "{}").unwrap().count, "{on}");
    }
    for off in ["0", "false", "", "null", "%22%22", "-0"] {
        assert!(!find(&format!("count={off}"), "{}").unwrap().count, "{off}");
    }
    assert!(find("includeAll=1", "{}").unwrap().selection.unwrap().include_all);
}

#[test]
fn texts_and_plans_are_handed_on_as_given() {
    let request = find("hint=a_1&explain=true&comment=why&redirectClassNameForKey=r", "{}").unwrap();
    assert_eq!((&request.hint[..], &request.explain[..]), (&b"\"a_1\""[..], &b"true"[..]));
    assert_eq!((&*request.comment, &*request.redirect_class_name_for_key), ("why", "r"));
    let request = find("hint=5&comment=5&explain=false", "{}").unwrap();
    assert!(request.hint.is_empty() && request.comment.is_empty() && request.explain.is_empty());
    assert_eq!(find("hint={%22a%22:1}", "{}").unwrap().hint, "{\"a\":1}");
}

#[test]
fn read_preferences_are_upper_case_texts() {
    let request = find("readPreference=secondary_preferred&includeReadPreference=5", "{}").unwrap();
    let preferences = request.read_preferences.unwrap();
    assert_eq!((&*preferences.main, &*preferences.include), ("SECONDARY_PREFERRED", ""));
}

#[test]
fn unknown_parameters_are_refused_with_parses_texts() {
    for (query, name) in [("bogus=1", "bogus"), ("LIMIT=1", "LIMIT"), ("where=x&x", "x"), ("a%ZZ=1", "a%ZZ")] {
        let error = find(query, "{}").unwrap_err();
        assert_eq!(error.message, format!("Invalid parameter for query: {name}"));
        assert_eq!(error.code, ErrorCode::InvalidQuery);
    }
    assert_eq!(find("", r#"{"_SessionToken":"x"}"#).unwrap_err().message, "Invalid parameter for query: _SessionToken");
    for query in ["includeAll=1", "where={}", "limit=0"] {
        assert_eq!(get(query, "{}").unwrap_err().message, "Improper encode of parameter");
    }
    assert_eq!(get("keys=a", r#"{"include":"b"}"#).unwrap().selection.unwrap().include, ["b"]);
}

#[test]
fn empty_pieces_of_a_query_are_nothing() {
    assert!(find("&", "{}").is_ok());
    assert!(find("=5", "{}").is_ok());
}
