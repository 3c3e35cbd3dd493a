//! The options of a read: query string over body members, as Parse Server merges them, into typed fields.

use std::borrow::Cow;

use bytes::Bytes;
use indexmap::{IndexMap, map::Entry};
use parsefleet_core::{ErrorCode, ParseError};
use parsefleet_proto::v1::{FieldList, FindRequest, GetRequest, ReadPreferences, Selection};

use crate::{
    body::Members,
    javascript::{self, Loose},
};

/// What `find` understands.
const FIND: [&str; 16] = [
    "skip",
    "limit",
    "order",
    "count",
    "keys",
    "excludeKeys",
    "include",
    "includeAll",
    "redirectClassNameForKey",
    "where",
    "readPreference",
    "includeReadPreference",
    "subqueryReadPreference",
    "hint",
    "explain",
    "comment",
];

/// What `get` understands.
const GET: [&str; 6] =
    ["keys", "include", "excludeKeys", "readPreference", "includeReadPreference", "subqueryReadPreference"];

/// Merged parameters by name, in JavaScript's order. A client decides how many there are: each is found by its hash.
pub(crate) struct Parameters<'a>(IndexMap<Cow<'a, str>, Loose<'a>>);

impl<'a> Parameters<'a> {
    /// The query string wins over the body. A name that comes more than once in the query is a list.
    pub(crate) fn merge(query: Option<&'a str>, body: &'a Members) -> Self {
        let in_body = body.iter().map(|(name, text)| (Cow::Borrowed(name), Loose::json(text)));
        let mut merged: IndexMap<_, _> = in_body.collect();
        merged.extend(texts_of(query).into_iter().map(|(name, text)| (name, Loose::decode(text))));
        Self(merged)
    }

    /// Fills in what `find` was asked for.
    ///
    /// # Errors
    /// 102 for a parameter that is not one of `find`'s, 107 for a `where` that is not a JSON object.
    pub(crate) fn apply_to_find(&self, request: &mut FindRequest) -> Result<(), ParseError> {
        if let Some(unknown) = self.0.keys().find(|name| !FIND.contains(&&***name)) {
            return Err(ParseError::new(ErrorCode::InvalidQuery, format!("Invalid parameter for query: {unknown}")));
        }
        request.r#where = self.conditions()?;
        let limit = self.get("limit").filter(|limit| limit.is_truthy() || limit.is_zero());
        request.limit = limit.map(Loose::to_number);
        request.skip = self.truthy("skip").map(Loose::to_number);
        if let Some(order) = self.truthy("order") {
            request.order = order.to_text().split(',').map(|term| term.trim().to_owned()).collect();
        }
        request.count = self.truthy("count").is_some();
        request.selection = Some(self.selection());
        request.read_preferences = Some(self.read_preferences());
        if let Some(key) = self.truthy("redirectClassNameForKey") {
            request.redirect_class_name_for_key = key.to_text().into_owned();
        }
        if let Some(hint) = self.truthy("hint").filter(|hint| hint.is_string() || hint.is_object()) {
            request.hint = hint.to_json();
        }
        if let Some(explain) = self.truthy("explain") {
            request.explain = explain.to_json();
        }
        if let Some(comment) = self.truthy("comment").and_then(Loose::as_string) {
            request.comment = comment.into_owned();
        }
        Ok(())
    }

    /// Fills in what `get` was asked for.
    ///
    /// # Errors
    /// 102 for a parameter that is not one of `get`'s.
    pub(crate) fn apply_to_get(&self, request: &mut GetRequest) -> Result<(), ParseError> {
        if self.0.keys().any(|name| !GET.contains(&&**name)) {
            return Err(ParseError::new(ErrorCode::InvalidQuery, "Improper encode of parameter"));
        }
        request.selection = Some(self.selection());
        request.read_preferences = Some(self.read_preferences());
        Ok(())
    }

    fn get(&self, name: &str) -> Option<&Loose<'a>> {
        self.0.get(name)
    }

    fn truthy(&self, name: &str) -> Option<&Loose<'a>> {
        self.get(name).filter(|value| value.is_truthy())
    }

    fn conditions(&self) -> Result<Bytes, ParseError> {
        let Some(given) = self.get("where") else { return Ok(Bytes::new()) };
        let text = given.as_string();
        let json = text.as_deref().map_or(Some(given.as_json()), javascript::json_in);
        match json {
            Some(json) if json.starts_with('{') => Ok(Bytes::copy_from_slice(json.as_bytes())),
            _ => Err(ParseError::new(ErrorCode::InvalidJson, "where parameter is not valid JSON")),
        }
    }

    fn selection(&self) -> Selection {
        Selection {
            keys: self.names("keys"),
            exclude_keys: self.names("excludeKeys"),
            include: self.names("include").map(|list| list.names).unwrap_or_default(),
            include_all: self.truthy("includeAll").is_some(),
        }
    }

    /// A comma list or JSON array; `null` counts as absent.
    fn names(&self, name: &str) -> Option<FieldList> {
        let list = self.get(name).filter(|value| !value.is_null())?.to_text();
        Some(FieldList { names: list.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect() })
    }

    fn read_preferences(&self) -> ReadPreferences {
        let preference = |name| {
            let text = self.get(name).and_then(Loose::as_string);
            text.map(|text| text.to_ascii_uppercase()).unwrap_or_default()
        };
        ReadPreferences {
            main: preference("readPreference"),
            include: preference("includeReadPreference"),
            subquery: preference("subqueryReadPreference"),
        }
    }
}

/// The texts of a query string by name; those of a list are separated by commas.
fn texts_of(query: Option<&str>) -> IndexMap<Cow<'_, str>, Cow<'_, str>> {
    let mut texts: IndexMap<Cow<'_, str>, Cow<'_, str>> = IndexMap::new();
    for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        match texts.entry(without_list_mark(name)) {
            Entry::Occupied(mut list) => {
                let list = list.get_mut().to_mut();
                list.push(',');
                list.push_str(&value);
            }
            Entry::Vacant(place) if place.key().is_empty() => {}
            Entry::Vacant(place) => {
                place.insert(value);
            }
        }
    }
    texts
}

/// `name[]` is another spelling of a list's name.
fn without_list_mark(name: Cow<'_, str>) -> Cow<'_, str> {
    match name {
        Cow::Borrowed(name) => Cow::Borrowed(name.strip_suffix("[]").unwrap_or(name)),
        Cow::Owned(name) => Cow::Owned(name.strip_suffix("[]").map(str::to_owned).unwrap_or(name)),
    }
}

mod aggregate;
#[cfg(test)]
mod tests;

pub(crate) use aggregate::Aggregation;
