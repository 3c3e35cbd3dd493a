//! Classes as the REST API shows them.

use serde_json::{Map as JsonMap, Value as Json, json};

use super::{ClassSchema, Field, VOLATILE_CLASSES};

/// Operations that permissions show whether or not they were given.
const SHOWN: [&str; 8] = ["find", "count", "get", "create", "update", "delete", "addField", "protectedFields"];

impl ClassSchema {
    /// The class as it is shown to somebody who asks for it.
    pub fn to_rest(&self) -> Json {
        let fields = self.fields.iter().map(|(name, field)| (name.clone(), field_to_rest(name, field)));
        self.shown(fields.collect())
    }

    /// The class as it is shown to whoever has just made it: the same, in another order.
    pub fn to_rest_when_created(&self) -> Json {
        let mut fields = JsonMap::new();
        let is_user = self.name.as_str() == "_User";
        let first = ["objectId", "updatedAt", "createdAt"].map(str::to_owned);
        let last = ["ACL", "password"];
        let hidden = |name: &str| is_user && name == "authData";
        let middle = self.fields.keys().filter(|name| !first.contains(name) && !last.contains(&name.as_str()));
        let names = first.iter().chain(middle);
        let tail = self.fields.keys().filter(|name| last.contains(&name.as_str()));
        for name in names.chain(tail).filter(|name| !hidden(name)) {
            if let Some(field) = self.fields.get(name) {
                fields.insert(name.clone(), field_to_rest(name, field));
            }
        }
        self.shown(fields)
    }

    fn shown(&self, fields: JsonMap<String, Json>) -> Json {
        let mut shown = JsonMap::new();
        shown.insert("className".to_owned(), self.name.as_str().into());
        shown.insert("fields".to_owned(), fields.into());
        shown.insert("classLevelPermissions".to_owned(), self.permissions_to_rest());
        if !self.indexes.is_empty() {
            shown.insert("indexes".to_owned(), self.indexes.clone().into());
        }
        Json::Object(shown)
    }

    /// Permissions with everything that was not given, which is closed; without any, everything is open.
    fn permissions_to_rest(&self) -> Json {
        let Some(stored) = self.permissions.as_ref().filter(|stored| !stored.is_null()) else {
            return match VOLATILE_CLASSES.contains(&self.name.as_str()) {
                true => json!({}),
                false => open(),
            };
        };
        let mut shown: JsonMap<String, Json> = SHOWN.iter().map(|name| ((*name).to_owned(), json!({}))).collect();
        for (name, value) in stored.as_object().into_iter().flatten() {
            shown.insert(name.clone(), value.clone());
        }
        Json::Object(shown)
    }
}

fn open() -> Json {
    let everybody = json!({"*": true});
    json!({
        "ACL": {"*": {"read": true, "write": true}},
        "find": everybody, "count": everybody, "get": everybody, "create": everybody, "update": everybody,
        "delete": everybody, "addField": everybody,
        "protectedFields": {"*": []},
    })
}

fn field_to_rest(name: &str, field: &Field) -> Json {
    let mut shown = JsonMap::new();
    shown.insert("type".to_owned(), field.field_type.type_name().into());
    if let Some(class) = field.field_type.target_class() {
        shown.insert("targetClass".to_owned(), class.into());
    }
    // What an old database may hold about the columns of every class has no effect.
    if !["objectId", "createdAt", "updatedAt", "ACL"].contains(&name) {
        shown.extend(field.options.iter().map(|(key, value)| (key.clone(), value.clone())));
    }
    Json::Object(shown)
}
