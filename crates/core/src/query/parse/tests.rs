#![expect(clippy::unwrap_used, reason = "a failed test is what a panic is for")]

use serde_json::{Value as Json, json};

use super::*;
use crate::{
    Date,
    query::{
        Pattern, QueryAccess,
        tests::{NOW, class, parse, schema},
    },
    value::GeoPoint,
};

/// The column and constraints of a `where` on one field.
fn field(filter: Json) -> (Column, Vec<Constraint>) {
    match parse(filter).unwrap().conditions.pop().unwrap() {
        Condition::Field(field) => (field.column, field.constraints),
        other => panic!("not a field: {other:?}"),
    }
}

fn constraints(filter: Json) -> Vec<Constraint> {
    field(filter).1
}

fn refused(filter: Json) -> (i32, String) {
    let error = parse(filter.clone()).expect_err(&filter.to_string());
    (error.code as i32, error.message)
}

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

fn reference(class: &str, id: &str) -> Value {
    Value::Pointer(Pointer { class_name: class.to_owned(), object_id: id.to_owned() })
}

#[test]
fn names_decide_the_column() {
    for (name, column) in [
        ("objectId", Column::ObjectId),
        ("createdAt", Column::CreatedAt),
        ("updatedAt", Column::UpdatedAt),
        ("sessionToken", Column::Renamed("_session_token")),
        ("timesUsed", Column::Renamed("times_used")),
        ("lastUsed", Column::Renamed("_last_used")),
        ("_rperm", Column::Renamed("_rperm")),
        ("s", Column::Plain),
        ("unknown", Column::Plain),
        ("p", Column::Pointer),
        ("a", Column::Array),
        ("p.x", Column::Nested),
        ("authData.fb.id", Column::Nested),
        ("className", Column::Plain),
    ] {
        assert_eq!(field(json!({name: null})).0, column, "{name}");
    }
    let user = class("_User");
    let rules = QueryRules::new(QueryAccess::Client, NOW);
    let query = Query::parse(&json!({"authData.fb.id": "1"}), &user, &rules).unwrap();
    assert!(matches!(&query.conditions[..], [Condition::Field(field)] if field.column == Column::AuthData));
}

#[test]
fn names_that_are_refused() {
    for key in ["_id", "$not", "$where", "$expr", "$comment", "_hashed_password", "9a", "a-b", "", "a..b", "a."] {
        assert_eq!(refused(json!({key: 1})), (105, format!("Invalid key name: {key}")), "{key}");
    }
    assert_eq!(refused(json!({"_perishable_token": "x"})).0, 105);
    let master = QueryRules::new(QueryAccess::Master, NOW);
    assert!(Query::parse(&json!({"_perishable_token": "x", "_tombstone": 1}), &schema(), &master).is_ok());
    let access = |access, filter| Query::parse(&filter, &schema(), &QueryRules::new(access, NOW)).is_ok();
    assert!(access(QueryAccess::ReadOnly, json!({"_failed_login_count": 1})));
    for token in ["_perishable_token", "_email_verify_token", "_session_token"] {
        assert!(!access(QueryAccess::ReadOnly, json!({"$or": [{token: {"$regex": "^a"}}]})), "{token}");
        assert!(access(QueryAccess::Service, json!({token: "x"})), "{token}");
    }
    assert!(!access(QueryAccess::Master, json!({"_hashed_password": "x"})));
    assert!(access(QueryAccess::Service, json!({"_hashed_password": "x"})));
    assert!(!access(QueryAccess::Service, json!({"_auth_data_x.id": "x"})));
    assert_eq!(refused(json!({"ACL": {}})), (102, "Cannot query on ACL.".to_owned()));
    assert!(parse(json!({"ACL": null})).is_ok());
}

