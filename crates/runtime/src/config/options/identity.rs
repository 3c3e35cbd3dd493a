//! The app and the keys callers present.

use super::*;

pub(super) const OPTIONS: &[OptionSpec] = &[
    text("appId", &["PARSE_SERVER_APPLICATION_ID"], "Names the app. Clients send it with every request.").required(),
    text("masterKey", &["PARSE_SERVER_MASTER_KEY"], "Whoever presents it by-passes ACLs and class permissions.").required().secret(),
    integer("masterKeyTtl", &["PARSE_SERVER_MASTER_KEY_TTL"], "Seconds for which a master key computed by a function is kept.").not_implemented(),
    list("masterKeyIps", &["PARSE_SERVER_MASTER_KEY_IPS"], "Addresses and CIDR ranges that may use the master key; [] lets nobody.").default(r#"["127.0.0.1","::1"]"#),
    text("readOnlyMasterKey", &["PARSE_SERVER_READ_ONLY_MASTER_KEY"], "Reads like the master key and writes nothing.").secret(),
    list("readOnlyMasterKeyIps", &["PARSE_SERVER_READ_ONLY_MASTER_KEY_IPS"], "Addresses and CIDR ranges that may use the read-only master key.").default(r#"["0.0.0.0/0","::0"]"#),
    text("maintenanceKey", &["PARSE_SERVER_MAINTENANCE_KEY"], "Gives access to internal fields.").secret(),
    list("maintenanceKeyIps", &["PARSE_SERVER_MAINTENANCE_KEY_IPS"], "Addresses and CIDR ranges that may use the maintenance key.").default(r#"["127.0.0.1","::1"]"#),
    text("clientKey", &["PARSE_SERVER_CLIENT_KEY"], "Key of iOS, macOS and tvOS clients. Once one of the four client keys is set, a request has to bring one of them.").secret(),
    text("javascriptKey", &["PARSE_SERVER_JAVASCRIPT_KEY"], "Key of JavaScript clients.").secret(),
    text("restAPIKey", &["PARSE_SERVER_REST_API_KEY"], "Key of REST clients.").secret(),
    text("dotNetKey", &["PARSE_SERVER_DOT_NET_KEY"], "Key of .NET and Unity clients.").secret(),
    text("webhookKey", &["PARSE_SERVER_WEBHOOK_KEY"], "Sent along with calls of webhooks, so that these know who calls.").secret(),
    text("fileKey", &["PARSE_SERVER_FILE_KEY"], "Prefix of the files that were hosted by Parse before the migration."),
    text("encryptionKey", &["PARSE_SERVER_ENCRYPTION_KEY"], "Key that stored files are encrypted with.").secret().not_implemented(),
    text("appName", &["PARSE_SERVER_APP_NAME"], "Name of the app in mails and on pages."),
];
