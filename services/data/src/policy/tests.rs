#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use parsefleet_core::{ClassName, ClassSchema, schema::Field};
use serde_json::{Value as Json, json};

use super::*;
use crate::settings::Settings;

fn class(permissions: Json) -> Class {
    let mut schema = ClassSchema::new(ClassName::new("C").unwrap());
    let user = FieldType::Pointer("_User".to_owned());
    for (name, field_type) in [("owner", user), ("team", FieldType::Array), ("text", FieldType::String)] {
        schema.fields.insert(name.to_owned(), Field::new(field_type));
    }
    schema.permissions = Some(permissions);
    Class::new(schema, &Settings::default())
}

fn user() -> Caller {
    Caller::User(User::new("u1", &["staff".to_owned()]).unwrap())
}

fn code(outcome: Result<Access>) -> Option<i32> {
    outcome.err().map(|error| error.code as i32)
}

#[test]
fn a_class_without_permissions_is_open_and_an_operation_without_an_entry_closed() {
    let every = [
        Operation::Get,
        Operation::Find,
        Operation::Count,
        Operation::Create,
        Operation::Update,
        Operation::Delete,
        Operation::AddFieldOnCreate,
        Operation::AddFieldOnUpdate,
    ];
    for operation in every {
        assert_eq!(authorise(&class(Json::Null), &Caller::Public, operation).unwrap(), Access::All);
        assert_eq!(code(authorise(&class(json!({})), &user(), operation)), Some(119), "{operation:?}");
        assert_eq!(code(authorise(&class(json!("odd")), &user(), operation)), Some(119), "{operation:?}");
        assert_eq!(authorise(&class(json!({})), &Caller::Maintenance, operation).unwrap(), Access::All);
    }
}

#[test]
fn only_true_grants() {
    for value in [json!(1), json!("true"), json!(false), json!({})] {
        let class = class(json!({"find": {"*": value, "u1": value, "requiresAuthentication": value}}));
        assert_eq!(code(authorise(&class, &user(), Operation::Find)), Some(119), "{value}");
    }
}

#[test]
fn an_id_does_not_pass_for_a_word_of_the_language() {
    let class = class(json!({"find": {"requiresAuthentication": true}}));
    let named = Caller::User(User::new("pointerFields", &[]).unwrap());
    assert_eq!(authorise(&class, &named, Operation::Find).unwrap(), Access::All);
    assert_eq!(code(authorise(&class, &Caller::Public, Operation::Find)), Some(101));
}

#[test]
fn pointers_never_permit_to_create() {
    let class = class(json!({"create": {"pointerFields": ["owner"]}, "writeUserFields": ["owner"]}));
    assert_eq!(code(authorise(&class, &user(), Operation::Create)), Some(119));
}

#[test]
fn pointers_permit_new_fields_in_updates() {
    let class = class(json!({"addField": {"pointerFields": ["owner"]}}));
    assert_eq!(code(authorise(&class, &user(), Operation::AddFieldOnCreate)), Some(119));
    assert!(matches!(authorise(&class, &user(), Operation::AddFieldOnUpdate).unwrap(), Access::Where(_)));
}

#[test]
fn each_pointer_is_a_way_of_its_own() {
    let class = class(json!({"find": {"pointerFields": ["owner"]}, "readUserFields": ["team", "owner"]}));
    let Access::Where(Condition::Any(ways)) = authorise(&class, &user(), Operation::Find).unwrap() else { panic!() };
    assert_eq!(ways.len(), 2);
    assert_eq!(authorise(&class, &Caller::Public, Operation::Find).unwrap(), Access::Nothing);
    assert_eq!(authorise(&class, &Caller::Master, Operation::Find).unwrap(), Access::All);
}

#[test]
fn a_field_that_cannot_point_to_a_user_permits_nothing() {
    for field in ["text", "unknown", "owner.deep"] {
        let class = class(json!({"find": {"pointerFields": [field]}}));
        assert_eq!(authorise(&class, &user(), Operation::Find).unwrap(), Access::Nothing, "{field}");
    }
}

#[test]
fn users_are_still_filtered_where_any_user_may() {
    let class = class(json!({"find": {"requiresAuthentication": true}, "readUserFields": ["owner"]}));
    assert!(matches!(authorise(&class, &user(), Operation::Find).unwrap(), Access::Where(_)));
}
