#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use serde_json::json;

use super::*;
use crate::{schema::IndexFields, update::ObjectIds};

const RULES: SchemaRules = SchemaRules { user_ids: ObjectIds::Generated, index_fields: IndexFields::Known };

fn request(body: Json) -> SchemaRequest {
    let Json::Object(body) = body else { panic!("a body is an object") };
    SchemaRequest::from_json(body).unwrap()
}

fn create(body: Json) -> Result<ClassSchema, (i32, String)> {
    let created = ClassSchema::create(ClassName::new("C").unwrap(), &request(body), &RULES);
    created.map_err(|error| (error.code as i32, error.message))
}

fn class() -> ClassSchema {
    create(json!({
        "fields": {
            "text": {"type": "String", "required": true}, "place": {"type": "GeoPoint"},
            "owner": {"type": "Pointer", "targetClass": "_User"}, "likes": {"type": "Relation", "targetClass": "C"},
        },
        "indexes": {"text_1": {"text": 1}},
    }))
    .unwrap()
}

fn change(body: Json) -> Result<ClassChange, (i32, String)> {
    class().change(&request(body), &RULES).map_err(|error| (error.code as i32, error.message))
}

fn refused(code: i32, text: &str) -> Option<(i32, String)> {
    Some((code, text.to_owned()))
}

#[test]
fn a_class_keeps_the_order_of_its_fields() {
    let names: Vec<_> = class().fields.into_keys().collect();
    assert_eq!(names, ["objectId", "createdAt", "updatedAt", "ACL", "text", "place", "owner", "likes"]);
}

#[test]
fn new_fields_are_checked() {
    for (field, spec, code, text) in [
        ("a-b", json!({"type": "String"}), 105, "invalid field name: a-b"),
        ("createdAt", json!({"type": "Date"}), 136, "field createdAt cannot be added"),
        ("a", json!({"type": 5}), 107, "invalid JSON"),
        ("a", json!({"__op": "Delete"}), 107, "invalid JSON"),
        ("a", json!({"type": "ACL"}), 111, "invalid field type: ACL"),
        ("a", json!({"type": "Pointer"}), 135, "type Pointer needs a class name"),
        ("a", json!({"type": "Pointer", "targetClass": 5}), 107, "invalid JSON"),
        (
            "a",
            json!({"type": "Date", "defaultValue": 1}),
            111,
            "schema mismatch for C.a default value; expected Date but got Number",
        ),
        (
            "a",
            json!({"type": "Date", "defaultValue": null}),
            111,
            "schema mismatch for C.a default value; expected Date but got null",
        ),
        (
            "a",
            json!({"type": "Relation", "targetClass": "B", "required": true}),
            111,
            "The 'required' option is not applicable for Relation<B>",
        ),
    ] {
        let mut fields = JsonMap::new();
        fields.insert(field.to_owned(), spec);
        assert_eq!(create(json!({ "fields": fields })).err(), refused(code, text), "{fields:?}");
    }
}

#[test]
fn a_class_has_one_place() {
    let text = "currently, only one GeoPoint field may exist in an object. Adding b when place already exists.";
    assert_eq!(change(json!({"fields": {"b": {"type": "GeoPoint"}}})).err(), refused(111, text));
    let moved = change(json!({"fields": {"b": {"type": "GeoPoint"}, "place": {"__op": "Delete"}}})).unwrap();
    assert_eq!((moved.removed.len(), moved.added.len()), (1, 1));
}

#[test]
fn fields_that_are_there_keep_their_type() {
    for (body, code, text) in [
        (json!({"text": {"type": "Number"}}), 255, "Field text exists, cannot update."),
        (json!({"none": {"__op": "Delete"}}), 255, "Field none does not exist, cannot delete."),
        (json!({"objectId": {"__op": "Delete"}}), 136, "field objectId cannot be changed"),
        (
            json!({"owner": {"type": "Pointer", "targetClass": "C"}}),
            111,
            "schema mismatch for C.owner; expected Pointer<_User> but got Pointer<C>",
        ),
        (
            json!({"owner": {"type": "Pointer"}}),
            111,
            "schema mismatch for C.owner; expected Pointer<_User> but got Pointer",
        ),
    ] {
        assert_eq!(change(json!({ "fields": body })).err(), refused(code, text));
    }
    assert_eq!(change(json!({"fields": {"createdAt": {"type": "Date"}}})).unwrap(), ClassChange::default());
}

#[test]
fn options_are_replaced() {
    assert_eq!(change(json!({"fields": {"text": {"type": "String", "required": true}}})).unwrap().options, []);
    let changed = change(json!({"fields": {"text": {"type": "String", "defaultValue": "x"}}})).unwrap();
    let options = json!({"defaultValue": "x"});
    assert_eq!(changed.options, [(FieldName::new("text").unwrap(), options.as_object().unwrap().clone())]);
    assert_eq!(change(json!({"fields": {"text": {"type": "String"}}})).unwrap().options[0].1, JsonMap::new());
}

#[test]
fn permissions_see_the_fields_as_they_will_be() {
    let readers = |field: &str| json!({"readUserFields": [field]});
    assert!(change(json!({"classLevelPermissions": readers("owner")})).is_ok());
    let gone = json!({"fields": {"owner": {"__op": "Delete"}}, "classLevelPermissions": readers("owner")});
    assert_eq!(change(gone).unwrap_err().0, 107);
    let new = json!({"fields": {"team": {"type": "Array"}}, "classLevelPermissions": readers("team")});
    assert!(change(new).is_ok());
}

#[test]
fn indexes_are_checked() {
    for (indexes, text) in [
        (json!({"text_1": {"text": -1}}), "Index text_1 exists, cannot update."),
        (json!({"none": {"__op": "Delete"}}), "Index none does not exist, cannot delete."),
        (json!({"a": {"none": 1}}), "Field none does not exist, cannot add index."),
        (json!({"a": {"text": "odd"}}), "Index a cannot be of the kind odd."),
        (json!({"a": {}}), "Index a needs a name and a field."),
    ] {
        assert_eq!(change(json!({ "indexes": indexes })).err(), refused(102, text));
    }
    let changed = change(json!({"indexes": {"text_1": {"__op": "Delete"}, "o": {"_p_owner": 1, "createdAt": -1}}}));
    let changed = changed.unwrap().indexes;
    assert_eq!((changed.dropped, changed.made.len()), (vec!["text_1".to_owned()], 1));
}

#[test]
fn what_was_not_given_is_shown_closed() {
    let mut class = class();
    assert_eq!(class.to_rest()["classLevelPermissions"]["find"], json!({"*": true}));
    class.permissions = Some(json!({"find": {"*": true}, "readUserFields": ["owner"]}));
    let shown = class.to_rest();
    let names: Vec<_> = shown["classLevelPermissions"].as_object().unwrap().keys().collect();
    let expected =
        ["find", "count", "get", "create", "update", "delete", "addField", "protectedFields", "readUserFields"];
    assert_eq!(names, expected);
    assert_eq!(shown["classLevelPermissions"]["get"], json!({}));
    assert_eq!(shown["fields"]["text"], json!({"type": "String", "required": true}));
}
