//! What an aggregation found, as JSON: Parse's, or the database's own.

use bson::{Bson, RawBsonRef, RawDocument, RawDocumentBuf, doc};
use parsefleet_core::{
    ClassSchema, FieldPath, FieldType,
    aggregate::{Names, Values},
    error::Result,
};

use crate::{
    codec::{
        AS_STORED, CorruptDocument, FileUrls, JsonReader, ReadView, Reader as View, parse_json,
        raw_json::{Style, write_members},
        relation_members,
    },
    error::corrupt_document,
    store::Documents,
};

/// How results are to be shown.
#[derive(Clone, Copy)]
pub(super) struct Form {
    pub(super) values: Values,
    pub(super) names: Names,
    pub(super) groups_by_pointer: bool,
}

/// Columns that stand for a field under another name; the rest of what begins with `_` is not shown.
const TRANSLATED: [&str; 5] = ["_created_at", "_updated_at", "_last_used", "_expiresAt", "_session_token"];

/// `{"results":[…]}` of a pipeline.
pub(super) fn results(schema: &ClassSchema, documents: &Documents, form: Form, files: &FileUrls) -> Result<Vec<u8>> {
    let printed = match (form.values, form.names) {
        (Values::Parse, Names::Parse) => objects(schema, documents, form, files),
        (Values::Parse, Names::Stored) => raw(documents, form, Style::Plain),
        (Values::Extended, _) => raw(documents, form, Style::Extended),
    };
    printed.map_err(corrupt_document)
}

/// `{"results":[…]}` of the values of a field. Null is none.
pub(super) fn values(schema: &ClassSchema, path: &FieldPath, values: Vec<Bson>) -> Result<Vec<u8>> {
    let target = match schema.field_type(path.as_str()) {
        Some(FieldType::Pointer(target)) => Some(target.as_str()),
        _ => None,
    };
    let shown = values.into_iter().filter_map(|value| match (target, value) {
        (_, Bson::Null | Bson::Undefined) => None,
        (Some(target), Bson::String(text)) => {
            let id = text.strip_prefix(target)?.strip_prefix('$')?;
            Some(Bson::Document(doc! { "__type": "Pointer", "className": target, "objectId": id }))
        }
        (_, value) => Some(value),
    });
    let answer = RawDocumentBuf::try_from(&doc! { "results": shown.collect::<Vec<_>>() });
    let answer = answer.map_err(|error| corrupt_document(error.into()))?;
    parse_json(&answer).map_err(corrupt_document)
}

/// Results as objects of the class, as far as their columns are those of the class.
fn objects(
    schema: &ClassSchema,
    documents: &Documents,
    form: Form,
    files: &FileUrls,
) -> Result<Vec<u8>, CorruptDocument> {
    // Relations follow the id, which comes last.
    let mut plain = schema.clone();
    plain.fields.retain(|_, field| !matches!(field.field_type, FieldType::Relation(_)));
    let relations = relation_members(schema, |_| false);
    let view = ReadView {
        schema: &plain,
        selected: None,
        hidden: &[],
        owner_exempt: true,
        reader: &View::Master,
        files,
        identities: &AS_STORED,
        includes: None,
    };
    let mut reader = JsonReader::new(view);
    list(documents, |out, document| {
        let (shown, id) = split(schema, document)?;
        let mut tail = Vec::new();
        if let Some(id) = id {
            tail.extend_from_slice(br#""objectId":"#);
            let id = parse_json(&RawDocumentBuf::try_from(&doc! { "id": shown_id(id, form) }).map_err(corrupt)?)?;
            tail.extend_from_slice(
                id.strip_prefix(br#"{"id":"#).and_then(|id| id.strip_suffix(b"}")).unwrap_or(b"null"),
            );
        }
        if !relations.is_empty() {
            if !tail.is_empty() {
                tail.push(b',');
            }
            tail.extend_from_slice(&relations);
        }
        reader.write_with(out, &shown, &tail)
    })
}

/// What of a result is shown, and its id.
fn split(schema: &ClassSchema, document: &RawDocument) -> Result<(RawDocumentBuf, Option<Bson>), CorruptDocument> {
    let has_id = document.get("_id").map_err(corrupt)?.is_some();
    let mut shown = RawDocumentBuf::new();
    let mut id = None;
    for element in document {
        let (column, value) = element.map_err(corrupt)?;
        let name = column.as_str();
        match name {
            "_id" => id = Some(Bson::try_from(value).map_err(corrupt)?),
            "objectId" if has_id => {}
            _ if is_shown(schema, name) => shown.append(column, value),
            _ => {}
        }
    }
    Ok((shown, id))
}

fn is_shown(schema: &ClassSchema, column: &str) -> bool {
    let is_name = column.starts_with(|first: char| first.is_ascii_alphabetic())
        && column.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let is_relation = matches!(schema.field_type(column), Some(FieldType::Relation(_)));
    (is_name && !is_relation)
        || TRANSLATED.contains(&column)
        || column.starts_with("_p_")
        || column.starts_with("_auth_data_")
        || column == "__type"
}

/// Nothing and what is empty is null; the class of a pointer is left out where groups are made by one.
fn shown_id(id: Bson, form: Form) -> Bson {
    match id {
        Bson::String(text) if text.is_empty() => Bson::Null,
        Bson::String(text) if form.groups_by_pointer => match text.split_once('$') {
            Some((_, id)) => Bson::String(id.to_owned()),
            None => Bson::String(text),
        },
        Bson::Array(items) if items.is_empty() => Bson::Null,
        Bson::Document(members) if members.is_empty() => Bson::Null,
        Bson::Undefined => Bson::Null,
        id => id,
    }
}

/// Results in the database's own names; their id is called `objectId` unless its name was asked for, too.
fn raw(documents: &Documents, form: Form, style: Style) -> Result<Vec<u8>, CorruptDocument> {
    list(documents, |out, document| {
        let mut members: Vec<(String, Bson)> = Vec::new();
        let mut id = None;
        for element in document {
            let (column, value) = element.map_err(corrupt)?;
            match (column.as_str(), form.names) {
                ("_id", Names::Parse) => id = Some(to_bson(value)?),
                (name, _) => members.push((name.to_owned(), to_bson(value)?)),
            }
        }
        members.extend(id.map(|id| ("objectId".to_owned(), shown_id(id, form))));
        write_members(out, members.iter().map(|(name, value)| (name.as_str(), value)), style);
        Ok(())
    })
}

fn to_bson(value: RawBsonRef<'_>) -> Result<Bson, CorruptDocument> {
    Bson::try_from(value).map_err(corrupt)
}

fn list(
    documents: &Documents,
    mut print: impl FnMut(&mut Vec<u8>, &RawDocument) -> Result<(), CorruptDocument>,
) -> Result<Vec<u8>, CorruptDocument> {
    let mut out = br#"{"results":["#.to_vec();
    for (index, document) in documents.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        print(&mut out, document)?;
    }
    out.extend_from_slice(b"]}");
    Ok(out)
}

fn corrupt(error: bson::error::Error) -> CorruptDocument {
    error.into()
}
