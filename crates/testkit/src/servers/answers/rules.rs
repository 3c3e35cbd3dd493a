//! The rules.

use serde_json::Value as Json;

use super::{
    Exchange,
    asker::{self, Asked, Asker, asker, owner},
};
use crate::servers::secrets::{holds_hash, holds_token, planted_secrets};

/// Columns of users that only servers know. They are names of indexes, too.
const INTERNAL: [&str; 11] = [
    "_hashed_password",
    "_perishable_token",
    "_perishable_token_expires_at",
    "_email_verify_token",
    "_email_verify_token_expires_at",
    "_password_history",
    "_password_changed_at",
    "_failed_login_count",
    "_account_lockout_expires_at",
    "_session_token",
    "_tombstone",
];

/// What is being looked through.
struct Search<'a> {
    /// All that the request says: to repeat it tells nothing.
    said: String,
    asker: &'a Asker,
    part: &'a Asked,
    planted: &'a [String],
    found: Vec<String>,
}

/// Where in an answer something stands.
#[derive(Clone, Copy, Default)]
struct Place<'a> {
    /// The name of the member.
    key: &'a str,
    /// Members and elements above.
    depth: usize,
    /// Whether it is part of identities that may be seen.
    in_identities: bool,
    /// Whether it is part of `results`.
    in_results: bool,
}

pub(super) fn told(exchange: &Exchange) -> Vec<String> {
    let body: Json = serde_json::from_str(&exchange.body).unwrap_or_default();
    let answer: Json = serde_json::from_str(&exchange.answer).unwrap_or_else(|_| Json::String(exchange.answer.clone()));
    let parts = asker::parts(exchange, &body, &answer);
    let asker = asker(exchange, &body, &parts);
    if asker == Asker::Maintenance {
        return Vec::new();
    }
    let planted = planted_secrets();
    let said = said(exchange);
    let mut found = Vec::new();
    for part in &parts {
        let mut search = Search { said: said.clone(), asker: &asker, part, planted: &planted, found: Vec::new() };
        search.look(&part.answer, Place::default());
        found.append(&mut search.found);
    }
    found
}

/// The request as it was sent, and with its query decoded.
fn said(exchange: &Exchange) -> String {
    let url = reqwest::Url::parse(&format!("http://server{}", exchange.path));
    let query = url.iter().flat_map(reqwest::Url::query_pairs).map(|(name, value)| format!("{name}={value}"));
    let query: Vec<String> = query.collect();
    let headers: Vec<String> = exchange.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    [&exchange.path, &exchange.body, &query.join("\n"), &headers.join("\n")].map(String::as_str).join("\n")
}

