//! `endpoints`: URLs that replace those of a provider.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::reader::Reader;

/// What can be replaced, for each provider.
fn names(provider: &str) -> &'static [&'static str] {
    match provider {
        "apple" | "google" => &["keys"],
        "facebook" => &["graph", "keys"],
        "github" | "gpgames" | "instagram" | "line" | "linkedin" | "microsoft" | "qq" | "spotify" | "wechat"
        | "weibo" => &["token", "profile"],
        "twitter" | "digits" => &["accessToken", "verifyCredentials"],
        "gcenter" => &["publicKeys"],
        "janraincapture" => &["entity"],
        "janrainengage" => &["authInfo"],
        "meetup" | "phantauth" => &["profile"],
        "vkontakte" => &["token", "profile"],
        _ => &[],
    }
}

/// The URLs that are given, by what they are for.
pub(super) fn read(provider: &str, reader: &Reader<'_>) -> BTreeMap<String, String> {
    let mut endpoints = BTreeMap::new();
    let Some(given) = reader.object("endpoints") else { return endpoints };
    for (name, url) in given {
        if !names(provider).contains(&name.as_str()) {
            reader.problem(format!("error: unknown option auth.{provider}.endpoints.{name}"));
            continue;
        }
        match url {
            Json::String(url) if is_safe(url) => {
                endpoints.insert(name.clone(), url.trim_end_matches('/').to_owned());
            }
            _ => reader.problem(format!(
                "auth.{provider}.endpoints.{name} must be an https URL; http is for this machine alone."
            )),
        }
    }
    endpoints
}

/// Whether secrets may be sent there: over TLS, or within this machine.
pub(super) fn is_safe(url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    match scheme {
        "https" => !host.is_empty(),
        "http" => {
            let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
            matches!(name, "localhost" | "127.0.0.1" | "[::1]")
        }
        _ => false,
    }
}
