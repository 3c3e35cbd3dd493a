//! Files, push, installations, caches and analytics.

use super::*;

pub(super) const OPTIONS: &[OptionSpec] = &[
    adapter("filesAdapter", &["PARSE_SERVER_FILES_ADAPTER"], "Where files are stored.").secret().not_implemented(),
    boolean("preserveFileName", &["PARSE_SERVER_PRESERVE_FILE_NAME"], "Keep the names of files as they are given.")
        .default("false")
        .not_implemented(),
    object("fileUpload", &["PARSE_SERVER_FILE_UPLOAD_OPTIONS"], "Who may upload which files.")
        .default("{}")
        .not_implemented()
        .members(FILE_UPLOAD),
    object("fileDownload", &["PARSE_SERVER_FILE_DOWNLOAD_OPTIONS"], "Who may download files.")
        .default("{}")
        .not_implemented()
        .members(FILE_DOWNLOAD),
    object("push", &["PARSE_SERVER_PUSH"], "Push providers.").secret().not_implemented(),
    boolean("scheduledPush", &["PARSE_SERVER_SCHEDULED_PUSH"], "Accept pushes with a push_time.")
        .default("false")
        .not_implemented(),
    object("installation", &["PARSE_SERVER_INSTALLATION"], "What happens to installations that share a device token.")
        .default("{}")
        .not_implemented()
        .members(INSTALLATION),
    adapter("cacheAdapter", &["PARSE_SERVER_CACHE_ADAPTER"], "Where caches are kept.").secret().not_implemented(),
    integer("cacheMaxSize", &["PARSE_SERVER_CACHE_MAX_SIZE"], "Most entries of the cache in the process.")
        .default("10000"),
    integer("cacheTTL", &["PARSE_SERVER_CACHE_TTL"], "Milliseconds for which a session or role stays cached.")
        .default("5000"),
    adapter("analyticsAdapter", &["PARSE_SERVER_ANALYTICS_ADAPTER"], "Receives analytics events.")
        .secret()
        .not_implemented(),
];

pub(super) const INSTALLATION: &[OptionSpec] = &[
    text("duplicateDeviceTokenAction", NESTED, "Delete or update rows sharing a deviceToken.").default(r#""delete""#),
    boolean("duplicateDeviceTokenActionEnforceAuth", NESTED, "Apply the caller's permissions to that clean-up.")
        .default("false"),
    text("duplicateDeviceTokenMergePriority", NESTED, "Winner when merging: deviceToken or installationId row.")
        .default(r#""deviceToken""#),
];

pub(super) const FILE_UPLOAD: &[OptionSpec] = &[
    boolean("enableForPublic", NESTED, "Anyone may upload.").default("false"),
    boolean("enableForAnonymousUser", NESTED, "Anonymous users may upload.").default("false"),
    boolean("enableForAuthenticatedUser", NESTED, "Logged-in users may upload.").default("true"),
    list("fileExtensions", NESTED, "Allowed extensions (regex list).").default(r#"["^(?!([xXsS]?[hH][tT][mM][lL]?(\\+[xX][mM][lL])?|[xX][hH][tT]|[sS][vV][gG]([zZ]|\\+[xX][mM][lL])?|[xX][mM][lL]|[xX][sS][lL][tT]?(\\+[xX][mM][lL])?|[xX][sS][dD]|[rR][nN][gG]|[rR][dD][fF](\\+[xX][mM][lL])?|[oO][wW][lL]|[mM][aA][tT][hH][mM][lL](\\+[xX][mM][lL])?)$)"]"#),
    list("allowedFileUrlDomains", NESTED, "Host names accepted in File url values; *. wildcards.").default(r#"["*"]"#),
];

pub(super) const FILE_DOWNLOAD: &[OptionSpec] = &[
    boolean("enableForPublic", NESTED, "Anyone may download.").default("true"),
    boolean("enableForAnonymousUser", NESTED, "Anonymous users may download.").default("true"),
    boolean("enableForAuthenticatedUser", NESTED, "Logged-in users may download.").default("true"),
];
