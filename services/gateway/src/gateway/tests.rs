#![allow(clippy::unwrap_used, reason = "a test may fail by panic")]

mod accounts;
mod forwarding;
mod idempotency;
mod large;
mod rules;
mod security;
mod stop;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::testing::Setup;

/// Requests whose answers do not depend on stored objects, with the answers of Parse Server 9.10. A question that
/// `differs` tells why, what is answered here (`answer`) and what Parse Server answers (`parseServer`).
const CONVENTIONS: &str = include_str!("conventions.json");

#[derive(Deserialize)]
struct Question {
    name: String,
    line: String,
    #[serde(default)]
    headers: Map<String, Value>,
    #[serde(default)]
    body: String,
    answer: Answer,
}

#[derive(Deserialize)]
struct Answer {
    status: u16,
    /// A null is a header that must not be there.
    #[serde(default)]
    headers: Map<String, Value>,
    /// `"*"` stands for anything.
    body: Value,
}

#[tokio::test]
async fn conventions_are_those_of_parse_server() {
    let questions: Vec<Question> = serde_json::from_str(CONVENTIONS).unwrap();
    assert!(questions.len() > 200);
    let mut findings = Vec::new();
    for question in questions {
        // hyper refuses a target that is no URL before the gateway sees it.
        let setup = Setup::new(&[]);
        let headers: Vec<_> = question.headers.iter().map(|(name, value)| (&**name, value.as_str().unwrap())).collect();
        let response = setup.ask(&question.line, &headers, &question.body).await;
        let mut tell = |what: &str, expected: &Value, actual: &Value| {
            if expected != actual && *expected != "*" {
                findings.push(format!("{}: {what}: expected {expected}, got {actual}", question.name));
            }
        };
        tell("status", &question.answer.status.into(), &response.status().as_u16().into());
        for (name, expected) in &question.answer.headers {
            let actual = response.headers().get(name).map(|value| value.to_str().unwrap());
            // The length of a body is written by hyper.
            if name != "content-length" || actual.is_some() {
                tell(name, expected, &actual.into());
            }
        }
        let text = std::str::from_utf8(response.body()).unwrap();
        let body = serde_json::from_str(text).unwrap_or_else(|_| Value::from(text));
        tell("body", &question.answer.body, &body);
    }
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}
