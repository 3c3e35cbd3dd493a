//! The quick start: save an object, read it, find it, and find it again after a restart.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::{Value as Json, json};

use crate::program::Standalone;

#[tokio::test]
async fn objects_are_saved_read_found_and_kept() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    let server = Standalone::start_in(path, &[]);

    let score = json!({"score": 1337, "playerName": "Sean Plott", "cheatMode": false});
    let created = server.request(Method::POST, "/classes/GameScore").json(&score).send().await.unwrap();
    assert_eq!(created.status(), StatusCode::CREATED);
    let location = created.headers()["location"].to_str().unwrap().to_owned();
    let created: Json = created.json().await.unwrap();
    let id = created["objectId"].as_str().unwrap().to_owned();
    assert_eq!(id.len(), 10);
    assert!(location.ends_with(&format!("/parse/classes/GameScore/{id}")), "{location}");

    let expected = json!({
        "objectId": id, "createdAt": created["createdAt"], "updatedAt": created["createdAt"],
        "score": 1337, "playerName": "Sean Plott", "cheatMode": false,
    });
    let one = server.request(Method::GET, &format!("/classes/GameScore/{id}")).send().await.unwrap();
    assert_eq!(one.json::<Json>().await.unwrap(), expected);
    assert_eq!(find(&server).await, json!({"results": [expected]}));

    assert_eq!(server.program.stop(), Some(0));
    let again = Standalone::start_in(path, &[]);
    assert_eq!(find(&again).await, json!({"results": [expected]}));
}

async fn find(server: &Standalone) -> Json {
    server.request(Method::GET, "/classes/GameScore").send().await.unwrap().json().await.unwrap()
}

#[tokio::test]
async fn health_answers_and_strangers_are_refused() {
    let server = Standalone::start(&[]);
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let health: Json = server.request(Method::GET, "/health").send().await.unwrap().json().await.unwrap();
        if health == json!({"status": "ok"}) {
            break;
        }
        // Requests are answered already; Parse's own indexes are not all there yet.
        assert_eq!(health, json!({"status": "starting"}));
        assert!(Instant::now() < deadline, "still starting");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let stranger = reqwest::get(format!("{}/classes/GameScore", server.url)).await.unwrap();
    assert_eq!(stranger.status(), StatusCode::FORBIDDEN);
    assert_eq!(stranger.json::<Json>().await.unwrap(), json!({"error": "unauthorized"}));
}
