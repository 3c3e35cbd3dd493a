//! Who asks, and what: by headers, or by members of the body as SDKs in browsers send them.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use serde_json::Value as Json;

use super::Exchange;
use crate::servers::{MAINTENANCE_KEY, MASTER_KEY, READ_ONLY_MASTER_KEY};

/// Whose sessions are whose, as far as answers told so far.
static OWNERS: Mutex<Option<HashMap<String, String>>> = Mutex::new(None);

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asker {
    Maintenance,
    Master,
    /// A user by id, if the session is known; nobody has an empty one.
    User(Option<String>),
}

/// One request of those that a message carries.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) method: String,
    /// Without the mount, as in `users/abc`.
    pub(super) path: String,
    pub(super) answer: Json,
}

/// Who asks, after what the answer itself tells of sessions was learnt.
pub(super) fn asker(exchange: &Exchange, body: &Json, parts: &[Asked]) -> Asker {
    for part in parts {
        learn(&part.answer);
        for session in part.answer["results"].as_array().into_iter().flatten() {
            learn(session);
        }
    }
    let key = |header: &str, member: &str| {
        exchange.header(header).or_else(|| body[member].as_str()).unwrap_or_default().to_owned()
    };
    // Keys do not count from where they may not be used.
    if exchange.header("x-forwarded-for").is_none() {
        if key("x-parse-maintenance-key", "_MaintenanceKey") == MAINTENANCE_KEY {
            return Asker::Maintenance;
        }
        let master = key("x-parse-master-key", "_MasterKey");
        if master == MASTER_KEY || master == READ_ONLY_MASTER_KEY {
            return Asker::Master;
        }
    }
    let session = key("x-parse-session-token", "_SessionToken");
    Asker::User(if session.is_empty() { Some(String::new()) } else { owner(&session) })
}

/// The requests that a message carries: itself, or those of a batch.
pub(super) fn parts(exchange: &Exchange, body: &Json, answer: &Json) -> Vec<Asked> {
    let method = body["_method"].as_str().unwrap_or(&exchange.method);
    let path = relative(&exchange.path);
    let (Some(requests), Some(answers)) = (body["requests"].as_array(), answer.as_array()) else {
        return vec![Asked { method: method.to_owned(), path, answer: answer.clone() }];
    };
    let part = |(request, answer): (&Json, &Json)| Asked {
        method: request["method"].as_str().unwrap_or_default().to_owned(),
        path: relative(request["path"].as_str().unwrap_or_default()),
        answer: answer.get("success").unwrap_or(answer).clone(),
    };
    requests.iter().zip(answers).map(part).collect()
}

/// Says whose session a token is, where no answer tells it: the session was not opened by a request.
pub fn introduce_session(token: &str, user: &str) {
    let mut owners = OWNERS.lock().unwrap_or_else(PoisonError::into_inner);
    owners.get_or_insert_default().entry(token.to_owned()).or_insert_with(|| user.to_owned());
}

/// The user of a session.
pub(super) fn owner(session: &str) -> Option<String> {
    OWNERS.lock().unwrap_or_else(PoisonError::into_inner).as_ref()?.get(session).cloned()
}

fn learn(object: &Json) {
    let user = object["user"]["objectId"].as_str().or_else(|| object["objectId"].as_str());
    if let (Some(session), Some(user)) = (object["sessionToken"].as_str(), user) {
        introduce_session(session, user);
    }
}

fn relative(path: &str) -> String {
    let path = path.split('?').next().unwrap_or_default();
    let path = path.strip_prefix("/parse").unwrap_or(path).trim_matches('/');
    // Names of routes have no case.
    let (first, rest) = path.split_once('/').unwrap_or((path, ""));
    let path = format!("{}/{rest}", first.to_lowercase()).replace("classes/_User", "users");
    path.replace("classes/_Session", "sessions").trim_end_matches('/').to_owned()
}
