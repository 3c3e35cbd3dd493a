//! A receiver of webhooks: an app's own code behind HTTP, which notes what it is told and answers as a test says.

use std::{
    collections::HashMap,
    net::Ipv4Addr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::{Context as _, Result};
use axum::{
    Router,
    body::Bytes,
    extract::{Path, State as Shared},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::post,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::{net::TcpListener, task::JoinSet};

/// A running receiver. Dropping it ends it.
#[derive(Debug)]
pub struct WebhookReceiver {
    /// Where it is. What follows in a hook's address is the name that answers are kept by.
    pub url: String,
    state: Arc<State>,
    _task: JoinSet<()>,
}

/// A call that was received.
#[derive(Clone, Debug)]
pub struct WebhookCall {
    /// What follows the receiver's address.
    pub name: String,
    /// `X-Parse-Webhook-Key`
    pub key: Option<String>,
    /// `Content-Type`
    pub content_type: Option<String>,
    /// The body; null if it is no JSON.
    pub body: Value,
}

/// What is answered to the calls of one name. By default `{}`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WebhookAnswer {
    /// Another status than 200.
    pub status: Option<u16>,
    /// `Location`
    pub location: Option<String>,
    /// The body as JSON.
    pub json: Option<Value>,
    /// The body as it stands.
    pub text: Option<String>,
    /// `{"success": …}` with the object that was told, changed by these members,
    pub with: Option<Map<String, Value>>,
    /// and without these.
    pub without: Option<Vec<String>>,
    /// There is none: the connection stays open.
    pub silent: bool,
}

#[derive(Debug, Default)]
struct State {
    calls: Mutex<Vec<WebhookCall>>,
    answers: Mutex<HashMap<String, WebhookAnswer>>,
}

impl WebhookReceiver {
    /// Starts one.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("listen for webhooks")?;
        let url = format!("http://{}", listener.local_addr()?);
        let state = Arc::new(State::default());
        let router = Router::new().route("/{*name}", post(receive)).with_state(Arc::clone(&state));
        let mut task = JoinSet::new();
        // It ends with its task only.
        task.spawn(async move { drop(axum::serve(listener, router).await) });
        Ok(Self { url, state, _task: task })
    }

    /// Has the calls of a name answered like this from now on.
    pub fn answer(&self, name: &str, answer: WebhookAnswer) {
        lock(&self.state.answers).insert(name.to_owned(), answer);
    }

    /// Forgets every answer: each call is answered by `{}`.
    pub fn forget_answers(&self) {
        lock(&self.state.answers).clear();
    }

    /// The calls since this was last asked for, in the order in which they came.
    pub fn take_calls(&self) -> Vec<WebhookCall> {
        std::mem::take(&mut lock(&self.state.calls))
    }
}

impl WebhookAnswer {
    /// This body.
    pub fn json(body: Value) -> Self {
        Self { json: Some(body), ..Self::default() }
    }

    fn body(&self, told: &Value) -> String {
        if let Some(text) = &self.text {
            return text.clone();
        }
        if let Some(json) = &self.json {
            return json.to_string();
        }
        if self.with.is_none() && self.without.is_none() {
            return "{}".to_owned();
        }
        let mut object = told["object"].as_object().cloned().unwrap_or_default();
        for (name, value) in self.with.iter().flatten() {
            object.insert(name.clone(), value.clone());
        }
        for name in self.without.iter().flatten() {
            object.shift_remove(name);
        }
        json!({ "success": object }).to_string()
    }
}

async fn receive(
    Shared(state): Shared<Arc<State>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let answer = lock(&state.answers).get(&name).cloned().unwrap_or_default();
    let answered = answer.body(&body);
    let call = WebhookCall { name, key: text("x-parse-webhook-key"), content_type: text("content-type"), body };
    lock(&state.calls).push(call);
    if answer.silent {
        std::future::pending::<()>().await;
    }
    let status = answer.status.and_then(|status| StatusCode::from_u16(status).ok()).unwrap_or(StatusCode::OK);
    let mut response = (status, [(header::CONTENT_TYPE, "application/json")], answered).into_response();
    if let Some(location) = answer.location.and_then(|location| location.parse().ok()) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
