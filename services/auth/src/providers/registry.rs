//! The providers that are set up, by name.

use std::{collections::HashMap, sync::Arc};

use parsefleet_core::error::Result;
use parsefleet_runtime::config::{
    Config,
    providers::{Policy, Provider as Entry, ProviderSettings, Reading},
};
use serde_json::{Value as Json, json};

use super::{
    AuthData, Provider, Slice, anonymous::Anonymous, apple::Apple, facebook::Facebook, gcenter::GameCenter,
    google::Google, http::Http, janraincapture::JanrainCapture, janrainengage::JanrainEngage, keycloak::Keycloak,
    ldap::Ldap, meetup::MEETUP, mfa::Mfa, oauth_code::OAuthCode, oauth2::OAuth2, phantauth::PHANTAUTH,
    profile::ProfileProvider, text, twitter::Twitter, unsupported, vkontakte::Vkontakte, webhook::Webhook,
};
use crate::triggers::Triggers;

/// All providers.
pub(crate) struct Providers {
    known: HashMap<String, Known>,
    config: Arc<Config>,
}

/// A provider that is set up.
pub(super) struct Known {
    pub(super) adapter: Box<dyn Provider>,
    enabled: bool,
    policy: Option<Policy>,
}

impl Providers {
    /// The providers that the configuration names. Adapters of the app's own are asked as its triggers are.
    pub(crate) fn new(config: Arc<Config>, triggers: &Triggers) -> Self {
        let http = Http::new();
        let mut known = HashMap::new();
        for name in config.providers.names() {
            let built = match config.providers.entries.get(name) {
                Some(entry) => adapter(name, entry, &http, triggers).map(|adapter| Known {
                    adapter,
                    // The switch of anonymous users turns them off wherever else they are turned on.
                    enabled: entry.enabled && (name != "anonymous" || config.providers.anonymous),
                    policy: entry.policy,
                }),
                None => Some(Known { adapter: Box::new(Anonymous), enabled: true, policy: None }),
            };
            known.extend(built.map(|built| (name.to_owned(), built)));
        }
        Self { known, config }
    }

    /// The provider, whether it is switched on or not.
    pub(super) fn get(&self, name: &str) -> Option<&Known> {
        self.known.get(name)
    }

    /// The provider, to log in with.
    ///
    /// # Errors
    /// 252 if there is none, or if it is switched off.
    pub(super) fn usable(&self, name: &str) -> Result<&dyn Provider> {
        let known = self.known.get(name).filter(|known| known.enabled);
        known.map(|known| known.adapter.as_ref()).ok_or_else(unsupported)
    }

    /// What a provider means for a log-in of a user who has this of it; nothing if it is not set up.
    pub(super) fn policy(&self, name: &str, stored: &Slice) -> Option<Policy> {
        let known = self.known.get(name)?;
        Some(known.policy.unwrap_or_else(|| known.adapter.policy(stored)))
    }

    /// A stored slice as it is shown to those who may see it.
    pub(crate) fn shown(&self, name: &str, stored: &Slice, master: bool) -> Json {
        match self.config.providers.reading(name) {
            Reading::IdOnly => {
                let id = stored.get("id").map(|id| ("id".to_owned(), id.clone()));
                Json::Object(id.into_iter().collect())
            }
            Reading::Status { totp, sms } if !master => {
                let set_up = (totp && text(stored, "secret").is_some()) || (sms && text(stored, "mobile").is_some());
                json!({ "status": if set_up { "enabled" } else { "disabled" } })
            }
            Reading::Status { .. } | Reading::Whole => Json::Object(stored.clone()),
        }
    }

    /// Everything that is stored of a user, as it is shown.
    pub(super) fn all_shown(&self, stored: &AuthData, master: bool) -> Slice {
        let slices = stored.iter().filter_map(|(name, slice)| Some((name, slice?)));
        slices.map(|(name, slice)| (name.to_owned(), self.shown(name, slice, master))).collect()
    }

    /// A set of providers that tests choose.
    #[cfg(test)]
    pub(super) fn for_test(config: Config, adapters: Vec<(&str, Box<dyn Provider>)>) -> Self {
        let mut providers = Self::new(Arc::new(config), &Triggers::to_nobody());
        for (name, adapter) in adapters {
            providers.known.insert(name.to_owned(), Known { adapter, enabled: true, policy: None });
        }
        providers
    }
}

/// The adapter of a provider; `None` if its settings are not enough, with which no process starts.
fn adapter(name: &str, entry: &Entry, http: &Http, triggers: &Triggers) -> Option<Box<dyn Provider>> {
    let endpoint = |name: &str| entry.endpoints.get(name).map(String::as_str);
    Some(match &entry.settings {
        ProviderSettings::Anonymous => Box::new(Anonymous),
        ProviderSettings::Apple(options) => Box::new(Apple::try_new(options, endpoint("keys"), http)?),
        ProviderSettings::Google(options) => Box::new(Google::try_new(options, endpoint("keys"), http)?),
        ProviderSettings::Facebook(options) => {
            Box::new(Facebook::try_new(options, endpoint("graph"), endpoint("keys"), http)?)
        }
        ProviderSettings::Code(provider, options) => {
            Box::new(OAuthCode::new(*provider, options, endpoint("token"), endpoint("profile"), http))
        }
        ProviderSettings::Twitter(consumers) => {
            Box::new(Twitter::new(consumers, endpoint("accessToken"), endpoint("verifyCredentials"), http))
        }
        ProviderSettings::GameCenter(options) => Box::new(GameCenter::new(options, endpoint("publicKeys"), http)),
        ProviderSettings::Keycloak(options) => Box::new(Keycloak::new(options, http)),
        ProviderSettings::Ldap(options) => Box::new(Ldap::new(options)),
        ProviderSettings::OAuth2(options) => Box::new(OAuth2::new(name, options, http)),
        ProviderSettings::Mfa(options) => Box::new(Mfa::new(options, http)),
        ProviderSettings::JanrainCapture(host) => Box::new(JanrainCapture::new(host, endpoint("entity"), http)),
        ProviderSettings::JanrainEngage(key) => Box::new(JanrainEngage::new(key, endpoint("authInfo"), http)),
        ProviderSettings::Meetup => Box::new(ProfileProvider::new(&MEETUP, endpoint("profile"), http)),
        ProviderSettings::PhantAuth => Box::new(ProfileProvider::new(&PHANTAUTH, endpoint("profile"), http)),
        ProviderSettings::Vkontakte(options) => {
            Box::new(Vkontakte::new(options, endpoint("token"), endpoint("profile"), http))
        }
        ProviderSettings::Webhook(options) => Box::new(Webhook::new(name, options, triggers)),
    })
}
