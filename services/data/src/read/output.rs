//! Documents as the JSON that the caller may see.

use std::collections::HashMap;

use bson::{Bson, Document, RawBsonRef, RawDocument, RawDocumentBuf};
use parsefleet_core::{FieldPath, Value, error::Result, value::write_json_string};

use super::{Reader, fields::Fields};
use crate::{
    caller::Caller,
    codec::{self, CorruptDocument, FileUrls, Includes, JsonReader, ReadView, Roots},
    error::corrupt_document,
    policy::Visibility,
    schema::Class,
};

/// Prints documents of one class for one caller.
pub(super) struct Printer<'p> {
    class: &'p Class,
    selected: Option<Vec<String>>,
    visibility: Visibility,
    owner_exempt: bool,
    reader: codec::Reader,
    user_id: Option<&'p str>,
    files: FileUrls,
    includes: Option<Includes>,
}

impl Reader<'_> {
    /// A printer for what the caller may see of a class.
    pub(super) fn printer<'p>(
        &'p self,
        class: &'p Class,
        fields: &Fields,
        mount_url: &str,
        includes: Option<Includes>,
    ) -> Printer<'p> {
        let settings = &self.service.settings;
        Printer {
            class,
            selected: fields.selected.clone(),
            visibility: class.protected.visibility(self.caller),
            owner_exempt: settings.protected_fields_owner_exempt,
            reader: match self.caller {
                Caller::Public => codec::Reader::Public,
                Caller::User(user) => codec::Reader::User(user.id().to_owned()),
                Caller::Maintenance => codec::Reader::Maintenance,
                Caller::ReadOnlyMaster | Caller::Master => codec::Reader::Master,
            },
            user_id: self.caller.user().map(|user| user.id()),
            files: FileUrls {
                mount_url: mount_url.to_owned(),
                app_id: settings.app_id.clone(),
                file_key: settings.file_key.clone(),
            },
            includes,
        }
    }

    /// The values at a path, as far as the caller may see them; `Null` where there is none.
    pub(super) fn visible_values(
        &self,
        class: &Class,
        documents: &[RawDocumentBuf],
        path: &FieldPath,
    ) -> Result<Vec<Value>> {
        let visibility = class.protected.visibility(self.caller);
        let is_hidden = visibility.hidden.iter().any(|field| field == path.root());
        let owner = self.caller.user().filter(|_| self.service.settings.protected_fields_owner_exempt);
        let is_users = class.schema.name.as_str() == "_User";
        let secret = self.caller.is_restricted() && is_users && matches!(path.root(), "authData" | "sessionToken");
        let mut values = Vec::with_capacity(documents.len());
        for document in documents {
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

fn value_at(fields: &parsefleet_core::Map, path: &FieldPath) -> Option<Value> {
    let mut segments = path.segments();
    let mut value = fields.get(segments.next()?)?;
    for segment in segments {
        let Value::Object(members) = value else { return None };
        value = members.get(segment)?;
    }
    Some(value.clone())
}

impl Printer<'_> {
    /// Appends objects, separated by commas, each with these members at its end.
    pub(super) fn write(&mut self, out: &mut Vec<u8>, documents: &[RawDocumentBuf], tail: &[u8]) -> Result<()> {
        self.each(documents, |printer, _, document| {
            if out.last().is_some_and(|byte| *byte == b'}') {
                out.push(b',');
            }
            printer.write_with(out, document, tail)
        })
    }

    /// Objects as they stand in the place of a pointer, by id.
    pub(super) fn included(&mut self, documents: &[RawDocumentBuf]) -> Result<HashMap<String, Vec<u8>>> {
        let mut objects = HashMap::with_capacity(documents.len());
        self.each(documents, |printer, id, document| {
            let mut json = Vec::with_capacity(document.as_bytes().len() * 2);
            printer.write_included(&mut json, document)?;
            objects.insert(id.to_owned(), json);
            Ok(())
        })?;
        Ok(objects)
    }

    /// Hands each document out with the printer that shows of it what the caller may see.
    fn each(
        &self,
        documents: &[RawDocumentBuf],
        mut print: impl FnMut(&mut JsonReader<'_>, &str, &RawDocument) -> Result<(), CorruptDocument>,
    ) -> Result<()> {
        let narrowed: Vec<Option<Vec<String>>> = documents.iter().map(|document| self.narrowed(document)).collect();
        let mut printer = JsonReader::new(self.view(&self.visibility.hidden));
        for (document, narrowed) in documents.iter().zip(&narrowed) {
            let id = document.get_str("_id").unwrap_or_default();
            match narrowed {
                None => print(&mut printer, id, document).map_err(corrupt_document)?,
                Some(hidden) => {
                    print(&mut JsonReader::new(self.view(hidden)), id, document).map_err(corrupt_document)?
                }
            }
        }
        Ok(())
    }

    fn view<'v>(&'v self, hidden: &'v [String]) -> ReadView<'v> {
        ReadView {
            schema: &self.class.schema,
            selected: self.selected.as_deref(),
            hidden,
            owner_exempt: self.owner_exempt,
            reader: &self.reader,
            files: &self.files,
            includes: self.includes.as_ref(),
        }
    }

    /// What is still hidden of an object that points to the caller; `None` if it does not.
    fn narrowed(&self, document: &RawDocument) -> Option<Vec<String>> {
        let user_id = self.user_id?;
        let mut hidden: Option<Vec<String>> = None;
        for (field, still_hidden) in &self.visibility.hidden_for_user_in {
            if points_to(document, field, user_id) {
                let before = hidden.as_ref().unwrap_or(&self.visibility.hidden);
                hidden = Some(before.iter().filter(|name| still_hidden.contains(name)).cloned().collect());
            }
        }
        hidden
    }
}

/// Whether a field is a pointer to the user or an array that holds one.
fn points_to(document: &RawDocument, field: &str, user_id: &str) -> bool {
    if let Ok(pointer) = document.get_str(format!("_p_{field}")) {
        return pointer.strip_prefix("_User$") == Some(user_id);
    }
    let Ok(items) = document.get_array(field) else { return false };
    items.into_iter().flatten().any(|item| match item {
        RawBsonRef::Document(item) => {
            item.get_str("__type").ok() == Some("Pointer")
                && item.get_str("className").ok() == Some("_User")
                && item.get_str("objectId").ok() == Some(user_id)
        }
        _ => false,
    })
}

/// `{"results":[…],"count":n}`; with a class name, each object carries it.
pub(super) fn results(
    printer: &mut Printer<'_>,
    documents: &[RawDocumentBuf],
    class_name: Option<&str>,
    count: Option<u64>,
) -> Result<Vec<u8>> {
    let size: usize = documents.iter().map(|document| document.as_bytes().len()).sum();
    let mut body = Vec::with_capacity(size * 3 / 2 + 64);
    body.extend_from_slice(br#"{"results":["#);
    let mut tail = Vec::new();
    if let Some(class_name) = class_name {
        tail.extend_from_slice(br#""className":"#);
        write_json_string(class_name, &mut tail);
    }
    printer.write(&mut body, documents, &tail)?;
    body.push(b']');
    if let Some(count) = count {
        body.extend_from_slice(br#","count":"#);
        body.extend_from_slice(count.to_string().as_bytes());
    }
    body.push(b'}');
    Ok(body)
}

/// A query's plan in the place of its results.
pub(super) fn plan(plan: Document) -> Vec<u8> {
    let plan = Bson::Document(plan).into_relaxed_extjson();
    serde_json::json!({ "results": plan }).to_string().into_bytes()
}
