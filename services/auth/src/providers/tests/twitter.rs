//! Twitter: what is signed, and by whom.

use serde_json::{Value as Json, json};

use super::{
    providers, says,
    server::{Asked, Reply, Server},
    sign_up,
};

/// A field of an Authorization header of OAuth 1.0.
fn field(asked: &Asked, name: &str) -> String {
    let header = asked.header("authorization").strip_prefix("OAuth ").unwrap_or_default().to_owned();
    let found = header.split(", ").find_map(|field| field.strip_prefix(&format!("{name}=\"")).map(str::to_owned));
    found.unwrap_or_default().trim_end_matches('"').to_owned()
}

async fn twitter() -> Server {
    Server::start(|asked| {
        let signed =
            field(asked, "oauth_signature_method") == "HMAC-SHA1" && !field(asked, "oauth_signature").is_empty();
        if !signed || !["k1", "k2"].contains(&field(asked, "oauth_consumer_key").as_str()) {
            return Reply::status(401);
        }
        match (asked.what.as_str(), field(asked, "oauth_token").as_str()) {
            ("GET /verify", "t1") => Reply::json(&json!({ "id": 4711, "id_str": "4711" })),
            ("POST /access", "request") if asked.parameter("oauth_verifier") == "v1" => {
                Reply::text("oauth_token=t1&oauth_token_secret=s1&user_id=4711&screen_name=anna")
            }
            _ => Reply::status(401),
        }
    })
    .await
}

fn endpoints(server: &Server) -> Json {
    json!({ "accessToken": format!("{}/access", server.url), "verifyCredentials": format!("{}/verify", server.url) })
}

#[tokio::test]
async fn tokens_are_verified_for_twitter_and_digits() {
    let server = twitter().await;
    for name in ["twitter", "digits"] {
        let options = json!({ "consumer_key": "k1", "consumer_secret": "s", "endpoints": endpoints(&server) });
        let set_up = providers(&json!({ name: options }));
        let sent = |id: &str, token: &str| json!({ "id": id, "auth_token": token, "auth_token_secret": "x" });
        assert_eq!(sign_up(&set_up, name, sent("4711", "t1")).await, Ok(sent("4711", "t1")));
        let newer = json!({ "id": "4711", "oauth_token": "t1", "oauth_token_secret": "x" });
        assert!(sign_up(&set_up, name, newer).await.is_ok());
        for wrong in [sent("4712", "t1"), sent("4711", "t2"), sent("4711", ""), sent("", "t1"), json!({ "id": "4711" })]
        {
            let answer = sign_up(&set_up, name, wrong).await;
            assert_eq!(answer, says(101, "Twitter auth is invalid for this user."));
        }
    }
}

#[tokio::test]
async fn verifiers_are_exchanged() {
    let server = twitter().await;
    let options = json!({ "consumer_key": "k1", "consumer_secret": "s", "endpoints": endpoints(&server) });
    let set_up = providers(&json!({ "twitter": options }));
    let sent = json!({ "oauth_token": "request", "oauth_verifier": "v1" });
    let expected = json!({ "auth_token": "t1", "auth_token_secret": "s1", "id": "4711" });
    assert_eq!(sign_up(&set_up, "twitter", sent).await, Ok(expected));
    for wrong in [
        json!({ "oauth_token": "request", "oauth_verifier": "v2" }),
        json!({ "oauth_token": "other", "oauth_verifier": "v1" }),
        json!({ "oauth_verifier": "v1" }),
        json!({ "id": "4712", "oauth_token": "request", "oauth_verifier": "v1" }),
    ] {
        let answer = sign_up(&set_up, "twitter", wrong).await;
        assert_eq!(answer, says(101, "Twitter auth is invalid for this user."));
    }
}

#[tokio::test]
async fn of_several_apps_the_client_names_one() {
    let server = twitter().await;
    let app = |key: &str| json!({ "consumer_key": key, "consumer_secret": "s" });
    let mut config = super::config(&json!({ "twitter": [app("k1"), app("k2")] }));
    let entry = config.providers.entries.get_mut("twitter").unwrap();
    entry.endpoints = serde_json::from_value(endpoints(&server)).unwrap();
    let set_up = crate::providers::Providers::for_test(config, Vec::new());
    let sent = |key: Json| json!({ "id": "4711", "auth_token": "t1", "auth_token_secret": "x", "consumer_key": key });
    assert!(sign_up(&set_up, "twitter", sent(json!("k2"))).await.is_ok());
    assert_eq!(field(&server.asked()[0], "oauth_consumer_key"), "k2");
    for key in [json!("k3"), Json::Null] {
        let answer = sign_up(&set_up, "twitter", sent(key)).await;
        assert_eq!(answer, says(101, "Twitter auth is invalid for this user."));
    }
}
