//! Columns that must have a value, and what an object gets where the client gave none.

use super::{ClassSchema, Field};
use crate::{
    ErrorCode, FieldName, ParseError, Value,
    error::Result,
    update::{Change, NewObject, ObjectUpdate},
};

/// Columns that are never a matter of `required` and `defaultValue`: every object has them, or has its own rule for them.
const OWN_RULES: [&str; 4] = ["objectId", "createdAt", "updatedAt", "ACL"];

impl ClassSchema {
    /// Refuses a new object without what Parse demands of its own classes.
    ///
    /// # Errors
    /// 111 `<column> is required.`
    pub fn check_required_columns(&self, object: &NewObject) -> Result<()> {
        for column in self.required_columns() {
            let is_missing = match *column {
                "ACL" => object.acl.is_none(),
                column => object.fields.get(column).is_none_or(is_falsy),
            };
            if is_missing {
                return Err(column_required(column));
            }
        }
        Ok(())
    }

    /// Gives a new object the defaults of its class, and tells which fields it gave: the answer holds them.
    ///
    /// # Errors
    /// 142 `<field> is required`; 107 for a null where there is a default, which Parse Server fails to answer. The object
    /// is as it was then.
    pub fn apply_defaults(&self, object: &mut NewObject) -> Result<Vec<FieldName>> {
        let mut defaults = Vec::new();
        let fields =
            self.fields.iter().filter(|(name, field)| !field.options.is_empty() && !OWN_RULES.contains(&name.as_str()));
        for (name, field) in fields {
            let value = object.fields.get(name);
            match (value, field.default_value()) {
                (None, Some(default)) => {
                    let Some(field_name) = FieldName::new(name) else { continue };
                    defaults.push((field_name, Value::from_field(default.clone())?));
                }
                _ if field.is_required() && value.is_none_or(is_empty) => return Err(required(name)),
                (Some(Value::Null), Some(_)) => {
                    return Err(ParseError::new(
                        ErrorCode::InvalidJson,
                        format!("{name} has a default value and cannot be null"),
                    ));
                }
                _ => {}
            }
        }
        let mut given = Vec::with_capacity(defaults.len());
        for (name, default) in defaults {
            object.fields.insert(name.as_str(), default);
            given.push(name);
        }
        Ok(given)
    }

    /// Refuses an update that takes away what an object must have.
    ///
    /// # Errors
    /// 111 `<column> is required.` for columns of Parse's own classes, 142 `<field> is required` for others.
    pub fn check_update(&self, update: &ObjectUpdate) -> Result<()> {
        let changes = &update.update.changes;
        for column in self.required_columns() {
            let is_deleted = changes.iter().any(|(path, change)| path.as_str() == *column && *change == Change::Unset);
            if is_deleted || (*column == "ACL" && update.acl_deleted) {
                return Err(column_required(column));
            }
        }
        for (path, change) in changes {
            let takes_away = match change {
                Change::Unset => true,
                Change::Set(value) => is_empty(value),
                Change::Increment(_) | Change::Add(_) | Change::AddUnique(_) | Change::Remove(_) => false,
            };
            if takes_away && self.fields.get(path.as_str()).is_some_and(Field::is_required) {
                return Err(required(path.as_str()));
            }
        }
        Ok(())
    }

    fn required_columns(&self) -> &'static [&'static str] {
        match self.name.as_str() {
            "_Product" => &["productIdentifier", "icon", "order", "title", "subtitle"],
            "_Role" => &["name", "ACL"],
            _ => &[],
        }
    }
}

/// What `required` does not count as a value.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}

/// What JavaScript does not take for true.
fn is_falsy(value: &Value) -> bool {
    match value {
        Value::Bool(value) => !value,
        Value::Number(number) => *number == 0.0 || number.is_nan(),
        value => is_empty(value),
    }
}

fn column_required(column: &str) -> ParseError {
    ParseError::new(ErrorCode::IncorrectType, format!("{column} is required."))
}

