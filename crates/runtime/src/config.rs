//! The effective configuration of a process, from defaults, file, environment and flags.

mod accounts;
mod build;
mod check;
mod classes;
mod help;
mod jobs;
mod limits;
mod load;
mod mail;
mod options;
mod pages;
pub mod providers;
mod settings;
mod sources;
mod user_mail;
mod value;

#[cfg(test)]
mod tests;

use std::{fmt, path::PathBuf, time::Duration};

use fancy_regex::Regex;
use ipnet::IpNet;
use secrecy::SecretString;
use serde_json::Value as Json;

pub use accounts::{Accounts, Lockout, PasswordPolicy};
pub use classes::DefinedClasses;
pub use jobs::Jobs;
pub use limits::{RateLimit, RateLimitMethods, RateLimitZone, Security};
pub use load::{Launch, Problems, Role, Startup, load};
pub use mail::{Mail, MailProvider, MailTemplate, MailText, Smtp, SmtpSecurity};
pub use pages::{CustomRoute, CustomUrl, Page, Pages};
pub use providers::Providers;
pub use user_mail::{Decision, PasswordReset, UserMail, Verification};

/// Everything a Parsefleet process can be told. Parse Server's options keep their meaning; Parsefleet's own are under
/// `fleet`.
#[derive(Debug)]
pub struct Config {
    /// `appId`
    pub app_id: String,
    /// `appName`
    pub app_name: Option<String>,
    /// The keys a caller may present.
    pub keys: Keys,
    /// How the API is served.
    pub http: Http,
    /// Where objects live.
    pub database: Database,
    /// What objects and queries may do.
    pub objects: Objects,
    /// `idempotencyOptions`
    pub idempotency: Idempotency,
    /// `schema`
    pub classes: Option<DefinedClasses>,
    /// `cacheTTL`, `cacheMaxSize`.
    pub cache: Cache,
    /// `sessionLength`, `expireInactiveSessions`, `extendSessionOnUse`
    pub sessions: Sessions,
    /// Mails to users: `verifyUserEmails` and what goes with it.
    pub user_mail: UserMail,
    /// `pages`, `customPages`
    pub pages: Pages,
    /// `auth`, `facebookAppIds`, `enableAnonymousUsers`, `enableInsecureAuthAdapters`
    pub providers: Providers,
    /// `emailAdapter`; without one no mail is sent.
    pub mail: Option<Mail>,
    /// Users and their passwords.
    pub accounts: Accounts,
    /// `rateLimit`
    pub rate_limits: Vec<RateLimit>,
    /// `security`
    pub security: Security,
    /// `logLevel`, `jsonLogs`, `silent`, `verbose`
    pub log: Log,
    /// Where jobs go, and how often they are tried.
    pub jobs: Jobs,
    /// Parsefleet's own settings.
    pub fleet: Fleet,
}

/// Keys that callers present, the addresses they are accepted from, and the key that is presented to webhooks.
#[derive(Debug)]
pub struct Keys {
    /// `masterKey`
    pub master: SecretString,
    /// `masterKeyIps`
    pub master_ips: Vec<IpNet>,
    /// `readOnlyMasterKey`
    pub read_only_master: Option<SecretString>,
    /// `readOnlyMasterKeyIps`
    pub read_only_master_ips: Vec<IpNet>,
    /// `maintenanceKey`
    pub maintenance: Option<SecretString>,
    /// `maintenanceKeyIps`
    pub maintenance_ips: Vec<IpNet>,
    /// `clientKey`
    pub client: Option<SecretString>,
    /// `javascriptKey`
    pub javascript: Option<SecretString>,
    /// `restAPIKey`
    pub rest_api: Option<SecretString>,
    /// `dotNetKey`
    pub dot_net: Option<SecretString>,
    /// `webhookKey`
    pub webhook: Option<SecretString>,
}

/// How the API is served.
#[derive(Debug)]
pub struct Http {
    /// `host`
    pub host: String,
    /// `port`
    pub port: u16,
    /// `mountPath`, with a leading and without a trailing slash; the root is empty.
    pub mount_path: String,
    /// `serverURL`
    pub server_url: Option<String>,
    /// `publicServerURL`
    pub public_server_url: Option<String>,
    /// `maxUploadSize` in bytes.
    pub max_upload_size: usize,
    /// `allowOrigin`; empty means `*`.
    pub allow_origin: Vec<String>,
    /// `allowHeaders`
    pub allow_headers: Vec<String>,
    /// `trustProxy`, in Express' meaning.
    pub trust_proxy: TrustProxy,
    /// `enableSanitizedErrorResponse`
    pub sanitise_errors: bool,
    /// `routeAllowList`
    pub route_allow_list: Option<Vec<String>>,
}

/// Which addresses in `X-Forwarded-For` are believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrustProxy {
    /// None.
    Never,
    /// All: the leftmost is the client.
    Always,
    /// So many proxies in front.
    Hops(usize),
    /// These proxies.
    Addresses(Vec<IpNet>),
}

/// Where objects live.
pub struct Database {
    /// `databaseURI`; `None` is the embedded store.
    pub uri: Option<SecretString>,
    /// `databaseOptions` as given, each member in its own kind.
    pub options: serde_json::Map<String, Json>,
    /// `collectionPrefix`
    pub collection_prefix: String,
    /// `PARSEFLEET_DATA_DIR`: directory of the embedded store.
    pub data_dir: PathBuf,
}

