//! What is special about each provider.

use std::time::Duration;

use secrecy::SecretString;
use serde_json::Value as Json;

use super::{endpoints::is_safe, factor, reader::Reader};
use crate::config::providers::{
    CodeFlow, CodeProvider, Consumer, Facebook, GameCenter, KeyCache, Keycloak, Ldap, LdapTls, OAuth2, OpenId,
    ProviderSettings, Vkontakte, Webhook,
};
use crate::config::value::is_web;

/// The settings of the provider of this name; `None` if they cannot be used, which the reader knows about.
pub(super) fn read(name: &str, reader: &Reader<'_>, insecure: bool) -> Option<ProviderSettings> {
    if let Some(url) = reader.text("webhook") {
        return webhook(name, url, reader);
    }
    if reader.flag("oauth2") {
        return introspection(reader).map(ProviderSettings::OAuth2);
    }
    if let Some(provider) = CodeProvider::from_name(name) {
        return Some(ProviderSettings::Code(provider, code_flow(display_name(provider), reader)));
    }
    match name {
        "apple" => open_id("Apple", reader).map(ProviderSettings::Apple),
        "google" => open_id("Google", reader).map(ProviderSettings::Google),
        "facebook" => facebook(reader).map(ProviderSettings::Facebook),
        "twitter" | "digits" => twitter(reader),
        "gcenter" => game_center(reader).map(ProviderSettings::GameCenter),
        "keycloak" => keycloak(reader).map(ProviderSettings::Keycloak),
        "ldap" => ldap(reader).map(ProviderSettings::Ldap),
        "mfa" => factor::read(reader).map(ProviderSettings::Mfa),
        "janraincapture" => {
            let missing = "auth.janraincapture.janrain_capture_host is required.";
            reader.required("janrain_capture_host", missing).map(ProviderSettings::JanrainCapture)
        }
        "janrainengage" => janrain_engage(reader, insecure),
        "meetup" => only_insecure("Meetup", reader, true).then_some(ProviderSettings::Meetup),
        "phantauth" => only_insecure("PhantAuth", reader, true).then_some(ProviderSettings::PhantAuth),
        "vkontakte" => vkontakte(reader, insecure).map(ProviderSettings::Vkontakte),
        "anonymous" => Some(ProviderSettings::Anonymous),
        _ => {
            reader.problem(format!(
                "auth.{name}: no provider of this name is built in. One that answers token introspection needs oauth2: true, \
                 and an adapter of your own is asked at the address in auth.{name}.webhook; adapters written in JavaScript run in the Cloud Code runner, which is not there yet"
            ));
            None
        }
    }
}

/// The app's own adapter, whatever the provider is called.
fn webhook(name: &str, url: String, reader: &Reader<'_>) -> Option<ProviderSettings> {
    // What clients sent to a provider that exchanges codes is a token; it was hidden, and stays so.
    let shows_only_id = reader.flag("showsOnlyId") || CodeProvider::from_name(name).is_some();
    if name == "mfa" {
        reader.wrong("webhook", "would show the secrets that are stored: call a second factor of your own otherwise.");
        return None;
    }
    if !is_web(&url) {
        reader.wrong("webhook", "must be a URL.");
        return None;
    }
    Some(ProviderSettings::Webhook(Webhook { url, shows_only_id }))
}

fn display_name(provider: CodeProvider) -> &'static str {
    match provider {
        CodeProvider::GitHub => "GitHub",
        CodeProvider::GooglePlayGames => "gpgames",
        CodeProvider::Instagram => "Instagram",
        CodeProvider::Line => "Line",
        CodeProvider::LinkedIn => "LinkedIn",
        CodeProvider::Microsoft => "Microsoft",
        CodeProvider::Qq => "qq",
        CodeProvider::Spotify => "spotify",
        CodeProvider::WeChat => "WeChat",
        CodeProvider::Weibo => "Weibo",
    }
}

