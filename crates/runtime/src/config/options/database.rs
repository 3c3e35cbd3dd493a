//! Databases, schemas and queries.

use super::*;

pub(super) const OPTIONS: &[OptionSpec] = &[
    text(
        "databaseURI",
        &["PARSE_SERVER_DATABASE_URI"],
        "Connection string of MongoDB, mongodb:// or mongodb+srv://. Unset: the embedded store in dataDir.",
    )
    .secret(),
    adapter("databaseAdapter", &["PARSE_SERVER_DATABASE_ADAPTER"], "Storage adapter instead of databaseURI.")
        .secret()
        .not_implemented(),
    object("databaseOptions", &["PARSE_SERVER_DATABASE_OPTIONS"], "Options of the database and of its driver.")
        .secret()
        .members(super::driver::DATABASE),
    text("collectionPrefix", &["PARSE_SERVER_COLLECTION_PREFIX"], "Put in front of the name of every collection.")
        .default(r#""""#),
    integer("objectIdSize", &["PARSE_SERVER_OBJECT_ID_SIZE"], "Length of generated object ids.").default("10"),
    boolean(
        "allowCustomObjectId",
        &["PARSE_SERVER_ALLOW_CUSTOM_OBJECT_ID"],
        "Let clients choose the id of a new object.",
    )
    .default("false"),
    boolean(
        "allowClientClassCreation",
        &["PARSE_SERVER_ALLOW_CLIENT_CLASS_CREATION"],
        "Let clients create a class by saving its first object.",
    )
    .default("true"),
    object("schema", &["PARSE_SERVER_SCHEMA"], "Classes that are set up and kept at the start.").members(SCHEMA),
    object("query", &["PARSE_SERVER_QUERY"], "What aggregations answer.").default("{}").members(QUERY),
    integer("defaultLimit", &["PARSE_SERVER_DEFAULT_LIMIT"], "Number of results unless the query says otherwise.")
        .default("100"),
    integer("maxLimit", &["PARSE_SERVER_MAX_LIMIT"], "Most results that a query may ask for."),
    boolean(
        "enableCollationCaseComparison",
        &["PARSE_SERVER_ENABLE_COLLATION_CASE_COMPARISON"],
        "Compare usernames and e-mail addresses by collation instead of by regular expression.",
    )
    .default("false")
    .not_implemented(),
    boolean(
        "convertEmailToLowercase",
        &["PARSE_SERVER_CONVERT_EMAIL_TO_LOWERCASE"],
        "Store e-mail addresses in lower case.",
    )
    .default("false"),
    boolean(
        "convertUsernameToLowercase",
        &["PARSE_SERVER_CONVERT_USERNAME_TO_LOWERCASE"],
        "Store usernames in lower case.",
    )
    .default("false"),
    list(
        "requestKeywordDenylist",
        &["PARSE_SERVER_REQUEST_KEYWORD_DENYLIST"],
        "Keys and values that a request body must not hold.",
    )
    .default(r#"[{"key":"_bsontype","value":"Code"},{"key":"constructor"},{"key":"__proto__"}]"#),
    object(
        "protectedFields",
        &["PARSE_SERVER_PROTECTED_FIELDS"],
        "Fields hidden from whom: class to group to field names. Added to the default.",
    )
    .default(r#"{"_User":{"*":["email"]}}"#),
    boolean(
        "protectedFieldsOwnerExempt",
        &["PARSE_SERVER_PROTECTED_FIELDS_OWNER_EXEMPT"],
        "Show users their own protected fields.",
    )
    .default("true"),
    boolean(
        "protectedFieldsTriggerExempt",
        &["PARSE_SERVER_PROTECTED_FIELDS_TRIGGER_EXEMPT"],
        "Show triggers of saves the fields of the object as it was that are protected from the caller.",
    )
    .default("false"),
    boolean(
        "protectedFieldsSaveResponseExempt",
        &["PARSE_SERVER_PROTECTED_FIELDS_SAVE_RESPONSE_EXEMPT"],
        "Let the answer to a save hold protected fields.",
    )
    .default("true")
    .not_implemented(),
    list(
        "userSensitiveFields",
        &["PARSE_SERVER_USER_SENSITIVE_FIELDS"],
        "Fields of _User hidden from everybody else; protectedFields replaces it.",
    ),
    boolean(
        "allowAggregationForReadOnlyMasterKey",
        &["PARSE_SERVER_ALLOW_AGGREGATION_FOR_READ_ONLY_MASTER_KEY"],
        "Let the read-only master key aggregate.",
    )
    .default("true"),
];

pub(super) const SCHEMA: &[OptionSpec] = &[
    object("definitions", NESTED, "List of class definitions to enforce at start.").default("[]").required(),
    boolean("strict", NESTED, "Warn about undefined classes/fields.").default("false"),
    boolean("deleteExtraFields", NESTED, "Drop fields not in the definition.").default("false"),
    boolean("recreateModifiedFields", NESTED, "Drop and re-add fields whose type changed.").default("false"),
    boolean("lockSchemas", NESTED, "Reject schema changes through the API (119).").default("false"),
    boolean("keepUnknownIndexes", NESTED, "Leave undeclared indexes in place.").default("false"),
    text("beforeMigration", NESTED, "Callback before.").not_implemented(),
    text("afterMigration", NESTED, "Callback after.").not_implemented(),
];

pub(super) const QUERY: &[OptionSpec] = &[
    boolean("aggregationRawValues", NESTED, "Aggregation values as EJSON, no coercion.").default("false"),
    boolean("aggregationRawFieldNames", NESTED, "Aggregation uses stored field names.").default("false"),
];
