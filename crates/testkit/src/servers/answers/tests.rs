use axum::Router;
use reqwest::Client;
use serde_json::{Value as Json, json};
use tokio::{net::TcpListener, task::JoinSet};

use super::{Exchange, ask, ask_parse_server};
use crate::servers::{MAINTENANCE_KEY, MASTER_KEY, plant_secret};

const TOKEN: &str = "r:0123456789abcdef0123456789abcdef";
const OTHER: &str = "r:ffffffffffffffffffffffffffffffff";

/// What an answer tells to whoever sends this header.
fn told(line: &str, header: (&str, &str), body: Json, answer: Json) -> Vec<String> {
    let (method, path) = line.split_once(' ').expect("a line is `VERB /path`");
    let exchange = Exchange {
        method: method.to_owned(),
        path: format!("/parse{path}"),
        headers: vec![(header.0.to_owned(), header.1.to_owned())],
        body: body.to_string(),
        answer: answer.to_string(),
    };
    exchange.told()
}

const NOBODY: (&str, &str) = ("accept", "*/*");
const MASTER: (&str, &str) = ("x-parse-master-key", MASTER_KEY);
const MAINTENANCE: (&str, &str) = ("x-parse-maintenance-key", MAINTENANCE_KEY);

fn hash() -> String {
    format!("$2y$10${}", "a.".repeat(26) + "Z")
}

#[test]
fn what_only_servers_know_is_found() {
    let found = |answer: Json| told("GET /users", MASTER, json!({}), json!({ "results": [answer] })).len();
    assert_eq!(found(json!({ "objectId": "x", "note": hash() })), 1);
    assert_eq!(found(json!({ "_perishable_token": "abc" })), 1);
    assert_eq!(found(json!({ "_email_verify_token": "abc", "_failed_login_count": 3 })), 2);
    assert_eq!(found(json!({ "password": "secret" })), 1);
    assert_eq!(found(json!({ "objectId": "x", "username": "ann", "authData": { "partner": { "id": "1" } } })), 0);
    let columns = json!({ "password": hash(), "_perishable_token": "abc" });
    assert!(told("GET /users/x", MAINTENANCE, json!({}), columns).is_empty());
    // A schema names columns, and an error what was asked for.
    let schema = json!({ "fields": { "password": { "type": "String" } }, "indexes": { "_perishable_token": { "_perishable_token": 1 } } });
    assert!(told("GET /schemas/_User", MASTER, json!({}), schema).is_empty());
    let page = Exchange { answer: format!("<p>{}</p>", hash()), ..Exchange::default() };
    assert_eq!(page.told().len(), 1);
}

#[test]
fn sessions_are_found_where_they_do_not_belong() {
    let user = json!({ "objectId": "u1", "sessionToken": TOKEN });
    for line in ["POST /users", "POST /login", "GET /login", "PUT /users/u1", "GET /users/me", "POST /CLASSES/_User/"] {
        assert!(told(line, NOBODY, json!({}), user.clone()).is_empty(), "{line}");
    }
    for line in ["GET /users/u1", "GET /classes/Note/u1", "GET /roles/u1"] {
        assert_eq!(told(line, NOBODY, json!({}), user.clone()).len(), 1, "{line}");
    }
    assert_eq!(told("GET /users", MASTER, json!({}), json!({ "results": [user] })).len(), 1);
    let message = json!({ "code": 1, "error": format!("no {TOKEN}") });
    assert_eq!(told("GET /users/me", NOBODY, json!({}), message.clone()).len(), 1);
    assert!(told("GET /users/me", ("x-parse-session-token", TOKEN), json!({}), message).is_empty(), "it was sent");

    let batch = json!({ "requests": [{ "method": "POST", "path": "/parse/users" }, { "method": "GET", "path": "/parse/users/u2" }] });
    let answers =
        |second: Json| json!([{ "success": { "objectId": "u1", "sessionToken": TOKEN } }, { "success": second }]);
    assert!(told("POST /batch", NOBODY, batch.clone(), answers(json!({ "objectId": "u2" }))).is_empty());
    let second = json!({ "objectId": "u2", "sessionToken": OTHER });
    assert_eq!(told("POST /batch", NOBODY, batch, answers(second)).len(), 1);
}

#[test]
fn sessions_and_identities_of_somebody_else_are_found() {
    let token = "r:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    let session = |user: &str, token: &str| json!({ "objectId": "s", "sessionToken": token, "user": { "__type": "Pointer", "className": "_User", "objectId": user } });
    assert!(told("POST /login", NOBODY, json!({}), json!({ "objectId": "u3", "sessionToken": token })).is_empty());
    let header = ("x-parse-session-token", token);
    let listed = |sessions: Json| told("GET /sessions", header, json!({}), json!({ "results": sessions })).len();
    assert_eq!(listed(json!([session("u3", token), session("u3", "r:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb")])), 0);
    assert_eq!(listed(json!([session("u4", "r:cccccccccccccccccccccccccccccccc")])), 1);

    let identities = json!({ "partner": { "id": "1", "access_token": "x" } });
    let user = |id: &str| json!({ "objectId": id, "authData": identities });
    assert!(told("GET /users/u3", header, json!({}), user("u3")).is_empty());
    assert_eq!(told("GET /users/u4", header, json!({}), user("u4")).len(), 1);
    assert_eq!(told("GET /users/u3", NOBODY, json!({}), user("u3")).len(), 1);
    let mut included = user("u4");
    included["className"] = json!("_User");
    assert_eq!(told("GET /classes/Note/n", header, json!({}), json!({ "by": included })).len(), 1);
    let factor = json!({ "objectId": "u3", "authData": { "mfa": { "secret": "ABC" } } });
    assert_eq!(told("GET /users/u3", header, json!({}), factor).len(), 1);
    // A key that is sent from afar is none.
    let from_afar = Exchange {
        path: "/parse/users/u3".to_owned(),
        headers: [MASTER, ("x-forwarded-for", "203.0.113.7")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        answer: user("u3").to_string(),
        ..Exchange::default()
    };
    assert_eq!(from_afar.told().len(), 1);
}

#[test]
fn planted_secrets_are_found() {
    plant_secret("a-secret-of-the-answers");
    let told_by = |body: Json, answer: Json| told("POST /functions/x", NOBODY, body, answer).len();
    assert_eq!(told_by(json!({}), json!({ "result": "so a-secret-of-the-answers is it" })), 1);
    assert_eq!(
        told_by(json!({ "said": "a-secret-of-the-answers" }), json!({ "result": "a-secret-of-the-answers" })),
        0
    );
    let own = json!({ "objectId": "u5", "sessionToken": OTHER, "authData": { "partner": { "access_token": "a-secret-of-the-answers" } } });
    assert!(told("POST /login", NOBODY, json!({}), own).is_empty());
}

#[tokio::test]
async fn an_answer_of_ours_that_tells_fails_even_those_who_expect_failures() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/parse/classes/Note", listener.local_addr().expect("an address"));
    let router = Router::new().fallback(|| async { json!({ "note": hash() }).to_string() });
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { drop(axum::serve(listener, router).await) });

    let asked = JoinSet::from_iter([ask(Client::new().get(&url))]).join_next().await.expect("one asks");
    assert!(asked.is_err_and(|error| error.is_panic()));
    let answer = ask_parse_server(Client::new().get(&url)).await.expect("an answer");
    assert_eq!((answer.status, answer.json().expect("JSON")), (200, json!({ "note": hash() })));
    assert!(ask(Client::new().get("http://127.0.0.1:1/")).await.is_err(), "nobody answers");
}
