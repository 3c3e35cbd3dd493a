#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

mod deploy;
mod links;
mod mail;
mod providers;
mod reference;
mod table;
mod values;

use super::*;

const KEYS: [&str; 4] = ["--appId", "app", "--masterKey", "secret-master"];

fn launch(arguments: &[&str], environment: &[(&str, &str)]) -> Result<Launch, Problems> {
    load(
        arguments.iter().map(ToString::to_string),
        environment.iter().map(|(name, value)| (name.to_string(), value.to_string())),
    )
}

/// Starts with an app id and a master key, and these arguments and variables.
fn start_with(arguments: &[&str], environment: &[(&str, &str)]) -> Startup {
    let arguments: Vec<&str> = KEYS.iter().chain(arguments).copied().collect();
    match launch(&arguments, environment).unwrap() {
        Launch::Run(startup) => *startup,
        Launch::Print(text) => panic!("printed {text}"),
    }
}

fn config(arguments: &[&str]) -> Config {
    start_with(arguments, &[]).config
}

fn problems_with(arguments: &[&str], environment: &[(&str, &str)]) -> Vec<String> {
    let arguments: Vec<&str> = KEYS.iter().chain(arguments).copied().collect();
    launch(&arguments, environment).unwrap_err().0
}

fn problems(arguments: &[&str]) -> Vec<String> {
    problems_with(arguments, &[])
}

/// A configuration file, removed when the test is over.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("parsefleet-config-{}-{name}.json", std::process::id()));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

// === sources ===

