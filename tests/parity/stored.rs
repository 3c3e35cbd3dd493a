//! What is in the database after a question.

use anyhow::Result;
use bson::{Bson, Document, doc};
use futures_util::TryStreamExt as _;
use mongodb::Database;
use regex::Regex;
use serde_json::{Map, Value};

use crate::question::Scenario;

/// Classes that scenarios share: of these, rows count that belong to objects the scenario has met.
const SHARED: [(&str, &[&str]); 2] = [("_User", &["_id"]), ("_Session", &["_p_user"])];

/// The classes that a scenario speaks of, Parse's own ones left out: other scenarios share those.
pub(crate) fn classes_of(scenario: &Scenario) -> Vec<String> {
    let class = Regex::new(r"/(?:classes|schemas|purge)/([A-Za-z][A-Za-z0-9_]*)").expect("the pattern is valid");
    let mut classes: Vec<String> = Vec::new();
    for question in &scenario.questions {
        let body = question.body.as_ref().map(Value::to_string).unwrap_or_default();
        for text in [&question.line, &body] {
            classes.extend(class.captures_iter(text).map(|captures| captures[1].to_owned()));
        }
        if question.line.contains(" /hooks") {
            classes.push("_Hooks".to_owned());
        }
        // Only one scenario after the other writes it.
        if question.line == "PUT /config" {
            classes.push("_GlobalConfig".to_owned());
        }
        if question.line.starts_with("POST /hooks") {
            classes.push("_Hooks".to_owned());
        }
    }
    classes.sort();
    classes.dedup();
    classes
}

/// Every document of these classes, of their relations and of their schema. The order of a document's columns counts, and so
/// does the type of each value.
pub(crate) async fn documents(database: &Database, classes: &[String], ids: &[String]) -> Result<Value> {
    let mut found = Map::new();
    let mut names = database.list_collection_names().await?;
    names.sort();
    for name in names {
        let owner = name.rsplit(':').next().unwrap_or_default();
        if classes.iter().any(|class| class == owner) {
            let collection = database.collection::<Document>(&name);
            let mut documents: Vec<Document> = collection.find(doc! {}).await?.try_collect().await?;
            if name != owner || name == "_Hooks" {
                // The ids of hooks and of the rows of a relation are nobody's affair: only their type says something.
                for document in &mut documents {
                    let id = document.get("_id").map(|id| format!("{:?}", id.element_type())).unwrap_or_default();
                    document.insert("_id", id);
                }
            }
            found.insert(name, documents.into_iter().map(|document| describe(Bson::Document(document))).collect());
        }
    }
    let schema = database.collection::<Document>("_SCHEMA");
    for class in classes {
        if let Some(mut document) = schema.find_one(doc! { "_id": class }).await? {
            // Fields of one write are added concurrently: their order in the schema is no property of either server.
            let mut fields: Vec<_> = std::mem::take(&mut document).into_iter().collect();
            fields.sort_by(|(one, _), (other, _)| one.cmp(other));
            found.insert(format!("_SCHEMA {class}"), describe(Bson::Document(fields.into_iter().collect())));
        }
    }
    if !ids.is_empty() {
        for (class, columns) in SHARED {
            let named: Vec<String> = ids.iter().flat_map(|id| [id.clone(), format!("_User${id}")]).collect();
            let any: Vec<Document> = columns.iter().map(|column| doc! { *column: { "$in": &named } }).collect();
            let rows = database.collection::<Document>(class).find(doc! { "$or": any }).await?;
            let rows: Vec<Document> = rows.try_collect().await?;
            if !rows.is_empty() {
                let rows = rows.into_iter().map(|row| describe(Bson::Document(by_name(without_chance(row)))));
                found.insert(class.to_owned(), rows.collect());
            }
        }
    }
    Ok(Value::Object(found))
}

/// A session without what is drawn for it: that it is there, and in which form.
fn without_chance(mut row: Document) -> Document {
    let token = Regex::new("^r:[0-9a-f]{32}$").expect("the pattern is valid");
    if row.contains_key("_p_user") && row.get_str("_session_token").is_ok_and(|text| token.is_match(text)) {
        row.insert("_session_token", "<token>");
        row.insert("_id", "<id>");
    }
    row
}

/// The columns of a row in the order of their names: who owns the class writes some of them by themselves.
fn by_name(row: Document) -> Document {
    let mut columns: Vec<_> = row.into_iter().collect();
    columns.sort_by(|(one, _), (other, _)| one.cmp(other));
    columns.into_iter().collect()
}

/// The documents of each collection in an order that does not depend on which of several simultaneous writes came first.
pub(crate) fn sorted(mut documents: Value) -> Value {
    if let Value::Object(collections) = &mut documents {
        for documents in collections.values_mut().filter_map(Value::as_array_mut) {
            documents.sort_by_key(Value::to_string);
        }
    }
    documents
}

/// Extended JSON that keeps apart what JSON would not: 32-bit integers and doubles. Times of the run become texts, so that
/// they can be recognised as such.
fn describe(value: Bson) -> Value {
    match value {
        Bson::Document(document) => document.into_iter().map(|(key, value)| (key, describe(value))).collect(),
        Bson::Array(elements) => elements.into_iter().map(describe).collect(),
        Bson::DateTime(time) => Value::String(format!(
            "date {}",
            time.try_to_rfc3339_string()
                .map_or_else(|_| time.timestamp_millis().to_string(), |text| with_milliseconds(&text))
        )),
        Bson::ObjectId(id) => Value::String(id.to_hex()),
        other => other.into_canonical_extjson(),
    }
}

/// RFC 3339 leaves out a zero fraction.
fn with_milliseconds(text: &str) -> String {
    let text = text.trim_end_matches('Z');
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    format!("{seconds}.{fraction:0<3}Z")
}
