//! A write as the update document that MongoDB carries out, and the embedded store does the same with.

use bson::{Bson, Document, doc};
use parsefleet_core::{Acl, ClassSchema, Date, FieldPath, FieldType, Update, Value, update::Change};

use super::{
    columns::stored_name,
    values::{Place, number_to_bson, to_bson},
};
use crate::store::StoreError;

/// The update document: one operation for everything a write changes.
///
/// Without a time the document's own stays as it is.
pub(crate) fn encode_update(
    class: &ClassSchema,
    update: &Update,
    updated_at: Option<Date>,
) -> Result<Document, StoreError> {
    let mut operators = Operators::default();
    if let Some(acl) = &update.acl {
        set_acl(&mut operators, acl);
    }
    if let Some(updated_at) = updated_at {
        operators.put("$set", "_updated_at".to_owned(), bson::DateTime::from_millis(updated_at.0));
    }
    for (path, change) in &update.changes {
        if class.name.as_str() == "_User" && path.root() == "authData" {
            change_auth_data(&mut operators, path, change)?;
        } else {
            change_column(&mut operators, class, path, change)?;
        }
    }
    Ok(operators.0)
}

/// The update document for changes of settings, which have no dates.
pub(crate) fn encode_changes(class: &ClassSchema, changes: &[(FieldPath, Change)]) -> Result<Document, StoreError> {
    let mut operators = Operators::default();
    for (path, change) in changes {
        change_column(&mut operators, class, path, change)?;
    }
    Ok(operators.0)
}

#[derive(Default)]
struct Operators(Document);

impl Operators {
    fn put(&mut self, operator: &str, column: String, operand: impl Into<Bson>) {
        match self.0.get_mut(operator) {
            Some(Bson::Document(columns)) => {
                columns.insert(column, operand);
            }
            _ => {
                self.0.insert(operator, doc! { column: operand });
            }
        }
    }
}

fn change_column(
    operators: &mut Operators,
    class: &ClassSchema,
    path: &FieldPath,
    change: &Change,
) -> Result<(), StoreError> {
    let column = column(class, path, change);
    match change {
        Change::Set(Value::Relation(_)) => Ok(()),
        Change::Set(Value::String(text)) if column == "expiresAt" => {
            match Date::parse(text) {
                Some(date) => operators.put("$set", column, bson::DateTime::from_millis(date.0)),
                None => operators.put("$set", column, text),
            }
            Ok(())
        }
        change => {
            let place = if path.is_dotted() { Place::Nested } else { Place::Column };
            change_stored(operators, column, change, place)
        }
    }
}

fn change_stored(operators: &mut Operators, column: String, change: &Change, place: Place) -> Result<(), StoreError> {
    match change {
        Change::Set(value) => operators.put("$set", column, stored(value, place)?),
        Change::Unset => operators.put("$unset", column, ""),
        Change::Increment(amount) => operators.put("$inc", column, number_to_bson(*amount)),
        Change::Add(values) => operators.put("$push", column, doc! { "$each": list(values)? }),
        Change::AddUnique(values) => operators.put("$addToSet", column, doc! { "$each": list(values)? }),
        Change::Remove(values) => operators.put("$pullAll", column, list(values)?),
    }
    Ok(())
}

/// A user's identities have a column each.
fn change_auth_data(operators: &mut Operators, path: &FieldPath, change: &Change) -> Result<(), StoreError> {
    if let Some(rest) = path.as_str().strip_prefix("authData.") {
        return change_provider(operators, rest, change);
    }
    match change {
        Change::Set(Value::Object(providers)) => {
            for (provider, value) in providers.iter() {
                if provider.contains('.') {
                    return Err(invalid_provider(provider));
                }
                let change = if *value == Value::Null { Change::Unset } else { Change::Set(value.clone()) };
                change_provider(operators, provider, &change)?;
            }
            Ok(())
        }
        Change::Set(Value::Null) | Change::Unset => Ok(()),
        _ => Err(StoreError::Unsupported("authData must be an object".to_owned())),
    }
}

/// Changes an identity, or what a path inside it leads to.
fn change_provider(operators: &mut Operators, path: &str, change: &Change) -> Result<(), StoreError> {
    // A dollar would be an operator of the database.
    if path.split('.').any(str::is_empty) || path.contains(['$', '\0']) {
        return Err(invalid_provider(path));
    }
    change_stored(operators, format!("_auth_data_{path}"), change, Place::Nested)
}

fn invalid_provider(path: &str) -> StoreError {
    StoreError::Unsupported(format!("Invalid field name for update: authData.{path}"))
}

fn column(class: &ClassSchema, path: &FieldPath, change: &Change) -> String {
    if path.is_dotted() {
        return path.to_string();
    }
    let is_new_pointer = matches!(change, Change::Set(Value::Pointer(_)));
    match class.field_type(path.as_str()) {
        Some(FieldType::Pointer(_)) => format!("_p_{path}"),
        None if is_new_pointer => format!("_p_{path}"),
        _ => stored_name(class, path.as_str()).into_owned(),
    }
}

fn set_acl(operators: &mut Operators, acl: &Acl) {
    let mut legacy = Document::new();
    for subject in &acl.write {
        legacy.insert(subject, doc! { "w": true });
    }
    for subject in &acl.read {
        match legacy.get_mut(subject) {
            Some(Bson::Document(rights)) => {
                rights.insert("r", true);
            }
            _ => {
                legacy.insert(subject, doc! { "r": true });
            }
        }
    }
    operators.put("$set", "_rperm".to_owned(), &acl.read);
    operators.put("$set", "_wperm".to_owned(), &acl.write);
    operators.put("$set", "_acl".to_owned(), legacy);
}

fn stored(value: &Value, place: Place) -> Result<Bson, StoreError> {
    to_bson(value, place).map_err(|error| StoreError::Unsupported(error.message))
}

fn list(values: &[Value]) -> Result<Bson, StoreError> {
    values.iter().map(|value| stored(value, Place::Nested)).collect::<Result<Vec<_>, _>>().map(Bson::Array)
}