#[test]
fn combinators() {
    let query = parse(json!({"$or": [{"s": "a"}, {"$nor": [{"n": 1}]}], "$and": [{}]})).unwrap();
    assert!(matches!(&query.conditions[..], [Condition::Any(any), Condition::All(_)]
        if any.len() == 2 && matches!(any[1].conditions[..], [Condition::None(_)])));

    let error = parse(json!({"s": 1, "$and": {}})).unwrap_err();
    assert_eq!(error, ParseError::sanitised(ErrorCode::InvalidQuery, "$and must be an array"));
    let master = QueryRules::new(QueryAccess::Master, NOW);
    let error = Query::parse(&json!({"$and": {}}), &schema(), &master).unwrap_err();
    assert_eq!(error.message, "Bad $and format - use an array value.");
    assert_eq!(refused(json!({"$nor": []})).1, "Bad $nor format - use an array of at least 1 value.");
    assert_eq!(refused(json!({"$or": []})).0, 102);
    assert_eq!(refused(json!({"$or": [1]})).0, 102);
    assert_eq!(refused(json!({"$or": [{"$and": [{"_id": 1}]}]})).0, 105);
}

#[test]
fn nesting_is_bounded() {
    let nest = |levels| (0..levels).fold(json!({"s": 1}), |filter, _| json!({"$or": [filter]}));
    assert!(parse(nest(60)).is_ok());
    assert_eq!(refused(nest(70)).0, 102);
    let mut rules = QueryRules::new(QueryAccess::Client, NOW);
    rules.max_depth = Some(2);
    assert!(Query::parse(&nest(2), &schema(), &rules).is_ok());
    let error = Query::parse(&nest(3), &schema(), &rules).unwrap_err();
    assert_eq!(error.message, "Query condition nesting depth exceeds maximum allowed depth of 2");
    rules.access = QueryAccess::Master;
    assert!(Query::parse(&nest(3), &schema(), &rules).is_ok());
}

#[test]
fn what_is_no_object_is_refused() {
    assert_eq!(parse(Json::Null).unwrap(), Query::default());
    assert_eq!(parse(json!([])).unwrap(), Query::default());
    for filter in [json!(5), json!("x"), json!([1]), json!(true)] {
        assert_eq!(refused(filter), (107, "where parameter is not valid JSON".to_owned()));
    }
}

#[test]
fn direct_values() {
    assert_eq!(constraints(json!({"s": "a"})), [Constraint::Equal(text("a"))]);
    assert_eq!(constraints(json!({"n": 5})), [Constraint::Equal(Value::Number(5.0))]);
    assert_eq!(constraints(json!({"o": {}})), [Constraint::Equal(Value::Object(Map::new()))]);
    assert_eq!(constraints(json!({"a": []})), [Constraint::Equal(Value::Object(Map::new()))]);
    assert_eq!(constraints(json!({"a": {"x": 1}})).len(), 1);
    assert_eq!(constraints(json!({"o.k": [1, 2]})).len(), 1);
    let pointer = json!({"__type": "Pointer", "className": "Q", "objectId": "x"});
    assert_eq!(constraints(json!({"p": pointer})), [Constraint::Equal(reference("Q", "x"))]);
    assert_eq!(constraints(json!({"p": "x"})), [Constraint::Equal(text("x"))]);
    let point = json!({"__type": "GeoPoint", "latitude": 1, "longitude": 2});
    let place = Value::GeoPoint(GeoPoint { latitude: 1.0, longitude: 2.0 });
    assert_eq!(constraints(json!({"g": point})), [Constraint::Equal(place)]);
    assert_eq!(refused(json!({"s": [1, 2]})), (107, "You cannot use 1,2 as a query parameter.".to_owned()));
    assert_eq!(refused(json!({"a": [1, null, [2]]})).1, "You cannot use 1,,2 as a query parameter.");
    assert_eq!(refused(json!({"o": {"x": 1}})).1, "You cannot use [object Object] as a query parameter.");
}

#[test]
fn dates_of_parse_may_be_text() {
    assert_eq!(constraints(json!({"createdAt": "2026-01-01T00:00:00.000Z"})), [Constraint::Equal(Value::Date(NOW))]);
    assert_eq!(constraints(json!({"createdAt": "junk"})), [Constraint::Equal(text("junk"))]);
    let inside = constraints(json!({"createdAt": {"$gt": "2026-01-01T00:00:00.000Z"}}));
    assert_eq!(inside, [Constraint::Greater(text("2026-01-01T00:00:00.000Z"))]);
}

