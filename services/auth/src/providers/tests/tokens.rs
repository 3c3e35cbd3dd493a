//! Providers that are asked about a token.

use serde_json::{Value as Json, json};

use super::{
    config_with, providers, says,
    server::{Reply, Server},
    sign_up,
};
use crate::providers::Providers;

#[tokio::test]
async fn facebook_tells_the_app_and_the_user_of_a_token() {
    // Facebook's ids are texts or numbers.
    let server = Server::start(|asked| match (asked.what.as_str(), asked.parameter("access_token")) {
        ("GET /app", "t1" | "other user") => Reply::json(&json!({ "id": "100", "name": "App" })),
        ("GET /app", "other app") => Reply::json(&json!({ "id": "200" })),
        ("GET /me", "t1" | "other app") => Reply::json(&json!({ "id": 4711 })),
        ("GET /me", "other user") => Reply::json(&json!({ "id": "4712" })),
        _ => Reply::status(400),
    })
    .await;
    let auth =
        json!({ "facebook": { "appIds": [100, "101"], "appSecret": "s", "endpoints": { "graph": server.url } } });
    let facebook = providers(&auth);
    let sent = |token: &str| json!({ "id": "4711", "access_token": token, "expiration_date": "2030" });
    assert_eq!(sign_up(&facebook, "facebook", sent("t1")).await, Ok(sent("t1")));
    let invalid = says(101, "Facebook auth is invalid for this user.");
    for token in ["other app", "other user", "bad", ""] {
        assert_eq!(sign_up(&facebook, "facebook", sent(token)).await, invalid, "{token}");
    }
    assert_eq!(sign_up(&facebook, "facebook", json!({ "access_token": "t1" })).await, invalid);
    assert_eq!(sign_up(&facebook, "facebook", json!({ "id": "4711" })).await, invalid);
    // HMAC-SHA256 of "t1" under "s".
    let proof = "d675f24fadd8eb342535700f82f54ab804549f9216c5c26f583817281fdc6a14";
    let asked = server.asked();
    assert_eq!([asked[0].parameter("appsecret_proof"), asked[1].parameter("appsecret_proof")], [proof, proof]);
    assert_eq!(server.asked()[1].parameter("fields"), "id");
}

#[tokio::test]
async fn old_facebook_app_ids_are_understood() {
    let server = Server::start(|_| Reply::json(&json!({ "id": "1" }))).await;
    let auth = json!({ "facebook": { "endpoints": { "graph": server.url } } });
    let old = Providers::for_test(config_with(&auth, &["--facebookAppIds", "1,2"]), Vec::new());
    let sent = json!({ "id": "1", "access_token": "t" });
    assert_eq!(sign_up(&old, "facebook", sent.clone()).await, Ok(sent.clone()));
    let auth = json!({ "facebook": { "appIds": ["3"], "endpoints": { "graph": server.url } } });
    let new = Providers::for_test(config_with(&auth, &["--facebookAppIds", "1,2"]), Vec::new());
    assert_eq!(sign_up(&new, "facebook", sent).await, says(101, "Facebook auth is invalid for this user."));
}

#[tokio::test]
async fn introspection_tells_about_tokens_once() {
    let server = Server::start(|asked| {
        let told = match asked.parameter("token") {
            "t1" => json!({ "active": true, "sub": "u1", "aud": ["x", "app"] }),
            "number" => json!({ "active": true, "sub": 5, "aud": "app" }),
            "inactive" => json!({ "active": false, "sub": "u1", "aud": "app" }),
            "active by text" => json!({ "active": "true", "sub": "u1", "aud": "app" }),
            "other app" => json!({ "active": true, "sub": "u1", "aud": "other" }),
            "no user" => json!({ "active": true, "aud": "app" }),
            _ => return Reply::status(500),
        };
        Reply::json(&told)
    })
    .await;
    let options = json!({
        "oauth2": true, "tokenIntrospectionEndpointUrl": server.url, "appidField": "aud", "appIds": ["app"],
        "authorizationHeader": "Basic abc",
    });
    let own = providers(&json!({ "myAuth": options }));
    let sent = |id: Json, token: &str| json!({ "id": id, "access_token": token });
    let good = sent(json!("u1"), "t1");
    assert_eq!(sign_up(&own, "myAuth", good.clone()).await, Ok(good));
    assert_eq!(server.asked().len(), 1);
    assert_eq!(server.asked()[0].header("authorization"), "Basic abc");
    assert!(sign_up(&own, "myAuth", sent(json!("5"), "number")).await.is_ok());
    let invalid = "OAuth2 access token is invalid for this user.";
    for (id, token, text) in [
        (json!("u2"), "t1", invalid),
        (json!(""), "t1", invalid),
        (Json::Null, "no user", invalid),
        (json!("u1"), "inactive", invalid),
        (json!("u1"), "active by text", invalid),
        (json!("u1"), "", invalid),
        (json!("u1"), "other app", "OAuth2: Invalid app ID."),
        (json!("u1"), "broken", "OAuth2 token introspection request failed."),
    ] {
        assert_eq!(sign_up(&own, "myAuth", sent(id, token)).await, says(101, text), "{token}");
    }
}

