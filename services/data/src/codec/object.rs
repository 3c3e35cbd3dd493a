//! Stored documents as typed objects, for triggers and for the matcher of the embedded store.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bson::{RawArray, RawBsonRef, RawDocument};
use parsefleet_core::{
    Acl, ClassName, ClassSchema, Date, FieldType, Map, Object, ObjectId, Value,
    value::{File, GeoPoint, Pointer},
};

use super::{CorruptDocument, columns::Stored};

/// Which root fields are read.
#[derive(Clone, Copy, Debug)]
pub enum Roots<'r> {
    /// All.
    All,
    /// Those with these REST names. Id, dates and ACL always are.
    Only(&'r [&'r str]),
}

impl Roots<'_> {
    fn contains(self, field: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(fields) => fields.contains(&field),
        }
    }
}

/// Reads a document. Internal columns come under their stored name, the session token as `sessionToken`, a user's
/// identities as `authData`.
///
/// # Errors
/// If the bytes are not BSON.
pub fn decode(schema: &ClassSchema, document: &RawDocument, roots: Roots<'_>) -> Result<Object, CorruptDocument> {
    let mut decoder = Decoder::default();
    for element in document {
        let (column, value) = element?;
        decoder.column(schema, column.as_str(), value, roots)?;
    }
    for (name, field) in &schema.fields {
        if let FieldType::Relation(target) = &field.field_type
            && roots.contains(name)
            && let Some(target) = ClassName::new(target)
        {
            decoder.fields.insert(name.as_str(), Value::Relation(target));
        }
    }
    decoder.object()
}

#[derive(Default)]
struct Decoder {
    id: Option<ObjectId>,
    created_at: Option<Date>,
    updated_at: Option<Date>,
    read: Option<Vec<String>>,
    write: Option<Vec<String>>,
    fields: Map,
}

impl Decoder {
    fn column(
        &mut self,
        schema: &ClassSchema,
        column: &str,
        value: RawBsonRef<'_>,
        roots: Roots<'_>,
    ) -> Result<(), CorruptDocument> {
        let (field, value) = match Stored::classify(schema, column) {
            Stored::Id => return Ok(self.id = id_text(value).as_deref().and_then(ObjectId::new)),
            Stored::CreatedAt => return Ok(self.created_at = date(value).or(self.created_at)),
            Stored::UpdatedAt => return Ok(self.updated_at = date(value).or(self.updated_at)),
            Stored::ReadPermissions => return Ok(self.read = subjects(value)?),
            Stored::WritePermissions => return Ok(self.write = subjects(value)?),
            Stored::AuthData(provider) if roots.contains("authData") => return self.auth_data(provider, value),
            Stored::LastUsed => ("lastUsed", date(value).map(Value::Date)),
            Stored::ExpiresAt => ("expiresAt", date(value).map(Value::Date)),
            Stored::TimesUsed => ("timesUsed", Some(nested(value)?)),
            Stored::SessionToken => ("sessionToken", Some(nested(value)?)),
            Stored::Internal => (column, Some(nested(value)?)),
            Stored::Pointer(field, target) => (field, pointer(target, value)),
            Stored::Field(field, field_type) if roots.contains(field) => (field, column_value(field_type, value)?),
            Stored::AuthData(_) | Stored::Field(..) | Stored::Hidden => return Ok(()),
        };
        if let Some(value) = value
            && roots.contains(field)
        {
            self.fields.insert(field, value);
        }
        Ok(())
    }

    fn auth_data(&mut self, provider: &str, value: RawBsonRef<'_>) -> Result<(), CorruptDocument> {
        if matches!(value, RawBsonRef::Null) {
            return Ok(());
        }
        let value = nested(value)?;
        match self.fields.get_mut("authData") {
            Some(Value::Object(providers)) => providers.insert(provider, value),
            _ => {
                let providers = [(provider.to_owned(), value)].into_iter().collect();
                self.fields.insert("authData", Value::Object(providers));
            }
        }
        Ok(())
    }

