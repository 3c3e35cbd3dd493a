#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use serde_json::{Value as Json, json};

use crate::{
    Acl, Date, ObjectId, Value,
    update::{Change, ObjectUpdate, RelationChange, Writer},
};

fn parse(body: Json) -> Result<ObjectUpdate, (i32, String)> {
    parse_as(body, Writer::Client)
}

fn parse_as(body: Json, writer: Writer) -> Result<ObjectUpdate, (i32, String)> {
    let Json::Object(body) = body else { panic!("not an object") };
    ObjectUpdate::parse(&ObjectId::new("me").unwrap(), body, writer).map_err(|error| (error.code as i32, error.message))
}

fn changes(parsed: &ObjectUpdate) -> Vec<(&str, &Change)> {
    parsed.update.changes.iter().map(|(path, change)| (path.as_str(), change)).collect()
}

fn types(parsed: &ObjectUpdate) -> Vec<String> {
    parsed.types.iter().map(|field| format!("{}:{}", field.name, field.field_type)).collect()
}

#[test]
fn operations_keep_their_meaning_and_are_echoed() {
    let parsed = parse(json!({
        "s": "x",
        "n": {"__op": "Increment", "amount": -2.5},
        "a.b": {"__op": "Add", "objects": [1]},
        "u": {"__op": "AddUnique", "objects": [{"__type": "Date", "iso": "1970-01-01"}]},
        "m": {"__op": "Remove", "objects": []},
        "d": {"__op": "Delete"},
        "z": null,
    }))
    .unwrap();
    assert_eq!(
        changes(&parsed),
        [
            ("s", &Change::Set(Value::String("x".to_owned()))),
            ("n", &Change::Increment(-2.5)),
            ("a.b", &Change::Add(vec![Value::Number(1.0)])),
            ("u", &Change::AddUnique(vec![Value::Date(Date(0))])),
            ("m", &Change::Remove(vec![])),
            ("d", &Change::Unset),
            ("z", &Change::Set(Value::Null)),
        ]
    );
    assert_eq!(parsed.computed.iter().map(AsRef::as_ref).collect::<Vec<&str>>(), ["n", "a.b", "u", "m"]);
    assert_eq!(types(&parsed), ["s:String", "n:Number", "a:Object", "u:Array", "m:Array"]);
}

#[test]
fn dotted_keys_take_nested_values_and_shape_their_root() {
    let parsed = parse(json!({
        "o.d": {"__type": "Date", "iso": "1970-01-01"},
        "o.g": {"__type": "GeoPoint", "latitude": 1, "longitude": 2},
        "list.0.v": 1,
        "sentPerUTCOffset.5": 1,
    }))
    .unwrap();
    assert!(matches!(
        changes(&parsed).as_slice(),
        [(_, Change::Set(Value::Date(_))), (_, Change::Set(Value::Object(_))), _, _]
    ));
    assert_eq!(types(&parsed), ["o:Object", "o:Object", "list:Array", "sentPerUTCOffset:Object"]);
}

/// Codes and texts as Parse Server 9.10 answers them, but for those marked.
#[test]
fn refusals() {
    for (body, code, message) in [
        (json!({"_x": 1}), 105, "Invalid field name: _x."),
        (json!({"_x": null}), 105, "Invalid field name for update: _x"),
        (json!({"1a": {"__op": "Delete"}}), 105, "Invalid field name for update: 1a"),
        (json!({"authData.fb": 1}), 105, "Invalid field name for update: authData.fb"),
        (json!({"n": {"__op": "Increment"}}), 107, "incrementing must provide a number"),
        (json!({"l": {"__op": "Add", "objects": 1}}), 107, "objects to add must be an array"),
        (json!({"l": {"__op": "Remove", "objects": 1}}), 107, "objects to remove must be an array"),
        (json!({"x": {"__op": ""}}), 108, "The  operator is not supported yet."),
        (
            json!({"x": {"__op": "Batch", "ops": [{"__op": "Increment", "amount": 1}]}}),
            108,
            "The Batch operator is not supported yet.",
        ),
        (json!({"o.k": {"__type": "Nope"}}), 111, "This is not a valid Nope"),
        (json!({"ACL": {"*unresolved": {}}}), 123, "Invalid ACL."),
        // Parse Server fails on these.
        (json!({"objectId": "other"}), 105, "Invalid field name for update: objectId"),
        (json!({"a..b": 1}), 105, "Invalid field name: a..b."),
        (json!({"a.$b": 1}), 105, "Invalid field name: a.$b."),
        (json!({"o": {}, "o-": 1, "o.a": 1}), 105, "Invalid field name: o-."),
        (json!({"o.a": {}, "o.a-": 1, "o.a.b": 1}), 107, "o.a and o.a.b cannot be changed together"),
        (json!({"r": {"__op": "AddRelation", "objects": [1]}}), 107, "AddRelation takes pointers only"),
    ] {
        assert_eq!(parse(body.clone()).map(|_| ()), Err((code, message.to_owned())), "{body}");
    }
}