/// What objects and queries may do.
#[derive(Debug)]
pub struct Objects {
    /// `objectIdSize`
    pub object_id_size: usize,
    /// `allowCustomObjectId`
    pub allow_custom_object_id: bool,
    /// `allowClientClassCreation`
    pub allow_client_class_creation: bool,
    /// `defaultLimit`
    pub default_limit: u64,
    /// `maxLimit`
    pub max_limit: Option<u64>,
    /// `query.aggregationRawValues`
    pub aggregation_raw_values: bool,
    /// `query.aggregationRawFieldNames`
    pub aggregation_raw_field_names: bool,
    /// `allowAggregationForReadOnlyMasterKey`
    pub allow_aggregation_for_read_only_master: bool,
    /// `requestKeywordDenylist`
    pub keyword_denylist: Vec<Json>,
    /// `fileKey`
    pub file_key: Option<String>,
    /// `protectedFields` merged with its default, as given: class to group to fields.
    pub protected_fields: Json,
    /// `protectedFieldsOwnerExempt`
    pub protected_fields_owner_exempt: bool,
    /// `protectedFieldsTriggerExempt`
    pub protected_fields_trigger_exempt: bool,
    /// `requestComplexity`
    pub request_complexity: RequestComplexity,
}

/// Most that one request of a client may ask for; `None` sets no limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestComplexity {
    /// Levels in one include path.
    pub include_depth: Option<usize>,
    /// Include paths, those on the way to others included.
    pub include_count: Option<usize>,
    /// Nesting of `$or`, `$and` and `$nor`.
    pub query_depth: Option<usize>,
    /// Nesting of sub-queries.
    pub subquery_depth: Option<usize>,
    /// Objects that a sub-query may find.
    pub subquery_limit: Option<usize>,
    /// Whether `$regex` may be used.
    pub allow_regex: bool,
    /// Parts of a batch.
    pub batch_request_limit: Option<usize>,
}

impl Default for RequestComplexity {
    fn default() -> Self {
        Self {
            include_depth: None,
            include_count: None,
            query_depth: None,
            subquery_depth: None,
            subquery_limit: None,
            allow_regex: true,
            batch_request_limit: None,
        }
    }
}

/// Requests that are carried out once only.
#[derive(Debug)]
pub struct Idempotency {
    /// `paths`, compiled: the beginnings of paths; none switches it off.
    pub patterns: Vec<Regex>,
    /// `ttl`: how many seconds the id of a request is remembered.
    pub ttl_seconds: u32,
    /// `PARSEFLEET_IDEMPOTENCY_REPLAY`: whether a repetition is given the first response.
    pub replay: bool,
}

/// Caches.
#[derive(Debug)]
pub struct Cache {
    /// `cacheTTL`: longest life of a cached session or role list.
    pub ttl: Duration,
    /// `cacheMaxSize`: most entries of the in-process caches.
    pub max_size: u64,
}

/// Sessions.
#[derive(Debug)]
pub struct Sessions {
    /// `sessionLength`
    pub length: Duration,
    /// `expireInactiveSessions`
    pub expire: bool,
    /// `extendSessionOnUse`
    pub extend_on_use: bool,
}

/// Logs.
#[derive(Debug)]
pub struct Log {
    /// `logLevel` (or `verbose`, `silent`), as a tracing filter directive.
    pub filter: String,
    /// `jsonLogs`
    pub json: bool,
}

/// Parsefleet's own settings.
#[derive(Debug)]
pub struct Fleet {
    /// `PARSEFLEET_LISTEN`: `host:port` of a role's gRPC server.
    pub listen: String,
    /// `PARSEFLEET_ADMIN_LISTEN`: `host:port` of the admin server; `None` switches it off (standalone default).
    pub admin_listen: Option<String>,
    /// `PARSEFLEET_AUTH_URL`: where auth is, `http(s)://host:port`; several separated by commas.
    pub auth_url: Option<String>,
    /// `PARSEFLEET_DATA_URL`: where data is.
    pub data_url: Option<String>,
    /// `PARSEFLEET_REDIS_URL`
    pub redis_url: Option<SecretString>,
    /// `PARSEFLEET_SERVICE_CREDENTIAL`: shared secret of the services.
    pub service_credential: Option<SecretString>,
    /// `PARSEFLEET_TLS_CERT`, `PARSEFLEET_TLS_KEY`, `PARSEFLEET_TLS_CA`: PEM files for mutual TLS between services.
    pub tls: Option<Tls>,
    /// `PARSEFLEET_OTLP_ENDPOINT` (or `OTEL_EXPORTER_OTLP_ENDPOINT`): where telemetry goes; `None` exports nothing.
    pub otlp_endpoint: Option<String>,
    /// `PARSEFLEET_REQUEST_TIMEOUT`: the deadline a request starts with.
    pub request_timeout: Duration,
    /// `PARSEFLEET_SHUTDOWN_GRACE`: longest time a stopping process waits for requests in flight.
    pub shutdown_grace: Duration,
    /// `PARSEFLEET_SHUTDOWN_DELAY`: time between "not ready" and refusing connections.
    pub shutdown_delay: Duration,
}

/// Files of mutual TLS.
#[derive(Debug)]
pub struct Tls {
    /// Certificate chain.
    pub certificate: PathBuf,
    /// Private key.
    pub key: PathBuf,
    /// Authority that signs the other services' certificates.
    pub authority: PathBuf,
}

impl Http {
    /// `serverURL`, or the address that stands for it when the API is served on this port.
    pub fn server_url_or_local(&self, port: u16) -> String {
        self.server_url.clone().unwrap_or_else(|| format!("http://localhost:{port}{}", self.mount_path))
    }
}

/// Without the values of `databaseOptions`, which may hold passwords.
impl fmt::Debug for Database {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Database")
            .field("uri", &self.uri)
            .field("options", &self.options.keys())
            .field("collection_prefix", &self.collection_prefix)
            .field("data_dir", &self.data_dir)
            .finish()
    }
}
