//! Included objects that a trigger has answered: they are JSON, and so is what is included in them in turn.

use std::collections::HashMap;

use futures_util::future::BoxFuture;
use parsefleet_core::error::Result;
use serde_json::{Map as JsonMap, Value as Json};

use super::{
    super::{Reader, fields::Fields, fields::Paths, triggers::printed},
    Found,
};
use crate::codec::{Include, Includes};

impl Reader<'_> {
    /// Objects of one class as a trigger answered them, with what is included in them, as JSON by id.
    pub(super) fn answered_objects<'s>(
        &'s self,
        class_name: &'s str,
        mut objects: Vec<Json>,
        paths: &'s Paths,
        path: &'s [&'s str],
        request: &'s Fields,
    ) -> BoxFuture<'s, Result<HashMap<String, Vec<u8>>>> {
        Box::pin(async move {
            for (field, below) in &paths.children {
                let mut found = Found::default();
                objects
                    .iter()
                    .filter_map(|object| object.get(field))
                    .for_each(|value| found.collect_json(value, below));
                let mut path = path.to_vec();
                path.push(field);
                let include = self.include(found, below, path, request).await?;
                objects.iter_mut().filter_map(Json::as_object_mut).for_each(|object| replace(object, field, &include));
            }
            let mut by_id = HashMap::with_capacity(objects.len());
            for object in objects {
                let Json::Object(mut object) = object else { continue };
                let Some(id) = object.get("objectId").and_then(Json::as_str).map(str::to_owned) else { continue };
                object.insert("__type".to_owned(), "Object".into());
                object.insert("className".to_owned(), class_name.into());
                if class_name == "_User" && self.caller.is_restricted() {
                    object.shift_remove("sessionToken");
                    object.shift_remove("authData");
                }
                by_id.insert(id, printed(&Json::Object(object)));
            }
            Ok(by_id)
        })
    }
}

impl Found {
    /// Collects from a value of an object.
    fn collect_json(&mut self, value: &Json, paths: &Paths) {
        match value {
            Json::Array(items) => items.iter().for_each(|item| self.collect_json(item, paths)),
            Json::Object(members) => match pointer(members) {
                Some((class, id)) => self.add(class, id),
                None => {
                    for (member, below) in &paths.children {
                        if let Some(value) = members.get(member) {
                            self.nested.entry(member.clone()).or_default().collect_json(value, below);
                        }
                    }
                }
            },
            _ => {}
        }
    }
}

/// Puts included objects in the place of the pointers in a field. One whose object is not there disappears.
fn replace(object: &mut JsonMap<String, Json>, field: &str, include: &Include) {
    let Some(place) = object.get_mut(field) else { return };
    match replaced(place.take(), include) {
        Some(value) => *place = value,
        None => drop(object.shift_remove(field)),
    }
}

fn replaced(value: Json, include: &Include) -> Option<Json> {
    match value {
        Json::Array(items) => Some(items.into_iter().filter_map(|item| replaced(item, include)).collect()),
        Json::Object(members) => match pointer(&members) {
            Some((_, id)) => include.objects.get(id).and_then(|json| serde_json::from_slice(json).ok()),
            None => Some(Json::Object(replaced_members(members, &include.nested))),
        },
        other => Some(other),
    }
}

fn replaced_members(mut members: JsonMap<String, Json>, includes: &Includes) -> JsonMap<String, Json> {
    includes.fields.iter().for_each(|(field, include)| replace(&mut members, field, include));
    members
}

fn pointer(members: &JsonMap<String, Json>) -> Option<(&str, &str)> {
    let text = |name: &str| members.get(name).and_then(Json::as_str);
    text("__type").filter(|kind| *kind == "Pointer")?;
    Some((text("className")?, text("objectId")?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn include(objects: &[(&str, Json)]) -> Include {
        let objects = objects.iter().map(|(id, object)| ((*id).to_owned(), object.to_string().into_bytes())).collect();
        Include { objects, nested: Includes::default() }
    }

    fn to(id: &str) -> Json {
        json!({"__type": "Pointer", "className": "A", "objectId": id})
    }

    #[test]
    fn pointers_become_objects_or_disappear() {
        let mut object = JsonMap::from_iter([("p".to_owned(), to("one")), ("q".to_owned(), to("gone"))]);
        object.insert("l".to_owned(), json!([to("gone"), 7, to("one")]));
        object.insert("o".to_owned(), json!({"deep": to("one"), "n": 1}));
        let one = include(&[("one", json!({"n": 1}))]);
        for field in ["p", "q", "l"] {
            replace(&mut object, field, &one);
        }
        let nested = Includes { fields: [("deep".to_owned(), include(&[("one", json!({"n": 1}))]))].into() };
        replace(&mut object, "o", &Include { objects: HashMap::new(), nested });
        let expected = json!({"p": {"n": 1}, "l": [7, {"n": 1}], "o": {"deep": {"n": 1}, "n": 1}});
        assert_eq!(Json::Object(object), expected);
    }

    #[test]
    fn pointers_are_collected_along_the_paths() {
        let mut paths = Paths::default();
        paths.children.insert("deep".to_owned(), Paths::default());
        let mut found = Found::default();
        found.collect_json(&json!([to("one"), {"deep": [to("two")], "other": to("three")}, 7]), &paths);
        assert!(found.pointers["A"].contains("one") && found.pointers["A"].len() == 1);
        assert!(found.nested["deep"].pointers["A"].contains("two") && found.nested.len() == 1);
    }
}
