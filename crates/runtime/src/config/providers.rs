//! `auth` and what belongs to it: the third-party providers that users log in with.

use std::{collections::BTreeMap, time::Duration};

use secrecy::SecretString;

/// Name of the provider whose users nobody knows.
const ANONYMOUS: &str = "anonymous";
/// Name of the second factor.
const MFA: &str = "mfa";

/// Third-party providers.
#[derive(Debug, Default)]
pub struct Providers {
    /// `auth`: providers by name, those that are switched off included. `anonymous` is among them only if it was given.
    pub entries: BTreeMap<String, Provider>,
    /// `enableAnonymousUsers`
    pub anonymous: bool,
}

/// One provider.
#[derive(Debug)]
pub struct Provider {
    /// `enabled`: whether users may log in with it.
    pub enabled: bool,
    /// `policy`, if it differs from the provider's own.
    pub policy: Option<Policy>,
    /// `endpoints`: URLs that replace the provider's own, by what they are for.
    pub endpoints: BTreeMap<String, String>,
    /// All else.
    pub settings: ProviderSettings,
}

/// What a provider means for a log-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// It is enough, unless the user has a provider of policy `additional`.
    Default,
    /// It is enough, whatever else the user has.
    Solo,
    /// It is asked for beside another one.
    Additional,
}

/// How a stored identity is shown to those who may see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// As it is stored.
    Whole,
    /// Only its `id`, even to the master key.
    IdOnly,
    /// Whether it is set up; to the master key as it is stored.
    Status {
        /// Whether a stored `secret` counts.
        totp: bool,
        /// Whether a stored `mobile` counts.
        sms: bool,
    },
}

/// What is special about a provider.
#[derive(Debug)]
pub enum ProviderSettings {
    /// `anonymous`
    Anonymous,
    /// `apple`
    Apple(OpenId),
    /// `google`
    Google(OpenId),
    /// `facebook`
    Facebook(Facebook),
    /// One that exchanges a code for a token.
    Code(CodeProvider, CodeFlow),
    /// `twitter`, `digits`: the apps of which tokens are accepted; not empty.
    Twitter(Vec<Consumer>),
    /// `gcenter`
    GameCenter(GameCenter),
    /// `keycloak`
    Keycloak(Keycloak),
    /// `ldap`
    Ldap(Ldap),
    /// Any name with `oauth2`.
    OAuth2(OAuth2),
    /// `mfa`
    Mfa(Mfa),
    /// `janraincapture`: its `janrain_capture_host`.
    JanrainCapture(String),
    /// `janrainengage`: its `api_key`.
    JanrainEngage(SecretString),
    /// `meetup`
    Meetup,
    /// `phantauth`
    PhantAuth,
    /// `vkontakte`
    Vkontakte(Vkontakte),
    /// Any name with `webhook`.
    Webhook(Webhook),
}

/// Providers that exchange a code for a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of the providers")]
pub enum CodeProvider {
    GitHub,
    GooglePlayGames,
    Instagram,
    Line,
    LinkedIn,
    Microsoft,
    Qq,
    Spotify,
    WeChat,
    Weibo,
}

/// A provider of OpenID tokens.
#[derive(Debug)]
pub struct OpenId {
    /// `clientId`: whom tokens have to be for; not empty.
    pub client_ids: Vec<String>,
    /// How long its keys are kept.
    pub keys: KeyCache,
}

/// How long the keys of a provider are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyCache {
    /// `cacheMaxEntries`
    pub max_entries: u64,
    /// `cacheMaxAge`
    pub max_age: Duration,
}

impl Default for KeyCache {
    fn default() -> Self {
        Self { max_entries: 5, max_age: Duration::from_secs(3600) }
    }
}

/// `facebook`
#[derive(Debug)]
pub struct Facebook {
    /// `appIds`; not empty.
    pub app_ids: Vec<String>,
    /// `appSecret`
    pub app_secret: Option<SecretString>,
    /// How long its keys are kept.
    pub keys: KeyCache,
}

/// An app that exchanges codes for tokens.
#[derive(Debug)]
pub struct CodeFlow {
    /// `clientId` and `clientSecret`; absent only if `insecure` is set.
    pub client: Option<(String, SecretString)>,
    /// `enableInsecureAuth`: whether clients may send a token instead of a code.
    pub insecure: bool,
}

/// An app at Twitter.
#[derive(Debug)]
pub struct Consumer {
    /// `consumer_key`
    pub key: String,
    /// `consumer_secret`
    pub secret: SecretString,
}

/// `gcenter`
#[derive(Debug)]
pub struct GameCenter {
    /// `bundleId`; absent only if `enableInsecureAuth` lets clients name it.
    pub bundle_id: Option<String>,
    /// `rootCertificateUrl`
    pub root_certificate_url: Option<String>,
}

/// `keycloak`
#[derive(Debug)]
pub struct Keycloak {
    /// `config.auth-server-url`
    pub server_url: String,
    /// `config.realm`
    pub realm: String,
    /// `config.client-id`
    pub client_id: String,
    /// How long its keys are kept.
    pub keys: KeyCache,
}

