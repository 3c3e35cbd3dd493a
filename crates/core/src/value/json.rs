//! Values read from REST JSON, in the two contexts that Parse knows: the value of a field, and what is inside one.

use base64::{
    Engine,
    engine::{
        DecodePaddingMode,
        general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD},
    },
};
use serde_json::{Map as JsonMap, Value as Json};

use super::{File, GeoPoint, Map, Pointer, Value, write_number};
use crate::{ClassName, Date, ErrorCode, ParseError, acl::is_truthy, error::Result};

impl Value {
    /// The value of a field, as a client writes it. Every `__type` of the REST API becomes its own variant.
    ///
    /// # Errors
    /// 111 for a `__type` that does not exist or lacks what it needs, 121 for a nested key with `$` or `.`.
    pub fn from_field(json: Json) -> Result<Self> {
        let Json::Object(members) = json else { return Self::from_nested(json) };
        let Some(type_name) = members.get("__type").filter(|name| is_truthy(name)) else {
            return plain_object(members);
        };
        let value = match type_name.as_str() {
            Some("Date") => date(&members).map(Self::Date),
            Some("Pointer") => pointer(&members).map(Self::Pointer),
            Some("GeoPoint") => geo_point(&members).map(Self::GeoPoint),
            Some("Polygon") => polygon(&members)?.map(Self::Polygon),
            Some("File") => file(&members).map(Self::File),
            Some("Bytes") => text(&members, "base64").map(|text| Self::Bytes(decode_base64(text))),
            Some("Relation") => text(&members, "className").and_then(ClassName::new).map(Self::Relation),
            _ => None,
        };
        value.ok_or_else(|| invalid(&javascript_text(type_name)))
    }

    /// A value inside an object or array: dates, pointers and bytes become their own variants; all else stays as it is,
    /// `{"__type": "GeoPoint", …}` being an object with a member `__type`.
    ///
    /// # Errors
    /// 121 for a key with `$` or `.`, 111 for a date or bytes without content.
    pub fn from_nested(json: Json) -> Result<Self> {
        match json {
            Json::Null => Ok(Self::Null),
            Json::Bool(value) => Ok(Self::Bool(value)),
            // Without arbitrary precision every number of serde_json has a double.
            Json::Number(number) => Ok(number.as_f64().map_or(Self::Null, Self::Number)),
            Json::String(text) => Ok(Self::String(text)),
            Json::Array(elements) => Self::list_from_nested(elements).map(Self::Array),
            Json::Object(members) => nested_object(members),
        }
    }

    /// The elements of an array, or of an array operation.
    ///
    /// # Errors
    /// Those of [`Value::from_nested`].
    pub fn list_from_nested(elements: Vec<Json>) -> Result<Vec<Self>> {
        elements.into_iter().map(Self::from_nested).collect()
    }
}

fn nested_object(members: JsonMap<String, Json>) -> Result<Value> {
    let value = match members.get("__type").and_then(Json::as_str) {
        Some("Date") => Some(date(&members).map(Value::Date).ok_or_else(|| invalid("Date"))?),
        Some("Bytes") => Some(bytes(&members).map(Value::Bytes).ok_or_else(|| invalid("Bytes"))?),
        Some("Pointer") => return nested_pointer(members),
        _ => None,
    };
    match value {
        Some(value) => check_keys(&members).map(|()| value),
        None => plain_object(members),
    }
}

/// A pointer inside a value keeps its three members only. One without class or id is kept as what it has of them.
fn nested_pointer(members: JsonMap<String, Json>) -> Result<Value> {
    check_keys(&members)?;
    if let (Some(class_name), Some(object_id)) = (text(&members, "className"), text(&members, "objectId")) {
        return Ok(Value::Pointer(Pointer { class_name: class_name.to_owned(), object_id: object_id.to_owned() }));
    }
    plain_object(
        members.into_iter().filter(|(key, _)| ["__type", "className", "objectId"].contains(&key.as_str())).collect(),
    )
}

fn plain_object(members: JsonMap<String, Json>) -> Result<Value> {
    check_keys(&members)?;
    let members: Result<Map> =
        members.into_iter().map(|(key, value)| Value::from_nested(value).map(|value| (key, value))).collect();
    members.map(Value::Object)
}

fn check_keys(members: &JsonMap<String, Json>) -> Result<()> {
    if members.keys().any(|key| key.contains(['$', '.', '\0'])) {
        return Err(ParseError::new(
            ErrorCode::InvalidNestedKey,
            "Nested keys should not contain the '$' or '.' characters",
        ));
    }
    Ok(())
}

fn invalid(type_name: &str) -> ParseError {
    ParseError::new(ErrorCode::IncorrectType, format!("This is not a valid {type_name}"))
}

/// A member that is a text with at least one character.
fn text<'a>(members: &'a JsonMap<String, Json>, key: &str) -> Option<&'a str> {
    members.get(key)?.as_str().filter(|text| !text.is_empty())
}

