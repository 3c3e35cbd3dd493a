//! How keys are fetched and kept.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use serde_json::{Value as Json, json};

use super::{
    forge::{Key, now},
    providers, says,
    server::{Reply, Server},
    sign_up,
};
use crate::providers::Providers;

fn apple(url: &str, options: Json) -> Providers {
    let mut apple = json!({ "clientId": "app", "endpoints": { "keys": format!("{url}/keys") } });
    for (name, value) in options.as_object().unwrap() {
        apple[name] = value.clone();
    }
    providers(&json!({ "apple": apple }))
}

fn sent(key: &Key) -> Json {
    let claims = json!({ "iss": "https://appleid.apple.com", "aud": "app", "sub": "u1", "exp": now() + 60 });
    json!({ "id": "u1", "token": key.token(&claims) })
}

#[tokio::test]
async fn keys_are_fetched_once_for_many() {
    let key = Key::new("k1");
    let published = json!({ "keys": [key.published()] });
    let server = Server::start(move |_| Reply::json(&published)).await;
    let apple = apple(&server.url, json!({}));
    let answers = join_all((0..50).map(|_| sign_up(&apple, "apple", sent(&key)))).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(server.count("GET /keys"), 1);
}

#[tokio::test]
async fn keys_are_kept_as_long_as_the_operator_says() {
    let key = Key::new("k1");
    let published = json!({ "keys": [key.published()] });
    let server = Server::start(move |_| Reply::json(&published).with("cache-control", "max-age=3600")).await;
    let apple = apple(&server.url, json!({ "cacheMaxAge": 1000, "cacheMaxEntries": 2 }));
    for expected in 1..=2 {
        assert!(sign_up(&apple, "apple", sent(&key)).await.is_ok());
        assert!(sign_up(&apple, "apple", sent(&key)).await.is_ok());
        assert_eq!(server.count("GET /keys"), expected);
        tokio::time::sleep(Duration::from_millis(1200)).await;
    }
}

#[tokio::test]
async fn a_key_that_comes_along_is_kept_anew() {
    let (key, forger) = (Key::new("k1"), Key::new("forged"));
    let published = json!({ "keys": [key.published()] });
    let server = Server::start(move |_| Reply::json(&published).with("cache-control", "max-age=3600")).await;
    let apple = apple(&server.url, json!({ "cacheMaxAge": 2000 }));
    assert!(sign_up(&apple, "apple", sent(&key)).await.is_ok());
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert!(sign_up(&apple, "apple", sent(&forger)).await.is_err());
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert!(sign_up(&apple, "apple", sent(&key)).await.is_ok());
    assert_eq!(server.count("GET /keys"), 2, "the second time for the forger");
}

#[tokio::test]
async fn a_new_key_is_found_at_once_and_an_unknown_one_is_asked_for_once() {
    let (old, new, forger) = (Key::new("old"), Key::new("new"), Key::new("forged"));
    let (before, after) = (json!({ "keys": [old.published()] }), json!({ "keys": [old.published(), new.published()] }));
    let asked = Arc::new(AtomicUsize::new(0));
    let server =
        Server::start(move |_| Reply::json(if asked.fetch_add(1, Ordering::SeqCst) == 0 { &before } else { &after }))
            .await;
    let apple = apple(&server.url, json!({}));
    assert!(sign_up(&apple, "apple", sent(&old)).await.is_ok());
    assert!(sign_up(&apple, "apple", sent(&new)).await.is_ok(), "the provider has begun to use another key");
    assert_eq!(server.count("GET /keys"), 2);
    for _ in 0..5 {
        let answer = sign_up(&apple, "apple", sent(&forger)).await;
        assert_eq!(answer, says(101, "Unable to find matching key for Key ID: forged"));
    }
    assert_eq!(server.count("GET /keys"), 3, "what is unknown is not asked for again within a minute");
    assert!(sign_up(&apple, "apple", sent(&old)).await.is_ok());
    assert_eq!(server.count("GET /keys"), 3);
}

#[tokio::test]
async fn made_up_key_ids_do_not_make_a_flood() {
    let key = Key::new("k1");
    let published = json!({ "keys": [key.published()] });
    let server = Server::start(move |_| Reply::json(&published)).await;
    let apple = apple(&server.url, json!({}));
    let claims = json!({ "iss": "https://appleid.apple.com", "aud": "app", "sub": "u1", "exp": now() + 60 });
    for number in 0..100 {
        let token = key.sign(&json!({ "alg": "RS256", "kid": format!("x{number}") }), &claims);
        assert!(sign_up(&apple, "apple", json!({ "id": "u1", "token": token })).await.is_err());
    }
    assert!(server.count("GET /keys") <= 20, "{}", server.count("GET /keys"));
    assert!(sign_up(&apple, "apple", sent(&key)).await.is_ok(), "real keys came along");
}

#[tokio::test]
async fn a_provider_that_fails_lets_nobody_in() {
    let key = Key::new("k1");
    let published = json!({ "keys": [key.published()] });
    let replies: Vec<(&str, Reply)> = vec![
        ("an error", Reply::status(500)),
        ("not JSON", Reply::text("<html>")),
        ("no keys", Reply::json(&json!({ "keys": [] }))),
        ("another shape", Reply::json(&json!([key.published()]))),
        (
            "a key for encryption",
            Reply::json(&json!({ "keys": [super::forge::with(&key.published(), json!({ "use": "enc" }))] })),
        ),
        ("a shared secret", Reply::json(&json!({ "keys": [{ "kty": "oct", "kid": "k1", "k": "c2VjcmV0" }] }))),
        ("too large an answer", Reply::text(&format!("{published}{}", " ".repeat(2 * 1024 * 1024)))),
        ("a redirection elsewhere", Reply::status(302).with("location", "http://localhost:1/keys")),
    ];
    for (kind, reply) in replies {
        let server = Server::start(move |_| reply.clone()).await;
        let answer = sign_up(&apple(&server.url, json!({})), "apple", sent(&key)).await;
        assert_eq!(answer, says(101, "Unable to find matching key for Key ID: k1"), "{kind}");
    }
    let answer = sign_up(&apple("http://127.0.0.1:1", json!({})), "apple", sent(&key)).await;
    assert_eq!(answer, says(101, "Unable to find matching key for Key ID: k1"), "nobody there");
}
