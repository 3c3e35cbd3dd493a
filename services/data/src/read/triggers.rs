//! What the app's own code is told of reads, and what becomes of its answers.
//!
//! Where a class has a trigger after reads, its objects go through JSON values; every other read stays on the short way from
//! the store's bytes to JSON text.

use std::collections::HashSet;

use bytes::Bytes;
use parsefleet_core::{ErrorCode, ParseError, error::Result, value::write_number};
use parsefleet_proto::v1::{FieldList, FindRequest, GetRequest, ReadPreferences, Selection};
use serde::Serialize as _;
use serde_json::{Map as JsonMap, Value as Json, ser::Formatter};

use super::{Reader, options::Options, output::Site};
use crate::{
    hooks::Moment,
    schema::Class,
    store::Documents,
    triggers::{Told, Triggers},
};

impl<'a> Reader<'a> {
    /// Asks the trigger before reads of a class, if there is one.
    ///
    /// # Errors
    /// What it says against the read.
    pub(super) async fn before(&self, class: &str, told: impl FnOnce() -> Told) -> Result<()> {
        match self.triggers.filter(|triggers| triggers.has(class, Moment::BeforeFind)) {
            // Reads that nobody is asked about are not to carry the room that a question takes.
            Some(triggers) => Box::pin(triggers.before_find(self.service, class, told())).await,
            None => Ok(()),
        }
    }

    /// The triggers, if there is one after reads of a class.
    pub(super) fn triggers_after(&self, class: &str) -> Option<&'a Triggers> {
        self.triggers.filter(|triggers| triggers.has(class, Moment::AfterFind))
    }

    /// Documents as the caller may see them, as values.
    pub(super) async fn objects(&self, class: &Class, documents: &Documents, site: Site<'_>) -> Result<Vec<Json>> {
        let printed = self.print(class, site, |printer| printer.results(documents, None, None)).await?;
        Ok(take_results(&mut parsed(&printed)?))
    }

    /// The answer to a get after the trigger of the class was told of it, if there is one.
    ///
    /// # Errors
    /// What the trigger says against it; 101 if there is no object.
    pub(super) async fn get_after(&self, request: &GetRequest, mut objects: Vec<Json>) -> Result<Bytes> {
        let class = request.class_name.as_str();
        if let Some(triggers) = self.triggers_after(class) {
            let mut told = told_of_get(request);
            tell_of_implied_includes(&mut told, request.selection.as_ref());
            objects = Box::pin(triggers.after_find(self.service, class, told, objects)).await?;
        }
        let object = objects.first_mut().ok_or_else(ParseError::object_not_found)?;
        if let Some(user) = object.as_object_mut().filter(|_| class == "_User") {
            // Who presents one is given it back by the gateway, and it is nobody else's.
            user.shift_remove("sessionToken");
        }
        Ok(printed(object).into())
    }

    /// The answer to a find after the trigger of the class was told of it, if there is one.
    ///
    /// # Errors
    /// What the trigger says against it.
    pub(super) async fn answer_after(
        &self,
        class: &str,
        request: &FindRequest,
        options: &Options,
        answer: Vec<u8>,
    ) -> Result<Vec<u8>> {
        let Some(triggers) = self.triggers_after(class) else { return Ok(answer) };
        let mut answer = parsed(&answer)?;
        let objects = take_results(&mut answer);
        let mut told = told_of_find(request, options);
        tell_of_implied_includes(&mut told, request.selection.as_ref());
        let mut objects = Box::pin(triggers.after_find(self.service, class, told, objects)).await?;
        if !request.redirect_class_name_for_key.is_empty() {
            for object in objects.iter_mut().filter_map(Json::as_object_mut) {
                object.insert("className".to_owned(), class.into());
            }
        }
        answer["results"] = Json::Array(objects);
        Ok(printed(&answer))
    }
}

/// What triggers are told of a get.
pub(super) fn told_of_get(request: &GetRequest) -> Told {
    let mut told = Told::of_object(&request.object_id);
    select(&mut told.query, request.selection.as_ref());
    prefer(&mut told.query, request.read_preferences.as_ref());
    told
}

