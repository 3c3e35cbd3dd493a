//! What triggers are told: the bodies of Parse Server's webhooks.

use parsefleet_core::{FieldName, FieldPath};
use parsefleet_proto::v1::RequestContext;
use serde_json::{Map as JsonMap, Value as Json, json};

use crate::{caller::Caller, hooks::Moment};

mod pending;

/// An object as REST JSON.
type Members = JsonMap<String, Json>;

/// Members of an object that a change does not change.
const READ_ONLY: [&str; 3] = ["objectId", "createdAt", "updatedAt"];

/// Who asks.
pub(super) struct Asker<'a> {
    pub(super) context: &'a RequestContext,
    pub(super) caller: &'a Caller,
    /// The caller's own object.
    pub(super) user: Option<&'a Members>,
    pub(super) app_id: &'a str,
}

/// The body of a request: what it is about, between what every trigger is told. A name is that of a trigger, or of a function.
pub(super) fn body(name: &str, about: Members, asker: &Asker<'_>) -> Members {
    let Asker { context, caller, user, app_id } = asker;
    let mut body = Members::new();
    let mut tell = |key: &str, value: Json| body.insert(key.to_owned(), value);
    tell("triggerName", name.into());
    about.into_iter().for_each(|(key, value)| drop(tell(&key, value)));
    tell("master", matches!(caller, Caller::Master | Caller::ReadOnlyMaster).into());
    tell("isReadOnly", (**caller == Caller::ReadOnlyMaster).into());
    if let Some(user) = user {
        tell("user", Json::Object((*user).clone()));
    }
    match (context.installation_id.as_str(), caller.is_restricted()) {
        ("", true) => {}
        // What keys of the app do is done by the app itself.
        ("", false) => drop(tell("installationId", "cloud".into())),
        (id, _) => drop(tell("installationId", id.into())),
    }
    // The place of Parse Server's own logger.
    tell("log", json!({ "appId": app_id }));
    tell("headers", parsed(&context.headers));
    tell("ip", context.client_ip.as_str().into());
    if name != Moment::AfterLogout.name() {
        tell("context", parsed(&context.cloud_context));
    }
    body
}

/// The body about an object, and about what it was before.
pub(crate) fn about(class: &str, object: Members, original: Option<&Members>) -> Members {
    let mut about = Members::new();
    about.insert("object".to_owned(), named(class, object));
    if let Some(original) = original {
        about.insert("original".to_owned(), named(class, original.clone()));
    }
    about
}

/// A new object: what its creator asks for, operations included.
pub(crate) fn new_object(body: &Members) -> Members {
    let told = body.iter().filter(|(key, _)| is_told(key) || *key == "objectId");
    told.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// An object with the changes that are asked for: values in the place of the ones before, operations as they are. A path into
/// a value is told as the value that it leads to.
pub(crate) fn changed_object(original: &Members, id: &str, body: &Members) -> Members {
    let mut object = original.clone();
    object.insert("objectId".to_owned(), id.into());
    for (key, value) in body {
        match key.split_once('.') {
            None if is_told(key) => drop(object.insert(key.clone(), value.clone())),
            Some((root, rest)) if is_told(root) && FieldPath::new(key).is_some() => {
                pending::change_at(&mut object, root, rest, value)
            }
            None | Some(_) => {}
        }
    }
    object
}

/// Whether a field is one of those that a write may change and clients know of.
fn is_told(key: &str) -> bool {
    FieldName::new(key).is_some() && !READ_ONLY.contains(&key)
}

fn named(class: &str, mut object: Members) -> Json {
    // Last, as in Parse Server.
    if let Some(id) = object.shift_remove("objectId") {
        object.insert("objectId".to_owned(), id);
    }
    object.insert("className".to_owned(), class.into());
    Json::Object(object)
}

/// The gateway's own JSON; nothing if it sent none.
fn parsed(json: &[u8]) -> Json {
    serde_json::from_slice(json).unwrap_or_else(|_| json!({}))
}

#[cfg(test)]
mod tests;
