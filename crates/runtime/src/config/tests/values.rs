//! Parsers of values, and the rules they have to keep.

use secrecy::ExposeSecret;
use serde_json::json;

use super::*;
use crate::config::options;

fn parsed(name: &str, text: &str) -> Result<Json, String> {
    value::from_text(options::find(name).unwrap(), text)
}

#[test]
fn switches() {
    for (text, on) in [("true", true), ("1", true), ("false", false), ("0", false), ("yes", false), ("TRUE", false)] {
        assert_eq!(parsed("verbose", text), Ok(json!(on)), "{text}");
    }
    let option = options::find("verbose").unwrap();
    assert_eq!(value::from_json(option, &json!(1)), Ok(json!(true)));
    assert_eq!(value::from_json(option, &json!([])), Ok(json!(false)));
}

#[test]
fn integers_are_read_like_parse_int_does() {
    for (text, number) in [("12", 12), (" 12px", 12), ("-3", -3), ("+4", 4), ("1.9", 1), ("0x", 0)] {
        assert_eq!(parsed("port", text), Ok(json!(number)), "{text}");
    }
    for text in ["", "px", "-", "é1"] {
        assert_eq!(parsed("port", text), Err(format!("Key port has invalid value {text}")));
    }
    assert_eq!(parsed("cluster", "true"), Ok(json!(true)));
    assert_eq!(parsed("cluster", "4"), Ok(json!(4)));
    assert_eq!(parsed("cluster", "x"), Err("Key cluster has invalid value x".to_owned()));
    assert_eq!(parsed("maxLogFiles", "10d"), Ok(json!("10d")));
}