/// What triggers are told of a find.
pub(super) fn told_of_find(request: &FindRequest, options: &Options) -> Told {
    let mut query = JsonMap::new();
    query.insert("where".to_owned(), options.filter.clone());
    select(&mut query, request.selection.as_ref());
    // `Parse.Query` knows no limit of 0, and no negative one.
    if options.limit > 0 && request.limit.is_none_or(|limit| limit > 0.0) {
        query.insert("limit".to_owned(), options.limit.into());
    }
    if options.skip > 0 {
        query.insert("skip".to_owned(), options.skip.into());
    }
    if !request.order.is_empty() {
        query.insert("order".to_owned(), request.order.join(",").into());
    }
    prefer(&mut query, request.read_preferences.as_ref());
    if let Some(hint) = &options.hint {
        query.insert("hint".to_owned(), hint.clone());
    }
    if options.explain.is_some() {
        query.insert("explain".to_owned(), true.into());
    }
    if let Some(comment) = &options.comment {
        query.insert("comment".to_owned(), comment.as_str().into());
    }
    if request.selection.as_ref().is_some_and(|selection| selection.include_all) {
        query.insert("includeAll".to_owned(), true.into());
    }
    if !request.redirect_class_name_for_key.is_empty() {
        query.insert("redirectClassNameForKey".to_owned(), request.redirect_class_name_for_key.as_str().into());
    }
    Told { query, counts: request.count, is_get: false }
}

/// What triggers are told of the objects that are included at one place.
pub(super) fn told_of_include(ids: &[&str], keys: Option<&[String]>, exclude_keys: Option<&[String]>) -> Told {
    let mut told = match ids {
        [id] => Told::of_object(id),
        _ => {
            let filter = serde_json::json!({ "objectId": { "$in": ids } });
            Told { query: JsonMap::from_iter([("where".to_owned(), filter)]), counts: false, is_get: false }
        }
    };
    for (name, list) in [("keys", keys), ("excludeKeys", exclude_keys)] {
        let mut seen = HashSet::new();
        let names = list.unwrap_or_default().iter().map(String::as_str);
        let names: Vec<&str> = names.filter(|name| seen.insert(*name)).collect();
        if !names.is_empty() {
            told.query.insert(name.to_owned(), names.join(",").into());
        }
    }
    told
}

/// What triggers are told of a query in a query.
pub(super) fn told_of_subquery(filter: &Json, redirect: Option<&str>, limit: Option<u64>) -> Told {
    let mut query = JsonMap::new();
    query.insert("where".to_owned(), filter.clone());
    if let Some(limit) = limit {
        query.insert("limit".to_owned(), limit.into());
    }
    if let Some(key) = redirect {
        query.insert("redirectClassNameForKey".to_owned(), key.into());
    }
    Told { query, counts: false, is_get: false }
}

/// What triggers are told of an aggregation: its conditions, and what it is about.
pub(super) fn told_of_aggregation<const N: usize>(filter: Option<&Json>, about: [(&str, &Json); N]) -> Told {
    let mut query = JsonMap::new();
    query.insert("where".to_owned(), filter.cloned().unwrap_or_else(|| Json::Object(JsonMap::new())));
    query.extend(about.map(|(name, value)| (name.to_owned(), value.clone())));
    Told { query, counts: false, is_get: false }
}

fn select(query: &mut JsonMap<String, Json>, selection: Option<&Selection>) {
    let Some(selection) = selection else { return };
    let mut list = |name: &str, names: &[String]| {
        if !names.is_empty() {
            query.insert(name.to_owned(), names.join(",").into());
        }
    };
    let names = |list: &'_ Option<FieldList>| list.as_ref().map(|list| list.names.clone()).unwrap_or_default();
    list("include", &selection.include);
    list("excludeKeys", &names(&selection.exclude_keys));
    list("keys", &names(&selection.keys));
}

/// After the read, the objects that were included because keys of theirs were named are told of as if they had been asked for.
fn tell_of_implied_includes(told: &mut Told, selection: Option<&Selection>) {
    let Some(selection) = selection else { return };
    let named = [&selection.keys, &selection.exclude_keys].into_iter().flatten().flat_map(|list| &list.names);
    let implied = named.filter_map(|key| key.rsplit_once('.')).map(|(path, _)| path);
    let paths: Vec<&str> = selection.include.iter().map(String::as_str).chain(implied).collect();
    if !paths.is_empty() {
        told.query.insert("include".to_owned(), paths.join(",").into());
    }
}

fn prefer(query: &mut JsonMap<String, Json>, preferences: Option<&ReadPreferences>) {
    let Some(preferences) = preferences else { return };
    for (name, preference) in [
        ("readPreference", &preferences.main),
        ("includeReadPreference", &preferences.include),
        ("subqueryReadPreference", &preferences.subquery),
    ] {
        if !preference.is_empty() {
            query.insert(name.to_owned(), preference.as_str().into());
        }
    }
}