impl Search<'_> {
    fn look(&mut self, value: &Json, place: Place<'_>) {
        match value {
            Json::Object(members) => {
                let below = |key| Place { key, depth: place.depth + 1, ..place };
                let is_user = self.is_user(value, place);
                let shows_identities = !is_user || self.may_see_identities(value, place);
                for (key, member) in members {
                    let mut below = below(key.as_str());
                    below.in_results |= key == "results";
                    if key == "authData" && is_user {
                        below.in_identities = shows_identities;
                        self.check_identities(member, shows_identities);
                    }
                    if key == "password" && is_user && member.is_string() && !self.said(member) {
                        self.find("a password", member);
                    }
                    if INTERNAL.contains(&key.as_str()) && self.is_value(member) && !self.said_with(key, member) {
                        self.find(key, member);
                    }
                    if key == "sessionToken" {
                        self.check_session(value, member, place);
                    } else {
                        self.look(member, below);
                    }
                }
            }
            Json::Array(elements) => {
                for element in elements {
                    self.look(element, Place { depth: place.depth + 1, ..place });
                }
            }
            Json::String(text) => self.check_text(text, place),
            Json::Null | Json::Bool(_) | Json::Number(_) => {}
        }
    }

    fn check_text(&mut self, text: &str, place: Place<'_>) {
        if self.said.contains(text) {
            return;
        }
        let value = Json::from(text);
        if holds_hash(text) {
            self.find("a hash", &value);
        }
        if holds_token(text) && !self.said_token(text) {
            self.find("a session", &value);
        }
        let planted = self.planted.iter().find(|secret| text.contains(secret.as_str()) && !self.said.contains(*secret));
        if let Some(secret) = planted
            && !place.in_identities
        {
            self.found.push(format!("tells a secret: {secret}, as {}", place.key));
        }
    }

    /// A session stands at the top of what opens it or asks for it, or among sessions of the one who asks.
    fn check_session(&mut self, object: &Json, token: &Json, place: Place<'_>) {
        let Some(text) = token.as_str() else { return };
        if self.said.contains(text) {
            return;
        }
        let mut segments = self.part.path.split('/');
        let first = segments.next().unwrap_or_default();
        let method = self.part.method.as_str();
        let fits = match first {
            "login" | "loginas" | "upgradetorevocablesession" => place.depth == 0,
            "users" => place.depth == 0 && (matches!(method, "POST" | "PUT") || segments.next() == Some("me")),
            "sessions" => self.is_own_session(object, text),
            "aggregate" => *self.asker == Asker::Master,
            _ => false,
        };
        if !fits {
            self.find("a session", token);
        }
    }

    fn is_own_session(&self, session: &Json, token: &str) -> bool {
        let Asker::User(user) = self.asker else { return true };
        let shown = session["user"]["objectId"].as_str().map(str::to_owned).or_else(|| owner(token));
        user.is_none() || shown.is_none() || *user == shown
    }

    /// Whether an object is a user: by its class, or by where it stands.
    fn is_user(&self, object: &Json, place: Place<'_>) -> bool {
        let at_top = place.depth == 0 || (place.in_results && place.depth == 2);
        let first = self.part.path.split('/').next().unwrap_or_default();
        let of_users = matches!(first, "users" | "login" | "loginas" | "verifypassword");
        object["className"] == "_User" || (at_top && of_users)
    }

    /// Identities are shown to who has them, or the password, and to whoever has just sent them.
    fn may_see_identities(&self, user: &Json, place: Place<'_>) -> bool {
        let Asker::User(asker) = self.asker else { return true };
        let id = user["objectId"].as_str();
        let knows_password = self.part.path == "verifypassword" && self.said.contains("password");
        let opens_session = place.depth == 0 && (user["sessionToken"].is_string() || knows_password);
        opens_session || (id.is_some() && asker.as_deref() == id) || (id.is_none() && self.said.contains("authData"))
    }

    fn check_identities(&mut self, identities: &Json, are_shown: bool) {
        let is_master = *self.asker == Asker::Master;
        let some = identities.as_object().is_some_and(|slices| slices.values().any(|slice| !slice.is_null()));
        if some && !are_shown {
            self.find("identities of somebody else", identities);
        }
        let mfa = &identities["mfa"];
        if !is_master && ["secret", "recovery", "pending"].iter().any(|member| mfa.get(*member).is_some()) {
            self.find("a second factor", mfa);
        }
    }

    /// Whether this is what a column holds: a schema says types and orders instead.
    fn is_value(&self, member: &Json) -> bool {
        match member {
            Json::Object(_) => member.get("__type").is_some(),
            Json::Number(_) => !self.part.path.starts_with("schemas"),
            Json::Null => false,
            Json::Bool(_) | Json::String(_) | Json::Array(_) => true,
        }
    }

    fn said(&self, value: &Json) -> bool {
        value.as_str().is_some_and(|text| self.said.contains(text))
    }

    /// Whether the request says this of the same column.
    fn said_with(&self, key: &str, value: &Json) -> bool {
        self.said.contains(key) && value.as_str().is_some_and(|text| self.said.contains(text))
    }

    /// Whether the request says the token that a text holds.
    fn said_token(&self, text: &str) -> bool {
        let starts = text.match_indices("r:").filter_map(|(start, _)| text.get(start..start + 34));
        starts.filter(|token| holds_token(token)).all(|token| self.said.contains(token))
    }

    fn find(&mut self, what: &str, value: &Json) {
        let Asked { method, path, .. } = self.part;
        self.found.push(format!("{method} /{path} tells {what}: {value}"));
    }
}