#[test]
fn names_that_share_a_beginning_do_not_conflict() {
    assert!(parse(json!({"o.a": 1, "o.ab": 1, "o.a-b": 1, "oo": 1})).is_ok());
}

#[test]
fn ids_and_timestamps_are_checked_and_dropped() {
    let parsed = parse(json!({"objectId": "me", "createdAt": "x", "updatedAt": {"__op": "Increment", "amount": 1}}));
    let parsed = parsed.unwrap();
    assert_eq!(changes(&parsed), []);
    assert_eq!(types(&parsed), ["createdAt:String", "updatedAt:Number"]);
}

#[test]
fn permissions_change_unless_null() {
    assert_eq!(parse(json!({"ACL": null})).unwrap().update.acl, None);
    let deleted = parse(json!({"ACL": {"__op": "Delete"}})).unwrap();
    assert_eq!((deleted.update.acl, deleted.acl_deleted), (Some(Acl::default()), true));
}

#[test]
fn every_class_among_related_objects_shows_in_the_types() {
    let pointer = |class: &str| json!({"__type": "Pointer", "className": class, "objectId": "x"});
    let parsed =
        parse(json!({"r": {"__op": "AddRelation", "objects": [pointer("A"), pointer("A"), pointer("B")]}})).unwrap();
    assert_eq!(types(&parsed), ["r:Relation<A>", "r:Relation<B>"]);
    assert!(matches!(parsed.update.relations.as_slice(), [(_, RelationChange::Add(targets))] if targets.len() == 3));
}

#[test]
fn services_write_internal_columns_that_the_schema_does_not_know() {
    let body = json!({"_auth_data_x": {"id": 1}, "_auth_data_y.token": 1, "_tombstone": {"__op": "Delete"}});
    let parsed = parse_as(body.clone(), Writer::Service).unwrap();
    assert_eq!(changes(&parsed).len(), 3);
    assert_eq!(types(&parsed), Vec::<String>::new());
    assert_eq!(types(&parse_as(body, Writer::Maintenance).unwrap()), ["_auth_data_x:Object", "_auth_data_y:Object"]);
}

#[test]
fn a_path_has_an_end() {
    let path = |parts: usize| vec!["a"; parts].join(".");
    let body = |parts: usize, value: Json| Json::Object([(path(parts), value)].into_iter().collect());
    assert_eq!(changes(&parse(body(100, json!(1))).unwrap()), [(path(100).as_str(), &Change::Set(Value::Number(1.0)))]);
    for parts in [101, 100_000] {
        assert_eq!(parse(body(parts, json!(1))), Err((105, format!("Invalid field name: {}.", path(parts)))));
        let removal = body(parts, json!({"__op": "Delete"}));
        assert_eq!(parse(removal), Err((105, format!("Invalid field name for update: {}", path(parts)))));
        for writer in [Writer::Maintenance, Writer::Service] {
            let body = [(format!("_{}", path(parts)), json!(1))].into_iter().collect();
            assert_eq!(parse_as(Json::Object(body), writer).unwrap_err().0, 105);
        }
    }
}
