//! The pages that links in mails lead to.

use std::{collections::BTreeMap, path::PathBuf};

use serde_json::{Map, Value as Json};

use super::Builder;
use crate::config::{CustomRoute, CustomUrl, Page, Pages, value};

/// Path of the routes if `pagesEndpoint` is empty.
const DEFAULT_ENDPOINT: &str = "apps";

impl Builder<'_> {
    pub(super) fn pages(&mut self) -> Pages {
        let given = self.group("pages", "Parse Server option pages must be an object.");
        let legacy = self.group("customPages", "Parse Server option customPages must be an object.");
        let endpoint = self.page_text(&given, "pagesEndpoint").unwrap_or_default();
        let endpoint = Some(endpoint.trim_matches('/')).filter(|endpoint| !endpoint.is_empty());
        Pages {
            endpoint: endpoint.unwrap_or(DEFAULT_ENDPOINT).to_owned(),
            folder: self.page_text(&given, "pagesPath").map(PathBuf::from),
            localize: self.page_switch(&given, "enableLocalization"),
            translations: self.page_text(&given, "localizationJsonPath").map(PathBuf::from),
            fallback_locale: self.page_text(&given, "localizationFallbackLocale").unwrap_or_else(|| "en".to_owned()),
            placeholders: self.placeholders(&given),
            force_redirect: self.page_switch(&given, "forceRedirect"),
            encode_headers: self.page_switch(&given, "encodePageParamHeaders"),
            custom_urls: self.custom_urls(&given, &legacy),
            custom_routes: self.custom_routes(&given),
            frame_url: self.legacy_url(&legacy, "parseFrameURL"),
        }
    }

    fn group(&mut self, name: &str, problem: &str) -> Map<String, Json> {
        match self.settings.value(name) {
            Some(Json::Object(members)) => members,
            None | Some(Json::Null) => Map::new(),
            Some(_) => {
                self.problem(problem);
                Map::new()
            }
        }
    }

    fn page_text(&mut self, given: &Map<String, Json>, name: &str) -> Option<String> {
        match given.get(name)? {
            Json::String(text) => Some(text.clone()),
            Json::Null => None,
            Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_) => {
                self.problem(format!("Parse Server option pages.{name} must be a string."));
                None
            }
        }
    }

    fn page_switch(&mut self, given: &Map<String, Json>, name: &str) -> bool {
        match given.get(name) {
            None | Some(Json::Null) => false,
            Some(Json::Bool(value)) => *value,
            Some(_) => {
                self.problem(format!("Parse Server option pages.{name} must be a boolean."));
                false
            }
        }
    }

    fn placeholders(&mut self, given: &Map<String, Json>) -> Map<String, Json> {
        match given.get("placeholders") {
            None | Some(Json::Null) => Map::new(),
            Some(Json::Object(placeholders)) => placeholders.clone(),
            Some(Json::String(_)) => {
                self.problem(value::is_a_function("pages.placeholders", "an object of texts"));
                Map::new()
            }
            Some(_) => {
                self.problem("Parse Server option pages.placeholders must be an object or a function.");
                Map::new()
            }
        }
    }

    /// The pages that are elsewhere.
    fn custom_urls(&mut self, given: &Map<String, Json>, legacy: &Map<String, Json>) -> BTreeMap<Page, CustomUrl> {
        let urls = match given.get("customUrls") {
            None | Some(Json::Null) => &Map::new(),
            Some(Json::Object(urls)) => urls,
            Some(_) => {
                self.problem("Parse Server option pages.customUrls must be an object.");
                &Map::new()
            }
        };
        let mut found = BTreeMap::new();
        for page in Page::ALL {
            if let Some(url) = self.custom_url(urls, page.id()) {
                found.insert(page, CustomUrl { url, is_legacy: false });
                continue;
            }
            let names = page.legacy_names().iter();
            if let Some(url) = names.filter_map(|name| self.legacy_url(legacy, name)).next() {
                found.insert(page, CustomUrl { url, is_legacy: true });
            }
        }
        found
    }

    fn custom_url(&mut self, urls: &Map<String, Json>, name: &str) -> Option<String> {
        let url = self.url_text(urls.get(name)?, &format!("pages.customUrls.{name}"))?;
        // A path is no place to send anybody; Parse Server takes none either.
        (!["/", "./", "../"].iter().any(|start| url.starts_with(start))).then_some(())?;
        if !is_absolute(&url) {
            self.problem(format!("pages.customUrls.{name} must be an absolute URL."));
            return None;
        }
        Some(url)
    }

    fn legacy_url(&mut self, legacy: &Map<String, Json>, name: &str) -> Option<String> {
        let url = self.url_text(legacy.get(name)?, &format!("customPages.{name}"))?;
        if !is_absolute(&url) {
            self.problem(format!("customPages.{name} must be an absolute URL."));
            return None;
        }
        Some(url)
    }

    fn url_text(&mut self, given: &Json, path: &str) -> Option<String> {
        match given {
            Json::Null => None,
            Json::String(url) => Some(url.clone()).filter(|url| !url.is_empty()),
            Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_) => {
                self.problem(format!("{path} must be a string."));
                None
            }
        }
    }

    fn custom_routes(&mut self, given: &Map<String, Json>) -> Vec<CustomRoute> {
        let entries = match given.get("customRoutes") {
            None | Some(Json::Null) => return Vec::new(),
            Some(Json::Array(entries)) => entries,
            Some(_) => {
                self.problem("Parse Server option pages.customRoutes must be an array.");
                return Vec::new();
            }
        };
        entries.iter().filter_map(|entry| self.custom_route(entry)).collect()
    }

    /// A route whose handler is what a function would answer: `{"file": …, "query": {…}}`.
    fn custom_route(&mut self, entry: &Json) -> Option<CustomRoute> {
        let text = |name: &str| entry.get(name).and_then(Json::as_str).map(str::to_owned);
        let method = text("method").map(|method| method.to_ascii_uppercase());
        let method = method.filter(|method| method == "GET" || method == "POST");
        let path = text("path").map(|path| path.trim_matches('/').to_owned()).filter(|path| !path.is_empty());
        let (Some(method), Some(path)) = (method, path) else {
            self.problem("Each entry of pages.customRoutes must have a method, GET or POST, and a path.");
            return None;
        };
        let handler = entry.get("handler").and_then(Json::as_object);
        let file = handler.and_then(|handler| handler.get("file")).and_then(Json::as_str);
        let (Some(handler), Some(file)) = (handler, file) else {
            self.problem(value::is_a_function(
                "pages.customRoutes.handler",
                "its answer, {\"file\": …, \"query\": {…}}",
            ));
            return None;
        };
        let mut query = BTreeMap::new();
        for (name, value) in handler.get("query").and_then(Json::as_object).into_iter().flatten() {
            let Json::String(text) = value else {
                self.problem(format!("pages.customRoutes.handler.query.{name} must be a string."));
                return None;
            };
            query.insert(name.clone(), text.clone());
        }
        Some(CustomRoute { method, path, file: file.to_owned(), query })
    }
}

/// Whether it starts with a scheme that leads somewhere; links into apps are welcome.
fn is_absolute(url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once(':') else { return false };
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    let is_code = ["javascript", "data", "vbscript"].iter().any(|code| scheme.eq_ignore_ascii_case(code));
    is_scheme && !is_code && !rest.is_empty() && !url.contains(|c: char| c.is_control() || c == ' ')
}