fn required(field: &str) -> ParseError {
    ParseError::new(ErrorCode::ValidationError, format!("{field} is required"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use serde_json::{Value as Json, json};

    use crate::{
        ClassName, ClassSchema, FieldType, ObjectId, Value,
        schema::Field,
        update::{NewObject, ObjectIds, ObjectUpdate, Writer},
    };

    fn schema(class: &str, fields: &[(&str, Json)]) -> ClassSchema {
        let mut schema = ClassSchema::new(ClassName::new(class).unwrap());
        for (name, options) in fields {
            let options = options.as_object().unwrap().clone();
            schema.fields.insert((*name).to_owned(), Field { field_type: FieldType::String, options });
        }
        schema
    }

    fn object(body: Json) -> NewObject {
        let Json::Object(body) = body else { panic!("not an object") };
        NewObject::parse(body, Writer::Client, ObjectIds::Generated).unwrap()
    }

    fn update(body: Json) -> ObjectUpdate {
        let Json::Object(body) = body else { panic!("not an object") };
        ObjectUpdate::parse(&ObjectId::new("x").unwrap(), body, Writer::Client).unwrap()
    }

    #[test]
    fn roles_need_a_name_and_an_acl() {
        let roles = schema("_Role", &[]);
        let check = |body| roles.check_required_columns(&object(body)).map_err(|error| error.message);
        assert_eq!(check(json!({"name": "a"})), Err("ACL is required.".to_owned()));
        assert_eq!(check(json!({"ACL": {}})), Err("name is required.".to_owned()));
        assert_eq!(check(json!({"ACL": {}, "name": ""})), Err("name is required.".to_owned()));
        assert_eq!(check(json!({"ACL": {}, "name": "a"})), Ok(()));

        let check = |body| roles.check_update(&update(body)).map_err(|error| error.message);
        assert_eq!(check(json!({"name": {"__op": "Delete"}})), Err("name is required.".to_owned()));
        assert_eq!(check(json!({"ACL": {"__op": "Delete"}})), Err("ACL is required.".to_owned()));
        assert_eq!(check(json!({"name": "", "ACL": {}})), Ok(()));
    }

    #[test]
    fn missing_values_get_their_default() {
        let schema = schema("C", &[("a", json!({"defaultValue": "d", "required": true})), ("b", json!({}))]);
        for body in [json!({}), json!({"a": {"__op": "Delete"}})] {
            let mut object = object(body);
            let given = schema.apply_defaults(&mut object).unwrap();
            assert_eq!(given.iter().map(AsRef::as_ref).collect::<Vec<&str>>(), ["a"]);
            assert_eq!(object.fields.get("a"), Some(&Value::String("d".to_owned())));
        }
        let mut given = object(json!({"a": "x"}));
        assert_eq!(schema.apply_defaults(&mut given).unwrap(), []);
        assert_eq!(given.fields.get("a"), Some(&Value::String("x".to_owned())));
    }

    #[test]
    fn required_fields_must_not_be_empty() {
        let schema = schema("C", &[("a", json!({"required": true}))]);
        for body in [json!({}), json!({"a": null}), json!({"a": ""}), json!({"a": {"__op": "Delete"}})] {
            let error = schema.apply_defaults(&mut object(body)).unwrap_err();
            assert_eq!((error.code as i32, error.message.as_str()), (142, "a is required"));
        }
        for body in [json!({"a": null}), json!({"a": ""}), json!({"a": {"__op": "Delete"}})] {
            let error = schema.check_update(&update(body)).unwrap_err();
            assert_eq!((error.code as i32, error.message.as_str()), (142, "a is required"));
        }
        assert_eq!(schema.check_update(&update(json!({"b": null}))), Ok(()));
    }

    #[test]
    fn null_is_no_value_for_a_field_with_a_default() {
        let schema = schema("C", &[("a", json!({"defaultValue": "d"}))]);
        let error = schema.apply_defaults(&mut object(json!({"a": null}))).unwrap_err();
        assert_eq!(error.code as i32, 107);
    }
}
