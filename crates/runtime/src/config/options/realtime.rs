//! LiveQuery and GraphQL.

use super::*;

pub(super) const OPTIONS: &[OptionSpec] = &[
    object("liveQuery", &["PARSE_SERVER_LIVE_QUERY"], "Classes whose changes are published to LiveQuery.")
        .secret()
        .not_implemented()
        .members(LIVE_QUERY),
    boolean(
        "startLiveQueryServer",
        &["PARSE_SERVER_START_LIVE_QUERY_SERVER"],
        "Serve LiveQuery on the port of the API.",
    )
    .not_implemented(),
    object("liveQueryServerOptions", &["PARSE_SERVER_LIVE_QUERY_SERVER_OPTIONS"], "Options of the LiveQuery server.")
        .secret()
        .not_implemented()
        .members(LIVE_QUERY_SERVER),
    boolean("mountGraphQL", &["PARSE_SERVER_MOUNT_GRAPHQL"], "Serve GraphQL.").default("false").not_implemented(),
    text("graphQLPath", &["PARSE_SERVER_GRAPHQL_PATH"], "Path of GraphQL.").default(r#""/graphql""#).not_implemented(),
    text("graphQLSchema", &["PARSE_SERVER_GRAPH_QLSCHEMA"], "File with types and resolvers of your own.")
        .not_implemented(),
    boolean(
        "graphQLPublicIntrospection",
        &["PARSE_SERVER_GRAPHQL_PUBLIC_INTROSPECTION"],
        "Answer introspection without the master key.",
    )
    .default("false")
    .not_implemented(),
    boolean("mountPlayground", &["PARSE_SERVER_MOUNT_PLAYGROUND"], "Serve the GraphQL playground.")
        .default("false")
        .not_implemented(),
    text("playgroundPath", &["PARSE_SERVER_PLAYGROUND_PATH"], "Path of the GraphQL playground.")
        .default(r#""/playground""#)
        .not_implemented(),
];

pub(super) const LIVE_QUERY: &[OptionSpec] = &[
    list("classNames", NESTED, "Class names or patterns to publish."),
    text("redisURL", NESTED, "Redis for publishing."),
    object("redisOptions", NESTED, "Extra Redis client options."),
    adapter("pubSubAdapter", NESTED, "Custom pub/sub."),
    adapter("wssAdapter", NESTED, "Custom WebSocket server."),
    integer("regexTimeout", NESTED, "Ms budget per in-memory regex, 0 = unlimited.").default("100"),
];

pub(super) const LIVE_QUERY_SERVER: &[OptionSpec] = &[
    text("appId", NESTED, "Application id; names the channels."),
    text("masterKey", NESTED, "Used to look up sessions and roles."),
    text("serverURL", NESTED, "API used for those look-ups."),
    integer("port", NESTED, "Own HTTP port; omitted = share the API server.").default("1337"),
    object("keyPairs", NESTED, "Accepted client keys."),
    text("redisURL", NESTED, "Redis for subscribing."),
    object("redisOptions", NESTED, "Extra Redis client options."),
    adapter("pubSubAdapter", NESTED, "Custom pub/sub."),
    adapter("wssAdapter", NESTED, "Custom WebSocket server."),
    integer("websocketTimeout", NESTED, "Ping interval ms (effective default 10000)."),
    integer("cacheTimeout", NESTED, "Session/role cache ms (effective default 5000)."),
    text("logLevel", NESTED, "Level."),
];