/// `iso` is a text; a number counts as milliseconds.
fn date(members: &JsonMap<String, Json>) -> Option<Date> {
    match members.get("iso")? {
        Json::String(text) => Date::parse(text),
        Json::Number(number) => number.as_f64().filter(|number| *number != 0.0).and_then(Date::from_milliseconds),
        Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_) => None,
    }
}

/// The id may be any scalar or be missing: Parse Server stores its JavaScript text (`undefined`).
fn pointer(members: &JsonMap<String, Json>) -> Option<Pointer> {
    // `$` separates class and id in the database.
    let class_name = text(members, "className").filter(|name| !name.contains(['$', '\0']))?;
    let object_id = match members.get("objectId") {
        None => "undefined".to_owned(),
        Some(Json::Array(_) | Json::Object(_)) => return None,
        Some(scalar) => javascript_text(scalar),
    };
    Some(Pointer { class_name: class_name.to_owned(), object_id })
}

fn geo_point(members: &JsonMap<String, Json>) -> Option<GeoPoint> {
    let coordinate = |key| members.get(key).and_then(Json::as_f64);
    Some(GeoPoint { latitude: coordinate("latitude")?, longitude: coordinate("longitude")? })
}

/// A closed ring of at least three different vertices on the globe; `None` if it is no list of pairs of numbers.
fn polygon(members: &JsonMap<String, Json>) -> Result<Option<Vec<GeoPoint>>> {
    let Some(coordinates) = members.get("coordinates").and_then(Json::as_array) else { return Ok(None) };
    let Some(mut vertices) = coordinates.iter().map(vertex).collect::<Option<Vec<_>>>() else { return Ok(None) };
    let Some(first) = vertices.first().copied() else { return Ok(None) };
    if vertices.last() != Some(&first) {
        vertices.push(first);
    }
    let mut different: Vec<GeoPoint> = Vec::with_capacity(3);
    for vertex in &vertices {
        if different.len() < 3 && !different.contains(vertex) {
            different.push(*vertex);
        }
        check_range(*vertex)?;
    }
    if different.len() < 3 {
        return Err(ParseError::new(
            ErrorCode::InternalServerError,
            "GeoJSON: Loop must have at least 3 different vertices",
        ));
    }
    Ok(Some(vertices))
}

fn vertex(json: &Json) -> Option<GeoPoint> {
    let [latitude, longitude] = json.as_array()?.as_slice() else { return None };
    Some(GeoPoint { latitude: latitude.as_f64()?, longitude: longitude.as_f64()? })
}

/// Polygons always have an index on the sphere, which takes nothing beyond the poles and the date line.
fn check_range(point: GeoPoint) -> Result<()> {
    let GeoPoint { latitude, longitude } = point;
    if latitude.abs() <= 90.0 && longitude.abs() <= 180.0 {
        return Ok(());
    }
    Err(ParseError::new(ErrorCode::InvalidJson, format!("Polygon vertex out of bounds: [{latitude}, {longitude}]")))
}

fn file(members: &JsonMap<String, Json>) -> Option<File> {
    let name = text(members, "name")?.to_owned();
    Some(File { name, url: text(members, "url").map(str::to_owned) })
}

fn bytes(members: &JsonMap<String, Json>) -> Option<Vec<u8>> {
    members.get("base64")?.as_str().map(decode_base64)
}

/// Decodes as Node does: both alphabets, anything else skipped, up to the padding, an incomplete last byte dropped.
fn decode_base64(text: &str) -> Vec<u8> {
    const FORGIVING: GeneralPurpose = GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::RequireNone)
            .with_decode_allow_trailing_bits(true),
    );

    if let Ok(bytes) = STANDARD.decode(text) {
        return bytes;
    }
    let mut digits: Vec<u8> = text
        .bytes()
        .take_while(|byte| *byte != b'=')
        .filter_map(|byte| match byte {
            b'-' => Some(b'+'),
            b'_' => Some(b'/'),
            b'+' | b'/' => Some(byte),
            _ => byte.is_ascii_alphanumeric().then_some(byte),
        })
        .collect();
    if digits.len() % 4 == 1 {
        digits.pop();
    }
    FORGIVING.decode(digits).unwrap_or_default()
}

/// What JavaScript makes of a JSON value in a text.
pub(crate) fn javascript_text(json: &Json) -> String {
    match json {
        Json::Null => "null".to_owned(),
        Json::Bool(value) => value.to_string(),
        Json::Number(number) => {
            let mut out = Vec::new();
            write_number(number.as_f64().unwrap_or_default(), &mut out);
            out.into_iter().map(char::from).collect()
        }
        Json::String(text) => text.clone(),
        Json::Array(elements) => {
            let texts: Vec<_> = elements
                .iter()
                .map(|element| if element.is_null() { String::new() } else { javascript_text(element) })
                .collect();
            texts.join(",")
        }
        Json::Object(_) => "[object Object]".to_owned(),
    }
}

#[cfg(test)]
mod tests;
