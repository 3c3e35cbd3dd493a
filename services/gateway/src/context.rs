//! Who asks: application, keys, session and installation, from headers, Basic auth and body members.

mod basic;
mod headers;
mod keys;

use std::{borrow::Cow, net::IpAddr};

use bytes::Bytes;
use http::{HeaderMap, header};
use parsefleet_core::{ErrorCode, ParseError};
use parsefleet_runtime::config::{Config, Keys};

pub(crate) use self::headers::told as told_headers;
use crate::{
    body::Members,
    failure::{Failure, Result},
    javascript::{Loose, json_in},
    privilege::Role,
};

/// Installation id of callers whose key came in a header without one.
const CLOUD: &str = "cloud";

/// What a request says about its sender, before the session token is looked up.
#[derive(Debug, Default)]
pub(crate) struct Identity {
    pub(crate) role: Option<Role>,
    /// `cloud` for a key in the headers that came without one there.
    pub(crate) installation_id: String,
    /// As it was sent, in the headers or in the body.
    pub(crate) sent_installation_id: String,
    /// It decides only where there is no role.
    pub(crate) session_token: Option<String>,
    pub(crate) cloud_context: Bytes,
}

/// Everything a request may carry. Empty values count as absent.
#[derive(Default)]
struct Credentials<'a> {
    app_id: Cow<'a, str>,
    master_key: Cow<'a, str>,
    maintenance_key: &'a str,
    session_token: Cow<'a, str>,
    installation_id: Cow<'a, str>,
    cloud_context: Bytes,
    client_key: &'a str,
    javascript_key: Cow<'a, str>,
    dot_net_key: &'a str,
    rest_api_key: &'a str,
}

/// The role that the keys in the headers prove, before anything else is looked at.
///
/// # Errors
/// 403 if a key is right but its sender's address is not.
pub(crate) fn role_in_headers(keys: &Keys, headers: &HeaderMap, address: Option<IpAddr>) -> Result<Option<Role>> {
    keys::resolve(keys, text(headers, "x-parse-master-key"), text(headers, "x-parse-maintenance-key"), address)
}

/// Finds out who asks. Members of the body that belong to the conventions are taken out of it.
///
/// # Errors
/// 403 for an unknown application, a missing client key or a key from the wrong address, 107 for a bad context.
pub(crate) fn identify(
    config: &Config,
    headers: &HeaderMap,
    body: &mut Members,
    header_role: Option<Role>,
    address: Option<IpAddr>,
) -> Result<Identity> {
    let mut credentials = Credentials::from_headers(config, headers)?;
    body.remove("_noBody");
    if credentials.app_id != config.app_id {
        credentials.complete_from_body(config, body)?;
    }
    if header_role.is_some() {
        let installation_id = text(headers, "x-parse-installation-id");
        let installation_id = if installation_id.is_empty() { CLOUD } else { installation_id };
        return Ok(credentials.into_identity(header_role, Some(installation_id.to_owned())));
    }
    let role = keys::resolve(&config.keys, &credentials.master_key, credentials.maintenance_key, address)?;
    if role.is_none() && !credentials.satisfy_client_key_rule(&config.keys) {
        return Err(Failure::Unauthorized);
    }
    Ok(credentials.into_identity(role, None))
}

impl<'a> Credentials<'a> {
    fn from_headers(config: &Config, headers: &'a HeaderMap) -> Result<Self> {
        let mut credentials = Self {
            app_id: text(headers, "x-parse-application-id").into(),
            master_key: text(headers, "x-parse-master-key").into(),
            maintenance_key: text(headers, "x-parse-maintenance-key"),
            session_token: text(headers, "x-parse-session-token").into(),
            installation_id: text(headers, "x-parse-installation-id").into(),
            cloud_context: context_header(headers)?,
            client_key: text(headers, "x-parse-client-key"),
            javascript_key: text(headers, "x-parse-javascript-key").into(),
            dot_net_key: text(headers, "x-parse-windows-key"),
            rest_api_key: text(headers, "x-parse-rest-api-key"),
        };
        let Some(authorization) = headers.get(header::AUTHORIZATION) else { return Ok(credentials) };
        let Some(basic) = basic::parse(authorization) else { return Ok(credentials) };
        if basic.app_id == config.app_id {
            credentials.app_id = basic.app_id.into();
            match basic.key {
                basic::Key::Master(key) if !key.is_empty() => credentials.master_key = key.into(),
                basic::Key::Javascript(key) if !key.is_empty() => credentials.javascript_key = key.into(),
                basic::Key::Master(_) | basic::Key::Javascript(_) => {}
            }
        }
        Ok(credentials)
    }

