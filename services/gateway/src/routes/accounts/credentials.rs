//! What somebody presents to log in, from where Parse Server takes it.

use std::{borrow::Cow, collections::HashMap};

use bytes::Bytes;
use serde_json::Value;

use crate::{body::Members, javascript::Loose};

/// Members of the credentials, beside `authData`.
const NAMES: [&str; 4] = ["username", "email", "password", "ignoreEmailVerification"];

/// A query string: texts, and what is more than a text.
pub(super) struct Query<'a>(HashMap<Cow<'a, str>, Sent<'a>>);

#[derive(Clone)]
enum Sent<'a> {
    Text(Cow<'a, str>),
    /// A list: its name came more than once, or with brackets.
    List,
}

/// The credentials as one JSON object.
///
/// They come from the body. If that lacks the name, or the address, and the query string has it, all of them come from the query
/// string; only `authData` never does.
pub(super) fn sent(query: Option<&str>, body: &Members) -> Bytes {
    let query = Query::read(query);
    let truthy = |name| body.get(name).is_some_and(|value| Loose::json(value).is_truthy());
    let is_in_query = ["username", "email"].into_iter().any(|name| !truthy(name) && query.is_truthy(name));
    let mut object = String::from("{");
    let mut add = |name: &str, value: &str| {
        let comma = if object.len() > 1 { "," } else { "" };
        object.push_str(&format!("{comma}\"{name}\":{value}"));
    };
    for name in NAMES {
        match is_in_query {
            true => query.json(name).into_iter().for_each(|value| add(name, &value)),
            false => body.get(name).into_iter().for_each(|value| add(name, value)),
        }
    }
    body.get("authData").into_iter().for_each(|value| add("authData", value));
    object.push('}');
    Bytes::from(object)
}

impl<'a> Query<'a> {
    pub(super) fn read(query: Option<&'a str>) -> Self {
        let mut members: HashMap<Cow<'a, str>, Sent<'a>> = HashMap::new();
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            let plain = name.split('[').next().unwrap_or_default().to_owned();
            let sent = if plain.len() == name.len() { Sent::Text(value) } else { Sent::List };
            members.entry(Cow::Owned(plain)).and_modify(|known| *known = Sent::List).or_insert(sent);
        }
        Self(members)
    }

    /// The value as JSON.
    pub(super) fn json(&self, name: &str) -> Option<String> {
        self.get(name).map(|sent| match sent {
            Sent::Text(text) => Value::from(&**text).to_string(),
            Sent::List => "[]".to_owned(),
        })
    }

    fn is_truthy(&self, name: &str) -> bool {
        self.get(name).is_some_and(|sent| !matches!(sent, Sent::Text(text) if text.is_empty()))
    }

    fn get(&self, name: &str) -> Option<&Sent<'a>> {
        self.0.get(name)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail by panic")]

    use super::*;

    fn credentials(query: &str, body: &'static str) -> String {
        let body = Members::split(Bytes::from_static(body.as_bytes())).unwrap();
        String::from_utf8(sent(Some(query), &body).to_vec()).unwrap()
    }

    #[test]
    fn all_of_them_come_from_one_place() {
        let body = r#"{"username": "a", "password": {"x": 1}, "extra": 2, "authData": {"p": {"id": "1"}}}"#;
        let from_body = r#"{"username":"a","password":{"x": 1},"authData":{"p": {"id": "1"}}}"#;
        assert_eq!(credentials("", body), from_body);
        assert_eq!(credentials("username=b&password=c", body), from_body);
        let from_query = r#"{"email":"e","password":"c","authData":{"p": {"id": "1"}}}"#;
        assert_eq!(credentials("email=e&password=c&authData={}", body), from_query);
        assert_eq!(credentials("username=b&password=5", "{}"), r#"{"username":"b","password":"5"}"#);
        assert_eq!(credentials("username=b", r#"{"username": "", "password": "p"}"#), r#"{"username":"b"}"#);
        assert_eq!(credentials("password=b", r#"{"username": ""}"#), r#"{"username":""}"#);
    }

    #[test]
    fn what_is_more_than_a_text_is_no_text() {
        assert_eq!(credentials("username=a&username=b", "{}"), r#"{"username":[]}"#);
        assert_eq!(credentials("username=a&password[$ne]=b", "{}"), r#"{"username":"a","password":[]}"#);
        assert_eq!(credentials("username=%22a%5C", "{}"), r#"{"username":"\"a\\"}"#);
    }
}