#[test]
fn literals_mixed_with_operators_become_equality() {
    let mixed = json!({"__type": "Pointer", "className": "Q", "objectId": "x", "$ne": null});
    let expected = [Constraint::NotEqual(Value::Null), Constraint::Equal(reference("Q", "x"))];
    assert_eq!(constraints(json!({"p": mixed})), expected);
    assert_eq!(constraints(json!({"$or": [{"p": mixed}]})["$or"][0].clone()), expected);
    assert_eq!(refused(json!({"o": {"k": 1.0, "$gt": 2}})), (107, "bad atom: {\"k\":1}".to_owned()));
}

#[test]
fn operators_are_read_in_reverse_alphabetical_order() {
    assert_eq!(refused(json!({"n": {"$gt": {}, "$in": 5}})).1, "bad $in value");
    assert_eq!(refused(json!({"n": {"$in": 5, "$not": 1}})).1, "bad constraint: $not");
    for operator in ["$not", "$type", "$mod", "$size", "$elemMatch", "$near", "$x", "$"] {
        assert_eq!(refused(json!({"n": {operator: 1}})), (107, format!("bad constraint: {operator}")));
    }
}

#[test]
fn lists() {
    let flat = Constraint::In(vec![Value::Number(1.0), Value::Number(2.0), text("x")]);
    assert_eq!(constraints(json!({"n": {"$in": [1, [2, "x"]]}})), [flat]);
    assert_eq!(constraints(json!({"p": {"$nin": ["x"]}})), [Constraint::NotIn(vec![reference("Q", "x")])]);
    assert_eq!(refused(json!({"n": {"$nin": {}}})).1, "bad $nin value");
    assert_eq!(refused(json!({"n": {"$all": 1}})).1, "bad $all value");
    assert_eq!(refused(json!({"n": {"$in": [{"a": [1.5]}]}})).1, "bad atom: {\"a\":[1.5]}");
    assert_eq!(refused(json!({"a": {"$containedBy": 1}})).1, "bad $containedBy: should be an array");
    assert!(parse(json!({"a": {"$in": [{"a": 1}]}})).is_ok());
}

#[test]
fn regular_expressions() {
    let pattern = |source: &str, options: &str| Pattern { source: source.to_owned(), options: options.to_owned() };
    let expected = [Constraint::Matches(pattern("^a", "im"))];
    assert_eq!(constraints(json!({"s": {"$regex": "^a", "$options": "imi"}})), expected);
    assert_eq!(refused(json!({"s": {"$regex": 5}})), (102, "$regex value must be a string".to_owned()));
    assert_eq!(refused(json!({"s": {"$options": "i"}})).0, 102);
    assert_eq!(refused(json!({"s": {"$regex": "a", "$options": 1}})).1, "$options value must be a string");
    assert_eq!(refused(json!({"s": {"$regex": "a", "$options": ""}})).1, "Bad $options value for query: ");
    assert_eq!(refused(json!({"$or": [{"s": {"$regex": "a", "$options": "g"}}]})).0, 102);

    let mut rules = QueryRules::new(QueryAccess::Client, NOW);
    rules.allow_regex = false;
    let error = Query::parse(&json!({"s": {"$regex": "a"}}), &schema(), &rules).unwrap_err();
    assert_eq!((error.code as i32, error.message.as_str()), (102, "$regex operator is not allowed"));
}

#[test]
fn all_takes_values_or_starts_with_patterns() {
    let starts = json!({"$regex": "^\\Qa\\E"});
    assert!(matches!(&constraints(json!({"a": {"$all": [starts, starts]}}))[..],
        [Constraint::AllMatch(patterns)] if patterns.len() == 2));
    assert_eq!(constraints(json!({"a": {"$all": []}})), [Constraint::All(Vec::new())]);
    let message = "All $all values must be of regex type or none: /a/";
    assert_eq!(refused(json!({"a": {"$all": [{"$regex": "a"}]}})), (107, message.to_owned()));
    assert_eq!(refused(json!({"a": {"$all": [starts, "b"]}})).0, 107);
    assert_eq!(constraints(json!({"a": {"$all": ["b", {"$regex": "a"}]}})).len(), 2);
}

