//! Bodies of updates.

use serde_json::{Map as JsonMap, Value as Json};

use super::{
    Change, ObjectUpdate, Writer,
    body::{self, Types},
    operation::{Operation, Target},
};
use crate::{ErrorCode, FieldName, FieldPath, FieldType, ObjectId, ParseError, Value, error::Result};

impl ObjectUpdate {
    /// Reads the body of an update of one object.
    ///
    /// # Errors
    /// The one that Parse Server answers; where it fails without one, 105 for another object id, 107 for the rest.
    pub fn parse(target: &ObjectId, body: JsonMap<String, Json>, writer: Writer) -> Result<Self> {
        let mut reader = Reader { parsed: Self::default(), types: Types::new(writer, body.len()), writer };
        for (key, json) in body {
            match key.as_str() {
                "ACL" => reader.read_acl(&json)?,
                "objectId" if json.as_str() == Some(target.as_str()) => {}
                "objectId" => return Err(invalid_for_update(&key)),
                _ => reader.read(&key, json)?,
            }
        }
        check_conflicts(&reader.parsed.update.changes)?;
        reader.parsed.types = reader.types.into_inner();
        Ok(reader.parsed)
    }
}

struct Reader {
    parsed: ObjectUpdate,
    types: Types,
    writer: Writer,
}

impl Reader {
    fn read_acl(&mut self, json: &Json) -> Result<()> {
        self.parsed.update.acl = body::acl(json)?;
        self.parsed.acl_deleted = json.get("__op").and_then(Json::as_str) == Some("Delete");
        Ok(())
    }

    fn read(&mut self, key: &str, json: Json) -> Result<()> {
        if key.starts_with("authData.") && self.writer != Writer::Service {
            return Err(invalid_for_update(key));
        }
        let Some(path) = body::column(key, self.writer) else {
            // What sets a type is refused by the schema first, with another text.
            let is_typeless = json.is_null() || json.get("__op").and_then(Json::as_str) == Some("Delete");
            return Err(if is_typeless { invalid_for_update(key) } else { body::invalid_field_name(key) });
        };
        let change = match json {
            Json::Object(members) if Operation::is_in(&members, Target::Existing) => {
                let operation = Operation::parse(members, Target::Existing)?;
                let Some(change) = self.change(&path, operation)? else { return Ok(()) };
                change
            }
            json => Change::Set(self.types.read(&path, json)?),
        };
        // A relation has no column, and timestamps are not the client's; their values were for the schema only.
        let is_stored = !matches!(change, Change::Set(Value::Relation(_)));
        if is_stored && !["createdAt", "updatedAt"].contains(&path.as_str()) {
            self.parsed.update.changes.push((path, change));
        }
        Ok(())
    }

    fn change(&mut self, path: &FieldPath, operation: Operation) -> Result<Option<Change>> {
        let (field_type, change) = match operation {
            Operation::Delete => return Ok(Some(Change::Unset)),
            Operation::Relation(changes) => {
                let name = FieldName::new(path.as_str()).ok_or_else(|| invalid_for_update(path.as_str()))?;
                self.types.add_relation(&name, &changes);
                self.parsed.update.relations.extend(changes.into_iter().map(|change| (name.clone(), change)));
                return Ok(None);
            }
            Operation::Increment(amount) => (FieldType::Number, Change::Increment(amount)),
            Operation::Add(elements) => (FieldType::Array, Change::Add(elements)),
            Operation::AddUnique(elements) => (FieldType::Array, Change::AddUnique(elements)),
            Operation::Remove(elements) => (FieldType::Array, Change::Remove(elements)),
        };
        self.types.add(path, field_type);
        self.parsed.computed.push(path.clone());
        Ok(Some(change))
    }
}

/// No database can change a value and something inside it in one operation.
fn check_conflicts(changes: &[(FieldPath, Change)]) -> Result<()> {
    if !changes.iter().any(|(path, _)| path.is_dotted()) {
        return Ok(());
    }
    let mut paths: Vec<&str> = changes.iter().map(|(path, _)| path.as_str()).collect();
    // With the dot before every other character what is inside a value comes right after the value.
    let in_order = |path: &str| path.bytes().map(|byte| if byte == b'.' { 0 } else { byte }).collect::<Vec<_>>();
    paths.sort_by_cached_key(|path| in_order(path));
    for pair in paths.windows(2) {
        if let [outer, inner] = pair
            && inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('.'))
        {
            let message = format!("{outer} and {inner} cannot be changed together");
            return Err(ParseError::new(ErrorCode::InvalidJson, message));
        }
    }
    Ok(())
}

fn invalid_for_update(key: &str) -> ParseError {
    ParseError::new(ErrorCode::InvalidKeyName, format!("Invalid field name for update: {key}"))
}

#[cfg(test)]
mod tests;
