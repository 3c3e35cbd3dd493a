//! What a page is about: told to it as values, in headers, and in the URL when it is elsewhere.

use http::{HeaderMap, HeaderName, HeaderValue};
use parsefleet_core::uri::URI_COMPONENT;
use percent_encoding::utf8_percent_encode;
use serde_json::{Map, Value as Json};

/// Start of the names of the headers.
const HEADER_PREFIX: &str = "x-parse-page-param-";

/// Names with values, in the order in which they were first set. It may hold a token: it is never shown.
#[derive(Clone, Default)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    /// Sets a value; a name that is there keeps its place.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, present)) => value.clone_into(present),
            None => self.0.push((name.to_owned(), value.to_owned())),
        }
    }

    /// The same with a value.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.set(name, value);
        self
    }

    /// For programs that do not want to read the page.
    pub(crate) fn write_headers(&self, headers: &mut HeaderMap, encode: bool) {
        for (name, value) in &self.0 {
            let name = format!("{HEADER_PREFIX}{}", name.to_ascii_lowercase());
            if let (Ok(name), Some(value)) = (HeaderName::try_from(name), header_value(value, encode)) {
                headers.insert(name, value);
            }
        }
    }

    /// As values of a template.
    pub(crate) fn to_view(&self) -> Map<String, Json> {
        self.0.iter().map(|(name, value)| (name.clone(), Json::from(value.as_str()))).collect()
    }

    /// A URL with all of them in its query; one that is there already is replaced.
    pub(crate) fn in_query_of(&self, url: &str) -> String {
        let (url, fragment) = url.split_once('#').map_or((url, None), |(url, fragment)| (url, Some(fragment)));
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let mut pairs = Self(Vec::new());
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            pairs.0.push((name.into_owned(), value.into_owned()));
        }
        for (name, value) in &self.0 {
            pairs.set(name, value);
        }
        let mut written = form_urlencoded::Serializer::new(String::new());
        written.extend_pairs(pairs.0.iter());
        let mut location = with_path(base);
        location.push('?');
        location.push_str(&written.finish());
        if let Some(fragment) = fragment {
            location.push('#');
            location.push_str(fragment);
        }
        location
    }
}

/// A host by itself has the path `/`.
fn with_path(base: &str) -> String {
    let is_bare = base.split_once("://").is_some_and(|(_, rest)| !rest.is_empty() && !rest.contains('/'));
    let is_web = base.starts_with("http:") || base.starts_with("https:");
    if is_bare && is_web { format!("{base}/") } else { base.to_owned() }
}

/// Control characters have no place in a header. What is beyond Latin 1 cannot be written there and is encoded.
fn header_value(value: &str, encode: bool) -> Option<HeaderValue> {
    let plain: String = value.chars().filter(|character| !matches!(character, '\0'..='\x1f' | '\x7f')).collect();
    if encode || plain.chars().any(|character| character > '\u{ff}') {
        return HeaderValue::from_str(&utf8_percent_encode(&plain, URI_COMPONENT).to_string()).ok();
    }
    let latin: Vec<u8> = plain.chars().filter_map(|character| u8::try_from(u32::from(character)).ok()).collect();
    HeaderValue::from_bytes(&latin).ok()
}
