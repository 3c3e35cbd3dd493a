//! From Parse Server's `databaseURI` and `databaseOptions` to a client of the driver.

use std::{borrow::Cow, sync::Arc, time::Duration};

use mongodb::{
    Client,
    options::{ClientOptions, DriverInfo},
};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::{Map, Value as Json};

use super::{ConnectError, MongoStore};

/// How long a command waits for a usable server, unless the settings say otherwise. Clients should hear of an outage
/// after seconds, not after the driver's half minute.
const SERVER_SELECTION_TIMEOUT: Duration = Duration::from_secs(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The database of a connection string that names none, as in the Node driver.
const DEFAULT_DATABASE: &str = "test";

/// Options of the Node driver that are options of the connection string as well, and that this driver knows.
const CONNECTION_OPTIONS: [&str; 29] = [
    "appName",
    "authMechanism",
    "authMechanismProperties",
    "authSource",
    "connectTimeoutMS",
    "directConnection",
    "heartbeatFrequencyMS",
    "journal",
    "loadBalanced",
    "localThresholdMS",
    "maxConnecting",
    "maxIdleTimeMS",
    "maxPoolSize",
    "maxStalenessSeconds",
    "minPoolSize",
    "readConcernLevel",
    "readPreference",
    "replicaSet",
    "retryReads",
    "retryWrites",
    "serverSelectionTimeoutMS",
    "srvServiceName",
    "tls",
    "ssl",
    "tlsAllowInvalidCertificates",
    "tlsCAFile",
    "tlsCertificateKeyFile",
    "w",
    "wtimeoutMS",
];

/// Options of Parse Server itself: used here or elsewhere, or without meaning for this driver.
const OTHER_OPTIONS: [&str; 10] = [
    "maxTimeMS",
    "batchSize",
    "clientMetadata",
    "enableSchemaHooks",
    "schemaCacheTtl",
    "disableIndexFieldValidation",
    "allowPublicExplain",
    "logClientEvents",
    "useNewUrlParser",
    "useUnifiedTopology",
];

/// What must be escaped in a user name or password.
const CREDENTIAL: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'/').add(b':').add(b'?').add(b'@').add(b'[').add(b']').add(b'$');

pub(super) async fn connect(uri: &str, options: &Map<String, Json>, prefix: &str) -> Result<MongoStore, ConnectError> {
    warn_of_ignored(options);
    let uri = with_options(&with_escaped_credentials(uri), options);
    let mut client_options = ClientOptions::parse(uri).await.map_err(|error| connect_error(&error))?;
    client_options.server_selection_timeout.get_or_insert(SERVER_SELECTION_TIMEOUT);
    client_options.connect_timeout.get_or_insert(CONNECT_TIMEOUT);
    client_options.app_name.get_or_insert_with(|| "parsefleet".to_owned());
    client_options.driver_info = Some(driver_info(options));
    let database = client_options.default_database.clone().unwrap_or_else(|| DEFAULT_DATABASE.to_owned());
    let client = Client::with_options(client_options).map_err(|error| connect_error(&error))?;
    Ok(MongoStore {
        database: client.database(&database),
        prefix: prefix.to_owned(),
        max_time: options.get("maxTimeMS").and_then(Json::as_u64).filter(|time| *time > 0).map(Duration::from_millis),
        batch_size: options.get("batchSize").and_then(Json::as_u64).and_then(|size| u32::try_from(size).ok()),
        prepared: Arc::default(),
        session: None,
    })
}

/// The text of a connection error never holds the connection string: the driver names the option at fault.
fn connect_error(error: &mongodb::error::Error) -> ConnectError {
    ConnectError(error.to_string())
}

fn driver_info(options: &Map<String, Json>) -> DriverInfo {
    let metadata = |key: &str| options.get("clientMetadata")?.get(key)?.as_str().map(str::to_owned);
    let mut info = DriverInfo::builder().name(metadata("name").unwrap_or_else(|| "parsefleet".to_owned())).build();
    info.version = metadata("version").or_else(|| Some(env!("CARGO_PKG_VERSION").to_owned()));
    info
}

