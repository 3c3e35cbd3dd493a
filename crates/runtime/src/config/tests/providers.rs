//! Third-party providers: what is understood, and what is refused at the start.

use serde_json::json;

use super::*;
use crate::config::providers::{Policy, ProviderSettings, Reading};

fn auth(auth: &Json) -> Providers {
    config(&["--auth", &auth.to_string()]).providers
}

fn wrong(auth: &Json) -> Vec<String> {
    problems(&["--auth", &auth.to_string()])
}

#[test]
fn every_provider_of_parse_server_can_be_set_up() {
    let code = json!({ "clientId": "a", "clientSecret": "b" });
    let insecure = json!({ "enableInsecureAuth": true });
    let given = json!({
        "anonymous": {}, "apple": { "clientId": "a" }, "google": { "clientId": ["a", "b"], "cacheMaxAge": 1000 },
        "facebook": { "appIds": ["1"], "appSecret": "s" }, "github": code, "gpgames": code, "instagram": code, "line": code,
        "linkedin": code, "microsoft": code, "qq": code, "spotify": code, "wechat": insecure, "weibo": code,
        "twitter": [{ "consumer_key": "a", "consumer_secret": "b" }], "digits": { "consumer_key": "a", "consumer_secret": "b" },
        "gcenter": { "bundleId": "a" },
        "keycloak": { "config": { "auth-server-url": "https://k.example/auth/", "realm": "r", "client-id": "c" } },
        "ldap": { "url": "ldaps://l.example", "suffix": "dc=a", "tlsOptions": {}, "groupCn": "g", "groupFilter": "(a={{id}})" },
        "own": { "oauth2": true, "tokenIntrospectionEndpointUrl": "https://o.example", "appidField": "aud", "appIds": "a" },
        "mfa": { "options": ["TOTP", "SMS"], "smsUrl": "https://s.example", "digits": 10, "algorithm": "SHA-256" },
        "janraincapture": { "janrain_capture_host": "j.example" },
        "janrainengage": { "api_key": "k", "enableInsecureAuth": true }, "meetup": insecure, "phantauth": insecure,
        "vkontakte": { "appIds": "1", "appSecret": "s", "enableInsecureAuth": true },
    });
    let set_up = config(&["--auth", &given.to_string(), "--enableInsecureAuthAdapters", "true"]).providers;
    assert_eq!(set_up.entries.len(), given.as_object().unwrap().len());
    assert_eq!(set_up.names().filter(|name| *name == "anonymous").count(), 1);
    let ProviderSettings::Keycloak(keycloak) = &set_up.entries["keycloak"].settings else { panic!("not Keycloak") };
    assert_eq!(keycloak.server_url, "https://k.example/auth");
}

#[test]
fn an_adapter_of_the_app_is_asked_by_webhook() {
    let given = json!({
        "own": { "webhook": "https://app.example/own", "policy": "additional" },
        "google": { "webhook": "http://app/google", "showsOnlyId": true },
    });
    let set_up = auth(&given);
    let ProviderSettings::Webhook(own) = &set_up.entries["own"].settings else { panic!("no webhook") };
    assert_eq!((own.url.as_str(), set_up.entries["own"].policy), ("https://app.example/own", Some(Policy::Additional)));
    assert_eq!((set_up.reading("own"), set_up.reading("google")), (Reading::Whole, Reading::IdOnly));
    let github = auth(&json!({ "github": { "webhook": "https://app.example/github" } }));
    assert_eq!(github.reading("github"), Reading::IdOnly);
    assert_eq!(wrong(&json!({ "own": { "webhook": "app" } })), ["auth.own.webhook must be a URL."]);
    assert_eq!(wrong(&json!({ "mfa": { "webhook": "https://app.example/mfa" } })).len(), 1);
    // A module is what Parse Server takes; what to do instead is said.
    for module in [json!("./own.js"), json!({ "module": "./own.js" })] {
        let told = wrong(&json!({ "own": module })).concat();
        assert!(told.contains("Cloud Code runner") && told.contains("auth.own.webhook"), "{told}");
    }
}

#[test]
fn anonymous_users_are_on_until_they_are_switched_off() {
    assert_eq!(auth(&json!({})).names().collect::<Vec<_>>(), ["anonymous"]);
    let off = config(&["--enableAnonymousUsers", "false"]).providers;
    assert_eq!((off.anonymous, off.names().count()), (false, 0));
}

#[test]
fn older_names_are_understood() {
    let json = r#"{"facebook":{"appIds":"1"}}"#;
    let old = start_with(&[], &[("PARSE_SERVER_OAUTH_PROVIDERS", json), ("PARSE_SERVER_FACEBOOK_APP_IDS", "2,3")]);
    let ProviderSettings::Facebook(facebook) = &old.config.providers.entries["facebook"].settings else { panic!() };
    assert_eq!(facebook.app_ids, ["1"]);
    let older = start_with(&[], &[("FACEBOOK_APP_ID", "2,3")]);
    let ProviderSettings::Facebook(facebook) = &older.config.providers.entries["facebook"].settings else { panic!() };
    assert_eq!(facebook.app_ids, ["2", "3"]);
}