fn code_flow(name: &str, reader: &Reader<'_>) -> CodeFlow {
    let insecure = reader.flag("enableInsecureAuth");
    let (id, secret) = (reader.text("clientId"), reader.secret("clientSecret"));
    if !insecure && id.is_none() {
        reader.problem(format!("{name} clientId is required."));
    } else if !insecure && secret.is_none() {
        reader.problem(format!("{name} clientSecret is required."));
    }
    CodeFlow { client: id.zip(secret), insecure }
}

fn key_cache(reader: &Reader<'_>) -> KeyCache {
    let default = KeyCache::default();
    KeyCache {
        max_entries: reader.positive("cacheMaxEntries").unwrap_or(default.max_entries),
        max_age: reader.positive("cacheMaxAge").map_or(default.max_age, Duration::from_millis),
    }
}

fn open_id(name: &str, reader: &Reader<'_>) -> Option<OpenId> {
    let client_ids = reader.texts("clientId");
    if client_ids.is_empty() {
        reader.problem(format!("{name} auth is not configured."));
        return None;
    }
    Some(OpenId { client_ids, keys: key_cache(reader) })
}

fn facebook(reader: &Reader<'_>) -> Option<Facebook> {
    let (app_ids, app_secret, keys) = (reader.texts("appIds"), reader.secret("appSecret"), key_cache(reader));
    if app_ids.is_empty() {
        reader.problem("Facebook auth is not configured.");
        return None;
    }
    Some(Facebook { app_ids, app_secret, keys })
}

fn twitter(reader: &Reader<'_>) -> Option<ProviderSettings> {
    // Tokens are signed for with the secret of the app, so that there is no insecure way to switch on.
    reader.flag("enableInsecureAuth");
    consumer(reader).map(|consumer| ProviderSettings::Twitter(vec![consumer]))
}

/// Twitter with several apps.
pub(super) fn apps_of_twitter(name: &str, apps: &[Json], outer: &Reader<'_>) -> Option<ProviderSettings> {
    let mut consumers = Vec::new();
    for (place, app) in apps.iter().enumerate() {
        let Json::Object(members) = app else {
            outer.problem(format!("auth.{name} must hold objects."));
            return None;
        };
        let reader = Reader::new(format!("auth.{name}[{place}]"), members);
        reader.flag("enableInsecureAuth");
        consumers.extend(consumer(&reader));
        reader.finish().into_iter().for_each(|problem| outer.problem(problem));
    }
    if consumers.is_empty() {
        outer.problem("Consumer key and secret are required for secure Twitter auth.");
        return None;
    }
    Some(ProviderSettings::Twitter(consumers))
}

fn consumer(reader: &Reader<'_>) -> Option<Consumer> {
    match (reader.text("consumer_key"), reader.secret("consumer_secret")) {
        (Some(key), Some(secret)) => Some(Consumer { key, secret }),
        _ => {
            reader.problem("Consumer key and secret are required for secure Twitter auth.");
            None
        }
    }
}

fn game_center(reader: &Reader<'_>) -> Option<GameCenter> {
    let insecure = reader.flag("enableInsecureAuth");
    let bundle_id = reader.text("bundleId");
    if bundle_id.is_none() && !insecure {
        reader.problem("bundleId is required for secure auth.");
    }
    let root_certificate_url = reader.text("rootCertificateUrl");
    if root_certificate_url.as_ref().is_some_and(|url| !is_safe(url)) {
        reader.wrong("rootCertificateUrl", "must be an https URL.");
    }
    Some(GameCenter { bundle_id, root_certificate_url })
}

fn keycloak(reader: &Reader<'_>) -> Option<Keycloak> {
    let keys = key_cache(reader);
    let Some(members) = reader.object("config") else {
        reader.problem("Missing keycloak configuration");
        return None;
    };
    let config = Reader::new("auth.keycloak.config", members);
    let server_url = config.required("auth-server-url", "Missing keycloak configuration");
    let realm = config.required("realm", "Missing keycloak configuration");
    let client_id = config.required("client-id", "Keycloak auth is not configured. Missing client-id.");
    if server_url.as_ref().is_some_and(|url| !is_web(url)) {
        config.wrong("auth-server-url", "must be a URL.");
    }
    // What else Keycloak's own configuration file holds is of no use here.
    for name in
        ["ssl-required", "resource", "public-client", "confidential-port", "credentials", "verify-token-audience"]
    {
        config.value(name);
    }
    config.finish().into_iter().for_each(|problem| reader.problem(problem));
    Some(Keycloak {
        server_url: server_url?.trim_end_matches('/').to_owned(),
        realm: realm?,
        client_id: client_id?,
        keys,
    })
}