    fn object(self) -> Result<Object, CorruptDocument> {
        let acl = match (self.read, self.write) {
            (None, None) => None,
            (read, write) => Some(Acl { read: read.unwrap_or_default(), write: write.unwrap_or_default() }),
        };
        Ok(Object {
            id: self.id.ok_or_else(|| CorruptDocument("no usable _id".to_owned()))?,
            created_at: self.created_at.unwrap_or(Date(0)),
            updated_at: self.updated_at.unwrap_or(Date(0)),
            acl,
            fields: self.fields,
        })
    }
}

fn id_text(value: RawBsonRef<'_>) -> Option<String> {
    match value {
        RawBsonRef::String(id) => Some(id.to_owned()),
        RawBsonRef::ObjectId(id) => Some(id.to_hex()),
        RawBsonRef::Int32(number) => Some(number.to_string()),
        RawBsonRef::Int64(number) => Some(number.to_string()),
        RawBsonRef::Double(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Old databases hold some dates as text.
fn date(value: RawBsonRef<'_>) -> Option<Date> {
    match value {
        RawBsonRef::DateTime(date) => Some(Date(date.timestamp_millis())),
        RawBsonRef::String(text) => Date::parse(text),
        _ => None,
    }
}

fn subjects(value: RawBsonRef<'_>) -> Result<Option<Vec<String>>, CorruptDocument> {
    let Some(array) = value.as_array() else { return Ok(None) };
    let mut subjects = Vec::new();
    for item in array {
        subjects.extend(item?.as_str().map(str::to_owned));
    }
    Ok(Some(subjects))
}

/// A null pointer is as good as none; one to another class than the schema says is not readable.
fn pointer(target: &str, value: RawBsonRef<'_>) -> Option<Value> {
    let mut parts = value.as_str()?.split('$');
    let (class_name, object_id) = (parts.next()?, parts.next().unwrap_or_default());
    (class_name == target)
        .then(|| Value::Pointer(Pointer { class_name: class_name.to_owned(), object_id: object_id.to_owned() }))
}

/// The value of an ordinary column. What does not have the stored form of its type is read as it is.
fn column_value(field_type: Option<&FieldType>, value: RawBsonRef<'_>) -> Result<Option<Value>, CorruptDocument> {
    let typed = match (field_type, value) {
        (Some(FieldType::Relation(_)), _) => return Ok(None),
        (Some(FieldType::GeoPoint), RawBsonRef::Array(pair)) => geo_point(pair)?.map(Value::GeoPoint),
        (Some(FieldType::Polygon), RawBsonRef::Document(polygon)) => self::polygon(polygon)?.map(Value::Polygon),
        (Some(FieldType::File), RawBsonRef::String(name)) => {
            Some(Value::File(File { name: name.to_owned(), url: None }))
        }
        (Some(FieldType::Bytes), RawBsonRef::String(text)) => STANDARD.decode(text).ok().map(Value::Bytes),
        _ => None,
    };
    Ok(Some(match typed {
        Some(value) => value,
        None => nested(value)?,
    }))
}

fn geo_point(pair: &RawArray) -> Result<Option<GeoPoint>, CorruptDocument> {
    let mut items = pair.into_iter();
    let (Some(longitude), Some(latitude), None) = (items.next(), items.next(), items.next()) else { return Ok(None) };
    let coordinates = number(longitude?).zip(number(latitude?));
    Ok(coordinates.map(|(longitude, latitude)| GeoPoint { latitude, longitude }))
}

fn polygon(document: &RawDocument) -> Result<Option<Vec<GeoPoint>>, CorruptDocument> {
    let ring = document.get_array("coordinates").ok().and_then(|coordinates| coordinates.get_array(0).ok());
    let Some(ring) = ring else { return Ok(None) };
    let mut vertices = Vec::new();
    for vertex in ring {
        let Some(vertex) = vertex?.as_array().map(geo_point).transpose()?.flatten() else { return Ok(None) };
        vertices.push(vertex);
    }
    Ok(Some(vertices))
}

fn number(value: RawBsonRef<'_>) -> Option<f64> {
    match value {
        RawBsonRef::Int32(number) => Some(number.into()),
        RawBsonRef::Int64(number) => Some(number as f64),
        RawBsonRef::Double(number) => Some(number),
        RawBsonRef::Decimal128(number) => number.to_string().parse().ok(),
        _ => None,
    }
}

/// A value inside a column, or one whose type the schema does not say.
fn nested(value: RawBsonRef<'_>) -> Result<Value, CorruptDocument> {
    if let Some(number) = number(value) {
        return Ok(Value::Number(number));
    }
    Ok(match value {
        RawBsonRef::String(text) | RawBsonRef::Symbol(text) | RawBsonRef::JavaScriptCode(text) => {
            Value::String(text.to_owned())
        }
        RawBsonRef::Boolean(value) => Value::Bool(value),
        RawBsonRef::DateTime(date) => Value::Date(Date(date.timestamp_millis())),
        RawBsonRef::Binary(binary) => Value::Bytes(binary.bytes.to_vec()),
        RawBsonRef::ObjectId(id) => Value::String(id.to_hex()),
        RawBsonRef::Document(document) => nested_document(document)?,
        RawBsonRef::Array(array) => {
            let mut items = Vec::new();
            for item in array {
                items.push(nested(item?)?);
            }
            Value::Array(items)
        }
        RawBsonRef::RegularExpression(_) => Value::Object(Map::new()),
        _ => Value::Null,
    })
}

fn nested_document(document: &RawDocument) -> Result<Value, CorruptDocument> {
    if let Some(bytes) = mangled_bytes(document)? {
        return Ok(Value::Bytes(bytes));
    }
    if let Ok(kind) = document.get_str("__type")
        && let Some(value) = typed_document(kind, document)?
    {
        return Ok(value);
    }
    let mut members = Map::new();
    for element in document {
        let (key, value) = element?;
        members.insert(key.as_str(), nested(value)?);
    }
    Ok(Value::Object(members))
}

/// Inside objects and arrays only these have a type of their own; places, files and polygons stay objects there.
fn typed_document(kind: &str, document: &RawDocument) -> Result<Option<Value>, CorruptDocument> {
    let text = |key: &str| document.get_str(key).ok().map(str::to_owned);
    Ok(match kind {
        "Pointer" => text("className")
            .map(|class_name| Value::Pointer(Pointer { class_name, object_id: text("objectId").unwrap_or_default() })),
        "Date" => document.get("iso")?.and_then(date).map(Value::Date),
        "Bytes" => text("base64").and_then(|base64| STANDARD.decode(base64).ok()).map(Value::Bytes),
        _ => None,
    })
}

/// Bytes as Parse Server stores them inside objects and arrays, by accident: the members of the Node driver's object,
/// `{buffer: {"0": 104, …}, sub_type: 0, position: 1}`.
pub(crate) fn mangled_bytes(document: &RawDocument) -> Result<Option<Vec<u8>>, CorruptDocument> {
    let mut elements = document.into_iter();
    let Some((key, RawBsonRef::Document(buffer))) = elements.next().transpose()? else { return Ok(None) };
    if key.as_str() != "buffer" {
        return Ok(None);
    }
    let Some((key, RawBsonRef::Int32(0))) = elements.next().transpose()? else { return Ok(None) };
    if key.as_str() != "sub_type" {
        return Ok(None);
    }
    let Some((key, RawBsonRef::Int32(position))) = elements.next().transpose()? else { return Ok(None) };
    if key.as_str() != "position" || elements.next().is_some() {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    for element in buffer {
        let byte = match element?.1 {
            RawBsonRef::Int32(byte) => u8::try_from(byte).ok(),
            _ => None,
        };
        let Some(byte) = byte else { return Ok(None) };
        bytes.push(byte);
    }
    Ok((usize::try_from(position) == Ok(bytes.len())).then_some(bytes))
}
