//! Class-level permissions as somebody wants to set them.

use serde_json::Value as Json;

use super::{FieldType, request::SchemaRules};
use crate::{ErrorCode, ParseError, error::Result, update::ObjectIds, value::javascript_text};

/// Everything that permissions may speak of.
const OPERATIONS: [&str; 11] = [
    "ACL",
    "find",
    "count",
    "get",
    "create",
    "update",
    "delete",
    "addField",
    "readUserFields",
    "writeUserFields",
    "protectedFields",
];

/// Fields that every object shows.
const NEVER_PROTECTED: [&str; 4] = ["objectId", "createdAt", "updatedAt", "ACL"];

/// Refuses permissions that mean nothing.
///
/// `field` tells the type of a field of the class.
///
/// # Errors
/// 107
pub fn check_permissions<'f>(
    permissions: &Json,
    field: impl Fn(&str) -> Option<&'f FieldType>,
    rules: &SchemaRules,
) -> Result<()> {
    let checker = Checker { field: &field, rules };
    match permissions {
        Json::Null => Ok(()),
        Json::Object(members) => members.iter().try_for_each(|(name, value)| checker.operation(name, value)),
        Json::Array(items) if !items.is_empty() => Err(not_an_operation("0")),
        Json::String(text) if !text.is_empty() => Err(not_an_operation("0")),
        other => Err(invalid(format!(
            "'{}' is not a valid value for class level permissions - must be an object",
            javascript_text(other)
        ))),
    }
}

struct Checker<'c, F> {
    field: &'c F,
    rules: &'c SchemaRules,
}

impl<'f, F: Fn(&str) -> Option<&'f FieldType>> Checker<'_, F> {
    fn operation(&self, name: &str, value: &Json) -> Result<()> {
        if !OPERATIONS.contains(&name) {
            return Err(not_an_operation(name));
        }
        match name {
            "readUserFields" | "writeUserFields" => {
                let fields = value.as_array().ok_or_else(|| wrong_form(name, value, "an array"))?;
                fields.iter().try_for_each(|field| self.pointer_field(field, name))
            }
            "protectedFields" => {
                let groups = entries(value).ok_or_else(|| wrong_form(name, value, "an object"))?;
                groups.iter().try_for_each(|(group, fields)| self.protected_group(group, fields))
            }
            _ => {
                let subjects = entries(value).ok_or_else(|| wrong_form(name, value, "an object"))?;
                subjects.iter().try_for_each(|(subject, rights)| self.subject(name, value, subject, rights))
            }
        }
    }

    fn subject(&self, operation: &str, whole: &Json, subject: &str, rights: &Json) -> Result<()> {
        let is_word = ["pointerFields", "*", "requiresAuthentication"].contains(&subject);
        if !is_word && !subject.starts_with("role:") && !self.is_user_id(subject) {
            return Err(not_a_key(subject));
        }
        if subject == "pointerFields" {
            let fields = rights.as_array().ok_or_else(|| {
                let given = javascript_text(rights);
                invalid(format!("'{given}' is not a valid value for {operation}[{subject}] - expected an array."))
            })?;
            return fields.iter().try_for_each(|field| self.pointer_field(field, &javascript_text(whole)));
        }
        match operation {
            "ACL" => object_rights(rights),
            _ if *rights == Json::Bool(true) => Ok(()),
            _ => Err(invalid(format!(
                "'{}' is not a valid value for class level permissions acl {operation}:{subject}",
                javascript_text(rights)
            ))),
        }
    }

    fn protected_group(&self, group: &str, fields: &Json) -> Result<()> {
        let is_word = ["*", "authenticated"].contains(&group);
        let is_named = group.starts_with("role:") || group.starts_with("userField:");
        if !is_word && !is_named && !self.is_user_id(group) {
            return Err(not_a_key(group));
        }
        let Some(fields) = fields.as_array() else {
            let given = javascript_text(fields);
            return Err(invalid(format!(
                "'{given}' is not a valid value for protectedFields[{group}] - expected an array."
            )));
        };
        for field in fields.iter().map(javascript_text) {
            if NEVER_PROTECTED.contains(&field.as_str()) {
                return Err(invalid(format!("Default field '{field}' can not be protected")));
            }
            if (self.field)(&field).is_none() {
                return Err(invalid(format!("Field '{field}' in protectedFields:{group} does not exist")));
            }
        }
        Ok(())
    }

    /// A field whose users a permission is for.
    fn pointer_field(&self, field: &Json, operation: &str) -> Result<()> {
        let field = javascript_text(field);
        let can_point = match (self.field)(&field) {
            Some(FieldType::Pointer(class)) => class == "_User",
            Some(FieldType::Array) => true,
            _ => false,
        };
        if can_point {
            return Ok(());
        }
        Err(invalid(format!("'{field}' is not a valid column for class level pointer permissions {operation}")))
    }

    fn is_user_id(&self, text: &str) -> bool {
        match self.rules.user_ids {
            ObjectIds::Custom => !text.is_empty() && !text.contains(['\n', '\r', '\u{2028}', '\u{2029}']),
            ObjectIds::Generated => !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric()),
        }
    }
}

