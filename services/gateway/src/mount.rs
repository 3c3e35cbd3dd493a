//! Where the API begins in a URL.

use http::{HeaderMap, Uri, header, uri::Scheme};
use parsefleet_runtime::config::Http;

use crate::client_address::TrustedProxies;

/// The mount path and the URLs under which clients may know it.
pub(crate) struct Mount {
    path: String,
    public_url: Option<String>,
    /// Paths that a `/batch` sub-request may start with.
    batch_prefixes: Vec<String>,
    fallback_host: String,
}

impl Mount {
    pub(crate) fn new(config: &Http) -> Self {
        let path = config.mount_path.trim_end_matches('/').to_owned();
        let public_url = config.public_server_url.as_deref().map(|url| url.trim_end_matches('/').to_owned());
        let mut batch_prefixes = vec![path.clone()];
        for url in config.server_url.iter().chain(&config.public_server_url) {
            let prefix = path_of_url(url).trim_end_matches('/').to_owned();
            if !batch_prefixes.contains(&prefix) {
                batch_prefixes.push(prefix);
            }
        }
        // The closest match wins.
        batch_prefixes.sort_by_key(|prefix| std::cmp::Reverse(prefix.len()));
        Self { path, public_url, batch_prefixes, fallback_host: format!("{}:{}", config.host, config.port) }
    }

    /// What follows the mount path, `None` for a URL outside. Case is ignored, and one doubled slash is forgiven.
    pub(crate) fn strip<'a>(&self, path: &'a str) -> Option<&'a str> {
        let (head, rest) = path.split_at_checked(self.path.len())?;
        if !head.eq_ignore_ascii_case(&self.path) || !(rest.is_empty() || rest.starts_with('/')) {
            return None;
        }
        Some(if rest.starts_with("//") { &rest[1..] } else { rest })
    }

    /// What follows the API's prefix in the path of a `/batch` sub-request.
    pub(crate) fn strip_batch<'a>(&self, path: &'a str) -> Option<&'a str> {
        self.batch_prefixes.iter().find_map(|prefix| path.strip_prefix(prefix.as_str()))
    }

    /// The URL of the API as this client should know it, without a trailing slash.
    pub(crate) fn url(&self, uri: &Uri, headers: &HeaderMap, trust: &TrustedProxies<'_>) -> String {
        if let Some(url) = &self.public_url {
            return url.clone();
        }
        let scheme = match trust.forwarded_scheme(headers) {
            Some(scheme) => scheme,
            None if uri.scheme() == Some(&Scheme::HTTPS) => "https",
            None => "http",
        };
        let host = headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok())
            .or_else(|| uri.authority().map(|authority| authority.as_str()))
            .unwrap_or(&self.fallback_host);
        let mount = uri.path().get(..self.path.len()).unwrap_or(&self.path);
        let mut url = String::with_capacity(scheme.len() + host.len() + mount.len() + 3);
        for part in [scheme, "://", host, mount] {
            url.push_str(part);
        }
        url
    }
}

fn path_of_url(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.find('/').map_or("", |start| &rest[start..]);
    path.split(['?', '#']).next().unwrap_or_default()
}
