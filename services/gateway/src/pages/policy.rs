//! What browsers are told to keep to. A page's URL holds a token, and its form a password.

use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::{HeaderMap, HeaderValue, header};
use parsefleet_runtime::config::Config;

use super::files::Origin;

/// Where forms may lead and who may frame a page.
pub(super) struct Policy {
    /// Sources of `form-action`.
    forms: String,
    /// Sources of `frame-ancestors`; none if nobody may.
    frames: Option<String>,
}

impl Policy {
    pub(super) fn new(config: &Config) -> Self {
        let mut forms = vec!["'self'".to_owned()];
        // A form's answer may lead on to one of the app's own pages.
        let elsewhere = config.pages.custom_urls.values().map(|custom| custom.url.as_str());
        for url in config.http.public_server_url.as_deref().into_iter().chain(elsewhere) {
            forms.extend(source_of(url).filter(|source| !forms.contains(source)));
        }
        // The page that masks links shows ours in a frame.
        let frames = config.pages.frame_url.as_deref().and_then(source_of);
        Self { forms: forms.join(" "), frames: frames.map(|source| format!("'self' {source}")) }
    }

    /// The headers of a page; `template` is what it was made from.
    pub(super) fn write_page(&self, headers: &mut HeaderMap, template: &str, origin: Origin) {
        let (styles, scripts) = (hashes(template, "style"), hashes(template, "script"));
        let sources = match origin {
            Origin::BuiltIn => format!("default-src 'none'; style-src{styles}"),
            // An app may dress its pages up, with scripts of its own only.
            Origin::Folder => format!(
                "default-src 'self'; script-src 'self'{scripts}; style-src 'self' https:{styles}; img-src 'self' https: data:; \
                 font-src 'self' https: data:; object-src 'none'"
            ),
        };
        let frames = self.frames.as_deref().unwrap_or("'none'");
        let policy = format!("{sources}; form-action {}; frame-ancestors {frames}; base-uri 'none'", self.forms);
        if let Ok(policy) = HeaderValue::from_str(&policy) {
            headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        }
        if self.frames.is_none() {
            headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
        }
        write_common(headers);
    }

    /// The headers of what leads elsewhere, or says that nothing is there.
    pub(super) fn write_bare(headers: &mut HeaderMap) {
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'"));
        write_common(headers);
    }

    /// The headers of a file that is no page: it holds no secret.
    pub(super) fn write_file(headers: &mut HeaderMap) {
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
        write_common(headers);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=300"));
    }
}

fn write_common(headers: &mut HeaderMap) {
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

/// The origin of a URL, or the scheme of one that leads into an app.
fn source_of(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once(':')?;
    let is_web = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    let source = match rest.strip_prefix("//").filter(|_| is_web) {
        Some(rest) => {
            let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
            let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
            format!("{scheme}://{host}")
        }
        None => format!("{scheme}:"),
    };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || ":/.-_+[]".contains(c);
    source.chars().all(is_plain).then_some(source)
}

/// What allows the blocks of this kind that stand in the template. One that is filled in is another each time, and is not
/// allowed: what a client sent might be in it.
fn hashes(template: &str, element: &str) -> String {
    let mut sources = String::new();
    let lower = template.to_ascii_lowercase();
    let (open, close) = (format!("<{element}"), format!("</{element}"));
    let mut position = 0;
    while let Some(start) = lower[position..].find(&open).map(|found| position + found + open.len()) {
        let Some(body) = lower[start..].find('>').map(|found| start + found + 1) else { break };
        let Some(end) = lower[body..].find(&close).map(|found| body + found) else { break };
        let content = &template[body..end];
        if !content.is_empty() && !content.contains("{{") {
            // Browsers hash the text after they have made every line end in a line feed.
            let content = content.replace("\r\n", "\n");
            let hash = BASE64_STANDARD.encode(digest(&SHA256, content.as_bytes()));
            let _ = write!(sources, " 'sha256-{hash}'");
        }
        position = end;
    }
    sources
}
