#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use serde_json::{Value as Json, json};

use crate::{
    Acl, Date, ObjectId, ParseError,
    update::{NewObject, ObjectIds, RelationChange, Writer},
    value::write_members,
};

fn parse(body: Json, writer: Writer, object_ids: ObjectIds) -> Result<NewObject, ParseError> {
    let Json::Object(body) = body else { panic!("not an object") };
    NewObject::parse(body, writer, object_ids)
}

fn client(body: Json) -> Result<NewObject, (i32, String)> {
    parse(body, Writer::Client, ObjectIds::Generated).map_err(|error| (error.code as i32, error.message))
}

fn stored(object: &NewObject) -> String {
    let mut out = Vec::new();
    write_members(&object.fields, &mut out);
    String::from_utf8(out).unwrap()
}

fn types(object: &NewObject) -> Vec<String> {
    object.types.iter().map(|field| format!("{}:{}", field.name, field.field_type)).collect()
}

#[test]
fn values_are_stored_and_imply_types() {
    let object = client(json!({
        "s": "x", "n": 1, "z": null, "o": {"a": 1},
        "p": {"__type": "Pointer", "className": "C", "objectId": "i"},
        "r": {"__type": "Relation", "className": "C"},
        "createdAt": {"__type": "Date", "iso": "2020-01-01"},
    }))
    .unwrap();
    assert_eq!(
        stored(&object),
        r#""s":"x","n":1,"z":null,"o":{"a":1},"p":{"__type":"Pointer","className":"C","objectId":"i"}"#
    );
    assert_eq!(types(&object), ["s:String", "n:Number", "o:Object", "p:Pointer<C>", "r:Relation<C>", "createdAt:Date"]);
    assert_eq!((object.created_at, object.object_id, object.acl), (None, None, None));
}

#[test]
fn operations_become_values_and_are_echoed() {
    let object = client(json!({
        "n": {"__op": "Increment", "amount": 2},
        "a": {"__op": "Add", "objects": [1, 1]},
        "u": {"__op": "AddUnique", "objects": [1, 1]},
        "m": {"__op": "Remove", "objects": [1]},
        "d": {"__op": "Delete"},
        "o": {"__op": ""},
        "k": {"inner": {"__op": "Increment", "amount": 1}},
        "r": {"__op": "Batch", "ops": [
            {"__op": "AddRelation", "objects": [{"__type": "Pointer", "className": "C", "objectId": "x"}]},
            {"__op": "RemoveRelation", "objects": [{"__type": "Pointer", "className": "C", "objectId": "y"}]},
        ]},
    }))
    .unwrap();
    assert_eq!(
        stored(&object),
        r#""n":2,"a":[1,1],"u":[1,1],"m":[],"o":{"__op":""},"k":{"inner":{"__op":"Increment","amount":1}}"#
    );
    assert_eq!(object.computed.iter().map(AsRef::as_ref).collect::<Vec<&str>>(), ["n", "a", "u", "m"]);
    assert_eq!(types(&object), ["n:Number", "a:Array", "u:Array", "m:Array", "o:Object", "k:Object", "r:Relation<C>"]);
    assert!(matches!(
        object.relations.as_slice(),
        [(_, RelationChange::Add(added)), (_, RelationChange::Remove(removed))]
            if added[0].object_id == "x" && removed[0].object_id == "y"
    ));
}

