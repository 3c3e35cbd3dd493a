//! Logs, security checks and limits.

use super::*;

pub(super) const OPTIONS: &[OptionSpec] = &[
    adapter("loggerAdapter", &["PARSE_SERVER_LOGGER_ADAPTER"], "What writes logs.").secret().not_implemented(),
    text(
        "logLevel",
        &["PARSE_SERVER_LOG_LEVEL"],
        "Least level that is logged: error, warn, info, verbose, debug or silly.",
    )
    .default(r#""info""#),
    object("logLevels", &["PARSE_SERVER_LOG_LEVELS"], "Levels that single events are logged at.")
        .default("{}")
        .not_implemented()
        .members(LOG_LEVELS),
    text("logsFolder", &["PARSE_SERVER_LOGS_FOLDER"], "Directory of log files; null writes none.")
        .default(r#""./logs""#)
        .not_implemented_except(&[r#""null""#, "null"]),
    OptionSpec::new(
        "maxLogFiles",
        &["PARSE_SERVER_MAX_LOG_FILES"],
        Kind::IntegerOrText,
        "Number of log files kept, or days with the suffix d.",
    )
    .not_implemented(),
    boolean("jsonLogs", &["JSON_LOGS"], "Write logs as JSON lines."),
    boolean("silent", &["SILENT"], "Write no logs."),
    boolean("verbose", &["VERBOSE"], "Log at level verbose."),
    object("security", &["PARSE_SERVER_SECURITY"], "Checks of how safely the server is set up.")
        .default("{}")
        .members(SECURITY),
    OptionSpec::new(
        "rateLimit",
        &["PARSE_SERVER_RATE_LIMIT"],
        Kind::Any,
        "Most requests for a path in a time: one limit, or a list of them.",
    )
    .default("[]")
    .secret()
    .members(RATE_LIMIT),
    object("requestComplexity", &["PARSE_SERVER_REQUEST_COMPLEXITY"], "Most that one query may ask for.")
        .default("{}")
        .members(REQUEST_COMPLEXITY),
    object(
        "idempotencyOptions",
        &["PARSE_SERVER_EXPERIMENTAL_IDEMPOTENCY_OPTIONS"],
        "Requests that are carried out once only, however often they are sent.",
    )
    .default("{}")
    .members(IDEMPOTENCY),
];

pub(super) const LOG_LEVELS: &[OptionSpec] = &[
    text("cloudFunctionSuccess", NESTED, "Function ok.").default(r#""info""#),
    text("cloudFunctionError", NESTED, "Function failed.").default(r#""error""#),
    text("triggerBeforeSuccess", NESTED, "Before-trigger ok.").default(r#""info""#),
    text("triggerBeforeError", NESTED, "Before-trigger failed.").default(r#""error""#),
    text("triggerAfter", NESTED, "After-triggers.").default(r#""info""#),
    text("signupUsernameTaken", NESTED, "Duplicate username on signup.").default(r#""info""#),
];

pub(super) const RATE_LIMIT: &[OptionSpec] = &[
    text("requestPath", NESTED, "Path-to-regexp v8 pattern, without mount path.").required(),
    integer("requestTimeWindow", NESTED, "Window in ms.").required(),
    integer("requestCount", NESTED, "Allowed requests per window.").required(),
    list("requestMethods", NESTED, "Methods the limit applies to (string = regex)."),
    text("errorResponseMessage", NESTED, "Text of the 429 body.").default(r#""Too many requests.""#),
    boolean("includeMasterKey", NESTED, "Also limit master-key requests.").default("false"),
    boolean("includeInternalRequests", NESTED, "Also limit requests from 127.0.0.1.").default("false"),
    text("zone", NESTED, "Key: ip, user, session or global.").default(r#""ip""#),
    text("redisUrl", NESTED, "Redis that counts for all processes; unless given, that of PARSEFLEET_REDIS_URL."),
];

pub(super) const REQUEST_COMPLEXITY: &[OptionSpec] = &[
    integer("includeDepth", NESTED, "Levels in one include path.").default("-1"),
    integer("includeCount", NESTED, "Number of include paths.").default("-1"),
    integer("queryDepth", NESTED, "Nesting of $or/$and/$nor.").default("-1"),
    integer("subqueryDepth", NESTED, "Nesting of sub-queries.").default("-1"),
    integer("subqueryLimit", NESTED, "Rows a sub-query may return.").default("-1"),
    boolean("allowRegex", NESTED, "Permit $regex.").default("true"),
    integer("batchRequestLimit", NESTED, "Operations per /batch.").default("-1"),
    integer("graphQLDepth", NESTED, "Selection depth.").default("-1").not_implemented(),
    integer("graphQLFields", NESTED, "Selected fields.").default("-1").not_implemented(),
];

pub(super) const SECURITY: &[OptionSpec] = &[
    boolean("enableCheck", NESTED, "Enable GET /security.").default("false"),
    boolean("enableCheckLog", NESTED, "Also write the report to the log at start.").default("false"),
    list("checkGroups", NESTED, "Replace or extend the check groups.").not_implemented(),
];

pub(super) const IDEMPOTENCY: &[OptionSpec] = &[
    list("paths", NESTED, "Route regexes, anchored at start.").default("[]"),
    integer("ttl", NESTED, "Seconds a request id is remembered.").default("300"),
];
