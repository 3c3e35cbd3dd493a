//! Single values of documents, for sub-queries that select them.

use parsefleet_core::{FieldPath, Map, Value, error::Result};

use super::Reader;
use crate::{
    codec::{self, Roots},
    error::corrupt_document,
    schema::Class,
    store::Documents,
};

impl Reader<'_> {
    /// The values at a path, as far as the caller may see them; `Null` where there is none.
    pub(super) fn visible_values(&self, class: &Class, documents: &Documents, path: &FieldPath) -> Result<Vec<Value>> {
        let visibility = class.protected.visibility(self.caller);
        let is_hidden = visibility.hidden.iter().any(|field| field == path.root());
        let owner = self.caller.user().filter(|_| self.service.settings.protected_fields_owner_exempt);
        let is_users = class.schema.name.as_str() == "_User";
        let secret = self.caller.is_restricted() && is_users && matches!(path.root(), "authData" | "sessionToken");
        let mut values = Vec::with_capacity(documents.len());
        for document in documents.iter() {
            let roots = [path.root()];
            let object = codec::decode(&class.schema, document, Roots::Only(&roots)).map_err(corrupt_document)?;
            let is_own = is_users && owner.is_some_and(|user| user.id() == object.id.as_str());
            if secret || (is_hidden && !is_own) {
                values.push(Value::Null);
                continue;
            }
            let value = match path.as_str() {
                "objectId" => Some(Value::String(object.id.as_str().to_owned())),
                "createdAt" => Some(Value::String(object.created_at.to_iso())),
                "updatedAt" => Some(Value::String(object.updated_at.to_iso())),
                _ => value_at(&object.fields, path),
            };
            values.push(value.unwrap_or(Value::Null));
        }
        Ok(values)
    }
}

fn value_at(fields: &Map, path: &FieldPath) -> Option<Value> {
    let mut segments = path.segments();
    let mut value = fields.get(segments.next()?)?;
    for segment in segments {
        let Value::Object(members) = value else { return None };
        value = members.get(segment)?;
    }
    Some(value.clone())
}
