//! Stored documents as typed objects, for triggers and for the matcher of the embedded store.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bson::RawDocument;
use parsefleet_core::{
    Acl, ClassName, ClassSchema, Date, FieldType, Map, Object, ObjectId, Value,
    value::{File, GeoPoint, Pointer},
};

use super::{
    CorruptDocument,
    columns::Stored,
    raw::{Raw, RawValue},
};

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
    for element in Raw::from(document).elements() {
        let (column, value) = element?;
        decoder.column(schema, column.to_str()?, value, roots)?;
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
        value: RawValue<'_>,
        roots: Roots<'_>,
    ) -> Result<(), CorruptDocument> {
        let (field, value) = match Stored::classify(schema, column) {
            Stored::AuthData(provider) if roots.contains("authData") => return self.auth_data(provider, value),
            Stored::LastUsed => ("lastUsed", date(value).map(Value::Date)),
            Stored::ExpiresAt => ("expiresAt", date(value).map(Value::Date)),
            Stored::TimesUsed => ("timesUsed", Some(nested(value)?)),
            Stored::SessionToken => ("sessionToken", Some(nested(value)?)),
            Stored::Internal => (column, Some(nested(value)?)),
            Stored::Pointer(field, target) => (field, pointer(target, value)),
            Stored::Field(field, field_type) if roots.contains(field) => (field, column_value(field_type, value)?),
            Stored::AuthData(_) | Stored::Field(..) | Stored::Hidden => return Ok(()),
            common => return self.common_column(common, value),
        };
        if let Some(value) = value
            && roots.contains(field)
        {
            self.fields.insert(field, value);
        }
        Ok(())
    }

    /// What every class has.
    fn common_column(&mut self, column: Stored<'_>, value: RawValue<'_>) -> Result<(), CorruptDocument> {
        match column {
            Stored::Id => self.id = id_text(value).as_deref().and_then(ObjectId::new),
            Stored::CreatedAt => self.created_at = date(value).or(self.created_at),
            Stored::UpdatedAt => self.updated_at = date(value).or(self.updated_at),
            Stored::ReadPermissions => self.read = subjects(value)?,
            Stored::WritePermissions => self.write = subjects(value)?,
            _ => {}
        }
        Ok(())
    }

    fn auth_data(&mut self, provider: &str, value: RawValue<'_>) -> Result<(), CorruptDocument> {
        if matches!(value, RawValue::Null) {
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

fn id_text(value: RawValue<'_>) -> Option<String> {
    match value {
        RawValue::String(_) => value.as_str().map(str::to_owned),
        RawValue::ObjectId(id) => Some(hex(id)),
        RawValue::Int32(number) => Some(number.to_string()),
        RawValue::Int64(number) => Some(number.to_string()),
        RawValue::Double(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Old databases hold some dates as text.
fn date(value: RawValue<'_>) -> Option<Date> {
    match value {
        RawValue::Date(milliseconds) => Some(Date(milliseconds)),
        RawValue::String(text) => Date::parse(text.to_str().ok()?),
        _ => None,
    }
}

fn subjects(value: RawValue<'_>) -> Result<Option<Vec<String>>, CorruptDocument> {
    let Some(array) = value.as_array() else { return Ok(None) };
    let mut subjects = Vec::new();
    for item in array.items() {
        subjects.extend(item?.as_str().map(str::to_owned));
    }
    Ok(Some(subjects))
}

/// A null pointer is as good as none; one to another class than the schema says is not readable.
fn pointer(target: &str, value: RawValue<'_>) -> Option<Value> {
    let mut parts = value.as_str()?.split('$');
    let (class_name, object_id) = (parts.next()?, parts.next().unwrap_or_default());
    (class_name == target)
        .then(|| Value::Pointer(Pointer { class_name: class_name.to_owned(), object_id: object_id.to_owned() }))
}

/// The value of an ordinary column. What does not have the stored form of its type is read as it is.
fn column_value(field_type: Option<&FieldType>, value: RawValue<'_>) -> Result<Option<Value>, CorruptDocument> {
    let typed = match (field_type, value) {
        (Some(FieldType::Relation(_)), _) => return Ok(None),
        (Some(FieldType::GeoPoint), RawValue::Array(pair)) => geo_point(pair)?.map(Value::GeoPoint),
        (Some(FieldType::Polygon), RawValue::Document(polygon)) => self::polygon(polygon)?.map(Value::Polygon),
        (Some(FieldType::File), RawValue::String(name)) => {
            Some(Value::File(File { name: name.to_str()?.to_owned(), url: None }))
        }
        (Some(FieldType::Bytes), RawValue::String(text)) => STANDARD.decode(text.bytes()).ok().map(Value::Bytes),
        _ => None,
    };
    Ok(Some(match typed {
        Some(value) => value,
        None => nested(value)?,
    }))
}

fn geo_point(pair: Raw<'_>) -> Result<Option<GeoPoint>, CorruptDocument> {
    let Some((longitude, latitude)) = pair.pair()? else { return Ok(None) };
    let coordinates = longitude.as_number().zip(latitude.as_number());
    Ok(coordinates.map(|(longitude, latitude)| GeoPoint { latitude, longitude }))
}

fn polygon(document: Raw<'_>) -> Result<Option<Vec<GeoPoint>>, CorruptDocument> {
    let coordinates = document.get("coordinates")?.and_then(RawValue::as_array);
    let ring = coordinates.and_then(|coordinates| coordinates.items().next()).transpose()?;
    let Some(ring) = ring.and_then(RawValue::as_array) else { return Ok(None) };
    let mut vertices = Vec::new();
    for vertex in ring.items() {
        let Some(vertex) = vertex?.as_array().map(geo_point).transpose()?.flatten() else { return Ok(None) };
        vertices.push(vertex);
    }
    Ok(Some(vertices))
}

fn hex(id: [u8; 12]) -> String {
    bson::oid::ObjectId::from_bytes(id).to_hex()
}

/// A value inside a column, or one whose type the schema does not say.
fn nested(value: RawValue<'_>) -> Result<Value, CorruptDocument> {
    Ok(match value {
        RawValue::String(text) => Value::String(text.to_str()?.to_owned()),
        RawValue::Boolean(value) => Value::Bool(value),
        RawValue::Date(milliseconds) => Value::Date(Date(milliseconds)),
        RawValue::Binary(bytes) => Value::Bytes(bytes.to_vec()),
        RawValue::ObjectId(id) => Value::String(hex(id)),
        RawValue::Document(document) => nested_document(document)?,
        RawValue::Array(array) => Value::Array(array.items().map(|item| nested(item?)).collect::<Result<_, _>>()?),
        RawValue::Timestamp(timestamp) => Value::Number(timestamp as f64),
        RawValue::Other => Value::Object(Map::new()),
        RawValue::Null => Value::Null,
        RawValue::Double(_) | RawValue::Int32(_) | RawValue::Int64(_) | RawValue::Decimal128(_) => {
            value.as_number().map_or(Value::Null, Value::Number)
        }
    })
}

fn nested_document(document: Raw<'_>) -> Result<Value, CorruptDocument> {
    if let Some(bytes) = mangled_bytes(document)? {
        return Ok(Value::Bytes(bytes));
    }
    if let Some(kind) = document.text("__type")?
        && let Some(value) = typed_document(kind, document)?
    {
        return Ok(value);
    }
    let members = document.elements().map(|element| {
        let (key, value) = element?;
        Ok((key.to_str()?.to_owned(), nested(value)?))
    });
    Ok(Value::Object(members.collect::<Result<_, CorruptDocument>>()?))
}

/// Inside objects and arrays only these have a type of their own; places, files and polygons stay objects there.
fn typed_document(kind: &str, document: Raw<'_>) -> Result<Option<Value>, CorruptDocument> {
    Ok(match kind {
        "Pointer" => document.text("className")?.zip(document.text("objectId")?).map(|(class_name, object_id)| {
            Value::Pointer(Pointer { class_name: class_name.to_owned(), object_id: object_id.to_owned() })
        }),
        "Date" => document.get("iso")?.and_then(date).map(Value::Date),
        "Bytes" => document.text("base64")?.and_then(|base64| STANDARD.decode(base64).ok()).map(Value::Bytes),
        _ => None,
    })
}

/// Bytes as Parse Server stores them inside objects and arrays, by accident: the members of the Node driver's object,
/// `{buffer: {"0": 104, …}, sub_type: 0, position: 1}`.
pub(crate) fn mangled_bytes(document: Raw<'_>) -> Result<Option<Vec<u8>>, CorruptDocument> {
    if !document.starts_with_document(b"buffer\0") {
        return Ok(None);
    }
    let mut elements = document.elements();
    let Some((_, RawValue::Document(buffer))) = elements.next().transpose()? else { return Ok(None) };
    let Some((key, RawValue::Int32(0))) = elements.next().transpose()? else { return Ok(None) };
    if !key.is("sub_type") {
        return Ok(None);
    }
    let Some((key, RawValue::Int32(position))) = elements.next().transpose()? else { return Ok(None) };
    if !key.is("position") || elements.next().is_some() {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    for byte in buffer.items() {
        let byte = match byte? {
            RawValue::Int32(byte) => u8::try_from(byte).ok(),
            _ => None,
        };
        let Some(byte) = byte else { return Ok(None) };
        bytes.push(byte);
    }
    Ok((usize::try_from(position) == Ok(bytes.len())).then_some(bytes))
}
