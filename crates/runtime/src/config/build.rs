//! From effective values to the typed configuration, with the rules that values have to keep.

mod accounts;
mod classes;
mod database;
mod fleet;
mod http;
mod idempotency;
mod jobs;
mod limits;
mod mail;
mod objects;
mod pages;
mod providers;
mod user_mail;

use std::time::Duration;

use ipnet::IpNet;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value as Json;

use super::{Cache, Config, Keys, Log, Role, Sessions, settings::Settings};

/// Whether Redis can be found by this: a scheme, a host or path, and numbers where there have to be some.
fn is_redis_url(url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else { return false };
    match scheme {
        "redis+unix" | "valkey+unix" | "unix" => !rest.is_empty(),
        "redis" | "rediss" | "valkey" | "valkeys" => {
            let (authority, rest) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
            let place = authority.rsplit_once('@').map_or(authority, |(_, place)| place);
            let (host, port) = match place.rsplit_once(':') {
                Some((host, port)) if !port.ends_with(']') => (host, port),
                _ => (place, ""),
            };
            let database = rest.split(['?', '#']).next().unwrap_or_default().trim_matches('/');
            !host.is_empty()
                && (port.is_empty() || port.parse::<u16>().is_ok())
                && (database.is_empty() || database.parse::<i64>().is_ok())
        }
        _ => false,
    }
}

/// Reads settings; collects what is wrong with them.
struct Builder<'a> {
    settings: &'a Settings,
    role: Role,
    problems: &'a mut Vec<String>,
}

/// The configuration of a role. It is usable only if no problem was added.
pub(super) fn build(settings: &Settings, role: Role, problems: &mut Vec<String>) -> Config {
    let mut builder = Builder { settings, role, problems };
    Config {
        app_id: settings.text("appId").unwrap_or_default(),
        app_name: settings.text("appName"),
        keys: builder.keys(),
        http: builder.http(),
        database: builder.database(),
        objects: builder.objects(),
        idempotency: builder.idempotency(),
        classes: builder.defined_classes(),
        cache: builder.cache(),
        sessions: builder.sessions(),
        user_mail: builder.user_mail(),
        mail: builder.mail(),
        pages: builder.pages(),
        providers: builder.providers(),
        accounts: builder.accounts(),
        rate_limits: builder.rate_limits(),
        security: builder.security(),
        log: builder.log(),
        jobs: builder.jobs(),
        fleet: builder.fleet(),
    }
}

impl Builder<'_> {
    fn problem(&mut self, text: impl Into<String>) {
        self.problems.push(text.into());
    }

    fn secret(&self, name: &str) -> Option<SecretString> {
        self.settings.text(name).map(SecretString::from)
    }

    /// An integer that has to be greater than zero; `what` starts the sentence if it is not.
    fn positive(&mut self, name: &str, what: &str) -> Option<u64> {
        let value = self.settings.integer(name)?;
        match u64::try_from(value) {
            Ok(value) if value > 0 => Some(value),
            _ => {
                self.problem(format!("{what} must be a value greater than 0."));
                None
            }
        }
    }

    /// The entries of a list, each of which has to be a text.
    fn texts(&mut self, name: &str, problem: &str) -> Option<Vec<String>> {
        let mut texts = Vec::new();
        for entry in self.settings.list(name)? {
            match entry {
                Json::String(text) => texts.push(text),
                _ => {
                    self.problem(problem);
                    return None;
                }
            }
        }
        Some(texts)
    }

    fn keys(&mut self) -> Keys {
        let keys = Keys {
            master: self.secret("masterKey").unwrap_or_default(),
            master_ips: self.addresses("masterKeyIps"),
            read_only_master: self.secret("readOnlyMasterKey"),
            read_only_master_ips: self.addresses("readOnlyMasterKeyIps"),
            maintenance: self.secret("maintenanceKey"),
            maintenance_ips: self.addresses("maintenanceKeyIps"),
            client: self.secret("clientKey"),
            javascript: self.secret("javascriptKey"),
            rest_api: self.secret("restAPIKey"),
            dot_net: self.secret("dotNetKey"),
            webhook: self.secret("webhookKey"),
        };
        for (other, name) in [(&keys.read_only_master, "readOnlyMasterKey"), (&keys.maintenance, "maintenanceKey")] {
            if other.as_ref().is_some_and(|other| other.expose_secret() == keys.master.expose_secret()) {
                self.problem(format!("masterKey and {name} should be different"));
            }
        }
        keys
    }

    fn addresses(&mut self, name: &str) -> Vec<IpNet> {
        let entries = self.texts(name, &format!("{name} must hold strings")).unwrap_or_default();
        entries.iter().filter(|entry| !entry.trim().is_empty()).filter_map(|entry| self.address(name, entry)).collect()
    }

    fn address(&mut self, name: &str, entry: &str) -> Option<IpNet> {
        let network = parse_network(entry);
        if network.is_none() {
            // As the original words it, with the address alone, when the address is what is wrong.
            let address = entry.split('/').next().unwrap_or(entry);
            let wrong = if parse_network(address).is_some() { entry } else { address };
            self.problem(format!("The Parse Server option \"{name}\" contains an invalid IP address \"{wrong}\"."));
        }
        network
    }

    fn cache(&mut self) -> Cache {
        Cache {
            ttl: Duration::from_millis(self.positive("cacheTTL", "Cache TTL").unwrap_or(1)),
            max_size: self.positive("cacheMaxSize", "Cache max size").unwrap_or(1),
        }
    }

    fn sessions(&mut self) -> Sessions {
        let expire = self.settings.boolean("expireInactiveSessions");
        let length = if expire {
            self.positive("sessionLength", "Session length")
        } else {
            self.settings.integer("sessionLength").and_then(|seconds| u64::try_from(seconds).ok())
        };
        Sessions {
            length: Duration::from_secs(length.unwrap_or(1)),
            expire,
            extend_on_use: self.settings.boolean("extendSessionOnUse"),
        }
    }

    fn log(&mut self) -> Log {
        let level = if self.settings.boolean("verbose") {
            "verbose".to_owned()
        } else {
            self.settings.text("logLevel").unwrap_or_else(|| "info".to_owned())
        };
        let filter = match level.as_str() {
            "error" => "error",
            "warn" => "warn",
            // Libraries say much at these levels that is of use to their authors only.
            "info" => "warn,parsefleet=info",
            "verbose" | "debug" => "warn,parsefleet=debug",
            "silly" => "info,parsefleet=trace",
            _ => {
                self.problem("logLevel must be one of error, warn, info, verbose, debug, silly");
                "info"
            }
        };
        let filter = if self.settings.boolean("silent") { "off" } else { filter };
        Log { filter: filter.to_owned(), json: self.settings.boolean("jsonLogs") }
    }
}

/// A network in CIDR notation, or a single address.
fn parse_network(text: &str) -> Option<IpNet> {
    let text = text.trim();
    text.parse().ok().or_else(|| text.parse().ok().map(|address: std::net::IpAddr| IpNet::from(address)))
}
