//! Every kind of forged token, at every provider of tokens.

use serde_json::{Value as Json, json};

use super::{
    forge::{self, Key, encoded, now, unsigned, with, with_secret},
    providers, says,
    server::{Reply, Server},
    sign_up,
};
use crate::providers::Providers;

/// A provider of tokens, for a client "app", about a user "u1".
struct Issuer {
    name: &'static str,
    /// Member of the slice that holds the token.
    member: &'static str,
    issuer: String,
    wrong_issuer: String,
    /// The claim that names the client, and what is said when it names another one.
    audience: &'static str,
    wrong_audience: &'static str,
    providers: Providers,
}

impl Issuer {
    fn claims(&self) -> Json {
        json!({ "iss": self.issuer, self.audience: "app", "sub": "u1", "iat": now(), "exp": now() + 300 })
    }

    async fn present(&self, id: Json, token: impl Into<Json>) -> Result<Json, (i32, String)> {
        sign_up(&self.providers, self.name, json!({ "id": id, self.member: token.into() })).await
    }
}

/// Their keys are at `url`.
fn issuers(url: &str) -> Vec<Issuer> {
    let keys = format!("{url}/keys");
    let openid =
        |expected: &str| format!("id token not issued by correct OpenID provider - expected: {expected} | from: ");
    let wrong_audience = "jwt audience invalid. expected: app";
    let realm = format!("{url}/realms/town");
    vec![
        Issuer {
            name: "apple",
            member: "token",
            issuer: "https://appleid.apple.com".to_owned(),
            wrong_issuer: openid("https://appleid.apple.com"),
            audience: "aud",
            wrong_audience,
            providers: providers(&json!({ "apple": { "clientId": "app", "endpoints": { "keys": keys } } })),
        },
        Issuer {
            name: "google",
            member: "id_token",
            issuer: "https://accounts.google.com".to_owned(),
            wrong_issuer: "id token not issued by correct provider - expected: accounts.google.com or https://accounts.google.com | from: "
                .to_owned(),
            audience: "aud",
            wrong_audience,
            providers: providers(&json!({ "google": { "clientId": "app", "endpoints": { "keys": keys } } })),
        },
        Issuer {
            name: "facebook",
            member: "token",
            issuer: "https://www.facebook.com".to_owned(),
            wrong_issuer: openid("https://www.facebook.com"),
            audience: "aud",
            wrong_audience,
            providers: providers(&json!({ "facebook": { "appIds": ["app"], "endpoints": { "keys": keys } } })),
        },
        Issuer {
            name: "keycloak",
            member: "access_token",
            issuer: realm.clone(),
            wrong_issuer: format!("access token not issued by correct provider - expected: {realm} | from: "),
            audience: "azp",
            wrong_audience: "access token is not authorized for this client - expected: app | from: other",
            providers: providers(&json!({
                "keycloak": { "config": { "auth-server-url": url, "realm": "town", "client-id": "app" } }
            })),
        },
    ]
}

/// Publishes the keys wherever it is asked.
async fn publish(keys: &[&Key]) -> Server {
    let published = json!({ "keys": keys.iter().map(|key| key.published()).collect::<Vec<_>>() });
    Server::start(move |_| Reply::json(&published)).await
}

#[tokio::test]
async fn good_tokens_are_accepted() {
    let key = Key::new("k1");
    let server = publish(&[&key]).await;
    for issuer in issuers(&server.url) {
        let token = key.token(&issuer.claims());
        let answer = issuer.present(json!("u1"), token.clone()).await;
        assert_eq!(answer, Ok(json!({ "id": "u1", issuer.member: token })), "{}", issuer.name);
    }
}

#[tokio::test]
async fn forged_tokens_are_refused_by_every_provider() {
    let (key, other, forger) = (Key::new("k1"), Key::new("k2"), Key::new("k1"));
    let server = publish(&[&key, &other]).await;
    for issuer in issuers(&server.url) {
        let good = issuer.claims();
        let header = json!({ "alg": "RS256", "kid": "k1" });
        let cases: Vec<(&str, String, String)> = forgeries(&key, &other, &forger, &header, &issuer, &good);
        for (kind, token, text) in cases {
            let answer = issuer.present(json!("u1"), token).await;
            assert_eq!(answer, says(101, &text), "{}: {kind}", issuer.name);
        }
    }
}