/// Codes and texts as Parse Server 9.10 answers them, but for those marked.
#[test]
fn refusals() {
    let geo = json!({"__type": "GeoPoint", "latitude": 1, "longitude": 2});
    for (body, code, message) in [
        (json!({"_x": 1}), 105, "Invalid field name: _x."),
        (json!({"1a": 1}), 105, "Invalid field name: 1a."),
        (json!({".x": 1}), 105, "Invalid field name: .x."),
        (json!({"1a.b": 1}), 105, "Invalid field name: 1a."),
        (json!({"length": 1}), 105, "Invalid field name: length."),
        (json!({"objectId": "a"}), 105, "objectId is an invalid field name."),
        (json!({"id": "a"}), 105, "id is an invalid field name."),
        (json!({"n": {"__op": "Increment", "amount": "1"}}), 107, "objects to add must be an array"),
        (json!({"l": {"__op": "Add"}}), 107, "objects to add must be an array"),
        (json!({"l": {"__op": "Remove", "objects": 1}}), 107, "objects to add must be an array"),
        (json!({"a": {"$x": 1}}), 121, "Nested keys should not contain the '$' or '.' characters"),
        (json!({"a": geo, "b": geo}), 111, "there can only be one geopoint field in a class"),
        (json!({"a": {"__type": "Nope"}}), 111, "This is not a valid Nope"),
        (json!({"ACL": {"*unresolved": {"read": true}}}), 123, "Invalid ACL."),
        (json!({"ACL": {"__type": "Date"}}), 111, "This is not a valid Date"),
        // Parse Server stores this, under a name that no one can use.
        (json!({"_x": null}), 105, "Invalid field name: _x."),
        // Parse Server fails on these.
        (json!({"a": {"__op": "Nope"}}), 107, "unknown operation: Nope"),
        (json!({"a": {"__op": 5}}), 107, "unknown operation: 5"),
        (json!({"a": {"__op": "SetOnInsert", "amount": 1}}), 107, "unknown operation: SetOnInsert"),
        (json!({"ACL": {"__op": "Nope"}}), 107, "Delete is the only operation on an ACL"),
        (json!({"a": {"__op": "AddRelation", "objects": []}}), 107, "AddRelation needs at least one object"),
        (json!({"a": {"__op": "Batch", "ops": []}}), 107, "Batch needs at least one operation"),
    ] {
        assert_eq!(client(body.clone()), Err((code, message.to_owned())), "{body}");
    }
}

#[test]
fn ids_are_the_clients_choice_only_where_allowed() {
    let custom = |body| parse(body, Writer::Client, ObjectIds::Custom);
    assert_eq!(custom(json!({"objectId": "mine"})).unwrap().object_id, ObjectId::new("mine"));
    assert_eq!(custom(json!({"id": "x"})).unwrap().fields.len(), 1);
    for body in [json!({"objectId": ""}), json!({"objectId": null})] {
        let error = custom(body).unwrap_err();
        assert_eq!((error.code as i32, error.message.as_str()), (104, "objectId must not be empty, null or undefined"));
    }
    assert_eq!(types(&custom(json!({"objectId": 5})).unwrap()), ["objectId:Number"]);
    assert_eq!(client(json!({"objectId": ""})).unwrap().object_id, None);
}

#[test]
fn permissions_are_read_from_anything() {
    let acl = |json| client(json!({ "ACL": json })).unwrap().acl;
    assert_eq!(acl(json!(null)), None);
    assert_eq!(acl(json!({})), Some(Acl::default()));
    assert_eq!(acl(json!("x")), Some(Acl::default()));
    let given = acl(json!({"*": {"read": true}, "u": {"read": 1, "write": true}})).unwrap();
    assert_eq!((given.read, given.write), (vec!["*".to_owned(), "u".to_owned()], vec!["u".to_owned()]));
}

#[test]
fn maintenance_imports_timestamps_and_internal_columns() {
    let date = |iso: &str| json!({"__type": "Date", "iso": iso});
    let import = |body| parse(body, Writer::Maintenance, ObjectIds::Generated);
    let object = import(json!({"createdAt": date("2020-01-01"), "_x": 1})).unwrap();
    assert_eq!(object.created_at, Date::parse("2020-01-01"));
    assert_eq!(object.updated_at, object.created_at);
    assert_eq!(types(&object), ["createdAt:Date", "_x:Number"]);

    let error = import(json!({"createdAt": date("2020-01-02"), "updatedAt": date("2020-01-01")})).unwrap_err();
    assert_eq!((error.code as i32, error.message.as_str()), (142, "updatedAt cannot occur before createdAt"));

    for column in ["_id", "_rperm", "_wperm", "_acl", "_created_at", "_p_owner"] {
        let error = import(json!({ column: 1 })).unwrap_err();
        assert_eq!((error.code as i32, error.message), (105, format!("Invalid field name: {column}.")));
    }

    let own = parse(json!({"_hashed_password": "x", "a": 1}), Writer::Service, ObjectIds::Generated).unwrap();
    assert_eq!((stored(&own).as_str(), types(&own)), (r#""_hashed_password":"x","a":1"#, vec!["a:Number".to_owned()]));
}

#[test]
fn dotted_keys_are_columns_of_that_name() {
    let object = client(json!({"o.k": 1, "l.0": {"__type": "Date", "iso": "2020"}, "p.7.x": null})).unwrap();
    assert_eq!(stored(&object), r#""o.k":1,"l.0":{"__type":"Date","iso":"2020-01-01T00:00:00.000Z"},"p.7.x":null"#);
    assert_eq!(types(&object), ["o:Object", "l:Array"]);
}
