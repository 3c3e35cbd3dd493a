//! Requests that are carried out once only.

use fancy_regex::Regex;
use serde_json::Value as Json;

use super::Builder;
use crate::config::Idempotency;

/// `ttl` unless it is given.
const DEFAULT_TTL: u32 = 300;

impl Builder<'_> {
    pub(super) fn idempotency(&mut self) -> Idempotency {
        let given = self.settings.value("idempotencyOptions").unwrap_or(Json::Null);
        Idempotency {
            patterns: self.idempotency_patterns(given.get("paths")),
            ttl_seconds: self.idempotency_ttl(given.get("ttl")),
            replay: self.settings.boolean("idempotencyReplay"),
        }
    }

    fn idempotency_patterns(&mut self, given: Option<&Json>) -> Vec<Regex> {
        let mut patterns = Vec::new();
        for path in self.idempotency_paths(given) {
            match Regex::new(&if path.starts_with('^') { path.clone() } else { format!("^{path}") }) {
                Ok(pattern) => patterns.push(pattern),
                Err(_) => self.problem(format!("idempotency paths contain an invalid regex pattern: \"{path}\"")),
            }
        }
        patterns
    }

    fn idempotency_paths(&mut self, given: Option<&Json>) -> Vec<String> {
        let texts = match given {
            None | Some(Json::Null) => return Vec::new(),
            Some(Json::Array(entries)) => entries.iter().map(|entry| entry.as_str().map(str::to_owned)).collect(),
            Some(_) => None,
        };
        let texts: Option<Vec<String>> = texts;
        texts.unwrap_or_else(|| {
            self.problem("idempotency paths must be of an array of strings");
            Vec::new()
        })
    }

    fn idempotency_ttl(&mut self, given: Option<&Json>) -> u32 {
        let seconds = match given {
            None | Some(Json::Null) => return DEFAULT_TTL,
            Some(given) => given.as_f64(),
        };
        match seconds {
            None => self.problem("idempotency TTL value must be a number"),
            Some(seconds) if seconds <= 0.0 => self.problem("idempotency TTL value must be greater than 0 seconds"),
            Some(seconds) if seconds > f64::from(u32::MAX) => self.problem("idempotency TTL value is too large"),
            // At least a second: what rounds to nothing was meant as something.
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
            Some(seconds) => return (seconds.round() as u32).max(1),
        }
        DEFAULT_TTL
    }
}
