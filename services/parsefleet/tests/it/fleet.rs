//! Each role in a process of its own.

use reqwest::{Method, StatusCode};
use serde_json::{Value as Json, json};

use crate::program::{Program, command, request};

/// Starts a role on a free port; returns the last word of its start line, where it is to be found.
fn start(role: &str, arguments: &[&str]) -> (Program, String) {
    let fixed = [role, "--appId", "APPLICATION_ID", "--masterKey", "MASTER_KEY", "--adminListen", "off"];
    let own = ["--serviceCredential", "shared", "--shutdownDelay", "0"];
    let (program, line) = Program::start(command(&fixed).args(own).args(arguments));
    let place = line.trim_end().rsplit(' ').next().unwrap().to_owned();
    (program, place)
}

#[tokio::test]
async fn roles_work_together() {
    let directory = tempfile::tempdir().unwrap();
    let (data, address) = start("data", &["--listen", "127.0.0.1:0", "--dataDir", directory.path().to_str().unwrap()]);
    let data_url = format!("http://{address}");
    let (auth, address) = start("auth", &["--listen", "127.0.0.1:0", "--dataUrl", &data_url]);
    let auth_url = format!("http://{address}");
    let services = ["--dataUrl", &data_url, "--authUrl", &auth_url, "--host", "127.0.0.1", "--port", "0"];
    let (gateway, url) = start("gateway", &services);

    let created = request(&url, Method::POST, "/classes/GameScore").json(&json!({"score": 1})).send().await.unwrap();
    assert_eq!(created.status(), StatusCode::CREATED);
    let found = request(&url, Method::GET, "/classes/GameScore").query(&[("keys", "score"), ("count", "1")]);
    let found: Json = found.send().await.unwrap().json().await.unwrap();
    assert_eq!(found["count"], 1);
    assert_eq!(found["results"][0]["score"], 1);

    let stranger = request(&url, Method::GET, "/classes/GameScore").header("X-Parse-Session-Token", "r:none");
    let refused: Json = stranger.send().await.unwrap().json().await.unwrap();
    assert_eq!(refused, json!({"code": 209, "error": "Invalid session token"}));

    for program in [gateway, auth, data] {
        assert_eq!(program.stop(), Some(0));
    }
}
