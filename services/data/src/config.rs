//! Parameters that apps read at run time (`/config`): one document that is no object of a class.
//!
//! Parameters for the master key only are left out for everybody else.

use bson::{RawBsonRef, RawDocument, RawDocumentBuf, error::Error as RawError, raw::cstr};
use bytes::Bytes;
use parsefleet_core::{
    ClassName, ClassSchema, ErrorCode, FieldPath, Map, ObjectId, ObjectUpdate, ParseError, Value,
    acl::is_truthy,
    error::Result,
    update::{Change, Writer as BodyWriter},
};
use parsefleet_proto::v1::{GetConfigRequest, UpdateConfigRequest};
use serde_json::{Map as JsonMap, Value as Json};

use crate::{
    caller::Caller,
    codec::parse_json,
    error::{corrupt_document, parse_error},
    service::DataService,
    store::StoreError,
};

/// The class of the document.
pub(crate) const CLASS: &str = "_GlobalConfig";

/// Its two members, which have the same names within.
const PARAMETERS: &str = "params";
const MASTER_KEY_ONLY: &str = "masterKeyOnly";

/// Operations that make sense for a parameter.
const OPERATIONS: [&str; 5] = ["Delete", "Increment", "Add", "AddUnique", "Remove"];

impl DataService {
    /// `{"params":{…},"masterKeyOnly":{…}}` as the caller may see it.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn config(&self, request: &GetConfigRequest) -> Result<Bytes> {
        let caller = Caller::from_context(request.context.as_ref())?;
        let document = self.store.settings(&class()?).await.map_err(parse_error)?;
        let Some(document) = document else { return Ok(Bytes::from_static(br#"{"params":{}}"#)) };
        let visible = visible(&caller, &document).map_err(|error| corrupt_document(error.into()))?;
        parse_json(&visible).map(Bytes::from).map_err(corrupt_document)
    }

    /// Changes parameters, all of them at once; the others stay.
    ///
    /// # Errors
    /// 119 without the master key, 105, 107, 108, 111 and 121 for what is wrong with a parameter, 141 if nothing is to be
    /// changed or the database refuses.
    pub async fn update_config(&self, request: &UpdateConfigRequest) -> Result<()> {
        let caller = Caller::from_context(request.context.as_ref())?;
        check_write(&caller)?;
        let update = requested(&request.body)?;
        self.settings.keyword_denylist.check(&Json::Object(update.clone()))?;
        let mut changes = Vec::with_capacity(update.len());
        for (path, value) in update {
            changes.push(change(path, value)?);
        }
        if changes.is_empty() {
            return Err(failed("Update document requires atomic operators"));
        }
        self.store.change_settings(&class()?, &changes).await.map_err(|error| match error {
            StoreError::Refused(reason) => {
                tracing::debug!(reason, "the database refused a change of the config");
                failed("The database refused the operation.")
            }
            other => parse_error(other),
        })
    }
}

fn class() -> Result<ClassSchema> {
    let name = ClassName::new(CLASS).ok_or_else(|| ParseError::new(ErrorCode::InvalidClassName, CLASS))?;
    Ok(ClassSchema::new(name))
}

fn check_write(caller: &Caller) -> Result<()> {
    let text = match caller {
        Caller::Master => return Ok(()),
        Caller::ReadOnlyMaster => "read-only masterKey isn't allowed to update the config.",
        Caller::Public | Caller::User(_) | Caller::Maintenance => "unauthorized: master key is required",
    };
    Err(ParseError::sanitised(ErrorCode::OperationForbidden, text))
}

/// The document without what the caller may not see.
fn visible(caller: &Caller, document: &RawDocument) -> Result<RawDocumentBuf, RawError> {
    let hidden = match caller {
        Caller::Master | Caller::ReadOnlyMaster => None,
        Caller::Public | Caller::User(_) | Caller::Maintenance => member(document, MASTER_KEY_ONLY)?,
    };
    let mut visible = RawDocumentBuf::new();
    for (name, key) in [(PARAMETERS, cstr!("params")), (MASTER_KEY_ONLY, cstr!("masterKeyOnly"))] {
        let Some(all) = member(document, name)? else { continue };
        let mut kept = RawDocumentBuf::new();
        for element in all {
            let (key, value) = element?;
            let flag = hidden.map(|hidden| hidden.get(key.as_str())).transpose()?.flatten();
            if !flag.is_some_and(is_true) {
                kept.append(key, value);
            }
        }
        visible.append(key, kept);
    }
    Ok(visible)
}

fn member<'d>(document: &'d RawDocument, name: &str) -> Result<Option<&'d RawDocument>, RawError> {
    Ok(document.get(name)?.and_then(|value| value.as_document()))
}

