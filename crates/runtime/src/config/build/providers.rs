//! `auth`, `facebookAppIds` and the switches of third-party log-in.

mod endpoints;
mod factor;
mod reader;
mod settings;

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use self::reader::Reader;
use super::Builder;
use crate::config::providers::{Policy, Provider, Providers};

impl Builder<'_> {
    pub(super) fn providers(&mut self) -> Providers {
        let given = match self.settings.value("auth") {
            None | Some(Json::Null) => Map::new(),
            Some(Json::Object(given)) => given,
            Some(_) => {
                self.problem("auth must be an object.");
                Map::new()
            }
        };
        let given = self.with_facebook_apps(given);
        let insecure = self.settings.boolean("enableInsecureAuthAdapters");
        let mut entries = BTreeMap::new();
        for (name, options) in &given {
            if let Some(provider) = self.provider(name, options, insecure) {
                entries.insert(name.clone(), provider);
            }
        }
        Providers { entries, anonymous: self.settings.boolean("enableAnonymousUsers") }
    }

    /// `facebookAppIds` stands for `auth.facebook.appIds`, unless that is given.
    fn with_facebook_apps(&self, mut given: Map<String, Json>) -> Map<String, Json> {
        let Some(ids) = self.settings.list("facebookAppIds").filter(|ids| !ids.is_empty()) else { return given };
        let facebook = given.entry("facebook").or_insert_with(|| Json::Object(Map::new()));
        if let Json::Object(facebook) = facebook {
            facebook.entry("appIds").or_insert(Json::Array(ids));
        }
        given
    }

    fn provider(&mut self, name: &str, options: &Json, insecure: bool) -> Option<Provider> {
        if !is_provider_name(name) {
            self.problem(format!("auth.{name}: the name of a provider is made of letters, digits and _."));
            return None;
        }
        // Twitter takes a list of apps.
        let listed = matches!(name, "twitter" | "digits");
        let empty = Map::new();
        let (members, apps) = match options {
            Json::Object(members) => (members, None),
            Json::Array(apps) if listed => (&empty, Some(apps.as_slice())),
            Json::String(_) => {
                self.problem(format!(
                    "auth.{name}: adapters written in JavaScript run in the Cloud Code runner, which is not there yet; \
                     one of your own is asked at the address in auth.{name}.webhook"
                ));
                return None;
            }
            _ => {
                self.problem(format!("auth.{name} must be an object."));
                return None;
            }
        };
        let reader = Reader::new(format!("auth.{name}"), members);
        let enabled = reader.flag_or("enabled", true);
        let policy = policy(&reader);
        let endpoints = endpoints::read(name, &reader);
        let settings = match apps {
            Some(apps) => settings::apps_of_twitter(name, apps, &reader),
            None => settings::read(name, &reader, insecure),
        };
        let problems = reader.finish();
        let usable = problems.is_empty();
        problems.into_iter().for_each(|problem| self.problem(problem));
        Some(Provider { enabled, policy, endpoints, settings: settings.filter(|_| usable)? })
    }
}

/// The policy that is asked for; that of the adapter if none is.
fn policy(reader: &Reader<'_>) -> Option<Policy> {
    match reader.text("policy")?.as_str() {
        "default" => Some(Policy::Default),
        "solo" => Some(Policy::Solo),
        "additional" => Some(Policy::Additional),
        _ => {
            reader.wrong(
                "policy",
                "is not configured correctly. The value must be either \"solo\", \"additional\", \"default\" or undefined (will be handled as \"default\")",
            );
            None
        }
    }
}

/// Whether the name can be part of the name of a column.
fn is_provider_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(|char| char.is_ascii_alphanumeric() || char == '_')
}
