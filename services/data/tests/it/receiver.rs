//! The app's side of webhooks: something that is asked over HTTP, and remembers what.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use parsefleet_data::{DataService, store::Hook};
use serde_json::{Value as Json, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};

use crate::fixture::Fixture;

/// What triggers are answered.
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) headers: &'static str,
    pub(crate) body: String,
    pub(crate) after: Duration,
}

impl From<Json> for Answered {
    fn from(body: Json) -> Self {
        Self { status: 200, headers: "", body: body.to_string(), after: Duration::ZERO }
    }
}

/// What a trigger was told.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Json,
}

pub(crate) struct Receiver {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Receiver {
    /// Answers every trigger by what it is told.
    pub(crate) async fn start<A: Into<Answered>>(answer: impl Fn(&Json) -> A + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let asked = Arc::<Mutex<Vec<Asked>>>::default();
        let (answer, noted) = (Arc::new(move |body: &Json| answer(body).into()), Arc::clone(&asked));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (answer, noted) = (Arc::clone(&answer), Arc::clone(&noted));
                tokio::spawn(async move { serve(stream, &*answer, &noted).await });
            }
        });
        Self { url, asked }
    }

    /// Answers nothing, which is consent.
    pub(crate) async fn silent() -> Self {
        Self::start(|_| json!({})).await
    }

    /// What triggers were told since the last look.
    pub(crate) fn take(&self) -> Vec<Asked> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    /// Only the names of the triggers.
    pub(crate) fn take_names(&self) -> Vec<String> {
        self.take().iter().map(|asked| asked.body["triggerName"].as_str().unwrap().to_owned()).collect()
    }

    /// The body of the one trigger that was asked since the last look.
    pub(crate) fn take_body(&self) -> Json {
        let mut asked = self.take();
        assert_eq!(asked.len(), 1, "{asked:?}");
        asked.remove(0).body
    }
}

async fn serve(stream: TcpStream, answer: &(impl Fn(&Json) -> Answered + ?Sized), noted: &Mutex<Vec<Asked>>) {
    let mut stream = BufReader::new(stream);
    let mut headers = HashMap::new();
    let mut line = String::new();
    while stream.read_line(&mut line).await.unwrap_or(0) > 2 {
        if let Some((name, value)) = line.split_once(':') {
            headers.insert(name.to_lowercase(), value.trim().to_owned());
        }
        line.clear();
    }
    let Some(length) = headers.get("content-length").and_then(|length| length.parse().ok()) else { return };
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    let body: Json = serde_json::from_slice(&body).unwrap();
    let answered = answer(&body);
    noted.lock().unwrap().push(Asked { headers, body });
    tokio::time::sleep(answered.after).await;
    let Answered { status, headers, body, .. } = answered;
    let length = body.len();
    let response =
        format!("HTTP/1.1 {status} X\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}");
    // Whoever asked may have given up.
    let _ = stream.write_all(response.as_bytes()).await;
    let _ = stream.shutdown().await;
}

impl Fixture {
    /// Registers a hook, as any process may.
    pub(crate) async fn hook(&self, class: &str, trigger: &str, url: &str) {
        add(self, &self.service, class, trigger, url).await;
    }
}

/// Registers a hook, and has a service know of it.
pub(crate) async fn add(fixture: &Fixture, service: &DataService, class: &str, trigger: &str, url: &str) {
    let hook = Hook { class_name: class.to_owned(), trigger_name: trigger.to_owned(), url: url.to_owned() };
    assert!(fixture.store.add_hook(&hook).await.unwrap());
    service.schema_changed_elsewhere().await.unwrap();
}
