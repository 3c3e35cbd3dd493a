//! Triggers of reads: before one, which may refuse it, and after one, which may answer in its place.

use parsefleet_core::error::Result;
use serde_json::{Map as JsonMap, Value as Json};

use super::{Reply, Triggers};
use crate::{hooks::Moment, service::DataService};

/// A read, as its triggers are told of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Told {
    /// As `Parse.Query` writes it.
    pub(crate) query: JsonMap<String, Json>,
    /// Whether the objects are counted, too.
    pub(crate) counts: bool,
    /// Whether one object is read by its id.
    pub(crate) is_get: bool,
}

impl Told {
    /// Of one object.
    pub(crate) fn of_object(id: &str) -> Self {
        let mut filter = JsonMap::new();
        filter.insert("objectId".to_owned(), id.into());
        let mut query = JsonMap::new();
        query.insert("where".to_owned(), Json::Object(filter));
        Self { query, counts: false, is_get: true }
    }
}

impl Triggers {
    /// Asks whether objects of a class may be read. What a trigger answers otherwise changes nothing: a query is not sent back.
    ///
    /// # Errors
    /// 141 if not.
    pub(crate) async fn before_find(&self, service: &DataService, class: &str, told: Told) -> Result<()> {
        let mut about = JsonMap::new();
        about.insert("query".to_owned(), Json::Object(told.query));
        about.insert("count".to_owned(), told.counts.into());
        about.insert("isGet".to_owned(), told.is_get.into());
        self.ask(service, class, Moment::BeforeFind, about).await.map(|_| ())
    }

    /// Tells what was read of a class, and gives back what is to be answered: the trigger's list, or else the objects, each of
    /// which then names its class.
    ///
    /// # Errors
    /// 141 if nothing is to be answered.
    pub(crate) async fn after_find(
        &self,
        service: &DataService,
        class: &str,
        told: Told,
        objects: Vec<Json>,
    ) -> Result<Vec<Json>> {
        let mut about = JsonMap::new();
        about.insert("object".to_owned(), Json::Null);
        about.insert("isGet".to_owned(), told.is_get.into());
        about.insert("query".to_owned(), Json::Object(told.query));
        about.insert("objects".to_owned(), Json::Array(objects.clone()));
        match self.ask(service, class, Moment::AfterFind, about).await? {
            Reply::Success(Json::Array(answered)) => Ok(answered),
            Reply::Success(_) | Reply::Nothing => Ok(objects.into_iter().map(|object| named(object, class)).collect()),
        }
    }
}

/// An object as Parse Server prints one that its SDK has held: the id after the fields, the class at the end.
fn named(object: Json, class: &str) -> Json {
    let Json::Object(members) = object else { return object };
    let mut members = held(members);
    members.insert("className".to_owned(), class.into());
    Json::Object(members)
}

fn held(members: JsonMap<String, Json>) -> JsonMap<String, Json> {
    let mut members: JsonMap<String, Json> =
        members.into_iter().map(|(name, value)| (name, held_value(value))).collect();
    if let Some(id) = members.shift_remove("objectId") {
        members.insert("objectId".to_owned(), id);
    }
    members
}

/// Included objects are held, too.
fn held_value(value: Json) -> Json {
    match value {
        Json::Array(items) => Json::Array(items.into_iter().map(held_value).collect()),
        Json::Object(members) if members.get("__type").and_then(Json::as_str) == Some("Object") => {
            let mut members = held(members);
            for name in ["__type", "className"] {
                if let Some(value) = members.shift_remove(name) {
                    members.insert(name.to_owned(), value);
                }
            }
            Json::Object(members)
        }
        Json::Object(members) => {
            Json::Object(members.into_iter().map(|(name, value)| (name, held_value(value))).collect())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_ends_with_its_id_and_its_class() {
        let included = json!({"objectId": "b", "n": 1, "__type": "Object", "className": "B"});
        let object =
            json!({"objectId": "a", "one": included, "many": [{"objectId": "kept here"}, 7], "createdAt": "now"});
        assert_eq!(
            named(object, "A").to_string(),
            r#"{"one":{"n":1,"objectId":"b","__type":"Object","className":"B"},"many":[{"objectId":"kept here"},7],"#
                .to_owned()
                + r#""createdAt":"now","objectId":"a","className":"A"}"#
        );
        assert_eq!(named(json!(7), "A"), json!(7));
    }
}
