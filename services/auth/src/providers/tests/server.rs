//! A provider of the tests' own: it answers as a function says, and remembers what it was asked.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::Request,
    http::{Response, StatusCode},
};
use serde_json::Value as Json;
use tokio::{net::TcpListener, task::JoinSet};

/// A request.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// For example `GET /me`.
    pub(super) what: String,
    /// Parameters of the URL and of a form.
    pub(super) parameters: BTreeMap<String, String>,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: String,
}

/// An answer.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

/// A server that ends with the test.
pub(super) struct Server {
    /// `http://127.0.0.1:<port>`
    pub(super) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    _task: JoinSet<()>,
}

impl Asked {
    pub(super) fn parameter(&self, name: &str) -> &str {
        self.parameters.get(name).map_or("", String::as_str)
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub(super) fn json(&self, name: &str) -> String {
        let body: Json = serde_json::from_str(&self.body).unwrap_or_default();
        body.get(name).and_then(Json::as_str).unwrap_or_default().to_owned()
    }
}

impl Reply {
    pub(super) fn json(body: &Json) -> Self {
        Self::text(&body.to_string()).with("content-type", "application/json")
    }

    pub(super) fn text(body: &str) -> Self {
        Self::bytes(body.as_bytes().to_vec())
    }

    pub(super) fn bytes(body: Vec<u8>) -> Self {
        Self { status: 200, headers: Vec::new(), body }
    }

    pub(super) fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: b"{}".to_vec() }
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

impl Server {
    pub(super) async fn start(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (answer, notes) = (Arc::new(answer), Arc::clone(&asked));
        let router = Router::new().fallback(move |request: Request| {
            let (answer, notes) = (Arc::clone(&answer), Arc::clone(&notes));
            async move {
                let request = read(request).await;
                let reply = answer(&request);
                notes.lock().unwrap().push(request);
                let mut response = Response::builder().status(StatusCode::from_u16(reply.status).unwrap());
                for (name, value) in reply.headers {
                    response = response.header(name, value);
                }
                response.body(Body::from(reply.body)).unwrap()
            }
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut task = JoinSet::new();
        task.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, asked, _task: task }
    }

    /// Everything that was asked so far.
    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// How often this was asked.
    pub(super) fn count(&self, what: &str) -> usize {
        self.asked().iter().filter(|asked| asked.what == what).count()
    }
}

async fn read(request: Request) -> Asked {
    let (head, body) = request.into_parts();
    let body = String::from_utf8_lossy(&to_bytes(body, usize::MAX).await.unwrap()).into_owned();
    let headers: BTreeMap<String, String> = head
        .headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    let is_form = headers.get("content-type").is_some_and(|kind| kind == "application/x-www-form-urlencoded");
    let form = if is_form { body.as_str() } else { "" };
    let query = head.uri.query().unwrap_or_default();
    let pairs = query.split('&').chain(form.split('&')).filter_map(|pair| pair.split_once('='));
    let decoded = |text: &str| {
        let text = text.replace('+', " ");
        percent_encoding::percent_decode_str(&text).decode_utf8().unwrap().into_owned()
    };
    let parameters = pairs.map(|(name, value)| (decoded(name), decoded(value))).collect();
    Asked { what: format!("{} {}", head.method, head.uri.path()), parameters, headers, body }
}