    /// The way of the JavaScript SDK: everything is in the body.
    fn complete_from_body(&mut self, config: &Config, body: &mut Members) -> Result<()> {
        body.remove("_RevocableSession");
        let app_id = body.get("_ApplicationId").map(Loose::json);
        let is_known = app_id.as_ref().and_then(Loose::as_string).is_some_and(|app_id| app_id == config.app_id);
        if !is_known || !(self.master_key.is_empty() || keys::is_master(&config.keys, &self.master_key)) {
            return Err(Failure::Unauthorized);
        }
        let javascript_key = body.get("_JavaScriptKey").map(Loose::json);
        let javascript_key = javascript_key.as_ref().and_then(Loose::as_string).unwrap_or_default().into_owned();
        self.javascript_key = javascript_key.into();
        for consumed in ["_ApplicationId", "_JavaScriptKey", "_ClientVersion"] {
            body.remove(consumed);
        }
        for (name, target) in [
            ("_InstallationId", &mut self.installation_id),
            ("_SessionToken", &mut self.session_token),
            ("_MasterKey", &mut self.master_key),
        ] {
            if let Some(value) = take_text(body, name)? {
                *target = value.into();
            }
        }
        if let Some(context) = take_context(body)? {
            self.cloud_context = context;
        }
        // It names the type of the body proper, which only matters where a body is not JSON.
        take_text(body, "_ContentType")?;
        Ok(())
    }

    /// If the app has client keys, one of them must have been presented.
    fn satisfy_client_key_rule(&self, keys: &Keys) -> bool {
        let pairs = [
            (&keys.client, self.client_key),
            (&keys.javascript, &*self.javascript_key),
            (&keys.dot_net, self.dot_net_key),
            (&keys.rest_api, self.rest_api_key),
        ];
        let mut configured = pairs.iter().filter_map(|(key, given)| Some((key.as_ref()?, *given))).peekable();
        configured.peek().is_none() || configured.any(|(key, given)| keys::equals(key, given))
    }

    fn into_identity(self, role: Option<Role>, installation_id: Option<String>) -> Identity {
        let session_token = (!self.session_token.is_empty()).then(|| self.session_token.into_owned());
        let sent_installation_id = self.installation_id.into_owned();
        let installation_id = installation_id.unwrap_or_else(|| sent_installation_id.clone());
        Identity { role, installation_id, sent_installation_id, session_token, cloud_context: self.cloud_context }
    }
}

/// A header as text, empty if it is missing or not ASCII.
fn text<'a>(headers: &'a HeaderMap, name: &'static str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn context_header(headers: &HeaderMap) -> Result<Bytes> {
    let Some(value) = headers.get("x-parse-cloud-context") else { return Ok(Bytes::new()) };
    let json = std::str::from_utf8(value.as_bytes()).ok().and_then(json_in).filter(|json| json.starts_with('{'));
    json.map(|json| Bytes::copy_from_slice(json.as_bytes())).ok_or_else(malformed_context)
}

/// Takes a member that has to be a string; a falsy one stays where it is, as in Parse Server.
fn take_text(body: &mut Members, name: &str) -> Result<Option<String>> {
    let Some(value) = body.get(name).map(Loose::json).filter(Loose::is_truthy) else { return Ok(None) };
    let value = value.as_string().ok_or(Failure::Unauthorized)?.into_owned();
    body.remove(name);
    Ok(Some(value))
}

/// Takes `_context`: an object, or the JSON text of one. Parse Server accepts an array; it says nothing to a trigger.
fn take_context(body: &mut Members) -> Result<Option<Bytes>> {
    let Some(value) = body.get("_context").map(Loose::json).filter(Loose::is_truthy) else { return Ok(None) };
    let json = match value.as_string() {
        Some(text) => json_in(&text).filter(|json| json.starts_with('{')).map(str::to_owned),
        None if value.is_object() => Some(value.as_json().to_owned()),
        None => None,
    };
    let json = json.ok_or_else(malformed_context)?;
    body.remove("_context");
    Ok(Some(if json.starts_with('{') { Bytes::from(json) } else { Bytes::new() }))
}

fn malformed_context() -> Failure {
    ParseError::new(ErrorCode::InvalidJson, "Invalid object for context.").into()
}
