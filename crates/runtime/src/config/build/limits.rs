//! Limits, and checks of the set-up.

use std::time::Duration;

use fancy_regex::Regex;
use parsefleet_core::PathPattern;
use secrecy::SecretString;
use serde_json::{Map, Value as Json};

use super::{Builder, is_redis_url};
use crate::config::{RateLimit, RateLimitMethods, RateLimitZone, Security};

/// Longest window in milliseconds, the greatest whole number of JavaScript: what is added to it does not overflow.
const LONGEST_WINDOW: f64 = 9_007_199_254_740_991.0;

type Entry = Map<String, Json>;

impl Builder<'_> {
    /// Each entry of `rateLimit`, which may also be one entry by itself.
    pub(super) fn rate_limits(&mut self) -> Vec<RateLimit> {
        let entries = match self.settings.value("rateLimit") {
            None | Some(Json::Null | Json::Bool(false)) => return Vec::new(),
            Some(Json::Array(entries)) => entries,
            Some(entry @ Json::Object(_)) => vec![entry],
            Some(_) => {
                self.problem("rateLimit must be an array or object");
                return Vec::new();
            }
        };
        let mut limits = Vec::with_capacity(entries.len());
        for entry in entries {
            match entry.as_object().ok_or_else(|| "rateLimit must be an array of objects".to_owned()).and_then(limit) {
                Ok(limit) => limits.push(limit),
                Err(problem) => self.problem(problem),
            }
        }
        limits
    }

    pub(super) fn security(&mut self) -> Security {
        let given = match self.settings.value("security") {
            None => return Security::default(),
            Some(Json::Object(members)) => members,
            Some(_) => {
                self.problem("Parse Server option security must be an object.");
                return Security::default();
            }
        };
        let mut flag = |name: &str| match given.get(name) {
            None | Some(Json::Null) => false,
            Some(Json::Bool(flag)) => *flag,
            Some(_) => {
                self.problem(format!("Parse Server option security.{name} must be a boolean."));
                false
            }
        };
        Security { enable_check: flag("enableCheck"), enable_check_log: flag("enableCheckLog") }
    }
}

/// One entry, or what is wrong with it first.
fn limit(entry: &Entry) -> Result<RateLimit, String> {
    let path = match given(entry, "requestPath") {
        None => return Err("rateLimit.requestPath must be defined".to_owned()),
        Some(Json::String(path)) => path.clone(),
        Some(_) => return Err("rateLimit.requestPath must be a string".to_owned()),
    };
    let pattern = PathPattern::new(&path)
        .map_err(|reason| format!("rateLimit.requestPath \"{path}\" is not valid: {reason}: {path}"))?;
    let window = number(entry, "requestTimeWindow")?;
    if window < 1.0 {
        return Err("rateLimit.requestTimeWindow must be a value greater than 0".to_owned());
    }
    if window > LONGEST_WINDOW {
        return Err(format!("rateLimit.requestTimeWindow must be a value of at most {LONGEST_WINDOW}"));
    }
    let redis_url = text(entry, "redisUrl")?.filter(|url| !url.is_empty());
    if redis_url.as_deref().is_some_and(|url| !is_redis_url(url)) {
        return Err("rateLimit.redisUrl is no address of Redis, such as redis://host:6379".to_owned());
    }
    let message = text(entry, "errorResponseMessage")?.filter(|message| !message.is_empty());
    Ok(RateLimit {
        path,
        pattern,
        window: Duration::from_millis(whole(window)),
        include_internal: boolean(entry, "includeInternalRequests")?,
        include_master_key: boolean(entry, "includeMasterKey")?,
        count: whole(number(entry, "requestCount")?),
        methods: methods(entry)?,
        message: message.unwrap_or_else(|| "Too many requests.".to_owned()),
        zone: zone(entry)?,
        redis_url: redis_url.map(SecretString::from),
    })
}

/// A member; null is as good as none.
fn given<'e>(entry: &'e Entry, name: &str) -> Option<&'e Json> {
    entry.get(name).filter(|value| !value.is_null())
}

fn number(entry: &Entry, name: &str) -> Result<f64, String> {
    match given(entry, name) {
        None => Err(format!("rateLimit.{name} must be defined")),
        Some(value) => value.as_f64().ok_or_else(|| format!("rateLimit.{name} must be a number")),
    }
}

/// Hits are whole, so that a limit between two numbers is the lower one.
fn whole(number: f64) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates, and the sign is gone")]
    let whole = number.max(0.0) as u64;
    whole
}

fn boolean(entry: &Entry, name: &str) -> Result<bool, String> {
    match given(entry, name) {
        None => Ok(false),
        Some(value) => value.as_bool().ok_or_else(|| format!("rateLimit.{name} must be a boolean")),
    }
}

fn text(entry: &Entry, name: &str) -> Result<Option<String>, String> {
    match given(entry, name) {
        None => Ok(None),
        Some(Json::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(format!("rateLimit.{name} must be a string")),
    }
}

/// A list of names, or a regular expression.
fn methods(entry: &Entry) -> Result<RateLimitMethods, String> {
    let problem = || "rateLimit.requestMethods must be an array of strings or a string".to_owned();
    match given(entry, "requestMethods") {
        None => Ok(RateLimitMethods::All),
        Some(Json::String(text)) if text.is_empty() => Ok(RateLimitMethods::All),
        Some(Json::String(text)) => Regex::new(text)
            .map(RateLimitMethods::Matching)
            .map_err(|_| format!("rateLimit.requestMethods \"{text}\" is no regular expression")),
        Some(Json::Array(names)) => {
            let names: Option<Vec<String>> = names.iter().map(|name| name.as_str().map(str::to_owned)).collect();
            names.map(RateLimitMethods::List).ok_or_else(problem)
        }
        Some(_) => Err(problem()),
    }
}

fn zone(entry: &Entry) -> Result<RateLimitZone, String> {
    match text(entry, "zone")?.as_deref() {
        None | Some("" | "ip") => Ok(RateLimitZone::Ip),
        Some("session") => Ok(RateLimitZone::Session),
        Some("user") => Ok(RateLimitZone::User),
        Some("global") => Ok(RateLimitZone::Global),
        Some(_) => Err("rateLimit.zone must be one of global, session, user, or ip".to_owned()),
    }
}
