//! What browsers are told on every response.

use http::{HeaderMap, HeaderValue, header};
use parsefleet_runtime::config::Http;

use crate::ServeError;

const METHODS: HeaderValue = HeaderValue::from_static("GET,PUT,POST,DELETE,OPTIONS");
const EXPOSED: HeaderValue = HeaderValue::from_static("X-Parse-Job-Status-Id, X-Parse-Push-Status-Id");
const ALLOWED: &str = "X-Parse-Master-Key, X-Parse-REST-API-Key, X-Parse-Javascript-Key, X-Parse-Application-Id, \
                       X-Parse-Client-Version, X-Parse-Session-Token, X-Requested-With, X-Parse-Revocable-Session, \
                       X-Parse-Request-Id, Content-Type, Pragma, Cache-Control";

/// The values of the four headers, made once.
pub(crate) struct Cors {
    default_origin: HeaderValue,
    origins: Vec<HeaderValue>,
    allowed_headers: HeaderValue,
}

impl Cors {
    pub(crate) fn try_new(config: &Http) -> Result<Self, ServeError> {
        let origins = config.allow_origin.iter().map(|origin| value(origin, "allowOrigin"));
        let origins = origins.collect::<Result<Vec<_>, _>>()?;
        let mut allowed = ALLOWED.to_owned();
        for name in &config.allow_headers {
            allowed.push_str(", ");
            allowed.push_str(name);
        }
        Ok(Self {
            default_origin: origins.first().cloned().unwrap_or_else(|| HeaderValue::from_static("*")),
            origins,
            allowed_headers: value(&allowed, "allowHeaders")?,
        })
    }

    /// The origin to name to a request of this origin: its own if it is listed, otherwise the first configured.
    pub(crate) fn origin(&self, request: &HeaderMap) -> HeaderValue {
        let listed = request.get(header::ORIGIN).and_then(|origin| self.origins.iter().find(|known| *known == origin));
        listed.unwrap_or(&self.default_origin).clone()
    }

    pub(crate) fn apply(&self, response: &mut HeaderMap, origin: HeaderValue) {
        response.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        response.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        response.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, self.allowed_headers.clone());
        response.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
}

fn value(text: &str, option: &'static str) -> Result<HeaderValue, ServeError> {
    HeaderValue::from_str(text).map_err(|_| ServeError::Header { option })
}