#[test]
fn flags_beat_environment_beats_file_beats_default() {
    let file = File::new("precedence", r#"{"host": "file", "mountPath": "/file", "port": 1}"#);
    let startup = start_with(
        &[file.path(), "--host", "flag"],
        &[("PARSE_SERVER_HOST", "environment"), ("PARSE_SERVER_MOUNT_PATH", "/environment")],
    );
    let http = startup.config.http;
    assert_eq!((http.host.as_str(), http.mount_path.as_str(), http.port), ("flag", "/environment", 1));
    assert_eq!(http.max_upload_size, 20 * 1024 * 1024);
    assert_eq!(startup.file.as_deref(), Some(std::path::Path::new(file.path())));
}

#[test]
fn empty_variable_is_unset() {
    let file = File::new("empty", r#"{"host": "file"}"#);
    let startup = start_with(&[file.path()], &[("PARSE_SERVER_HOST", "")]);
    assert_eq!(startup.config.http.host, "file");
}

#[test]
fn file_may_hold_one_app() {
    let file = File::new("one-app", r#"{"apps": [{"appId": "a", "masterKey": "m", "clientKey": null}]}"#);
    let Launch::Run(startup) = launch(&[file.path()], &[]).unwrap() else { panic!() };
    assert_eq!(startup.config.app_id, "a");
    assert!(startup.config.keys.client.is_none());
}

#[test]
fn file_may_not_hold_two_apps() {
    let file = File::new("two-apps", r#"{"apps": [{"appId": "a"}, {"appId": "b"}]}"#);
    assert_eq!(problems(&[file.path()]), ["Multiple apps are not supported"]);
}

#[test]
fn unreadable_files_are_problems() {
    assert!(problems(&["/nowhere.json"])[0].starts_with("cannot read the configuration file /nowhere.json: "));
    let file = File::new("broken", "{");
    assert!(problems(&[file.path()])[0].contains("is not a JSON object"));
    let file = File::new("unknown", r#"{"hots": "x"}"#);
    assert_eq!(problems(&[file.path()]), ["error: unknown option hots"]);
}

#[test]
fn flags_take_values_in_two_ways_and_switches_none() {
    let file = File::new("switch", r#"{"host": "file"}"#);
    let startup = start_with(&["--mountPath=/api", "--verbose", file.path()], &[]);
    assert_eq!(startup.config.http.mount_path, "/api");
    assert_eq!(startup.config.http.host, "file");
    assert_eq!(startup.config.log.filter, "warn,parsefleet=debug");
    assert!(!config(&["--allowClientClassCreation", "false"]).objects.allow_client_class_creation);
}

#[test]
fn wrong_command_lines_are_refused() {
    assert_eq!(problems(&["--nonsense=secret"]), ["error: unknown option '--nonsense'"]);
    assert_eq!(problems(&["--host"]), ["error: option '--host <host>' argument missing"]);
    assert_eq!(problems(&["-x"]), ["error: unknown option '-x'"]);
    assert!(
        problems(&["/a.json", "/b.json"]).contains(&"error: more than one configuration file was given".to_owned())
    );
}

#[test]
fn first_word_names_the_role() {
    let Launch::Run(startup) =
        launch(&["data", KEYS[0], KEYS[1], KEYS[2], KEYS[3], "--serviceCredential", "c"], &[]).unwrap()
    else {
        panic!()
    };
    assert_eq!(startup.role, Role::Data);
    assert_eq!(startup.config.fleet.shutdown_delay, Duration::from_secs(5));
    assert!(startup.config.fleet.admin_listen.is_some());
}

// === refusal ===

#[test]
fn everything_wrong_is_said_at_once() {
    let problems = launch(
        &[
            "gateway",
            "--port",
            "x",
            "--push",
            "{}",
            "--wrong",
            "--masterKeyIps",
            "1.2.3.4,nowhere",
            "--defaultLimit",
            "0",
        ],
        &[("PARSE_SERVER_CLOUD", "main.js")],
    )
    .unwrap_err()
    .0;
    let expected = [
        "error: unknown option '--wrong'",
        "Key port has invalid value x",
        "cloud (from PARSE_SERVER_CLOUD) is not implemented yet; leave it out, it would have no effect",
        "push (from --push) is not implemented yet; leave it out, it would have no effect",
        "ERROR: appId and masterKey are required",
        "The Parse Server option \"masterKeyIps\" contains an invalid IP address \"nowhere\".",
        "Default limit must be a value greater than 0.",
        "the role gateway needs PARSEFLEET_SERVICE_CREDENTIAL, the secret shared by all roles",
        "the role gateway needs PARSEFLEET_AUTH_URL",
        "the role gateway needs PARSEFLEET_DATA_URL",
    ];
    assert_eq!(problems, expected);
}

#[test]
fn values_that_ask_for_nothing_are_accepted() {
    start_with(
        &[
            "--mountGraphQL",
            "false",
            "--fileUpload",
            r#"{"enableForPublic": false}"#,
            "--pages",
            "{}",
            "--rateLimit",
            "[]",
        ],
        &[("PARSE_SERVER_ENABLE_ANON_USERS", "1"), ("PARSE_SERVER_LOGS_FOLDER", "null")],
    );
    assert_eq!(
        problems(&["--fileUpload", r#"{"enableForPublic": true}"#]),
        ["fileUpload (from --fileUpload) is not implemented yet; leave it out, it would have no effect"]
    );
    assert_eq!(problems(&["--mountGraphQL"]).len(), 1);
    assert_eq!(problems(&["--liveQueryServerOptions", "{}"]).len(), 1, "its presence alone starts a server");
}

#[test]
fn members_are_checked() {
    assert_eq!(
        problems(&["--databaseOptions", r#"{"maxPoolSize": 5, "maxPoolsize": 5, "proxyHost": "x"}"#]),
        [
            "error: unknown option databaseOptions.maxPoolsize",
            "databaseOptions.proxyHost is not implemented yet; leave it out, it would have no effect"
        ]
    );
    let options = config(&["--databaseOptions", r#"{"maxPoolSize": "5"}"#]).database.options;
    assert_eq!(options["maxPoolSize"], 5);
}

#[test]
fn what_has_no_effect_is_said() {
    let startup = start_with(&["--cluster", "4"], &[("PARSE_SERVER_MASTERKEY", "typo")]);
    assert_eq!(
        startup.warnings,
        [
            "cluster (from --cluster) has no effect: one process uses all cores",
            "PARSE_SERVER_MASTERKEY has no effect: it is the variable of no option"
        ]
    );
}

#[test]
fn variables_of_no_option_are_said_unless_they_are_somebody_elses() {
    let warnings = |variables: &[(&str, &str)]| start_with(&[], variables).warnings;
    let mistyped = [
        "PARSEFLEET_PORT",
        "PARSEFLEET_REDIS_URI",
        "PARSEFLEET_SERVICE_CREDENTIALS",
        "PARSE_SERVER_PORT_1337",
        "PARSE_SERVER_SERVICE_NAME",
    ];
    let expected = mistyped.map(|name| format!("{name} has no effect: it is the variable of no option"));
    assert_eq!(warnings(&mistyped.map(|name| (name, "1"))), expected);
    let of_others = [
        ("PARSEFLEET_REDIS_URI", ""),
        ("PARSEFLEET_TEST_SEED", "5"),
        ("PARSEFLEET_TOOLS_DIR", "/tools"),
        ("PARSEFLEET_SIGN_UPS", "5"),
        ("PARSEFLEET_SERVICE_HOST", "10.0.0.1"),
        ("PARSEFLEET_GATEWAY_SERVICE_HOST", "10.0.0.1"),
        ("PARSEFLEET_GATEWAY_SERVICE_PORT", "80"),
        ("PARSEFLEET_GATEWAY_SERVICE_PORT_HTTP", "80"),
        ("PARSEFLEET_GATEWAY_PORT", "tcp://10.0.0.1:80"),
        ("PARSEFLEET_GATEWAY_PORT_80_TCP", "tcp://10.0.0.1:80"),
        ("PARSEFLEET_GATEWAY_PORT_80_TCP_ADDR", "10.0.0.1"),
        ("PARSE_SERVER_PORT", "tcp://10.0.0.1:80"),
        ("PARSE_SERVER_PORT_80_TCP_PROTO", "tcp"),
    ];
    assert!(warnings(&of_others).is_empty(), "{:?}", warnings(&of_others));
}

#[test]
fn roles_refuse_to_start_without_what_they_need() {
    let given = ["auth", KEYS[0], KEYS[1], KEYS[2], KEYS[3]];
    assert_eq!(
        launch(&given, &[]).unwrap_err().0,
        [
            "the role auth needs PARSEFLEET_SERVICE_CREDENTIAL, the secret shared by all roles",
            "the role auth needs PARSEFLEET_DATA_URL"
        ]
    );
}

// === secrets ===

#[test]
fn secrets_are_not_shown() {
    let startup = start_with(
        &["--databaseURI", "mongodb://user:hidden@host/db", "--databaseOptions", r#"{"authSource": "hidden"}"#],
        &[("PARSEFLEET_SERVICE_CREDENTIAL", "hidden"), ("PARSE_SERVER_REST_API_KEY", "hidden")],
    );
    let shown = format!("{:?} {:?}", startup.config, startup.effective);
    assert!(!shown.contains("hidden") && !shown.contains("secret-master"), "{shown}");
    assert!(startup.effective.contains(&"masterKey=<REDACTED>".to_owned()));
    assert!(startup.effective.contains(&"port=1337".to_owned()));
}

#[test]
fn problems_show_no_secrets() {
    let problems = problems(&["--databaseURI", "hidden://x", "--push", "hidden", "--auth", "{\"a\": hidden}"]);
    assert_eq!(problems.len(), 3);
    assert!(!problems.join("").contains("hidden"), "{problems:?}");
}