fn warn_of_ignored(options: &Map<String, Json>) {
    for option in options.keys() {
        let is_known = CONNECTION_OPTIONS.iter().chain(&OTHER_OPTIONS).any(|known| known.eq_ignore_ascii_case(option));
        if !is_known && !option.starts_with("createIndex") {
            tracing::warn!(option, "database option is not supported and has no effect");
        }
    }
}

/// Parse Server takes credentials that are not percent-encoded; the driver does not.
fn with_escaped_credentials(uri: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = uri.split_once("://") else { return Cow::Borrowed(uri) };
    // A password may hold any character, so that only the last @ before the options ends it.
    let authority_end = rest.find('?').unwrap_or(rest.len());
    let Some(at) = rest[..authority_end].rfind('@') else { return Cow::Borrowed(uri) };
    let escaped = |text: &str| utf8_percent_encode(text, CREDENTIAL).to_string();
    let (credentials, hosts) = (&rest[..at], &rest[at + 1..]);
    let credentials = match credentials.split_once(':') {
        Some((user, password)) => format!("{}:{}", escaped(user), escaped(password)),
        None => escaped(credentials),
    };
    Cow::Owned(format!("{scheme}://{credentials}@{hosts}"))
}

/// Options given beside the connection string override those in it.
fn with_options(uri: &str, options: &Map<String, Json>) -> String {
    let (address, query) = uri.split_once('?').unwrap_or((uri, ""));
    let mut parameters: Vec<(String, String)> = query
        .split('&')
        .filter_map(|parameter| parameter.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    for (option, value) in options {
        let Some(name) = CONNECTION_OPTIONS.iter().find(|known| known.eq_ignore_ascii_case(option)) else { continue };
        let value = match value {
            Json::String(text) => utf8_percent_encode(text, CREDENTIAL).to_string(),
            Json::Bool(_) | Json::Number(_) => value.to_string(),
            Json::Null | Json::Array(_) | Json::Object(_) => continue,
        };
        parameters.retain(|(present, _)| !present.eq_ignore_ascii_case(name));
        parameters.push(((*name).to_owned(), value));
    }
    if parameters.is_empty() {
        return address.to_owned();
    }
    let query: Vec<String> = parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let has_path = address.split_once("://").is_some_and(|(_, rest)| rest.contains('/'));
    format!("{address}{}?{}", if has_path { "" } else { "/" }, query.join("&"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

    use serde_json::json;

    use super::*;

    #[test]
    fn options_override_the_connection_string() {
        let options = json!({"maxPoolSize": 7, "retryWrites": false, "maxTimeMS": 10, "unknown": {}});
        assert_eq!(
            with_options("mongodb://h1,h2/db?maxpoolsize=3&replicaSet=rs0", options.as_object().unwrap()),
            "mongodb://h1,h2/db?replicaSet=rs0&maxPoolSize=7&retryWrites=false"
        );
        assert_eq!(
            with_options("mongodb://h1", json!({"appName": "a b"}).as_object().unwrap()),
            "mongodb://h1/?appName=a%20b"
        );
        assert_eq!(with_options("mongodb://h1/x", &Map::new()), "mongodb://h1/x");
    }

    #[test]
    fn credentials_are_escaped_once() {
        assert_eq!(with_escaped_credentials("mongodb://u:p@ss/w?rd@h/db"), "mongodb://u:p@ss/w?rd@h/db");
        assert_eq!(with_escaped_credentials("mongodb://u:p@s:s@h/db?a=b@c"), "mongodb://u:p%40s%3As@h/db?a=b@c");
        assert_eq!(with_escaped_credentials("mongodb://u:p%40@h"), "mongodb://u:p%40@h");
        assert_eq!(with_escaped_credentials("mongodb://h/db"), "mongodb://h/db");
    }
}
