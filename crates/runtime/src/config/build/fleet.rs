//! Parsefleet's own settings.

use std::{path::PathBuf, time::Duration};

use secrecy::SecretString;

use super::{Builder, is_redis_url};
use crate::config::{Fleet, Role, Tls, value};

impl Builder<'_> {
    pub(super) fn fleet(&mut self) -> Fleet {
        let fleet = Fleet {
            listen: self.settings.text("listen").unwrap_or_default(),
            admin_listen: self.admin_listen(),
            auth_url: self.url("authUrl"),
            data_url: self.url("dataUrl"),
            redis_url: self.redis_url(),
            service_credential: self.secret("serviceCredential"),
            tls: self.tls(),
            otlp_endpoint: self.url("otlpEndpoint"),
            request_timeout: self.duration("requestTimeout", Duration::from_secs(30)),
            shutdown_grace: self.duration("shutdownGrace", Duration::from_secs(20)),
            shutdown_delay: self.duration(
                "shutdownDelay",
                if self.role == Role::Standalone { Duration::ZERO } else { Duration::from_secs(5) },
            ),
        };
        self.check_role(&fleet);
        fleet
    }

    /// What a role process cannot do without.
    fn check_role(&mut self, fleet: &Fleet) {
        let (needs_auth, needs_data) = match self.role {
            Role::Standalone => return,
            Role::Gateway => (true, true),
            Role::Auth => (false, true),
            Role::Data => (false, false),
            // It answers nobody, and asks nobody.
            Role::Email => return,
        };
        let role = self.role.name();
        if fleet.service_credential.is_none() {
            self.problem(format!(
                "the role {role} needs PARSEFLEET_SERVICE_CREDENTIAL, the secret shared by all roles"
            ));
        }
        if needs_auth && fleet.auth_url.is_none() {
            self.problem(format!("the role {role} needs PARSEFLEET_AUTH_URL"));
        }
        if needs_data && fleet.data_url.is_none() {
            self.problem(format!("the role {role} needs PARSEFLEET_DATA_URL"));
        }
    }

    fn admin_listen(&self) -> Option<String> {
        match (self.settings.text("adminListen"), self.role) {
            (Some(off), _) if off == "off" => None,
            (Some(address), _) => Some(address),
            (None, Role::Standalone) => None,
            (None, Role::Gateway | Role::Auth | Role::Data | Role::Email) => Some("0.0.0.0:9464".to_owned()),
        }
    }

    /// One or more URLs separated by commas.
    fn url(&mut self, name: &str) -> Option<String> {
        let urls = self.settings.text(name)?;
        let is_http = |url: &str| url.starts_with("http://") || url.starts_with("https://");
        if !urls.split(',').all(|url| is_http(url.trim())) {
            self.problem(format!("{name} must start with http:// or https://"));
        }
        Some(urls)
    }

    fn redis_url(&mut self) -> Option<SecretString> {
        let url = self.settings.text("redisUrl")?;
        if !is_redis_url(&url) {
            self.problem("redisUrl is no address of Redis, such as redis://host:6379");
        }
        Some(url.into())
    }

    fn tls(&mut self) -> Option<Tls> {
        let path = |name| self.settings.text(name).map(PathBuf::from);
        match (path("tlsCert"), path("tlsKey"), path("tlsCa")) {
            (Some(certificate), Some(key), Some(authority)) => Some(Tls { certificate, key, authority }),
            (None, None, None) => None,
            _ => {
                self.problem("tlsCert, tlsKey and tlsCa go together: give all three or none");
                None
            }
        }
    }

    fn duration(&self, name: &str, default: Duration) -> Duration {
        self.settings.text(name).and_then(|text| value::duration(&text)).unwrap_or(default)
    }
}
