//! `ldap`: clients send `id` and `password`, and a directory tells whether they belong together.

mod entry;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use ldap3::{LdapConnAsync, LdapConnSettings, LdapError, Scope};
use parsefleet_core::{ErrorCode, ParseError, error::Result};
use parsefleet_runtime::config::providers::Ldap as Options;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use tokio::task::JoinSet;

use super::{Occasion, Provider, Slice, Verdict, refused, text};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const OPERATION_TIMEOUT: Duration = Duration::from_secs(10);
/// "invalidCredentials" (RFC 4511).
const INVALID_CREDENTIALS: u32 = 49;

/// Users of a directory.
pub(super) struct Ldap {
    url: String,
    suffix: String,
    dn: Option<String>,
    group: Option<(String, String)>,
    verify: bool,
    /// Present if the directory's authority is not one of the system's.
    tls: Option<Arc<ClientConfig>>,
}

impl Ldap {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            url: options.url.clone(),
            suffix: options.suffix.clone(),
            dn: options.dn.clone(),
            group: options.group.clone(),
            verify: options.tls.verify,
            tls: client_config(&options.tls.authorities),
        }
    }

    /// The name of a user's entry.
    fn entry_of(&self, id: &str) -> String {
        match &self.dn {
            Some(template) => template.replace("{{id}}", &escape_name(id)),
            None => format!("uid={},{}", escape_name(id), self.suffix),
        }
    }

    fn settings(&self) -> LdapConnSettings {
        let settings = LdapConnSettings::new().set_conn_timeout(CONNECT_TIMEOUT);
        match (&self.tls, self.verify) {
            (_, false) => settings.set_no_tls_verify(true),
            (Some(config), true) => settings.set_config(Arc::clone(config)),
            (None, true) => settings,
        }
    }

    /// Binds as the user, and looks for the group.
    async fn check(&self, id: &str, password: &str) -> Result<()> {
        let connected = LdapConnAsync::with_settings(self.settings(), &self.url).await;
        let (connection, mut ldap) = connected.map_err(|error| failure(&error))?;
        // Ends with this function, whatever becomes of it.
        let mut driver = JoinSet::new();
        driver.spawn(connection.drive());
        ldap.with_timeout(OPERATION_TIMEOUT);
        let bound = ldap.simple_bind(&self.entry_of(id), password).await.map_err(|error| failure(&error))?;
        match bound.rc {
            0 => {}
            INVALID_CREDENTIALS => return Err(wrong()),
            code => return Err(refused(format!("LDAP: Somthing went wrong ({code})"))),
        }
        let Some((name, filter)) = &self.group else { return Ok(()) };
        let search_failed = || ParseError::new(ErrorCode::InternalServerError, "LDAP group search failed");
        let filter = replace_id(filter, &ldap3::ldap_escape(id));
        ldap.with_timeout(OPERATION_TIMEOUT);
        let found = ldap.search(&self.suffix, Scope::Subtree, &filter, vec!["cn"]).await;
        let (entries, _) = found.and_then(ldap3::SearchResult::success).map_err(|_| search_failed())?;
        if entries.into_iter().any(|found| entry::has_common_name(found, name)) {
            return Ok(());
        }
        Err(ParseError::new(ErrorCode::InternalServerError, "LDAP: User not in group"))
    }
}

#[async_trait]
impl Provider for Ldap {
    async fn validate(&self, slice: &mut Slice, _occasion: &Occasion<'_>) -> Result<Verdict> {
        let password = slice.remove("password");
        // A name without a password is bound as nobody, which directories allow.
        let password = password.as_ref().and_then(|password| password.as_str()).filter(|password| !password.is_empty());
        let (Some(id), Some(password)) = (text(slice, "id"), password) else { return Err(wrong()) };
        self.check(id, password).await?;
        Ok(Verdict::GOOD)
    }
}

fn wrong() -> ParseError {
    refused("LDAP: Wrong username or password")
}

/// Why there is no connection, or none any more.
fn failure(error: &LdapError) -> ParseError {
    tracing::warn!(%error, "the LDAP directory does not answer");
    if is_certificate(error) {
        return refused("LDAPS: Certificate mismatch");
    }
    let code = match error {
        LdapError::Timeout { .. } => "ETIMEDOUT",
        LdapError::Io { source } if source.kind() == std::io::ErrorKind::ConnectionRefused => "ECONNREFUSED",
        _ => "ECONNRESET",
    };
    refused(format!("LDAP: Somthing went wrong ({code})"))
}

/// Whether the directory could not prove who it is.
fn is_certificate(error: &LdapError) -> bool {
    let rustls = match error {
        LdapError::Rustls { source } => Some(source),
        LdapError::Io { source } => source.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()),
        _ => None,
    };
    matches!(rustls, Some(rustls::Error::InvalidCertificate(_)))
}

/// Trust in these authorities alone; `None` if there are none.
fn client_config(authorities: &[String]) -> Option<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        roots.add_parsable_certificates(CertificateDer::pem_slice_iter(authority.as_bytes()).flatten());
    }
    if authorities.is_empty() {
        return None;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.inspect_err(|error| tracing::error!(%error, "LDAP cannot be used over TLS")).ok()?;
    Some(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

/// The id in a filter, in whatever case the template names it.
fn replace_id(filter: &str, id: &str) -> String {
    let mut replaced = String::new();
    let mut rest = filter;
    while let Some(place) = rest.to_ascii_lowercase().find("{{id}}") {
        replaced.push_str(&rest[..place]);
        replaced.push_str(id);
        rest = &rest[place + "{{id}}".len()..];
    }
    replaced + rest
}

/// A text as part of the name of an entry (RFC 4514).
fn escape_name(text: &str) -> String {
    let last = text.chars().count().saturating_sub(1);
    let mut escaped = String::new();
    for (place, char) in text.chars().enumerate() {
        match char {
            '\\' | ',' | '=' | '+' | '<' | '>' | '#' | ';' | '"' => escaped.extend(['\\', char]),
            ' ' if place == 0 || place == last => escaped.push_str("\\ "),
            '\0' => escaped.push_str("\\00"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::{escape_name, replace_id};

    #[test]
    fn ids_cannot_leave_their_place_in_a_name() {
        assert_eq!(escape_name("a,dc=b"), "a\\,dc\\=b");
        assert_eq!(escape_name(" a "), "\\ a\\ ");
        assert_eq!(escape_name("a\0b"), "a\\00b");
        assert_eq!(escape_name(r#"\+<>#;""#), r#"\\\+\<\>\#\;\""#);
    }

    #[test]
    fn a_filter_takes_the_id_in_any_case_and_any_number() {
        let id = ldap3::ldap_escape("a)(uid=*");
        assert_eq!(replace_id("(|(a={{id}})(b={{ID}}))", &id), r"(|(a=a\29\28uid=\2a)(b=a\29\28uid=\2a))");
    }
}