/// JavaScript's notion of a true value.
fn is_true(value: RawBsonRef<'_>) -> bool {
    match value {
        RawBsonRef::Null | RawBsonRef::Undefined => false,
        RawBsonRef::Boolean(value) => value,
        RawBsonRef::Int32(number) => number != 0,
        RawBsonRef::Int64(number) => number != 0,
        RawBsonRef::Double(number) => number != 0.0 && !number.is_nan(),
        RawBsonRef::String(text) => !text.is_empty(),
        _ => true,
    }
}

/// What a body asks for, by path: each parameter, and whether it is for the master key only. A parameter that is saved
/// without that is public again.
fn requested(body: &[u8]) -> Result<JsonMap<String, Json>> {
    let mut update = JsonMap::new();
    if body.is_empty() {
        return Ok(update);
    }
    let mut body: Json =
        serde_json::from_slice(body).map_err(|_| ParseError::new(ErrorCode::InvalidJson, "invalid JSON"))?;
    let Some(Json::Object(parameters)) = body.get_mut(PARAMETERS).map(Json::take) else { return Ok(update) };
    for (name, value) in parameters {
        let flag = body.get(MASTER_KEY_ONLY).and_then(|flags| flags.get(&name)).filter(|flag| is_truthy(flag));
        update.insert(path_of(PARAMETERS, &name)?, value);
        update.insert(path_of(MASTER_KEY_ONLY, &name)?, flag.cloned().unwrap_or(Json::Bool(false)));
    }
    Ok(update)
}

/// # Errors
/// 105 for a name that a database would interpret.
fn path_of(root: &str, name: &str) -> Result<String> {
    let path = format!("{root}.{name}");
    if name.contains('.') || FieldPath::new(&path).is_none() {
        return Err(ParseError::new(ErrorCode::InvalidKeyName, format!("Invalid field name: {name}.")));
    }
    Ok(path)
}

fn change(path: String, value: Json) -> Result<(FieldPath, Change)> {
    let name = FieldPath::new(&path).ok_or_else(|| ParseError::new(ErrorCode::InvalidKeyName, path.clone()))?;
    if let Json::Object(members) = &value
        && !members.get("__type").is_some_and(is_truthy)
        && let Some(operation) = members.get("__op")
    {
        check_operation(operation)?;
        let id = ObjectId::new("1").ok_or_else(|| ParseError::new(ErrorCode::MissingObjectId, "1"))?;
        let parsed = ObjectUpdate::parse(&id, JsonMap::from_iter([(path, value)]), BodyWriter::Client)?;
        let change = parsed.update.changes.into_iter().next();
        return change.ok_or_else(|| failed("Update document requires atomic operators"));
    }
    Ok((name, Change::Set(stored(value)?)))
}

fn check_operation(operation: &Json) -> Result<()> {
    if operation.as_str().is_some_and(|name| OPERATIONS.contains(&name)) {
        return Ok(());
    }
    let name = operation.as_str().map_or_else(|| operation.to_string(), str::to_owned);
    Err(ParseError::new(ErrorCode::CommandUnavailable, format!("The {name} operator is not supported yet.")))
}

/// A parameter as it is stored: one with a Parse type keeps its JSON form.
fn stored(value: Json) -> Result<Value> {
    match value.get("__type").filter(|name| is_truthy(name)).map(Json::as_str) {
        None => Value::from_nested(value),
        Some(Some("Polygon" | "Relation")) => Value::from_field(value),
        Some(_) => literal(value),
    }
}

/// JSON as it is, whatever it may stand for.
fn literal(json: Json) -> Result<Value> {
    match json {
        Json::Object(members) => {
            let mut map = Map::new();
            for (key, value) in members {
                if key.contains(['$', '.', '\0']) {
                    let text = "Nested keys should not contain the '$' or '.' characters";
                    return Err(ParseError::new(ErrorCode::InvalidNestedKey, text));
                }
                map.insert(key, literal(value)?);
            }
            Ok(Value::Object(map))
        }
        Json::Array(elements) => elements.into_iter().map(literal).collect::<Result<_>>().map(Value::Array),
        plain @ (Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_)) => Value::from_nested(plain),
    }
}

fn failed(text: &str) -> ParseError {
    ParseError::new(ErrorCode::ScriptFailed, text)
}