/// The rights of one subject in the default ACL.
fn object_rights(rights: &Json) -> Result<()> {
    let Json::Object(rights) = rights else {
        let given = javascript_text(rights);
        return Err(invalid(format!("'{given}' is not a valid value for class level permissions acl")));
    };
    let unknown: Vec<&str> =
        rights.keys().map(String::as_str).filter(|right| !["read", "write"].contains(right)).collect();
    if !unknown.is_empty() {
        return Err(invalid(format!("'{}' is not a valid key for class level permissions acl", unknown.join(","))));
    }
    let wrong: Vec<Json> = rights.values().filter(|value| !value.is_boolean()).cloned().collect();
    if !wrong.is_empty() {
        let given = javascript_text(&Json::Array(wrong));
        return Err(invalid(format!("'{given}' is not a valid value for class level permissions acl")));
    }
    Ok(())
}

/// The members of an object, or of a list by their positions; `None` for anything else.
fn entries(json: &Json) -> Option<Vec<(String, &Json)>> {
    match json {
        Json::Object(members) => Some(members.iter().map(|(key, value)| (key.clone(), value)).collect()),
        Json::Array(items) => Some(items.iter().enumerate().map(|(index, item)| (index.to_string(), item)).collect()),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => None,
    }
}

fn not_an_operation(name: &str) -> ParseError {
    invalid(format!("{name} is not a valid operation for class level permissions"))
}

fn not_a_key(subject: &str) -> ParseError {
    invalid(format!("'{subject}' is not a valid key for class level permissions"))
}

fn wrong_form(operation: &str, value: &Json, form: &str) -> ParseError {
    let given = javascript_text(value);
    invalid(format!("'{given}' is not a valid value for class level permissions {operation} - must be {form}"))
}

fn invalid(text: String) -> ParseError {
    ParseError::new(ErrorCode::InvalidJson, text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schema::IndexFields;

    fn check(permissions: &Json, user_ids: ObjectIds) -> Result<(), String> {
        let types = [
            ("owner", FieldType::Pointer("_User".to_owned())),
            ("other", FieldType::Pointer("Other".to_owned())),
            ("list", FieldType::Array),
            ("text", FieldType::String),
        ];
        let field = |name: &str| types.iter().find(|(known, _)| *known == name).map(|(_, found)| found);
        let rules = SchemaRules { user_ids, index_fields: IndexFields::Known };
        check_permissions(permissions, field, &rules).map_err(|error| error.message)
    }

    #[test]
    fn what_parse_knows_is_taken() {
        let permissions = json!({
            "find": {"*": true}, "get": {"role:a b": true, "u1": true}, "create": {"requiresAuthentication": true},
            "update": {"pointerFields": ["owner", "list"]}, "delete": {}, "addField": {}, "count": {},
            "readUserFields": ["owner"], "writeUserFields": [],
            "protectedFields": {"*": ["text"], "authenticated": [], "userField:owner": ["text"], "role:x": []},
            "ACL": {"*": {"read": true}, "currentUser": {"read": true, "write": false}},
        });
        assert_eq!(check(&permissions, ObjectIds::Generated), Ok(()));
        assert_eq!(check(&Json::Null, ObjectIds::Generated), Ok(()));
    }

    #[test]
    fn each_mistake_has_its_text() {
        for (permissions, text) in [
            (json!({"read": {}}), "read is not a valid operation for class level permissions"),
            (json!({"find": 5}), "'5' is not a valid value for class level permissions find - must be an object"),
            (
                json!({"readUserFields": {}}),
                "'[object Object]' is not a valid value for class level permissions readUserFields - must be an array",
            ),
            (json!({"find": {"a b": true}}), "'a b' is not a valid key for class level permissions"),
            (json!({"find": {"*": 1}}), "'1' is not a valid value for class level permissions acl find:*"),
            (
                json!({"writeUserFields": ["other"]}),
                "'other' is not a valid column for class level pointer permissions writeUserFields",
            ),
            (
                json!({"get": {"pointerFields": ["text"]}}),
                "'text' is not a valid column for class level pointer permissions [object Object]",
            ),
            (
                json!({"get": {"pointerFields": "owner"}}),
                "'owner' is not a valid value for get[pointerFields] - expected an array.",
            ),
            (
                json!({"protectedFields": {"*": "text"}}),
                "'text' is not a valid value for protectedFields[*] - expected an array.",
            ),
            (json!({"protectedFields": {"*": ["ACL"]}}), "Default field 'ACL' can not be protected"),
            (json!({"protectedFields": {"*": ["no"]}}), "Field 'no' in protectedFields:* does not exist"),
            (json!({"ACL": {"*": true}}), "'true' is not a valid value for class level permissions acl"),
            (json!({"ACL": {"*": {"delete": true}}}), "'delete' is not a valid key for class level permissions acl"),
            (json!({"ACL": {"*": {"read": 1}}}), "'1' is not a valid value for class level permissions acl"),
        ] {
            assert_eq!(check(&permissions, ObjectIds::Generated), Err(text.to_owned()), "{permissions}");
        }
    }

    #[test]
    fn ids_that_clients_choose_may_be_any_text() {
        assert_eq!(check(&json!({"find": {"a b": true}}), ObjectIds::Custom), Ok(()));
        assert!(check(&json!({"find": {"": true}}), ObjectIds::Custom).is_err());
    }
}
