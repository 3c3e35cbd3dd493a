//! Bodies of creates.

use serde_json::{Map as JsonMap, Value as Json};

use super::{
    NewObject, ObjectIds, Writer,
    body::{self, Types},
    operation::{Operation, Target},
};
use crate::{
    Date, ErrorCode, FieldName, FieldPath, FieldType, ObjectId, ParseError, Value, acl::is_truthy, error::Result,
};

impl NewObject {
    /// Reads the body of a create.
    ///
    /// # Errors
    /// The one that Parse Server answers; 107 where it fails without one.
    pub fn parse(body: JsonMap<String, Json>, writer: Writer, object_ids: ObjectIds) -> Result<Self> {
        check_ids(&body, object_ids)?;
        let mut reader = Reader {
            object: Self::default(),
            types: Types::new(writer, body.len()),
            writer,
            created_at: None,
            updated_at: None,
            fields: Vec::with_capacity(body.len()),
        };
        for (key, json) in body {
            reader.read(&key, json)?;
        }
        reader.finish()
    }
}

fn check_ids(body: &JsonMap<String, Json>, object_ids: ObjectIds) -> Result<()> {
    let given = |key| body.get(key).map(is_truthy);
    let refused = |code, message| Err(ParseError::new(code, message));
    match object_ids {
        ObjectIds::Custom if given("objectId") == Some(false) => {
            refused(ErrorCode::MissingObjectId, "objectId must not be empty, null or undefined")
        }
        ObjectIds::Generated if given("objectId") == Some(true) => {
            refused(ErrorCode::InvalidKeyName, "objectId is an invalid field name.")
        }
        ObjectIds::Generated if given("id") == Some(true) => {
            refused(ErrorCode::InvalidKeyName, "id is an invalid field name.")
        }
        ObjectIds::Custom | ObjectIds::Generated => Ok(()),
    }
}

struct Reader {
    object: NewObject,
    types: Types,
    writer: Writer,
    created_at: Option<Date>,
    updated_at: Option<Date>,
    fields: Vec<(String, Value)>,
}

impl Reader {
    fn read(&mut self, key: &str, json: Json) -> Result<()> {
        if key == "ACL" {
            self.object.acl = body::acl(&json)?;
            return Ok(());
        }
        if self.writer == Writer::Service
            && let Some(date) = json.as_str().and_then(Date::parse)
            && let Some(place) = self.timestamp(key)
        {
            // A service gives dates as it was given them.
            *place = Some(date);
            return Ok(());
        }
        let path = body::column(key, self.writer).ok_or_else(|| body::invalid_field_name(key))?;
        let value = match json {
            Json::Object(members) if Operation::is_in(&members, Target::New) => {
                let operation = Operation::parse(members, Target::New)?;
                self.outcome(&path, operation)?
            }
            json => Some(self.types.read(&path, json)?),
        };
        let Some(value) = value else { return Ok(()) };
        match path.as_str() {
            "objectId" => self.read_object_id(&value)?,
            "createdAt" => self.created_at = date(&value),
            "updatedAt" => self.updated_at = date(&value),
            // A relation has no column; its value only tells the schema.
            name if !matches!(value, Value::Relation(_)) => self.fields.push((name.to_owned(), value)),
            _ => {}
        }
        Ok(())
    }

    /// Where a timestamp of the object is kept until the end.
    fn timestamp(&mut self, key: &str) -> Option<&mut Option<Date>> {
        match key {
            "createdAt" => Some(&mut self.created_at),
            "updatedAt" => Some(&mut self.updated_at),
            _ => None,
        }
    }

    /// What an operation makes of a field that is not there.
    fn outcome(&mut self, path: &FieldPath, operation: Operation) -> Result<Option<Value>> {
        let value = match operation {
            Operation::Delete => return Ok(None),
            Operation::Relation(changes) => {
                let name = FieldName::new(path.as_str()).ok_or_else(|| body::invalid_field_name(path.as_str()))?;
                self.types.add_relation(&name, &changes);
                self.object.relations.extend(changes.into_iter().map(|change| (name.clone(), change)));
                return Ok(None);
            }
            Operation::Increment(amount) => Value::Number(amount),
            Operation::Add(elements) | Operation::AddUnique(elements) => Value::Array(elements),
            Operation::Remove(_) => Value::Array(Vec::new()),
        };
        if let Some(field_type) = FieldType::of(&value) {
            self.types.add(path, field_type);
        }
        if !path.is_dotted() {
            self.object.computed.push(path.root_name());
        }
        Ok(Some(value))
    }

    /// A value of another type is left to the schema to refuse.
    fn read_object_id(&mut self, value: &Value) -> Result<()> {
        let Value::String(text) = value else { return Ok(()) };
        if text.is_empty() {
            return Ok(());
        }
        let Some(id) = ObjectId::new(text) else {
            return Err(ParseError::new(ErrorCode::InvalidKeyName, "objectId is an invalid field name."));
        };
        self.object.object_id = Some(id);
        Ok(())
    }

    fn finish(mut self) -> Result<NewObject> {
        if let (Writer::Maintenance | Writer::Service, Some(created_at)) = (self.writer, self.created_at) {
            let updated_at = self.updated_at.unwrap_or(created_at);
            if updated_at < created_at {
                return Err(ParseError::new(ErrorCode::ValidationError, "updatedAt cannot occur before createdAt"));
            }
            self.object.created_at = Some(created_at);
            self.object.updated_at = Some(updated_at);
        }
        self.object.types = self.types.into_inner();
        self.object.fields = self.fields.into_iter().collect();
        Ok(self.object)
    }
}

fn date(value: &Value) -> Option<Date> {
    match value {
        Value::Date(date) => Some(*date),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