#[test]
fn lists() {
    assert_eq!(parsed("allowHeaders", "a,b"), Ok(json!(["a", "b"])));
    assert_eq!(parsed("allowHeaders", r#"["a", "b"]"#), Ok(json!(["a", "b"])));
    assert_eq!(parsed("allowHeaders", "[a"), Ok(json!(["[a"])));
    let option = options::find("allowHeaders").unwrap();
    let problem = "allowHeaders should be a comma separated string or an array";
    assert_eq!(value::from_json(option, &json!(1)), Err(problem.to_owned()));
}

#[test]
fn objects_and_anything() {
    assert_eq!(parsed("protectedFields", r#"{"A": 1}"#), Ok(json!({"A": 1})));
    assert!(parsed("protectedFields", "{").unwrap_err().starts_with("protectedFields should be JSON: "));
    assert_eq!(parsed("trustProxy", "1"), Ok(json!(1)));
    assert_eq!(parsed("trustProxy", "loopback"), Ok(json!("loopback")));
}

#[test]
fn texts_may_be_numbers_in_the_file() {
    let option = options::find("masterKey").unwrap();
    assert_eq!(value::from_json(option, &json!(42)), Ok(json!("42")));
    assert_eq!(value::from_json(option, &json!({"a": 1})), Err("masterKey should be a string".to_owned()));
}

#[test]
fn sizes() {
    let cases =
        [("20mb", Some(20 << 20)), ("1.5KB", Some(1536)), ("7", Some(7)), ("7 b", Some(7)), ("1gb", Some(1 << 30))];
    for (text, bytes) in cases {
        assert_eq!(value::size(text), bytes, "{text}");
    }
    for text in ["", "mb", "-1mb", "1tb", "1e3", "inf", ".5mb", "1.mb"] {
        assert_eq!(value::size(text), None, "{text}");
    }
    assert_eq!(problems(&["--maxUploadSize", "much"]), ["maxUploadSize: Invalid size value: much"]);
}

#[test]
fn durations() {
    for (text, milliseconds) in [("500ms", 500), ("30s", 30_000), ("30", 30_000), ("2m", 120_000), ("1h", 3_600_000)] {
        assert_eq!(value::duration(text), Some(Duration::from_millis(milliseconds)), "{text}");
    }
    assert_eq!(problems(&["--requestTimeout", "soon"]), ["Key requestTimeout has invalid value soon"]);
}

#[test]
fn proxies() {
    for (text, expected) in [
        ("true", TrustProxy::Always),
        ("false", TrustProxy::Never),
        ("[]", TrustProxy::Never),
        ("2", TrustProxy::Hops(2)),
        ("0", TrustProxy::Never),
        (
            "10.0.0.0/8, 1.2.3.4",
            TrustProxy::Addresses(vec!["10.0.0.0/8".parse().unwrap(), "1.2.3.4/32".parse().unwrap()]),
        ),
        (r#"["loopback"]"#, TrustProxy::Addresses(vec!["127.0.0.1/8".parse().unwrap(), "::1/128".parse().unwrap()])),
    ] {
        assert_eq!(config(&["--trustProxy", text]).http.trust_proxy, expected, "{text}");
    }
    assert_eq!(
        problems(&["--trustProxy", "nobody"]),
        ["trustProxy: nobody is no address, network, number of hops, true or false"]
    );
}

#[test]
fn protected_fields_are_merged_with_the_default() {
    let fields = |arguments: &[&str]| config(arguments).objects.protected_fields;
    assert_eq!(fields(&[]), json!({"_User": {"*": ["email"]}}));
    assert_eq!(
        fields(&["--protectedFields", r#"{"A": {"*": ["x"]}, "_User": {"*": ["phone"], "role:a": []}}"#]),
        json!({"A": {"*": ["x"]}, "_User": {"*": ["phone", "email"], "role:a": []}})
    );
    assert_eq!(
        fields(&["--protectedFields", r#"{"_User": {"*": []}}"#, "--protectedFieldsOwnerExempt", "false"]),
        json!({"_User": {"*": []}})
    );
    assert_eq!(fields(&["--userSensitiveFields", "phone,email"]), json!({"_User": {"*": ["email", "phone"]}}));
    assert_eq!(
        problems(&["--protectedFields", "[]"]),
        ["protectedFields must be an object: class to group to a list of fields"]
    );
}

#[test]
fn rules_between_values() {
    for (arguments, problem) in [
        (&["--readOnlyMasterKey", "secret-master"][..], "masterKey and readOnlyMasterKey should be different"),
        (&["--maintenanceKey", "secret-master"], "masterKey and maintenanceKey should be different"),
        (&["--sessionLength", "0"], "Session length must be a value greater than 0."),
        (&["--defaultLimit", "-1"], "Default limit must be a value greater than 0."),
        (&["--maxLimit", "0"], "Max limit must be a value greater than 0."),
        (&["--port", "70000"], "Key port has invalid value 70000"),
        (&["--allowHeaders", "a, "], "Allow headers must not contain empty strings"),
        (
            &["--publicServerURL", "example.com"],
            "The option publicServerURL must be a valid URL starting with http:// or https://.",
        ),
        (&["--routeAllowList", "("], "Parse Server option routeAllowList contains an invalid regex pattern: \"(\"."),
        (
            &["--masterKeyIps", "10.0.0.0/99"],
            "The Parse Server option \"masterKeyIps\" contains an invalid IP address \"10.0.0.0/99\".",
        ),
        (
            &["--maintenanceKeyIps", "x/8"],
            "The Parse Server option \"maintenanceKeyIps\" contains an invalid IP address \"x\".",
        ),
        (&["--databaseURI", "redis://x"], "databaseURI must start with mongodb:// or mongodb+srv://"),
        (&["--logLevel", "loud"], "logLevel must be one of error, warn, info, verbose, debug, silly"),
        (&["--tlsCert", "x"], "tlsCert, tlsKey and tlsCa go together: give all three or none"),
        (&["--dataUrl", "localhost:1"], "dataUrl must start with http:// or https://"),
        (&["--security", r#"{"enableCheck": 1}"#], "Parse Server option security.enableCheck must be a boolean."),
    ] {
        assert_eq!(problems(arguments), [problem]);
    }
    assert!(problems(&["--requestKeywordDenylist", r#"[{"key": "("}]"#])[0].starts_with("requestKeywordDenylist: "));
    assert!(problems(&["--databaseURI", "postgres://x"])[0].contains("PostgreSQL"));
    assert_eq!(config(&["--sessionLength", "0", "--expireInactiveSessions", "false"]).sessions.length, Duration::ZERO);
}

#[test]
fn values_reach_the_configuration() {
    let config =
        config(&["--mountPath", "/", "--silent", "--allowOrigin", "a,b", "--masterKeyIps", "", "--maxLimit", "5"]);
    assert_eq!(config.http.mount_path, "");
    assert_eq!(config.http.server_url_or_local(81), "http://localhost:81");
    assert_eq!(config.http.allow_origin, ["a", "b"]);
    assert_eq!(config.log.filter, "off");
    assert_eq!(config.keys.master.expose_secret(), "secret-master");
    assert_eq!(config.keys.master_ips, []);
    assert_eq!(config.objects.max_limit, Some(5));
    assert_eq!(config.objects.keyword_denylist.len(), 3);
}

#[test]
fn limits_of_requests_are_positive_or_off() {
    let complexity = |json: &str| {
        let environment = [
            ("PARSE_SERVER_APPLICATION_ID", "test"),
            ("PARSE_SERVER_MASTER_KEY", "master"),
            ("PARSE_SERVER_REQUEST_COMPLEXITY", json),
        ];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
        match load(std::iter::empty(), environment) {
            Ok(Launch::Run(startup)) => Ok(startup.config.objects.request_complexity),
            Ok(Launch::Print(text)) => panic!("{text}"),
            Err(problems) => Err(problems.0),
        }
    };
    assert_eq!(complexity("{}"), Ok(RequestComplexity::default()));
    assert_eq!(
        complexity(r#"{"queryDepth": 3, "includeDepth": -1, "allowRegex": false}"#),
        Ok(RequestComplexity { query_depth: Some(3), allow_regex: false, ..RequestComplexity::default() })
    );
    for (given, problem) in [
        (r#"{"queryDepth": 0}"#, "requestComplexity.queryDepth must be a positive integer or -1 to disable."),
        (r#"{"subqueryLimit": 1.5}"#, "requestComplexity.subqueryLimit must be a positive integer or -1 to disable."),
        (
            r#"{"batchRequestLimit": "9"}"#,
            "requestComplexity.batchRequestLimit must be a positive integer or -1 to disable.",
        ),
        (r#"{"allowRegex": 1}"#, "requestComplexity.allowRegex must be a boolean."),
        (r#"[]"#, "requestComplexity must be an object."),
        (r#"{"nope": 1}"#, "error: unknown option requestComplexity.nope"),
    ] {
        assert_eq!(complexity(given), Err(vec![problem.to_owned()]), "{given}");
    }
}

#[test]
fn limits() {
    let limits = |text: &str| config(&["--rateLimit", text]).rate_limits;
    assert!(limits("[]").is_empty());
    let one = limits(r#"{"requestPath": "/classes/:name", "requestTimeWindow": 1000, "requestCount": 2.5}"#);
    let [limit] = &one[..] else { panic!("{one:?}") };
    assert_eq!((limit.count, limit.window, limit.zone), (2, Duration::from_secs(1), RateLimitZone::Ip));
    assert_eq!(
        (limit.message.as_str(), limit.include_internal, limit.include_master_key),
        ("Too many requests.", false, false)
    );
    assert!(limit.pattern.is_match("/classes/A") && limit.methods.include("GET") && limit.redis_url.is_none());
    let all = limits(
        r#"[{"requestPath": "/a", "requestTimeWindow": 1, "requestCount": 0, "requestMethods": ["GET"], "zone": "user",
            "errorResponseMessage": "slow down", "includeInternalRequests": true, "includeMasterKey": true,
            "redisUrl": "redis://localhost"},
            {"requestPath": "/b", "requestTimeWindow": 1, "requestCount": 1, "requestMethods": "P.*"}]"#,
    );
    assert!(all[0].methods.include("GET") && !all[0].methods.include("POST"));
    assert!(all[1].methods.include("POST") && !all[1].methods.include("GET"));
    assert_eq!((all[0].zone, all[0].message.as_str()), (RateLimitZone::User, "slow down"));
    assert!(all[0].include_internal && all[0].include_master_key && all[0].redis_url.is_some());

    for (limit, problem) in [
        ("5", "rateLimit must be an array or object"),
        ("[5]", "rateLimit must be an array of objects"),
        ("[{}]", "rateLimit.requestPath must be defined"),
        (r#"{"requestPath": 5}"#, "rateLimit.requestPath must be a string"),
        (r#"{"requestPath": "/a"}"#, "rateLimit.requestTimeWindow must be defined"),
        (r#"{"requestPath": "/a", "requestTimeWindow": "1"}"#, "rateLimit.requestTimeWindow must be a number"),
        (r#"{"requestPath": "/a", "requestTimeWindow": 1}"#, "rateLimit.requestCount must be defined"),
        (
            r#"{"requestPath": "/a/*", "requestTimeWindow": 1, "requestCount": 1}"#,
            "rateLimit.requestPath \"/a/*\" is not valid: Missing parameter name at index 4: /a/*",
        ),
        (
            r#"{"requestPath": "/a", "requestTimeWindow": 1, "requestCount": 1, "zone": "planet"}"#,
            "rateLimit.zone must be one of global, session, user, or ip",
        ),
        (
            r#"{"requestPath": "/a", "requestTimeWindow": 1, "requestCount": 1, "includeMasterKey": "yes"}"#,
            "rateLimit.includeMasterKey must be a boolean",
        ),
        (
            r#"{"requestPath": "/a", "requestTimeWindow": 1e19, "requestCount": 1}"#,
            "rateLimit.requestTimeWindow must be a value of at most 9007199254740991",
        ),
        (
            r#"{"requestPath": "/a", "requestTimeWindow": 1, "requestCount": 1, "redisUrl": "localhost"}"#,
            "rateLimit.redisUrl is no address of Redis, such as redis://host:6379",
        ),
    ] {
        assert_eq!(problems(&["--rateLimit", limit]), [problem]);
    }
    let javascript = limits(
        r#"{"requestPath": "/a", "requestTimeWindow": 1, "requestCount": 1, "requestMethods": "^(?!GET)", "redisUrl": ""}"#,
    );
    assert!(javascript[0].methods.include("POST") && !javascript[0].methods.include("GET"));
    assert!(javascript[0].redis_url.is_none());
    let misspelt = r#"[{"requestPath": "/a", "requestTimeWindow": 1, "requestCount": 1, "path": "/a"}]"#;
    assert_eq!(problems(&["--rateLimit", misspelt]), ["error: unknown option rateLimit.path"]);
}

#[test]
fn everything_wrong_with_limits_and_ids_is_told_at_once() {
    let arguments = [
        "--idempotencyOptions",
        r#"{"paths": ["(", "classes/(?!A)"]}"#,
        "--redisUrl",
        "http://redis",
        "--port",
        "70000",
    ];
    let mut problems = problems(&arguments);
    problems.sort();
    assert_eq!(
        problems,
        [
            "Key port has invalid value 70000",
            "idempotency paths contain an invalid regex pattern: \"(\"",
            "redisUrl is no address of Redis, such as redis://host:6379",
        ]
    );
    for url in ["redis://host", "rediss://:p@ss@host:6379/0", "redis://[::1]:1", "redis://[::1]", "unix:///run/redis"] {
        assert!(config(&["--redisUrl", url]).fleet.redis_url.is_some(), "{url}");
    }
    for url in ["redis://", "redis://host:x", "redis://host/first", "host:6379"] {
        assert_eq!(self::problems(&["--redisUrl", url]).len(), 1, "{url}");
    }
    assert!(config(&["--routeAllowList", "classes/(?!Secret).*"]).http.route_allow_list.is_some());
}

#[test]
fn defined_classes() {
    let classes = |json: &str| {
        let environment = [
            ("PARSE_SERVER_APPLICATION_ID", "test"),
            ("PARSE_SERVER_MASTER_KEY", "master"),
            ("PARSE_SERVER_SCHEMA", json),
        ];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
        match load(std::iter::empty(), environment) {
            Ok(Launch::Run(startup)) => Ok(startup.config.classes),
            Ok(Launch::Print(text)) => panic!("{text}"),
            Err(problems) => Err(problems.0),
        }
    };
    assert_eq!(config(&[]).classes, None);
    let given = r#"{"definitions": [{"className": "Game", "fields": {"a": {"type": "String"}}}], "lockSchemas": true}"#;
    let defined = classes(given).unwrap().unwrap();
    assert_eq!((defined.definitions.len(), defined.definitions[0].name.as_str()), (1, "Game"));
    assert!(defined.lock && !defined.rules.strict && !defined.rules.delete_extra_fields);
    for (given, problem) in [
        ("[]", "schema must be an object."),
        (r#"{"definitions": {}}"#, "schema.definitions must be a list of classes."),
        (r#"{"strict": "yes"}"#, "schema.strict must be a boolean."),
        (
            r#"{"definitions": [{"className": "A", "fields": {"a": {"type": "Nope"}}}]}"#,
            "schema.definitions, entry 1, A: invalid field type: Nope",
        ),
        (r#"{"definitions": [{"className": "A"}, {"className": "A"}]}"#, "schema.definitions holds A more than once."),
        (
            r#"{"beforeMigration": "./before.js"}"#,
            "schema.beforeMigration is not implemented yet; leave it out, it would have no effect",
        ),
        (r#"{"nope": 1}"#, "error: unknown option schema.nope"),
    ] {
        assert_eq!(classes(given), Err(vec![problem.to_owned()]), "{given}");
    }
}