#[test]
fn relative_time() {
    let at = |filter| match constraints(filter).pop() {
        Some(Constraint::Less(Value::Date(date))) => (date.0 - NOW.0) / 1000,
        other => panic!("not a comparison with a date: {other:?}"),
    };
    let time = |text: &str| json!({"d": {"$lt": {"$relativeTime": text}}});
    assert_eq!(at(time("now")), 0);
    assert_eq!(at(time("in 1 year 2 Weeks  3 d")), 31_536_000 + 2 * 604_800 + 3 * 86_400);
    assert_eq!(at(time("5 min 1 sec ago")), -301);
    assert_eq!(at(json!({"createdAt": {"$lt": {"$relativeTime": "1 hr ago"}}})), -3600);
    for (text, reason) in [
        ("1 day", "Time should either start with 'in' or end with 'ago'"),
        ("in 1 day ago", "Time cannot have both 'in' and 'ago'"),
        ("in 1", "Invalid time string. Dangling unit or number."),
        ("in 1.5 days", "'1.5' is not an integer."),
        ("in 1 parsec", "Invalid interval: 'parsec'"),
    ] {
        assert_eq!(refused(time(text)), (107, format!("bad $relativeTime ($lt) value. {reason}")));
    }
    let elsewhere = refused(json!({"n": {"$lt": {"$relativeTime": "now"}}}));
    assert_eq!(elsewhere.1, "$relativeTime can only be used with Date field");
    let equality = refused(json!({"d": {"$ne": {"$relativeTime": "now"}}}));
    assert!(equality.1.starts_with("$relativeTime can only be used with the $lt"));
    let far = json!({"d": {"$lt": {"$relativeTime": "in 99999999999 years"}}});
    assert_eq!(constraints(far), [Constraint::Less(Value::Date(Date(8_640_000_000_000_000)))]);
}

#[test]
fn sub_queries() {
    let found = constraints(json!({"p": {"$inQuery": {"where": {"k": 1}, "className": "Q"}}}));
    assert!(matches!(&found[..], [Constraint::InQuery(subquery)]
        if subquery.class_name == "Q" && subquery.filter == json!({"k": 1})));
    for (operator, value) in [
        ("$inQuery", json!({"className": "Q"})),
        ("$notInQuery", json!({"where": {}})),
        ("$select", json!({"query": {"className": "Q"}, "key": "k", "x": 1})),
        ("$dontSelect", json!({"query": {}, "key": "k"})),
    ] {
        let filter = json!({"s": {operator: value}});
        assert_eq!(refused(filter), (102, format!("improper usage of {operator}")));
    }
    assert_eq!(refused(json!({"s": {"$select": null}})).0, 108);
    // Sub-queries run before names are looked at.
    assert_eq!(refused(json!({"_id": 1, "$or": [{"p": {"$inQuery": 1}}]})).0, 102);
}

#[test]
fn relations() {
    let owner = json!({"__type": "Pointer", "className": "Q", "objectId": "x"});
    let related = json!({"object": owner, "key": "r"});
    let query = parse(json!({"$relatedTo": related, "s": "a"})).unwrap();
    assert!(matches!(&query.conditions[..], [Condition::RelatedTo { .. }, Condition::Field(_)]));
    assert_eq!(refused(json!({"$relatedTo": related, "$or": [{}]})).1, "Invalid key name: $relatedTo");
    assert_eq!(refused(json!({"$relatedTo": {"object": 1}})).0, 102);
    assert_eq!(constraints(json!({"r": owner})), [Constraint::Equal(reference("Q", "x"))]);
    assert_eq!(constraints(json!({"r": {"$exists": true}})), [Constraint::In(Vec::new())]);
    assert_eq!(constraints(json!({"r": null})), [Constraint::In(Vec::new())]);
}

