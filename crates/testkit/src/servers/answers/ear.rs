//! A listener between a client that tests do not write themselves and a server of ours: it passes everything on and remembers it.

use std::{
    net::Ipv4Addr,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context as _, Result, ensure};
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::Request,
    http::{Response, StatusCode, header},
};
use tokio::{net::TcpListener, task::JoinSet};

use super::{Exchange, pairs, text_of};

/// A running listener. Dropping it ends it.
#[derive(Debug)]
pub struct Ear {
    /// Where clients ask: the same path as at the server.
    pub url: String,
    heard: Arc<Mutex<Vec<Exchange>>>,
    _task: JoinSet<()>,
}

impl Ear {
    /// Listens for the server of this port, which need not run yet.
    pub async fn start(port: u16) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("listen for a server")?;
        let url = format!("http://127.0.0.1:{}/parse", listener.local_addr()?.port());
        let heard = Arc::new(Mutex::new(Vec::new()));
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
        let notes = Arc::clone(&heard);
        let router = Router::new().fallback(move |request: Request| {
            let (client, notes) = (client.clone(), Arc::clone(&notes));
            async move {
                match pass_on(&client, port, request, &notes).await {
                    Ok(response) => response,
                    Err(error) => {
                        let mut response = Response::new(Body::from(error.to_string()));
                        *response.status_mut() = StatusCode::BAD_GATEWAY;
                        response
                    }
                }
            }
        });
        let mut task = JoinSet::new();
        // It ends with its task only.
        task.spawn(async move { drop(axum::serve(listener, router).await) });
        Ok(Self { url, heard, _task: task })
    }

    /// Looks through everything that was answered so far.
    ///
    /// # Errors
    /// If an answer told what it should not, or none was heard.
    pub fn finish(&self) -> Result<usize> {
        let heard = std::mem::take(&mut *self.heard.lock().unwrap_or_else(PoisonError::into_inner));
        let told: Vec<String> = heard.iter().flat_map(Exchange::told).collect();
        ensure!(told.is_empty(), "answers tell what they should not:\n{}", told.join("\n"));
        ensure!(!heard.is_empty(), "nobody asked");
        Ok(heard.len())
    }
}

async fn pass_on(
    client: &reqwest::Client,
    port: u16,
    request: Request,
    notes: &Mutex<Vec<Exchange>>,
) -> Result<Response<Body>> {
    let (mut head, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await?;
    let path = head.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    // What is compressed cannot be read, and lengths are told by who sends.
    for name in [header::ACCEPT_ENCODING, header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION] {
        head.headers.remove(name);
    }
    let mut exchange = Exchange {
        method: head.method.to_string(),
        path: path.clone(),
        headers: pairs(&head.headers),
        body: text_of(&body),
        answer: String::new(),
    };
    let url = format!("http://127.0.0.1:{port}{path}");
    let answer = client.request(head.method, url).headers(head.headers).body(body).send().await?;
    let mut response = Response::builder().status(answer.status());
    for (name, value) in answer.headers() {
        if *name != header::TRANSFER_ENCODING && *name != header::CONNECTION {
            response = response.header(name, value);
        }
    }
    let bytes = answer.bytes().await?;
    exchange.answer = text_of(&bytes);
    notes.lock().unwrap_or_else(PoisonError::into_inner).push(exchange);
    Ok(response.body(Body::from(bytes))?)
}