fn forgeries(
    key: &Key,
    other: &Key,
    forger: &Key,
    header: &Json,
    issuer: &Issuer,
    good: &Json,
) -> Vec<(&'static str, String, String)> {
    let changed = |changes: Json| key.token(&with(good, changes));
    let headed = |changes: Json| key.sign(&with(header, changes), good);
    let signature = |token: &str| token.rsplit_once('.').unwrap().1.to_owned();
    let body = unsigned(header, good);
    let swapped = format!("{}.{}", unsigned(header, &with(good, json!({ "sub": "u2" }))), signature(&key.token(good)));
    let none = unsigned(&json!({ "alg": "none", "kid": "k1" }), good);
    let no_key = |id: &str| format!("Unable to find matching key for Key ID: {id}");
    let from = |issuer_claim: &str| format!("{}{issuer_claim}", issuer.wrong_issuer);
    let audience = issuer.audience;
    let absent_audience = issuer.wrong_audience.replace("from: other", "from: undefined");
    let subject = "auth data is invalid for this user.".to_owned();
    let text = str::to_owned;
    let case = |kind: &'static str, token: String, text: String| (kind, token, text);
    vec![
        case("alg none, no signature", format!("{none}."), text("jwt signature is required")),
        case("alg none, some signature", format!("{none}.{}", encoded(b"x")), text("invalid algorithm")),
        case(
            "alg None",
            format!("{}.{}", unsigned(&json!({ "alg": "None", "kid": "k1" }), good), encoded(b"x")),
            text("invalid algorithm"),
        ),
        case(
            "HS256 with the public key",
            with_secret(&json!({ "alg": "HS256", "kid": "k1" }), good, &key.public_bytes()),
            text("invalid algorithm"),
        ),
        case("RS256 that is an HMAC", with_secret(header, good, &key.public_bytes()), text("invalid signature")),
        case("RS512 in the header", headed(json!({ "alg": "RS512" })), text("invalid algorithm")),
        case("no alg", headed(json!({ "alg": null })), text("invalid algorithm")),
        case("critical extension", headed(json!({ "crit": ["exp"] })), text("invalid algorithm")),
        case("another's key under the same id", forger.token(good), text("invalid signature")),
        case("another key of the same set", other.sign(header, good), text("invalid signature")),
        case("the signature of other claims", swapped, text("invalid signature")),
        case("a cut signature", format!("{body}.{}", &signature(&key.token(good))[..100]), text("invalid signature")),
        case("no signature", format!("{body}."), text("jwt signature is required")),
        case("no key id", key.sign(&json!({ "alg": "RS256" }), good), no_key("undefined")),
        case("a key id that is a number", key.sign(&json!({ "alg": "RS256", "kid": 1 }), good), no_key("undefined")),
        case("an unknown key id", key.sign(&json!({ "alg": "RS256", "kid": "k9" }), good), no_key("k9")),
        case(
            "a key that the token brings",
            forger.sign(&json!({ "alg": "RS256", "kid": "k8", "jwk": forger.published() }), good),
            no_key("k8"),
        ),
        case("two parts", body.clone(), text("provided token does not decode as JWT")),
        case("four parts", format!("{body}.a.b"), text("provided token does not decode as JWT")),
        case("no token at all", text("token"), text("provided token does not decode as JWT")),
        case("blanks", format!(" {}", key.token(good)), text("provided token does not decode as JWT")),
        case(
            "a header that is a list",
            format!("{}.e30.x", encoded(b"[]")),
            text("provided token does not decode as JWT"),
        ),
        case("claims that are a text", key.sign(header, &json!("u1")), text("invalid token")),
        case("another issuer", changed(json!({ "iss": "https://evil.example" })), from("https://evil.example")),
        case("no issuer", changed(json!({ "iss": null })), from("undefined")),
        case(
            "a longer issuer",
            changed(json!({ "iss": format!("{}.evil", issuer.issuer) })),
            from(&format!("{}.evil", issuer.issuer)),
        ),
        case("several issuers", changed(json!({ "iss": [issuer.issuer] })), from(&json!([issuer.issuer]).to_string())),
        case("another audience", changed(json!({ audience: "other" })), text(issuer.wrong_audience)),
        case("no audience", changed(json!({ audience: null })), absent_audience),
        case("over since an hour", changed(json!({ "exp": now() - 3600 })), text("jwt expired")),
        case("over since a second", changed(json!({ "exp": now() - 1 })), text("jwt expired")),
        case("never over", changed(json!({ "exp": null })), text("invalid exp value")),
        case("over at a text", changed(json!({ "exp": "never" })), text("invalid exp value")),
        case("not yet", changed(json!({ "nbf": now() + 3600 })), text("jwt not active")),
        case("not before a text", changed(json!({ "nbf": "now" })), text("invalid nbf value")),
        case("another user", changed(json!({ "sub": "u2" })), subject.clone()),
        case("no user", changed(json!({ "sub": null })), subject.clone()),
        case("an empty user", changed(json!({ "sub": "" })), subject.clone()),
        case("a list of users", changed(json!({ "sub": ["u1"] })), subject),
    ]
}

