//! Providers that exchange a code for a token.

use serde_json::{Value as Json, json};

use super::{
    providers, says,
    server::{Asked, Reply, Server},
    sign_up,
};
use crate::providers::Providers;

/// How a provider speaks: what it has to be asked, and how it answers.
struct Protocol {
    name: &'static str,
    /// Its name in texts.
    shown: &'static str,
    /// What asks for a token.
    exchange: &'static str,
    /// Whether the parameters are in JSON.
    is_json: bool,
    /// Parameters that name the app.
    app: (&'static str, &'static str),
    tokens: fn() -> Reply,
    /// What asks for the profile.
    profile: &'static str,
    profile_of: fn(id: &str) -> Reply,
    /// Whether the token is in the Authorization header.
    bearer: bool,
    /// What is said of a code that is refused, and of a token.
    refused_code: (i32, &'static str),
    refused_token: (i32, &'static str),
}

const CODE_FAILED: &str = "Failed to exchange code for token: Bad Request";

fn tokens() -> Reply {
    Reply::json(&json!({ "access_token": "t1", "expires_in": 100 }))
}

fn protocols() -> Vec<Protocol> {
    let post = Protocol {
        name: "microsoft",
        shown: "Microsoft",
        exchange: "POST /token",
        is_json: false,
        app: ("client_id", "client_secret"),
        tokens,
        profile: "GET /profile",
        profile_of: |id| Reply::json(&json!({ "id": id })),
        bearer: true,
        refused_code: (101, "Microsoft API request failed."),
        refused_token: (101, "Microsoft API request failed."),
    };
    vec![
        Protocol {
            name: "github",
            shown: "GitHub",
            is_json: true,
            // GitHub's ids are numbers.
            profile_of: |id| Reply::json(&json!({ "id": id.parse::<u64>().unwrap(), "login": "octocat" })),
            refused_code: (142, CODE_FAILED),
            refused_token: (142, "Failed to fetch GitHub user: Bad Request"),
            ..post
        },
        Protocol {
            name: "linkedin",
            shown: "LinkedIn",
            refused_code: (101, "LinkedIn API request failed."),
            refused_token: (101, "LinkedIn API request failed."),
            ..post
        },
        Protocol {
            name: "instagram",
            shown: "Instagram",
            bearer: false,
            refused_code: (101, "Instagram API request failed."),
            refused_token: (101, "Instagram API request failed."),
            ..post
        },
        Protocol {
            name: "spotify",
            shown: "spotify",
            app: ("client_id", ""),
            refused_code: (101, "Spotify API request failed."),
            refused_token: (101, "Spotify API request failed."),
            ..post
        },
        Protocol {
            name: "line",
            shown: "Line",
            profile_of: |id| Reply::json(&json!({ "userId": id.parse::<u64>().unwrap() })),
            refused_code: (101, CODE_FAILED),
            refused_token: (101, "Failed to fetch Line user: Bad Request"),
            ..post
        },
        Protocol {
            name: "gpgames",
            shown: "gpgames",
            is_json: true,
            profile_of: |id| Reply::json(&json!({ "playerId": id })),
            refused_code: (142, CODE_FAILED),
            refused_token: (142, "Failed to fetch Google Play Games Services user: Bad Request"),
            ..post
        },
        Protocol {
            name: "qq",
            shown: "qq",
            exchange: "GET /token",
            tokens: || Reply::text("access_token=t1&expires_in=7776000&refresh_token=r1"),
            profile_of: |id| Reply::text(&format!("callback( {{\"client_id\":\"app\",\"openid\":\"{id}\"}} );\n")),
            bearer: false,
            refused_code: (101, "qq API request failed."),
            refused_token: (101, "qq API request failed."),
            ..post
        },
        Protocol {
            name: "wechat",
            shown: "WeChat",
            exchange: "GET /token",
            app: ("appid", "secret"),
            tokens: || Reply::json(&json!({ "access_token": "t1", "openid": "4711" })),
            profile_of: |_| Reply::json(&json!({ "errcode": 0, "errmsg": "ok" })),
            bearer: false,
            refused_code: (101, "WeChat auth is invalid for this user."),
            refused_token: (101, "WeChat auth is invalid for this user."),
            ..post
        },
        Protocol {
            name: "weibo",
            shown: "Weibo",
            profile: "POST /profile",
            profile_of: |id| Reply::json(&json!({ "uid": id.parse::<u64>().unwrap() })),
            bearer: false,
            refused_code: (101, "Weibo auth is invalid for this user."),
            refused_token: (101, "Weibo auth is invalid for this user."),
            ..post
        },
        post,
    ]
}

impl Protocol {
    fn set_up(&self, url: &str, insecure: bool) -> Providers {
        let endpoints = json!({ "token": format!("{url}/token"), "profile": format!("{url}/profile") });
        let options = match insecure {
            true => json!({ "enableInsecureAuth": true, "endpoints": endpoints }),
            false => json!({ "clientId": "app", "clientSecret": "secret", "endpoints": endpoints }),
        };
        providers(&json!({ self.name: options }))
    }

    /// A server for the code "c1" and the token "t1" of the user 4711.
    async fn serve(&self) -> Server {
        let (exchange, tokens, profile_of) = (self.exchange, self.tokens, self.profile_of);
        let is_json = self.is_json;
        Server::start(move |asked| {
            if asked.what == exchange {
                let code = if is_json { asked.json("code") } else { asked.parameter("code").to_owned() };
                return if code == "c1" { tokens() } else { Reply::status(400) };
            }
            if token_of(asked) == "t1" { profile_of("4711") } else { Reply::status(400) }
        })
        .await
    }
}

fn token_of(asked: &Asked) -> String {
    let header = asked.header("authorization").strip_prefix("Bearer ");
    header.unwrap_or_else(|| asked.parameter("access_token")).to_owned()
}

fn code(code: &str) -> Json {
    json!({ "code": code, "redirect_uri": "https://app.example/back", "code_verifier": "v1", "kept": 1 })
}

#[tokio::test]
async fn a_code_becomes_a_token_and_an_id() {
    for protocol in protocols() {
        let server = protocol.serve().await;
        let answer = sign_up(&protocol.set_up(&server.url, false), protocol.name, code("c1")).await;
        let expected = json!({ "kept": 1, "access_token": "t1", "id": "4711" });
        assert_eq!(answer, Ok(expected), "{}", protocol.name);
        let asked = server.asked();
        let (exchange, profile) = (&asked[0], &asked[1]);
        assert_eq!((exchange.what.as_str(), profile.what.as_str()), (protocol.exchange, protocol.profile));
        let sent = |name: &str| match protocol.is_json {
            true => exchange.json(name),
            false => exchange.parameter(name).to_owned(),
        };
        assert_eq!((sent(protocol.app.0), sent("code")), ("app".to_owned(), "c1".to_owned()), "{}", protocol.name);
        if !protocol.app.1.is_empty() {
            assert_eq!(sent(protocol.app.1), "secret", "{}", protocol.name);
        }
        if !matches!(protocol.name, "github" | "wechat") {
            assert_eq!(sent("redirect_uri"), "https://app.example/back", "{}", protocol.name);
            assert_eq!(sent("grant_type"), "authorization_code", "{}", protocol.name);
        }
        assert_eq!(profile.header("authorization").is_empty(), !protocol.bearer, "{}", protocol.name);
    }
}

#[tokio::test]
async fn codes_and_tokens_that_are_refused_let_nobody_in() {
    for protocol in protocols() {
        let server = protocol.serve().await;
        let set_up = protocol.set_up(&server.url, false);
        let missing = sign_up(&set_up, protocol.name, json!({ "id": "4711", "access_token": "t1" })).await;
        assert_eq!(missing, says(142, &format!("{} code is required.", protocol.shown)));
        let (number, text) = protocol.refused_code;
        assert_eq!(sign_up(&set_up, protocol.name, code("c2")).await, says(number, text), "{}", protocol.name);

        let mut other = code("c1");
        other["id"] = json!("4712");
        let answer = sign_up(&set_up, protocol.name, other).await;
        let (number, text) = &answer.unwrap_err();
        assert!([101, 142].contains(number), "{}: {text}", protocol.name);

        let exchange = protocol.exchange;
        let tokens = protocol.tokens;
        let refusing = Server::start(move |asked| match asked.what == exchange {
            true => tokens(),
            false => Reply::status(400),
        })
        .await;
        let answer = sign_up(&protocol.set_up(&refusing.url, false), protocol.name, code("c1")).await;
        let (number, text) = protocol.refused_token;
        assert_eq!(answer, says(number, text), "{}", protocol.name);
    }
}

#[tokio::test]
async fn answers_without_an_id_or_a_token_let_nobody_in() {
    for protocol in protocols() {
        for (tokens, profile) in [
            (json!({}), json!({ "id": "4711" })),
            (json!({ "access_token": "" }), json!({ "id": "4711" })),
            (json!({ "access_token": 5 }), json!({ "id": "4711" })),
            (json!({ "access_token": "t1" }), json!({})),
            (
                json!({ "access_token": "t1" }),
                json!({ "id": null, "userId": null, "playerId": "", "uid": {}, "openid": [] }),
            ),
            (json!({ "access_token": "t1" }), json!([])),
        ] {
            let exchange = protocol.exchange;
            let server = Server::start(move |asked| match asked.what == exchange {
                true => Reply::json(&tokens),
                false => Reply::json(&profile),
            })
            .await;
            let answer = sign_up(&protocol.set_up(&server.url, false), protocol.name, code("c1")).await;
            assert!(matches!(answer, Err((101 | 142, _))), "{}: {answer:?}", protocol.name);
        }
        let away = protocol.set_up("http://127.0.0.1:1", false);
        let answer = sign_up(&away, protocol.name, code("c1")).await;
        assert!(matches!(answer, Err((101 | 142, _))), "{}: {answer:?}", protocol.name);
    }
}

#[tokio::test]
async fn errors_of_providers_are_told_in_their_words() {
    let server = Server::start(|_| {
        Reply::json(
            &json!({ "error": "bad_verification_code", "error_description": "The code is incorrect or expired." }),
        )
    })
    .await;
    for protocol in protocols() {
        let answer = sign_up(&protocol.set_up(&server.url, false), protocol.name, code("c1")).await;
        assert_eq!(answer, says(101, "The code is incorrect or expired."), "{}", protocol.name);
    }
}

#[tokio::test]
async fn tokens_instead_of_codes_are_for_those_who_switch_them_on() {
    for protocol in protocols() {
        let server = protocol.serve().await;
        let set_up = protocol.set_up(&server.url, true);
        let name = protocol.name;
        let sent = json!({ "id": "4711", "access_token": "t1" });
        assert_eq!(sign_up(&set_up, name, sent.clone()).await, Ok(sent), "{name}");
        let invalid = says(101, &format!("{} auth is invalid for this user.", protocol.shown));
        assert_eq!(sign_up(&set_up, name, json!({ "id": "4711" })).await, invalid, "{name}");
        assert_eq!(sign_up(&set_up, name, json!({ "id": "", "access_token": "t1" })).await, invalid, "{name}");
        if name != "wechat" {
            // WeChat's server compares the id itself.
            assert_eq!(sign_up(&set_up, name, json!({ "id": "4712", "access_token": "t1" })).await, invalid, "{name}");
        }
        let answer = sign_up(&set_up, name, json!({ "id": "4711", "access_token": "t2" })).await;
        let (number, text) = protocol.refused_token;
        assert_eq!(answer, says(number, text), "{name}");
    }
}

#[tokio::test]
async fn spotify_and_weibo_need_more_than_a_code() {
    let protocols = protocols();
    let find = |name: &str| protocols.iter().find(|protocol| protocol.name == name).unwrap();
    let server = find("spotify").serve().await;
    let answer =
        sign_up(&find("spotify").set_up(&server.url, false), "spotify", json!({ "code": "c1", "redirect_uri": "u" }))
            .await;
    let text = "Spotify auth configuration authData.code and/or authData.redirect_uri and/or authData.code_verifier.";
    assert_eq!(answer, says(101, text));
    let answer = sign_up(&find("weibo").set_up(&server.url, false), "weibo", json!({ "code": "c1" })).await;
    assert_eq!(answer, says(101, "Weibo auth requires code and redirect_uri to be sent."));
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn whose_profile_is_asked_for_is_not_the_client_s_choice() {
    for protocol in protocols().iter().filter(|protocol| protocol.name != "wechat") {
        let server = protocol.serve().await;
        for sent in [json!({ "id": "4712", "access_token": "t1" }), json!({ "id": "../x?y", "access_token": "t1" })] {
            assert!(sign_up(&protocol.set_up(&server.url, true), protocol.name, sent).await.is_err());
        }
        for asked in server.asked() {
            assert_eq!(asked.what, protocol.profile, "{}", protocol.name);
            assert!(!asked.parameters.values().any(|sent| sent.contains("4712")), "{}", protocol.name);
        }
    }
}

#[tokio::test]
async fn linkedin_is_told_of_mobile_sdks() {
    let protocols = protocols();
    let linkedin = protocols.iter().find(|protocol| protocol.name == "linkedin").unwrap();
    let server = linkedin.serve().await;
    let mut sent = code("c1");
    sent["is_mobile_sdk"] = json!(true);
    assert!(sign_up(&linkedin.set_up(&server.url, false), "linkedin", sent).await.is_ok());
    let profile = &server.asked()[1];
    assert_eq!((profile.header("x-li-format"), profile.header("x-li-src")), ("json", "msdk"));
}