#[test]
fn geography() {
    let point =
        |latitude: f64, longitude: f64| json!({"__type": "GeoPoint", "latitude": latitude, "longitude": longitude});
    let near = constraints(json!({"g": {"$nearSphere": point(1.0, 2.0), "$maxDistanceInMiles": 3959}}));
    assert!(matches!(near[..], [Constraint::Near { max_distance: Some(distance), .. }] if distance == 1.0));
    let within = constraints(json!({"g": {"$geoWithin": {"$polygon": [[0, 0], [5, 0], point(5.0, 5.0)]}}}));
    assert!(matches!(&within[..], [Constraint::WithinPolygon(points)] if points[1].longitude == 5.0));
    let sphere = constraints(json!({"g": {"$geoWithin": {"$centerSphere": [point(0.0, 0.0), 0.5]}}}));
    assert!(matches!(sphere[..], [Constraint::WithinSphere(_, 0.5)]));
    assert_eq!(constraints(json!({"g": {"$geoWithin": {}}})), [Constraint::Equal(Value::Object(Map::new()))]);
    let geo = |value: Json| refused(json!({"g": {"$geoWithin": value}})).1;
    let message = "bad $geoWithin value; $polygon should contain at least 3 GeoPoints";
    assert_eq!(geo(json!({"$polygon": [[0, 0]]})), message);
    let message = "bad $geoWithin value; Polygon.coordinates should contain at least 3 lon/lat pairs";
    assert_eq!(geo(json!({"$polygon": {"__type": "Polygon"}})), message);
    let message = "bad $geoWithin value; $polygon should be Polygon object or Array of Parse.GeoPoint's";
    assert_eq!(geo(json!({"$polygon": {}})), message);
    assert_eq!(geo(json!({"$polygon": [1, 2, 3]})), "bad $geoWithin value");
    let message = "bad $geoWithin value; $centerSphere should be an array of Parse.GeoPoint and distance";
    assert_eq!(geo(json!({"$centerSphere": [point(0.0, 0.0)]})), message);
    assert_eq!(geo(json!({"$centerSphere": [1, 2]})), "bad $geoWithin value; $centerSphere geo point invalid");
    let message = "bad $geoWithin value; $centerSphere distance invalid";
    assert_eq!(geo(json!({"$centerSphere": [[0, 0], -1]})), message);
    let message = "GeoPoint latitude out of bounds: -91.5 < -90.0.";
    assert_eq!(geo(json!({"$centerSphere": [[0, -91.5], 1]})), message);
    assert_eq!(refused(json!({"g": {"$within": {}}})).1, "malformatted $within arg");
    let message = "bad $geoIntersect value; $point should be GeoPoint";
    assert_eq!(refused(json!({"y": {"$geoIntersects": {"$point": [1, 2]}}})).1, message);
}

#[test]
fn full_text() {
    let search = |search: Json| json!({"s": {"$text": {"$search": search}}});
    let found = constraints(search(json!({"$term": "t", "$language": "", "$caseSensitive": true})));
    assert!(matches!(&found[..], [Constraint::Text(search)]
        if search.term == "t" && search.language.is_none() && search.case_sensitive == Some(true)));
    assert_eq!(refused(search(json!("t"))).1, "bad $text: $search, should be object");
    assert_eq!(refused(search(json!({"$term": ""}))).1, "bad $text: $term, should be string");
    assert_eq!(refused(search(json!({"$term": "t", "$language": 1}))).1, "bad $text: $language, should be string");
    let flag = refused(search(json!({"$term": "t", "$diacriticSensitive": 1})));
    assert_eq!(flag.1, "bad $text: $diacriticSensitive, should be boolean");
}

#[test]
fn a_path_has_an_end() {
    let path = |parts: usize| vec!["o"; parts].join(".");
    let filter = |parts: usize| Json::Object([(path(parts), json!(1))].into_iter().collect());
    assert_eq!(field(filter(100)).0, Column::Nested);
    assert_eq!(refused(filter(101)), (105, format!("Invalid key name: {}", path(101))));
    let key = json!({"s": {"$select": {"query": {"className": "B"}, "key": path(101)}}});
    assert_eq!(refused(key), (102, "improper usage of $select".to_owned()));
}