#[tokio::test]
async fn partial_auth_data_is_refused() {
    let key = Key::new("k1");
    let server = publish(&[&key]).await;
    for issuer in issuers(&server.url) {
        let token = key.token(&issuer.claims());
        let empty = key.token(&with(&issuer.claims(), json!({ "sub": "" })));
        let is_keycloak = issuer.name == "keycloak";
        let missing =
            if is_keycloak { "Missing access token and/or User id" } else { "auth data is invalid for this user." };
        for (id, token) in [(Json::Null, &token), (json!(""), &token), (json!(""), &empty)] {
            assert_eq!(issuer.present(id, token.clone()).await, says(101, missing), "{}", issuer.name);
        }
        let other = issuer.present(json!("u2"), token.clone()).await;
        assert_eq!(other, says(101, "auth data is invalid for this user."), "{}", issuer.name);
        let no_token = match issuer.name {
            "facebook" => "Facebook auth is invalid for this user.",
            "keycloak" => "Missing access token and/or User id",
            _ => "id token is invalid for this user.",
        };
        for nothing in [Json::Null, json!(""), json!({}), json!(["a.b.c"])] {
            assert_eq!(issuer.present(json!("u1"), nothing).await, says(101, no_token), "{}", issuer.name);
        }
    }
}

#[tokio::test]
async fn one_of_several_audiences_is_enough() {
    let key = Key::new("k1");
    let server = publish(&[&key]).await;
    let endpoints = json!({ "keys": format!("{}/keys", server.url) });
    let two = providers(&json!({ "apple": { "clientId": ["a", "b"], "endpoints": endpoints } }));
    let claims = json!({ "iss": "https://appleid.apple.com", "aud": "b", "sub": "u1", "exp": now() + 60 });
    for good in [claims.clone(), with(&claims, json!({ "aud": ["x", "a"] }))] {
        assert!(sign_up(&two, "apple", json!({ "id": "u1", "token": key.token(&good) })).await.is_ok());
    }
    let token = key.token(&with(&claims, json!({ "aud": ["x"] })));
    let answer = sign_up(&two, "apple", json!({ "id": "u1", "token": token })).await;
    assert_eq!(answer, says(101, "jwt audience invalid. expected: a or b"));
}

#[tokio::test]
async fn google_names_itself_in_two_ways() {
    let key = Key::new("k1");
    let server = publish(&[&key]).await;
    let google = providers(&json!({ "google": { "clientId": "app", "endpoints": { "keys": server.url } } }));
    for issuer in ["accounts.google.com", "https://accounts.google.com"] {
        let token = key.token(&json!({ "iss": issuer, "aud": "app", "sub": "u1", "exp": now() + 60 }));
        assert!(sign_up(&google, "google", json!({ "id": "u1", "id_token": token })).await.is_ok(), "{issuer}");
    }
}

#[tokio::test]
async fn keycloak_compares_roles_and_groups() {
    let key = Key::new("k1");
    let server = publish(&[&key]).await;
    let issuer = issuers(&server.url).pop().unwrap();
    let token = key.token(&forge::with(&issuer.claims(), json!({ "roles": ["b", "a"], "groups": ["g"] })));
    let sent =
        |roles: Json, groups: Json| json!({ "id": "u1", "access_token": token, "roles": roles, "groups": groups });
    assert!(sign_up(&issuer.providers, "keycloak", sent(json!(["a", "b"]), json!(["g"]))).await.is_ok());
    for (roles, groups) in [
        (json!(["a"]), json!(["g"])),
        (json!(["a", "a"]), json!(["g"])),
        (json!(["a", "b", "c"]), json!(["g"])),
        (json!(["a", "b"]), Json::Null),
        (json!("a,b"), json!(["g"])),
    ] {
        let answer = sign_up(&issuer.providers, "keycloak", sent(roles, groups)).await;
        assert_eq!(answer, says(101, "Invalid authentication"));
    }
    let answer = issuer.present(json!("u1"), token.clone()).await;
    assert_eq!(answer, says(101, "Invalid authentication"));
}