#[test]
fn policies_and_switches() {
    let given = json!({ "anonymous": { "policy": "solo", "enabled": false } });
    let anonymous = &auth(&given).entries["anonymous"];
    assert_eq!((anonymous.policy, anonymous.enabled), (Some(Policy::Solo), false));
    let problem = "auth.anonymous.policy is not configured correctly. The value must be either \"solo\", \"additional\", \"default\" or undefined (will be handled as \"default\")";
    assert_eq!(wrong(&json!({ "anonymous": { "policy": "strict" } })), [problem]);
}

#[test]
fn everything_wrong_is_said_at_once_and_shows_no_secret() {
    let given = json!({
        "github": { "clientId": "a" }, "apple": {}, "facebook": { "appIds": ["1"], "appSecrett": "secret" },
        "mfa": { "options": ["SMS"], "digits": 3, "period": 5 },
    });
    let told = wrong(&given);
    for expected in [
        "GitHub clientSecret is required.",
        "Apple auth is not configured.",
        "error: unknown option auth.facebook.appSecrett",
        "mfa.digits must be between 4 and 10",
        "mfa.period must be greater than 10",
    ] {
        assert!(told.iter().any(|problem| problem == expected), "{expected}: {told:?}");
    }
    assert!(told.iter().any(|problem| problem.starts_with("mfa.sendSMS callback must be defined")), "{told:?}");
    assert!(!told.concat().contains("\"secret\""), "{told:?}");
}

#[test]
fn what_cannot_work_is_refused() {
    for (given, problem) in [
        (json!({ "google": {} }), "Google auth is not configured."),
        (json!({ "facebook": { "appIds": [] } }), "Facebook auth is not configured."),
        (json!({ "github": {} }), "GitHub clientId is required."),
        (json!({ "twitter": {} }), "Consumer key and secret are required for secure Twitter auth."),
        (json!({ "twitter": [] }), "Consumer key and secret are required for secure Twitter auth."),
        (json!({ "gcenter": {} }), "bundleId is required for secure auth."),
        (json!({ "keycloak": {} }), "Missing keycloak configuration"),
        (json!({ "ldap": { "url": "ldaps://l", "suffix": "s" } }), "LDAP auth configuration missing"),
        (json!({ "ldap": { "url": "http://l", "suffix": "s" } }), "LDAP auth configuration missing"),
        (json!({ "own": { "oauth2": true } }), "OAuth2 token introspection endpoint URL is missing."),
        (
            json!({ "own": { "oauth2": true, "tokenIntrospectionEndpointUrl": "https://o", "appidField": "a" } }),
            "OAuth2 configuration is missing app IDs.",
        ),
        (json!({ "mfa": {} }), "mfa.options must be an array"),
        (json!({ "mfa": { "options": ["EMAIL"] } }), "mfa.options must include SMS or TOTP"),
        (json!({ "mfa": { "options": ["TOTP"], "digits": "six" } }), "mfa.digits must be a number"),
        (json!({ "meetup": {} }), "Meetup only works with enableInsecureAuth: true"),
        (
            json!({ "vkontakte": { "enableInsecureAuth": true } }),
            "Vk only works with enableInsecureAuth: true and enableInsecureAuthAdapters: true",
        ),
        (json!({ "a.b": {} }), "auth.a.b: the name of a provider is made of letters, digits and _."),
        (json!({ "apple": 5 }), "auth.apple must be an object."),
        (
            json!({ "google": { "clientId": "a", "endpoints": { "keys": "http://elsewhere.example" } } }),
            "auth.google.endpoints.keys must be an https URL; http is for this machine alone.",
        ),
        (
            json!({ "google": { "clientId": "a", "endpoints": { "token": "https://x" } } }),
            "error: unknown option auth.google.endpoints.token",
        ),
        (
            json!({ "google": { "clientId": "a", "module": "./mine.js" } }),
            "auth.google.module: adapters written in JavaScript run in the Cloud Code runner, which is not there yet",
        ),
    ] {
        assert!(wrong(&given).iter().any(|told| told == problem), "{given}: {:?}", wrong(&given));
    }
}

#[test]
fn what_holds_secrets_is_not_shown() {
    let set_up = auth(&json!({ "mfa": { "options": ["TOTP"] }, "github": { "enableInsecureAuth": true } }));
    assert_eq!(set_up.reading("mfa"), Reading::Status { totp: true, sms: false });
    assert_eq!(set_up.reading("github"), Reading::IdOnly);
    assert_eq!(set_up.reading("facebook"), Reading::Whole);
    let nothing = auth(&json!({}));
    assert_eq!(
        nothing.reading("mfa"),
        Reading::Status { totp: true, sms: true },
        "not even when it is no longer set up"
    );
    assert_eq!(nothing.reading("spotify"), Reading::IdOnly);
    let shown = format!("{:?}", auth(&json!({ "github": { "clientId": "a", "clientSecret": "hidden" } })));
    assert!(!shown.contains("hidden"), "{shown}");
}