fn ldap(reader: &Reader<'_>) -> Option<Ldap> {
    let url = reader.required("url", "LDAP auth configuration missing");
    let suffix = reader.required("suffix", "LDAP auth configuration missing");
    let (dn, cn, filter) = (reader.text("dn"), reader.text("groupCn"), reader.text("groupFilter"));
    if cn.is_some() != filter.is_some() {
        reader.wrong("groupCn", "and groupFilter belong together.");
    }
    let secure = url.as_ref().is_some_and(|url| url.starts_with("ldaps://"));
    let options = reader.object("tlsOptions");
    if url.as_ref().is_some_and(|url| !secure && !url.starts_with("ldap://")) || (secure && options.is_none()) {
        reader.problem("LDAP auth configuration missing");
    }
    let tls = match options {
        None => LdapTls { authorities: Vec::new(), verify: true },
        Some(members) => {
            let options = Reader::new("auth.ldap.tlsOptions", members);
            let authorities = options.texts("ca");
            let tls = LdapTls { authorities, verify: options.flag_or("rejectUnauthorized", true) };
            options.finish().into_iter().for_each(|problem| reader.problem(problem));
            tls
        }
    };
    Some(Ldap { url: url?, suffix: suffix?, dn, group: cn.zip(filter), tls })
}

fn introspection(reader: &Reader<'_>) -> Option<OAuth2> {
    let url = reader.required("tokenIntrospectionEndpointUrl", "OAuth2 token introspection endpoint URL is missing.");
    if url.as_ref().is_some_and(|url| !is_web(url)) {
        reader.wrong("tokenIntrospectionEndpointUrl", "must be a URL.");
    }
    let (field, ids) = (reader.text("appidField"), reader.texts("appIds"));
    if field.is_some() && ids.is_empty() {
        reader.problem("OAuth2 configuration is missing app IDs.");
    }
    Some(OAuth2 {
        introspection_url: url?,
        user_id_field: reader.text("useridField").unwrap_or_else(|| "sub".to_owned()),
        apps: field.map(|field| (field, ids)),
        authorization: reader.secret("authorizationHeader"),
    })
}

/// Whether the operator accepted that the provider's tokens may be those of any app; says so if not.
fn only_insecure(name: &str, reader: &Reader<'_>, switched_on: bool) -> bool {
    let insecure = reader.flag("enableInsecureAuth") && switched_on;
    if !insecure {
        let switch = if switched_on { "" } else { " and enableInsecureAuthAdapters: true" };
        reader.problem(format!("{name} only works with enableInsecureAuth: true{switch}"));
    }
    insecure
}

fn janrain_engage(reader: &Reader<'_>, insecure: bool) -> Option<ProviderSettings> {
    let key = reader.required("api_key", "auth.janrainengage.api_key is required.").map(SecretString::from);
    if !only_insecure("janrainengage adapter", reader, insecure) {
        return None;
    }
    key.map(ProviderSettings::JanrainEngage)
}

fn vkontakte(reader: &Reader<'_>, insecure: bool) -> Option<Vkontakte> {
    let app_id = reader.texts("appIds").into_iter().next();
    let app_secret = reader.secret("appSecret");
    let api_version = reader.text("apiVersion").unwrap_or_else(|| "5.124".to_owned());
    if !only_insecure("Vk", reader, insecure) {
        return None;
    }
    if app_id.is_none() || app_secret.is_none() {
        reader.problem("Vk auth is not configured. Missing appIds or appSecret.");
    }
    Some(Vkontakte { app_id: app_id?, app_secret: app_secret?, api_version })
}
