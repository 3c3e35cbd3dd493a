//! Exit codes, and what is said with them.

use std::net::TcpListener;

use crate::program::{Standalone, command, outcome};

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn help_and_version_exit_with_0() {
    let help = outcome(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    assert!(text(&help.stdout).contains("Configure From Environment:"));
    let version = outcome(&["--version"]);
    assert_eq!(version.status.code(), Some(0));
    assert_eq!(text(&version.stdout), format!("parsefleet {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn wrong_configuration_exits_with_64_and_says_all_that_is_wrong() {
    let output = command(&["--port", "x", "--unknown"]).env("PARSE_SERVER_PUSH", "{}").output().unwrap();
    assert_eq!(output.status.code(), Some(64));
    assert_eq!(text(&output.stdout), "");
    let expected = "error: unknown option '--unknown'\n\
                    Key port has invalid value x\n\
                    push (from PARSE_SERVER_PUSH) is not implemented yet; leave it out, it would have no effect\n\
                    ERROR: appId and masterKey are required\n";
    assert_eq!(text(&output.stderr), expected);
}

#[test]
fn role_without_credential_exits_with_64() {
    let output = outcome(&["data", "--appId", "a", "--masterKey", "m"]);
    assert_eq!(output.status.code(), Some(64));
    assert!(text(&output.stderr).contains("PARSEFLEET_SERVICE_CREDENTIAL"));
}

#[test]
fn port_in_use_exits_with_1() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let directory = tempfile::tempdir().unwrap();
    let data_dir = directory.path().join("data");
    let output = outcome(&[
        "--appId",
        "a",
        "--masterKey",
        "m",
        "--host",
        "127.0.0.1",
        "--port",
        &port,
        "--dataDir",
        data_dir.to_str().unwrap(),
    ]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains(&format!("ERROR: listen on 127.0.0.1:{port}: Address already in use")), "{said}");
    assert!(!data_dir.exists(), "nothing is touched before the port is known to be free");
}

#[test]
fn data_directory_in_use_exits_with_1() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    let _first = Standalone::start_in(path, &[]);
    let output = outcome(&["--appId", "a", "--masterKey", "m", "--port", "0", "--dataDir", path]);
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn signal_stops_it_with_0() {
    assert_eq!(Standalone::start(&[]).program.stop(), Some(0));
}
