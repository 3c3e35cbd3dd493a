//! `idempotencyOptions`: requests that are carried out once, however often they are sent with the same
//! `X-Parse-Request-Id`.
//!
//! As in Parse Server, data notes the id before the request is carried out, and a repetition is error 159; an id is used up
//! even if its request fails, and the parts of a batch have none. With `PARSEFLEET_IDEMPOTENCY_REPLAY` the response is kept
//! with the id, in the transaction that the request is: a repetition of the same request by the same caller is given it,
//! and waits for it if the first one is still on its way. What failed has left nothing, so that it can be sent again. The
//! parts of a batch have ids then, too: that of the batch with their number.

use aws_lc_rs::hmac;
use fancy_regex::Regex;
use http::HeaderMap;
use parsefleet_core::ParseError;
use parsefleet_proto::v1::{ClaimRequest, Once};
use parsefleet_runtime::config::Config;
use secrecy::ExposeSecret as _;

use crate::{
    app::App,
    privilege::Caller,
    routes::{Call, Route},
};

/// Beginnings of the paths that Parse Server asks for ids. Roles and sessions are not among them.
const COVERED: [&str; 5] = ["classes", "users", "installations", "functions", "jobs"];

/// Which requests are carried out once.
pub(crate) struct Idempotency {
    patterns: Vec<Regex>,
    ttl_seconds: u32,
    replay: bool,
    /// Key of the digests, so that nobody who reads them can try passwords out on them.
    key: hmac::Key,
}

/// The id that a client gave the request, empty if none.
pub(crate) fn request_id(headers: &HeaderMap) -> &str {
    headers.get("x-parse-request-id").and_then(|id| id.to_str().ok()).unwrap_or_default()
}

impl Idempotency {
    pub(crate) fn new(config: &Config) -> Self {
        let options = &config.idempotency;
        let key = hmac::Key::new(hmac::HMAC_SHA256, config.keys.master.expose_secret().as_bytes());
        Self { patterns: options.patterns.clone(), ttl_seconds: options.ttl_seconds, replay: options.replay, key }
    }

    /// Admits a call that may be carried out. With replay it is data's to decide, by what is returned.
    ///
    /// # Errors
    /// 159 for a repetition.
    pub(crate) async fn admit(&self, app: &App, call: &Call<'_>) -> Result<Option<Once>, ParseError> {
        if call.request_id.is_empty() || !self.covers(&call.route, call.path) {
            return Ok(None);
        }
        if self.replay {
            let body = call.body.clone().into_bytes();
            let part = Part { route: &call.route, path: call.path, query: call.query, body: Some(&*body) };
            return Ok(Some(self.once(call.caller, &call.request_id, std::iter::once(part))));
        }
        let claim = ClaimRequest {
            context: Some(call.caller.request_context()),
            request_id: call.request_id.to_string(),
            ttl_seconds: self.ttl_seconds,
        };
        app.data.claim(claim).await?;
        Ok(None)
    }

    /// The id of a part of a batch: without replay it has none.
    pub(crate) fn id_of_part(&self, request_id: &str, index: usize) -> String {
        if self.replay && !request_id.is_empty() { format!("{request_id}/{index}") } else { String::new() }
    }

    /// What the parts of a transaction are known by together, if one of them is to be carried out once.
    pub(crate) fn once_of_parts<'a>(
        &self,
        caller: &Caller,
        request_id: &str,
        mut parts: impl Iterator<Item = Part<'a>> + Clone,
    ) -> Option<Once> {
        if !self.replay || request_id.is_empty() {
            return None;
        }
        let all = parts.clone();
        parts.any(|part| self.covers(part.route, part.path)).then(|| self.once(caller, request_id, all))
    }

    /// Whether calls of this route are carried out once. One slash at the beginning of the path does not count.
    fn covers(&self, route: &Route<'_>, path: &str) -> bool {
        let path = path.strip_prefix('/').unwrap_or(path);
        let first = path.split('/').next().unwrap_or_default();
        let is_covered = may_repeat(route) && COVERED.iter().any(|covered| first.eq_ignore_ascii_case(covered));
        // A pattern that gives up (backtracking limit) does not match.
        is_covered && self.patterns.iter().any(|pattern| pattern.is_match(path).unwrap_or(false))
    }

    fn once<'a>(&self, caller: &Caller, request_id: &str, parts: impl Iterator<Item = Part<'a>>) -> Once {
        let mut digest = hmac::Context::with_key(&self.key);
        let mut add = |bytes: &[u8]| {
            digest.update(&(bytes.len() as u64).to_le_bytes());
            digest.update(bytes);
        };
        let context = caller.request_context();
        add(&context.privilege.to_le_bytes());
        add(context.user_id.as_bytes());
        // All that tells one public caller from another.
        add(context.installation_id.as_bytes());
        add(&context.cloud_context);
        for Part { route, path, query, body } in parts {
            add(verb_of(route).as_bytes());
            add(path.as_bytes());
            // The reads of a transaction are asked by it.
            add(query.unwrap_or_default().as_bytes());
            add(body.unwrap_or_default());
        }
        Once {
            request_id: request_id.to_owned(),
            fingerprint: digest.sign().as_ref().to_vec().into(),
            ttl_seconds: self.ttl_seconds,
        }
    }
}

/// What makes a request, or a part of a batch, the same as another one.
#[derive(Clone, Copy)]
pub(crate) struct Part<'a> {
    pub(crate) route: &'a Route<'a>,
    pub(crate) path: &'a str,
    pub(crate) query: Option<&'a str>,
    pub(crate) body: Option<&'a [u8]>,
}

/// Whether a second call would do something that the first one has done.
fn may_repeat(route: &Route<'_>) -> bool {
    matches!(route, Route::Create { .. } | Route::Update { .. })
}

/// Tells calls of one path apart. Whatever else can be part of a transaction reads.
fn verb_of(route: &Route<'_>) -> &'static str {
    match route {
        Route::Create { .. } => "POST",
        Route::Update { .. } => "PUT",
        Route::Delete { .. } => "DELETE",
        _ => "GET",
    }
}
