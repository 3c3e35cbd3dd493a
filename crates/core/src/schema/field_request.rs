//! Fields as somebody wants to add or change them.

use serde_json::{Map as JsonMap, Value as Json};

use super::{
    Field, FieldType,
    columns::default_columns,
    request::{invalid_field_name, invalid_json},
};
use crate::{
    ClassName, ErrorCode, FieldName, ParseError, Value, acl::is_truthy, error::Result, value::javascript_text,
};

/// A field that a class is to get.
///
/// # Errors
/// 105 and 136 for its name, 103, 107, 111 and 135 for its type, 111 for its options.
pub(super) fn new_field(class: &ClassName, name: &str, spec: &JsonMap<String, Json>) -> Result<(FieldName, Field)> {
    let field_name = FieldName::new(name).ok_or_else(|| invalid_field_name(name))?;
    if is_default(class, name) {
        return Err(ParseError::new(ErrorCode::ChangedKey, format!("field {name} cannot be added")));
    }
    let field_type = field_type(spec)?;
    check_options(class, name, &field_type, spec)?;
    Ok((field_name, Field { field_type, options: options(spec) }))
}

/// The new options of a field that is there; `None` if they are as they were.
///
/// # Errors
/// 111 if the type is another one, or the default value is of another type.
pub(super) fn changed_options(
    class: &ClassName,
    name: &str,
    field: &Field,
    spec: &JsonMap<String, Json>,
) -> Result<Option<JsonMap<String, Json>>> {
    let target = spec.get("targetClass").and_then(Json::as_str);
    let is_same = field.field_type.target_class() == target;
    check_default(class, name, &field.field_type, spec)?;
    if !is_same {
        let (expected, type_name) = (&field.field_type, field.field_type.type_name());
        let got = target.map_or_else(|| type_name.to_owned(), |target| format!("{type_name}<{target}>"));
        return Err(incorrect_type(format!("schema mismatch for {class}.{name}; expected {expected} but got {got}")));
    }
    let options = options(spec);
    Ok((options != field.options).then_some(options))
}

/// Whether Parse gives every class of this name the field.
pub(super) fn is_default(class: &ClassName, field: &str) -> bool {
    default_columns(class).any(|(column, _)| column == field)
}

/// Everything but the type, as given.
fn options(spec: &JsonMap<String, Json>) -> JsonMap<String, Json> {
    let others = spec.iter().filter(|(key, _)| *key != "type" && *key != "targetClass");
    others.map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn field_type(spec: &JsonMap<String, Json>) -> Result<FieldType> {
    let type_name = spec.get("type").and_then(Json::as_str).ok_or_else(invalid_json)?;
    let target = match type_name {
        "Pointer" | "Relation" => Some(target_class(type_name, spec.get("targetClass"))?),
        _ => None,
    };
    let field_type = FieldType::from_rest(type_name, target).filter(|field_type| *field_type != FieldType::Acl);
    field_type.ok_or_else(|| incorrect_type(format!("invalid field type: {type_name}")))
}

fn target_class<'s>(type_name: &str, given: Option<&'s Json>) -> Result<&'s str> {
    let Some(given) = given.filter(|class| is_truthy(class)) else {
        return Err(ParseError::new(ErrorCode::MissingKey, format!("type {type_name} needs a class name")));
    };
    let name = given.as_str().ok_or_else(invalid_json)?;
    ClassName::new(name).map(|_| name).ok_or_else(|| super::invalid_class_name(name))
}

fn check_options(class: &ClassName, name: &str, field_type: &FieldType, spec: &JsonMap<String, Json>) -> Result<()> {
    if let FieldType::Relation(_) = field_type {
        let inapplicable =
            |option| Err(incorrect_type(format!("The '{option}' option is not applicable for {field_type}")));
        match spec.get("defaultValue").map(type_of).transpose()? {
            Some(Some(FieldType::Pointer(_) | FieldType::Relation(_))) => return inapplicable("default value"),
            None if spec.get("required").is_some_and(is_truthy) => return inapplicable("required"),
            _ => {}
        }
    }
    check_default(class, name, field_type, spec)
}

fn check_default(class: &ClassName, name: &str, field_type: &FieldType, spec: &JsonMap<String, Json>) -> Result<()> {
    let Some(default) = spec.get("defaultValue") else { return Ok(()) };
    let given = type_of(default)?;
    if given.as_ref() == Some(field_type) {
        return Ok(());
    }
    let given = given.map_or_else(|| javascript_text(default), |given| given.to_string());
    Err(incorrect_type(format!(
        "schema mismatch for {class}.{name} default value; expected {field_type} but got {given}"
    )))
}

fn type_of(default: &Json) -> Result<Option<FieldType>> {
    Ok(FieldType::of(&Value::from_field(default.clone())?))
}

fn incorrect_type(text: String) -> ParseError {
    ParseError::new(ErrorCode::IncorrectType, text)
}