/// Objects as they were printed for the caller, as values.
///
/// # Errors
/// The printer printed something else, which it never does.
fn parsed(json: &[u8]) -> Result<Json> {
    serde_json::from_slice(json).map_err(|error| {
        tracing::error!(%error, "what was printed of objects is no JSON");
        ParseError::new(ErrorCode::InternalServerError, "Internal server error.")
    })
}

/// The objects of an answer to a find.
fn take_results(answer: &mut Json) -> Vec<Json> {
    match answer.get_mut("results").map(Json::take) {
        Some(Json::Array(objects)) => objects,
        Some(_) | None => Vec::new(),
    }
}

/// A value as text, with JavaScript's numbers.
pub(super) fn printed(value: &Json) -> Vec<u8> {
    let mut text = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut text, JavaScript);
    // A vector takes every byte, and a value has only text as names.
    if let Err(error) = value.serialize(&mut serializer) {
        tracing::error!(%error, "a value was not printed");
    }
    text
}

/// Numbers as JavaScript writes them.
struct JavaScript;

impl Formatter for JavaScript {
    fn write_f64<W: ?Sized + std::io::Write>(&mut self, writer: &mut W, value: f64) -> std::io::Result<()> {
        let mut text = Vec::new();
        write_number(value, &mut text);
        writer.write_all(&text)
    }

    // JavaScript has no other number, so that a great one loses its last digits.
    fn write_u64<W: ?Sized + std::io::Write>(&mut self, writer: &mut W, value: u64) -> std::io::Result<()> {
        self.write_f64(writer, value as f64)
    }

    fn write_i64<W: ?Sized + std::io::Write>(&mut self, writer: &mut W, value: i64) -> std::io::Result<()> {
        self.write_f64(writer, value as f64)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use serde_json::json;

    use super::*;
    use crate::{caller::Caller, settings::Settings};

    fn names(list: &[&str]) -> Option<FieldList> {
        Some(FieldList { names: list.iter().map(|name| (*name).to_owned()).collect() })
    }

    #[test]
    fn a_find_is_told_as_the_sdk_writes_a_query() {
        let request = FindRequest {
            r#where: r#"{"n":1}"#.into(),
            limit: Some(5.0),
            skip: Some(2.0),
            order: vec!["-n".to_owned(), "s".to_owned()],
            count: true,
            selection: Some(Selection {
                keys: names(&["n", "s"]),
                include: vec!["p".to_owned()],
                ..Default::default()
            }),
            comment: "why".to_owned(),
            ..FindRequest::default()
        };
        let options = Options::new(&request, &Caller::Master, &Settings::default()).unwrap();
        let told = told_of_find(&request, &options);
        let query = json!({
            "where": {"n": 1}, "include": "p", "keys": "n,s", "limit": 5, "skip": 2, "order": "-n,s", "comment": "why",
        });
        assert_eq!(Json::Object(told.query), query);
        assert!(told.counts && !told.is_get);
    }

    #[test]
    fn no_limit_is_told_where_nothing_is_to_be_found() {
        for limit in [0.0, -1.0] {
            let request = FindRequest { limit: Some(limit), ..FindRequest::default() };
            let options = Options::new(&request, &Caller::Public, &Settings::default()).unwrap();
            assert_eq!(Json::Object(told_of_find(&request, &options).query), json!({"where": {}}));
        }
    }

    #[test]
    fn one_included_object_is_a_get() {
        let keys = ["a", "b", "a"].map(str::to_owned);
        let told = told_of_include(&["one"], Some(&keys), None);
        assert_eq!(Json::Object(told.query), json!({"where": {"objectId": "one"}, "keys": "a,b"}));
        assert!(told.is_get);
        let told = told_of_include(&["one", "two"], None, Some(&[]));
        assert_eq!(Json::Object(told.query), json!({"where": {"objectId": {"$in": ["one", "two"]}}}));
        assert!(!told.is_get);
    }

    #[test]
    fn numbers_are_javascript_s() {
        let value: Json =
            serde_json::from_str(r#"[1e21,1e-7,100000000000000000000,1.0,12345678901234567,"é"]"#).unwrap();
        assert_eq!(
            String::from_utf8(printed(&value)).unwrap(),
            r#"[1e+21,1e-7,100000000000000000000,1,12345678901234568,"é"]"#
        );
    }
}
