//! How the API is served, and what runs beside it.

use super::*;

pub(super) const OPTIONS: &[OptionSpec] = &[
    text(
        "serverURL",
        &["PARSE_SERVER_URL"],
        "URL under which this server reaches itself; http://localhost:<port><mountPath> unless given.",
    ),
    text(
        "publicServerURL",
        &["PARSE_PUBLIC_SERVER_URL"],
        "URL under which clients reach the API; used in links and Location headers.",
    ),
    text("host", &["PARSE_SERVER_HOST"], "Address to listen on.").default(r#""0.0.0.0""#),
    integer("port", &["PORT"], "Port to listen on.").default("1337"),
    text("mountPath", &["PARSE_SERVER_MOUNT_PATH"], "Path of the API.").default(r#""/parse""#),
    text("middleware", &["PARSE_SERVER_MIDDLEWARE"], "Express middleware loaded before the API.").not_implemented(),
    adapter(
        "trustProxy",
        &["PARSE_SERVER_TRUST_PROXY"],
        "Proxies whose X-Forwarded-For is believed: true, a number of hops, or addresses, in Express' meaning.",
    )
    .default("[]"),
    list("allowHeaders", &["PARSE_SERVER_ALLOW_HEADERS"], "Names added to Access-Control-Allow-Headers."),
    list("allowOrigin", &["PARSE_SERVER_ALLOW_ORIGIN"], "Origins that browsers may call from; unset allows all."),
    text("maxUploadSize", &["PARSE_SERVER_MAX_UPLOAD_SIZE"], "Largest request body, for example 20mb.")
        .default(r#""20mb""#),
    OptionSpec::new(
        "cluster",
        &["PARSE_SERVER_CLUSTER"],
        Kind::IntegerOrBoolean,
        "Number of worker processes, or true for one a core.",
    )
    .without_effect("one process uses all cores"),
    boolean("directAccess", &["PARSE_SERVER_DIRECT_ACCESS"], "Let Cloud Code call the API without HTTP.")
        .default("true")
        .without_effect("Cloud Code is not there yet, and nothing else calls the API from inside"),
    boolean(
        "verifyServerUrl",
        &["PARSE_SERVER_VERIFY_SERVER_URL"],
        "Call serverURL after the start to see whether it answers.",
    )
    .default("true")
    .without_effect("the answer of /readyz says whether the process serves"),
    text(
        "serverCloseComplete",
        &["PARSE_SERVER_SERVER_CLOSE_COMPLETE"],
        "Function called when the server has stopped.",
    )
    .not_implemented(),
    boolean(
        "enableExpressErrorHandler",
        &["PARSE_SERVER_ENABLE_EXPRESS_ERROR_HANDLER"],
        "Hand errors to Express instead of answering them.",
    )
    .default("false")
    .not_implemented(),
    boolean(
        "enableSanitizedErrorResponse",
        &["PARSE_SERVER_ENABLE_SANITIZED_ERROR_RESPONSE"],
        "Answer \"Permission denied\" instead of the reason why something is forbidden.",
    )
    .default("true"),
    text(
        "requestContextMiddleware",
        &["PARSE_SERVER_REQUEST_CONTEXT_MIDDLEWARE"],
        "Express middleware run once the caller is known.",
    )
    .not_implemented(),
    list(
        "routeAllowList",
        &["PARSE_SERVER_ROUTE_ALLOW_LIST"],
        "Regular expressions of the routes that are open without the master key; unset opens all.",
    ),
    text("cloud", &["PARSE_SERVER_CLOUD", "PARSE_SERVER_CLOUD_CODE_MAIN"], "File with the Cloud Code of the app.")
        .not_implemented(),
    boolean(
        "enableProductPurchaseLegacyApi",
        &["PARSE_SERVER_ENABLE_PRODUCT_PURCHASE_LEGACY_API"],
        "Offer the old in-app purchase API.",
    )
    .default("true")
    .not_implemented_except(&["false"]),
];