/// `ldap`
#[derive(Debug)]
pub struct Ldap {
    /// `url`
    pub url: String,
    /// `suffix`
    pub suffix: String,
    /// `dn`: the name of a user's entry, with `{{id}}` in it.
    pub dn: Option<String>,
    /// `groupCn` and `groupFilter`: the group that users have to be in, and how its entry is found.
    pub group: Option<(String, String)>,
    /// `tlsOptions`
    pub tls: LdapTls,
}

/// `tlsOptions` of `ldap`.
#[derive(Debug)]
pub struct LdapTls {
    /// `ca`: certificates of authorities (PEM), instead of the system's.
    pub authorities: Vec<String>,
    /// `rejectUnauthorized`: whether the server has to prove who it is.
    pub verify: bool,
}

/// A server that tells about tokens (RFC 7662).
#[derive(Debug)]
pub struct OAuth2 {
    /// `tokenIntrospectionEndpointUrl`
    pub introspection_url: String,
    /// `useridField`
    pub user_id_field: String,
    /// `appidField` and `appIds`: the field that names the app, and the apps of which tokens are accepted.
    pub apps: Option<(String, Vec<String>)>,
    /// `authorizationHeader`
    pub authorization: Option<SecretString>,
}

/// `mfa`
#[derive(Debug)]
pub struct Mfa {
    /// Whether `options` holds `TOTP`.
    pub totp: bool,
    /// Where short messages are sent by, if `options` holds `SMS`.
    pub sms: Option<SmsHook>,
    /// `digits`
    pub digits: u32,
    /// `period`, in seconds.
    pub period: u64,
    /// `algorithm`
    pub algorithm: OtpAlgorithm,
    /// `singleUse`: whether a code of an authenticator app works once.
    pub single_use: bool,
}

/// Who sends short messages.
#[derive(Debug)]
pub struct SmsHook {
    /// `smsUrl`: it is sent `{"to", "token"}`.
    pub url: String,
    /// `smsAuthorization`: value of the Authorization header.
    pub authorization: Option<SecretString>,
}

/// Hash of time-based codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of the algorithms")]
pub enum OtpAlgorithm {
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

/// `vkontakte`
#[derive(Debug)]
pub struct Vkontakte {
    /// `appIds`
    pub app_id: String,
    /// `appSecret`
    pub app_secret: SecretString,
    /// `apiVersion`
    pub api_version: String,
}

/// An adapter of the app's own.
#[derive(Debug)]
pub struct Webhook {
    /// `webhook`: where it is asked.
    pub url: String,
    /// `showsOnlyId`: whether clients see nothing of an identity but its `id`.
    pub shows_only_id: bool,
}

impl Providers {
    /// Names of the providers that are set up, `anonymous` included: their identities belong to one user only.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let given = self.entries.keys().map(String::as_str);
        given.chain(Some(ANONYMOUS).filter(|name| self.anonymous && !self.entries.contains_key(*name)))
    }

    /// Providers whose identities are not shown as they are stored.
    pub fn readings(&self) -> impl Iterator<Item = (&str, Reading)> {
        let given = self.entries.keys().map(String::as_str);
        let built_in = CodeProvider::NAMES.iter().map(|(name, _)| *name).chain([MFA]);
        let names = given.chain(built_in.filter(|name| !self.entries.contains_key(*name)));
        names.map(|name| (name, self.reading(name))).filter(|(_, reading)| *reading != Reading::Whole)
    }

    /// How a stored identity of this provider is shown. What holds secrets is not shown because its provider is no longer set up.
    pub fn reading(&self, name: &str) -> Reading {
        let settings = self.entries.get(name).map(|provider| &provider.settings);
        match settings {
            Some(ProviderSettings::Code(..)) => Reading::IdOnly,
            Some(ProviderSettings::Webhook(webhook)) if webhook.shows_only_id => Reading::IdOnly,
            Some(ProviderSettings::Mfa(mfa)) => Reading::Status { totp: mfa.totp, sms: mfa.sms.is_some() },
            Some(_) => Reading::Whole,
            None if name == MFA => Reading::Status { totp: true, sms: true },
            None if CodeProvider::from_name(name).is_some() => Reading::IdOnly,
            None => Reading::Whole,
        }
    }
}

impl CodeProvider {
    /// All of them, by their names in `auth`.
    const NAMES: [(&str, Self); 10] = [
        ("github", Self::GitHub),
        ("gpgames", Self::GooglePlayGames),
        ("instagram", Self::Instagram),
        ("line", Self::Line),
        ("linkedin", Self::LinkedIn),
        ("microsoft", Self::Microsoft),
        ("qq", Self::Qq),
        ("spotify", Self::Spotify),
        ("wechat", Self::WeChat),
        ("weibo", Self::Weibo),
    ];

    /// The provider of this name in `auth`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, provider)| *provider)
    }
}
