//! Members of `databaseOptions`: what Parsefleet does with the database itself, and what it tells the driver.

use super::*;

pub(super) const DATABASE: &[OptionSpec] = &[
    boolean("allowPublicExplain", NESTED, "Let clients without the master key explain queries.").default("false"),
    integer("batchSize", NESTED, "Documents that the database sends at a time.").default("1000"),
    integer("maxTimeMS", NESTED, "Milliseconds after which the database gives up a query."),
    integer("schemaCacheTtl", NESTED, "Milliseconds after which the schema is read again, 5000 at most."),
    boolean("enableSchemaHooks", NESTED, "Hear of schema changes by other servers through a change stream.")
        .default("false")
        .without_effect("the schema is read again every few seconds anyway"),
    boolean("disableIndexFieldValidation", NESTED, "Allow indexes on fields that do not exist.").not_implemented(),
    object("clientMetadata", NESTED, "Name and version shown in the logs of the database.").members(CLIENT_METADATA),
    list("logClientEvents", NESTED, "Events of the driver that are logged.")
        .members(LOG_CLIENT_EVENT)
        .not_implemented(),
    boolean("createIndexUserUsername", NESTED, "Create the index of usernames.").default("true"),
    boolean("createIndexUserUsernameCaseInsensitive", NESTED, "Create the index of usernames in any case.")
        .default("true"),
    boolean("createIndexUserEmail", NESTED, "Create the index of e-mail addresses.").default("true"),
    boolean("createIndexUserEmailCaseInsensitive", NESTED, "Create the index of e-mail addresses in any case.")
        .default("true"),
    boolean("createIndexUserEmailVerifyToken", NESTED, "Create the index of verification tokens.").default("true"),
    boolean("createIndexUserPasswordResetToken", NESTED, "Create the index of password reset tokens.").default("true"),
    boolean("createIndexRoleName", NESTED, "Create the unique index of role names.").default("true"),
    boolean("createIndexAuthDataUniqueness", NESTED, "Create the unique indexes of third-party identities.")
        .default("true"),
    text("appName", NESTED, "Name of this client in the logs of the database."),
    text("authMechanism", NESTED, "How to authenticate."),
    object("authMechanismProperties", NESTED, "Details of authMechanism."),
    text("authSource", NESTED, "Database that holds the credentials."),
    boolean("autoSelectFamily", NESTED, "Try IPv6 and IPv4 at once.").without_effect("it selects how Node.js connects"),
    integer("autoSelectFamilyAttemptTimeout", NESTED, "Milliseconds between those tries.")
        .without_effect("it selects how Node.js connects"),
    list("compressors", NESTED, "Compression of what goes over the network.").not_implemented(),
    integer("connectTimeoutMS", NESTED, "Milliseconds in which a connection has to be made."),
    boolean("directConnection", NESTED, "Talk to the one given server only."),
    boolean("forceServerObjectId", NESTED, "Let the database choose ids.")
        .without_effect("ids are always given before an object is stored"),
    integer("heartbeatFrequencyMS", NESTED, "Milliseconds between checks of a server."),
    boolean("loadBalanced", NESTED, "There is a load balancer in front of the database."),
    integer("localThresholdMS", NESTED, "How much slower than the nearest server one may be, in milliseconds."),
    integer("maxConnecting", NESTED, "Most connections that are being made at once."),
    integer("maxIdleTimeMS", NESTED, "Milliseconds after which an idle connection is closed."),
    integer("maxPoolSize", NESTED, "Most connections to a server."),
    integer("maxStalenessSeconds", NESTED, "How far behind a secondary may be."),
    integer("minPoolSize", NESTED, "Least connections to a server."),
    text("proxyHost", NESTED, "SOCKS5 proxy.").not_implemented(),
    text("proxyPassword", NESTED, "Password for the proxy.").not_implemented(),
    integer("proxyPort", NESTED, "Port of the proxy.").not_implemented(),
    text("proxyUsername", NESTED, "User name for the proxy.").not_implemented(),
    text("readConcernLevel", NESTED, "Read concern."),
    text("readPreference", NESTED, "Which servers reads go to."),
    list("readPreferenceTags", NESTED, "Tags of the servers that reads go to.").not_implemented(),
    text("replicaSet", NESTED, "Name of the replica set."),
    boolean("retryReads", NESTED, "Retry reads that failed for a passing reason."),
    boolean("retryWrites", NESTED, "Retry writes that failed for a passing reason."),
    text("serverMonitoringMode", NESTED, "How servers are watched: auto, poll or stream.").not_implemented(),
    integer("serverSelectionTimeoutMS", NESTED, "Milliseconds in which a usable server has to be found."),
    integer("socketTimeoutMS", NESTED, "Milliseconds of silence after which a connection is given up.")
        .without_effect("the deadline of the request ends a call that hangs"),
    integer("srvMaxHosts", NESTED, "Most servers taken from DNS.").not_implemented(),
    text("srvServiceName", NESTED, "Service name asked for in DNS."),
    boolean("ssl", NESTED, "Older name of tls."),
    boolean("tls", NESTED, "Encrypt connections."),
    boolean("tlsAllowInvalidCertificates", NESTED, "Accept any certificate."),
    boolean("tlsAllowInvalidHostnames", NESTED, "Accept certificates of other hosts.").not_implemented(),
    text("tlsCAFile", NESTED, "PEM file with the authorities that are trusted."),
    text("tlsCertificateKeyFile", NESTED, "PEM file with the certificate and key of this client."),
    text("tlsCertificateKeyFilePassword", NESTED, "Password of that key.").not_implemented(),
    boolean("tlsInsecure", NESTED, "Verify nothing.").not_implemented(),
    integer("waitQueueTimeoutMS", NESTED, "Milliseconds to wait for a free connection.")
        .without_effect("the deadline of the request ends the waiting"),
    integer("zlibCompressionLevel", NESTED, "Level of compression.").not_implemented(),
    boolean("journal", NESTED, "Let writes wait for the journal."),
    text("w", NESTED, "Servers that a write waits for: majority or a number."),
    integer("wtimeoutMS", NESTED, "Milliseconds that a write waits for them."),
    boolean("useNewUrlParser", NESTED, "An option of older drivers.")
        .without_effect("drivers have ignored it for years"),
    boolean("useUnifiedTopology", NESTED, "An option of older drivers.")
        .without_effect("drivers have ignored it for years"),
];

const CLIENT_METADATA: &[OptionSpec] = &[
    text("name", NESTED, "Name of the client.").required(),
    text("version", NESTED, "Version of the client.").required(),
];

const LOG_CLIENT_EVENT: &[OptionSpec] = &[
    text("name", NESTED, "Event of the driver.").required(),
    list("keys", NESTED, "Parts of the event that are logged."),
    text("logLevel", NESTED, "Level it is logged at.").default(r#""info""#),
];
