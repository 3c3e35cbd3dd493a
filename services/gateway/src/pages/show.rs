//! How a page gets to its reader: as content, or by a redirection to where it is.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use parsefleet_core::{ErrorCode, ParseError};
use parsefleet_mustache::{Escape, Template};
use parsefleet_runtime::config::Page;
use serde_json::{Map, Value as Json};

use super::{
    Pages,
    files::{File, SafePath},
    params::Params,
    policy::Policy,
    visit::Visit,
};
use crate::{failure::Result, render::Body};

const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// Whether a page may be shown where it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// The answer to a form leads on, so that reloading sends nothing twice.
    ByMethod,
    /// As content, whatever the method.
    Content,
}

/// A page, and what is put into it.
pub(super) struct Sight {
    pub(super) page: Page,
    pub(super) params: Params,
    /// What only the page itself learns, not a header or another place.
    pub(super) private: Map<String, Json>,
    pub(super) manner: Manner,
}

impl Sight {
    pub(super) fn of(page: Page) -> Self {
        Self { page, params: Params::default(), private: Map::new(), manner: Manner::ByMethod }
    }

    pub(super) fn with(self, params: Params) -> Self {
        Self { params, ..self }
    }
}

impl Pages {
    /// Shows a page.
    pub(super) async fn show(&self, visit: &Visit, sight: Sight) -> Result<Response<Body>> {
        let Sight { page, params, private, manner } = sight;
        let Some(params) = self.complete(params, visit) else { return Ok(not_found()) };
        if let Some(custom) = self.config.pages.custom_urls.get(&page) {
            let params = if custom.is_legacy { self.for_older_pages(params) } else { params };
            return Ok(self.redirection(&custom.url, &params));
        }
        let is_elsewhere = self.config.pages.force_redirect || (manner == Manner::ByMethod && visit.is_post);
        self.show_file(visit, page.file(), (&params, private), is_elsewhere).await
    }

    /// Shows a file of pages with these values.
    pub(super) async fn show_file(
        &self,
        visit: &Visit,
        name: &str,
        (params, private): (&Params, Map<String, Json>),
        is_elsewhere: bool,
    ) -> Result<Response<Body>> {
        let Some(path) = SafePath::of_text(name) else { return Ok(not_found()) };
        let file = match visit.locale.as_ref().filter(|_| self.config.pages.localize) {
            Some(locale) => self.files.localized(&path, locale).await,
            None => self.files.read(&path).await,
        };
        if is_elsewhere {
            let subfolder = file.and_then(|file| file.subfolder);
            return Ok(self.redirection(&self.url_of(name, subfolder.as_deref()), params));
        }
        match file {
            Some(file) => self.content(visit, &file, params, private),
            None => Ok(not_found()),
        }
    }

    /// What every page is told; `None` if the app has no name or no public URL, without which there are no pages.
    pub(super) fn complete(&self, mut params: Params, visit: &Visit) -> Option<Params> {
        params.set("appId", &self.config.app_id);
        params.set("appName", self.config.app_name.as_deref()?);
        params.set("publicServerUrl", self.config.http.public_server_url.as_deref()?);
        if let Some(locale) = &visit.locale {
            params.set("locale", locale.as_str());
        }
        Some(params)
    }

    /// A file filled in.
    pub(super) fn content(
        &self,
        visit: &Visit,
        file: &File,
        params: &Params,
        private: Map<String, Json>,
    ) -> Result<Response<Body>> {
        let source = String::from_utf8_lossy(&file.content);
        let mut view = params.to_view();
        view.insert("pagesEndpoint".to_owned(), Json::from(self.config.pages.endpoint.as_str()));
        view.extend(private);
        let texts = self.translations.texts(visit.locale.as_ref(), &view);
        view.extend(self.config.pages.placeholders.clone());
        view.extend(texts);
        let page = render(&source, view)?;
        let mut response = respond(StatusCode::OK, HTML, Bytes::from(page));
        let headers = response.headers_mut();
        self.policy.write_page(headers, &source, file.origin);
        params.write_headers(headers, self.config.pages.encode_headers);
        Ok(response)
    }

    fn redirection(&self, url: &str, params: &Params) -> Response<Body> {
        let location = params.in_query_of(url);
        let body = format!("Found. Redirecting to {location}");
        let mut response = respond(StatusCode::SEE_OTHER, HTML, Bytes::from(body));
        let headers = response.headers_mut();
        Policy::write_bare(headers);
        params.write_headers(headers, self.config.pages.encode_headers);
        if let Ok(location) = HeaderValue::try_from(location) {
            headers.insert(header::LOCATION, location);
        }
        response
    }

    fn url_of(&self, file: &str, subfolder: Option<&str>) -> String {
        let public = self.config.http.public_server_url.as_deref().unwrap_or_default().trim_end_matches('/');
        let subfolder = subfolder.map(|name| format!("{name}/")).unwrap_or_default();
        format!("{public}/{}/{subfolder}{file}", self.config.pages.endpoint)
    }

    /// What pages made for older servers call the same things.
    fn for_older_pages(&self, params: Params) -> Params {
        params.with("id", &self.config.app_id).with("app", self.config.app_name.as_deref().unwrap_or_default())
    }
}

fn render(source: &str, view: Map<String, Json>) -> Result<String> {
    let rendered = match Template::parse(source) {
        Ok(template) => template.render(&Json::Object(view), Escape::Html).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    Ok(rendered.map_err(|problem| {
        tracing::error!(problem, "a page could not be filled in");
        ParseError::new(ErrorCode::InternalServerError, "Internal server error.")
    })?)
}

/// A file that is no page, as it is.
pub(super) fn raw(path: &SafePath, file: &File) -> Response<Body> {
    let mut response = respond(StatusCode::OK, content_type(path), file.content.clone());
    Policy::write_file(response.headers_mut());
    response
}

/// There is no such page.
pub(super) fn not_found() -> Response<Body> {
    let mut response = respond(StatusCode::NOT_FOUND, HTML, Bytes::from_static(b"Not found."));
    Policy::write_bare(response.headers_mut());
    response
}

/// A JSON text, for a script.
pub(super) fn json_text(text: &str) -> Response<Body> {
    let body = Bytes::from(Json::from(text).to_string());
    let mut response = respond(StatusCode::OK, HeaderValue::from_static("application/json; charset=utf-8"), body);
    Policy::write_bare(response.headers_mut());
    response
}

fn respond(status: StatusCode, content_type: HeaderValue, body: Bytes) -> Response<Body> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}

/// Whether a file is a page, to be filled in.
pub(super) fn is_page(path: &SafePath) -> bool {
    path.extension() == "html"
}

fn content_type(path: &SafePath) -> HeaderValue {
    HeaderValue::from_static(match path.extension().to_ascii_lowercase().as_str() {
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "json" => "application/json; charset=utf-8",
        "txt" => "text/plain; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff" => "font/woff",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    })
}

/// The headers of a response without its content, for HEAD.
pub(super) fn without_content(response: Response<Body>, length: usize) -> Response<Body> {
    let (mut parts, _) = response.into_parts();
    parts.headers.insert(header::CONTENT_LENGTH, length.into());
    Response::from_parts(parts, Full::new(Bytes::new()))
}
