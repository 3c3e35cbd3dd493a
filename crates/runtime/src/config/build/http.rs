//! How the API is served.

use ipnet::IpNet;
use serde_json::Value as Json;

use super::{Builder, parse_network};
use crate::config::{Http, TrustProxy, value};

impl Builder<'_> {
    pub(super) fn http(&mut self) -> Http {
        let port = self.port();
        let mount_path = mount_path(&self.settings.text("mountPath").unwrap_or_default());
        let public_server_url = self.settings.text("publicServerURL");
        if public_server_url.as_deref().is_some_and(|url| !is_http_url(url)) {
            self.problem("The option publicServerURL must be a valid URL starting with http:// or https://.");
        }
        let server_url = self.settings.text("serverURL");
        if server_url.as_deref().is_some_and(|url| !is_http_url(url)) {
            self.problem("The option serverURL must be a valid URL starting with http:// or https://.");
        }
        Http {
            host: self.settings.text("host").unwrap_or_default(),
            port,
            mount_path,
            server_url,
            public_server_url,
            max_upload_size: self.max_upload_size(),
            allow_origin: self.texts("allowOrigin", "Allow origin must only contain strings").unwrap_or_default(),
            allow_headers: self.allow_headers(),
            trust_proxy: self.trust_proxy(),
            sanitise_errors: self.settings.boolean("enableSanitizedErrorResponse"),
            route_allow_list: self.route_allow_list(),
        }
    }

    fn port(&mut self) -> u16 {
        let port = self.settings.integer("port").unwrap_or_default();
        u16::try_from(port).unwrap_or_else(|_| {
            self.problem(format!("Key port has invalid value {port}"));
            0
        })
    }

    fn max_upload_size(&mut self) -> usize {
        let text = self.settings.text("maxUploadSize").unwrap_or_default();
        value::size(&text).unwrap_or_else(|| {
            self.problem(format!("maxUploadSize: Invalid size value: {text}"));
            0
        })
    }

    fn allow_headers(&mut self) -> Vec<String> {
        let headers = self.texts("allowHeaders", "Allow headers must only contain strings").unwrap_or_default();
        if headers.iter().any(|header| header.trim().is_empty()) {
            self.problem("Allow headers must not contain empty strings");
        }
        headers
    }

    fn route_allow_list(&mut self) -> Option<Vec<String>> {
        let patterns =
            self.texts("routeAllowList", "Parse Server option routeAllowList contains a non-string value.")?;
        for pattern in &patterns {
            if fancy_regex::Regex::new(&format!("^(?:{pattern})$")).is_err() {
                self.problem(format!(
                    "Parse Server option routeAllowList contains an invalid regex pattern: \"{pattern}\"."
                ));
            }
        }
        Some(patterns)
    }

    fn trust_proxy(&mut self) -> TrustProxy {
        let given = self.settings.value("trustProxy").unwrap_or(Json::Null);
        trust_proxy(&given).unwrap_or_else(|wrong| {
            self.problem(format!("trustProxy: {wrong} is no address, network, number of hops, true or false"));
            TrustProxy::Never
        })
    }
}

fn is_http_url(url: &str) -> bool {
    url.starts_with("http://") || url.starts_with("https://")
}

/// With a leading and without a trailing slash; the root is empty.
fn mount_path(given: &str) -> String {
    let trimmed = given.trim_matches('/');
    if trimmed.is_empty() { String::new() } else { format!("/{trimmed}") }
}

/// Express' meaning of `trust proxy`. The error is what was not understood.
fn trust_proxy(given: &Json) -> Result<TrustProxy, String> {
    match given {
        Json::Null | Json::Bool(false) => Ok(TrustProxy::Never),
        Json::Bool(true) => Ok(TrustProxy::Always),
        Json::Number(number) => match number.as_u64().and_then(|hops| usize::try_from(hops).ok()) {
            Some(0) => Ok(TrustProxy::Never),
            Some(hops) => Ok(TrustProxy::Hops(hops)),
            None => Err(number.to_string()),
        },
        Json::String(text) if text.is_empty() => Ok(TrustProxy::Never),
        Json::String(text) => proxies(text.split(',')),
        Json::Array(entries) => {
            let texts: Option<Vec<&str>> = entries.iter().map(Json::as_str).collect();
            proxies(texts.ok_or_else(|| given.to_string())?.into_iter())
        }
        Json::Object(_) => Err(given.to_string()),
    }
}

fn proxies<'a>(entries: impl Iterator<Item = &'a str>) -> Result<TrustProxy, String> {
    let mut networks: Vec<IpNet> = Vec::new();
    for entry in entries {
        let entry = entry.trim();
        let named: &[&str] = match entry {
            "loopback" => &["127.0.0.1/8", "::1/128"],
            "linklocal" => &["169.254.0.0/16", "fe80::/10"],
            "uniquelocal" => &["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"],
            _ => &[],
        };
        if named.is_empty() {
            networks.push(parse_network(entry).ok_or_else(|| entry.to_owned())?);
        } else {
            networks.extend(named.iter().filter_map(|network| parse_network(network)));
        }
    }
    Ok(if networks.is_empty() { TrustProxy::Never } else { TrustProxy::Addresses(networks) })
}