#[tokio::test]
async fn introspection_may_name_users_by_another_field() {
    let server = Server::start(|_| Reply::json(&json!({ "active": true, "sub": "s", "user_name": "n" }))).await;
    let options = json!({ "oauth2": true, "tokenIntrospectionEndpointUrl": server.url, "useridField": "user_name" });
    let own = providers(&json!({ "facebook": options }));
    assert!(sign_up(&own, "facebook", json!({ "id": "n", "access_token": "t" })).await.is_ok());
    assert!(sign_up(&own, "facebook", json!({ "id": "s", "access_token": "t" })).await.is_err());
}

#[tokio::test]
async fn janrain_capture_knows_a_uuid() {
    let server = Server::start(|asked| {
        assert_eq!((asked.what.as_str(), asked.parameter("attribute_name")), ("GET /entity", "uuid"));
        match asked.parameter("access_token") {
            "t1" => Reply::json(&json!({ "stat": "ok", "result": "u1" })),
            "error" => Reply::json(&json!({ "stat": "error", "result": "u1" })),
            _ => Reply::status(401),
        }
    })
    .await;
    let endpoints = json!({ "entity": format!("{}/entity", server.url) });
    let capture = providers(&json!({ "janraincapture": { "janrain_capture_host": "x", "endpoints": endpoints } }));
    let sent = |id: &str, token: &str| json!({ "id": id, "access_token": token });
    assert!(sign_up(&capture, "janraincapture", sent("u1", "t1")).await.is_ok());
    for (id, token) in [("u2", "t1"), ("u1", "error"), ("u1", "bad"), ("u1", "")] {
        let answer = sign_up(&capture, "janraincapture", sent(id, token)).await;
        assert_eq!(answer, says(101, "Janrain capture auth is invalid for this user."));
    }
}

#[tokio::test]
async fn janrain_engage_knows_an_identifier() {
    let server = Server::start(|asked| {
        assert_eq!((asked.parameter("apiKey"), asked.parameter("format")), ("key", "json"));
        match asked.parameter("token") {
            "t1" => Reply::json(&json!({ "stat": "ok", "profile": { "identifier": "u1" } })),
            _ => Reply::json(&json!({ "stat": "fail" })),
        }
    })
    .await;
    let options = json!({ "api_key": "key", "enableInsecureAuth": true, "endpoints": { "authInfo": server.url } });
    let auth = json!({ "janrainengage": options });
    let engage = Providers::for_test(config_with(&auth, &["--enableInsecureAuthAdapters", "true"]), Vec::new());
    let sent = |id: &str, token: &str| json!({ "id": id, "auth_token": token });
    assert!(sign_up(&engage, "janrainengage", sent("u1", "t1")).await.is_ok());
    for (id, token) in [("u2", "t1"), ("u1", "bad"), ("u1", "")] {
        let answer = sign_up(&engage, "janrainengage", sent(id, token)).await;
        assert_eq!(answer, says(101, "Janrain engage auth is invalid for this user."));
    }
}

#[tokio::test]
async fn meetup_and_phantauth_know_the_user_of_a_token() {
    for (name, shown, profile) in
        [("meetup", "Meetup", json!({ "id": 4711 })), ("phantauth", "PhantAuth", json!({ "sub": "4711" }))]
    {
        let server = Server::start(move |asked| match asked.header("authorization") {
            "bearer t1" => Reply::json(&profile),
            _ => Reply::status(401),
        })
        .await;
        let set_up =
            providers(&json!({ name: { "enableInsecureAuth": true, "endpoints": { "profile": server.url } } }));
        let sent = |id: &str, token: &str| json!({ "id": id, "access_token": token });
        assert!(sign_up(&set_up, name, sent("4711", "t1")).await.is_ok(), "{name}");
        for (id, token) in [("4712", "t1"), ("4711", "bad"), ("4711", ""), ("", "t1")] {
            let answer = sign_up(&set_up, name, sent(id, token)).await;
            assert_eq!(answer, says(101, &format!("{shown} auth is invalid for this user.")));
        }
    }
}

#[tokio::test]
async fn vkontakte_knows_the_app_and_the_user() {
    let server = Server::start(|asked| match asked.what.as_str() {
        "GET /token" if asked.parameter("client_secret") == "s" => Reply::json(&json!({ "access_token": "app" })),
        "GET /users" if asked.parameter("access_token") == "t1" && asked.parameter("v") == "5.124" => {
            Reply::json(&json!({ "response": [{ "id": 4711 }] }))
        }
        _ => Reply::json(&json!({ "error": {} })),
    })
    .await;
    let set_up = |secret: &str| {
        let endpoints = json!({ "token": format!("{}/token", server.url), "profile": format!("{}/users", server.url) });
        let options = json!({ "appIds": "1", "appSecret": secret, "enableInsecureAuth": true, "endpoints": endpoints });
        let auth = json!({ "vkontakte": options });
        Providers::for_test(config_with(&auth, &["--enableInsecureAuthAdapters", "true"]), Vec::new())
    };
    let sent = |id: &str, token: &str| json!({ "id": id, "access_token": token });
    assert!(sign_up(&set_up("s"), "vkontakte", sent("4711", "t1")).await.is_ok());
    for (id, token) in [("4712", "t1"), ("4711", "bad"), ("4711", "")] {
        let answer = sign_up(&set_up("s"), "vkontakte", sent(id, token)).await;
        assert_eq!(answer, says(101, "Vk auth is invalid for this user."));
    }
    let answer = sign_up(&set_up("wrong"), "vkontakte", sent("4711", "t1")).await;
    assert_eq!(answer, says(101, "Vk appIds or appSecret is incorrect."));
}
