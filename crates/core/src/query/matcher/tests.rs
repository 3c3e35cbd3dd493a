//! A few of each kind; that all of it is MongoDB's own decision is checked against a real one by the integration tests.
#![expect(clippy::unwrap_used, reason = "a failed test is what a panic is for")]

use serde_json::{Value as Json, json};

use crate::Acl;
use crate::query::{
    Condition,
    tests::{object, parse},
};

fn matches(filter: Json, fields: Json) -> bool {
    parse(filter).unwrap().matcher().unwrap().matches(&object("id", fields))
}

fn pointer(id: &str) -> Json {
    json!({"__type": "Pointer", "className": "Q", "objectId": id})
}

fn point(latitude: f64, longitude: f64) -> Json {
    json!({"__type": "GeoPoint", "latitude": latitude, "longitude": longitude})
}

#[test]
fn equality() {
    assert!(matches(json!({"s": "a", "n": 1}), json!({"s": "a", "n": 1.0})));
    assert!(!matches(json!({"s": "a"}), json!({"s": "A"})));
    assert!(matches(json!({"s": null}), json!({})));
    assert!(matches(json!({"s": null}), json!({"s": null})));
    assert!(matches(json!({"objectId": "id"}), json!({})));
    assert!(matches(json!({"p": pointer("x")}), json!({"p": pointer("x")})));
    assert!(matches(json!({"p": {"$in": ["y", "x"]}}), json!({"p": pointer("x")})));
    assert!(matches(json!({"g": point(1.0, 2.0)}), json!({"g": point(1.0, 2.0)})));
    assert!(matches(json!({"o": {}}), json!({"o": {}})));
    assert!(!matches(json!({"o": {}}), json!({"o": {"k": 1}})));
}

#[test]
fn arrays_are_entered() {
    assert!(matches(json!({"a": 2}), json!({"a": [1, 2]})));
    assert!(!matches(json!({"a": {"$ne": 2}}), json!({"a": [1, 2]})));
    assert!(matches(json!({"a": pointer("x")}), json!({"a": [pointer("y"), pointer("x")]})));
    assert!(matches(json!({"a": {"$all": [1, 2]}}), json!({"a": [3, 2, 1]})));
    assert!(!matches(json!({"a": {"$all": []}}), json!({"a": []})));
    assert!(matches(json!({"a": {"$gt": 1, "$lt": 2}}), json!({"a": [0, 5]})));
    assert!(matches(json!({"a.k": 1}), json!({"a": [{"k": 2}, {"k": [1]}]})));
    assert!(matches(json!({"a.1.k": 1}), json!({"a": [{"k": 2}, {"k": 1}]})));
    assert!(!matches(json!({"a.0": 1}), json!({"a": [2, 1]})));
    assert!(matches(json!({"a.objectId": "x"}), json!({"a": [pointer("x")]})));
    assert!(!matches(json!({"p.objectId": "x"}), json!({"p": pointer("x")})));
}

#[test]
fn contained_by_looks_at_every_element() {
    let by = |list: Json| json!({"a": {"$containedBy": list}});
    assert!(matches(by(json!([1, 2, 3])), json!({"a": [1, 2]})));
    assert!(!matches(by(json!([1])), json!({"a": [1, 2]})));
    assert!(matches(by(json!([1])), json!({"a": []})));
    assert!(matches(by(json!([1])), json!({})));
}

#[test]
fn types_are_not_compared_with_each_other() {
    assert!(!matches(json!({"n": {"$gt": 1}}), json!({"n": "2"})));
    assert!(matches(json!({"n": {"$gte": null}}), json!({})));
    assert!(!matches(json!({"createdAt": {"$gt": "2000-01-01T00:00:00.000Z"}}), json!({})));
    let date = json!({"__type": "Date", "iso": "2000-01-01T00:00:00.000Z"});
    assert!(matches(json!({"createdAt": {"$gt": date}}), json!({})));
}

#[test]
fn combinators() {
    let filter = json!({"$or": [{"n": 1}, {"s": "a"}], "$nor": [{"b": true}]});
    assert!(matches(filter.clone(), json!({"s": "a"})));
    assert!(!matches(filter.clone(), json!({"s": "a", "b": true})));
    assert!(!matches(filter, json!({"s": "b"})));
}

#[test]
fn permissions() {
    let allowed = |condition: Condition, acl: Option<Acl>| {
        let query = crate::Query { conditions: vec![condition] };
        let mut object = object("id", json!({}));
        object.acl = acl;
        query.matcher().unwrap().matches(&object)
    };
    let acl = |json: Json| Some(Acl::from_json(&json));
    let me = || vec!["me".to_owned()];
    assert!(allowed(Condition::ReadableBy(me()), None));
    assert!(allowed(Condition::ReadableBy(me()), acl(json!({"*": {"read": true}}))));
    assert!(!allowed(Condition::ReadableBy(me()), acl(json!({}))));
    assert!(allowed(Condition::WritableBy(me()), acl(json!({"me": {"write": true}}))));
    assert!(!allowed(Condition::WritableBy(me()), acl(json!({"me": {"read": true}}))));
}

#[test]
fn places() {
    let near = json!({"g": {"$nearSphere": point(0.0, 0.0), "$maxDistance": 0.1}});
    assert!(matches(near.clone(), json!({"g": point(5.0, 0.0)})));
    assert!(!matches(near.clone(), json!({"g": point(6.0, 0.0)})));
    assert!(!matches(near.clone(), json!({})));
    let matcher = parse(near).unwrap().matcher().unwrap();
    let distance = matcher.distance(&object("id", json!({"g": point(0.0, 90.0)}))).unwrap();
    assert!((distance - std::f64::consts::FRAC_PI_2).abs() < 1e-12);

    let corners = json!({"g": {"$within": {"$box": [point(0.0, 0.0), point(10.0, 10.0)]}}});
    assert!(matches(corners.clone(), json!({"g": point(10.0, 0.0)})));
    assert!(!matches(corners, json!({"g": point(10.1, 0.0)})));
    let triangle = json!({"g": {"$geoWithin": {"$polygon": [[0, 0], [10, 0], [0, 10]]}}});
    assert!(matches(triangle.clone(), json!({"g": point(1.0, 1.0)})));
    assert!(!matches(triangle, json!({"g": point(6.0, 6.0)})));
}

#[test]
fn polygons_on_the_sphere() {
    let square = json!({"__type": "Polygon", "coordinates": [[0, 0], [0, 10], [10, 10], [10, 0]]});
    let at = |latitude, longitude| json!({"y": {"$geoIntersects": {"$point": point(latitude, longitude)}}});
    let fields = json!({"y": square});
    assert!(matches(at(5.0, 5.0), fields.clone()));
    assert!(matches(at(0.0, 0.0), fields.clone()));
    assert!(matches(at(0.0, 5.0), fields.clone()));
    assert!(!matches(at(-0.1, 5.0), fields.clone()));
    // The northern edge is a great circle: it runs north of the parallel.
    assert!(matches(at(10.01, 5.0), fields.clone()));
    assert!(!matches(at(-5.0, -175.0), fields));
}

#[test]
fn what_needs_a_database_is_refused() {
    for filter in [
        json!({"s": {"$text": {"$search": {"$term": "x"}}}}),
        json!({"$or": [{"p": {"$inQuery": {"where": {}, "className": "Q"}}}]}),
        json!({"r": pointer("x")}),
        json!({"s": {"$regex": "["}}),
    ] {
        assert!(parse(filter.clone()).unwrap().matcher().is_err(), "{filter}");
    }
}
