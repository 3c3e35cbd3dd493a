//! Asking a server, and what of its answer is compared.

use std::{
    any::Any,
    collections::BTreeMap,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result};
use aws_lc_rs::hmac;
use mongodb::Client;
use parsefleet_testkit::servers::{
    APP_ID, MAINTENANCE_KEY, MASTER_KEY, READ_ONLY_MASTER_KEY, WebhookAnswer, WebhookReceiver, ask, ask_parse_server,
};
use regex::{Captures, Regex};
use reqwest::{
    Method, RequestBuilder,
    header::{HeaderMap, HeaderName},
};
use serde_json::Value;

use crate::{
    hooks,
    names::Names,
    question::{Question, Scenario},
    stored,
};

/// Response headers that an SDK or a browser can see and that have to be equal.
const COMPARED_HEADERS: [&str; 10] = [
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-allow-origin",
    "access-control-expose-headers",
    "content-type",
    "location",
    "retry-after",
    "etag",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
];

/// How often Parse Server is asked to carry out a transaction. It sends the parts all at once in one session, which no driver
/// of MongoDB allows: in a few of a hundred they overtake the one that starts the transaction, and it answers an uncaught 500
/// and has stored nothing.
const TRANSACTION_TRIES: usize = 5;

/// A server under comparison.
pub(crate) struct Server {
    pub(crate) name: &'static str,
    url: String,
    http: reqwest::Client,
    pub(crate) database: Option<mongodb::Database>,
    is_ours: bool,
    _process: Box<dyn Any + Send + Sync>,
}

/// What a server answered.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<&'static str, String>,
    pub(crate) body: Value,
    /// The documents of the scenario's classes after a write, where they can be seen.
    pub(crate) stored: Option<Value>,
    /// What hooks were told meanwhile, where there is somebody to hear it.
    pub(crate) heard: Option<Value>,
}

impl Server {
    /// A running server; `process` lives as long as this value.
    pub(crate) async fn new(
        name: &'static str,
        url: &str,
        database_uri: Option<&str>,
        process: impl Any + Send + Sync,
    ) -> Result<Self> {
        let database = match database_uri {
            Some(uri) => Client::with_uri_str(uri).await?.default_database(),
            None => None,
        };
        // A connection for each question: a server may close an idle one at the moment at which it is used again.
        let http =
            reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).pool_max_idle_per_host(0).build()?;
        let is_ours = !name.starts_with("Parse Server");
        Ok(Self { name, url: url.to_owned(), http, database, is_ours, _process: Box::new(process) })
    }

    /// Removes what the questions left behind.
    pub(crate) async fn drop_database(&self) -> Result<()> {
        if let Some(database) = &self.database {
            database.drop().await?;
        }
        Ok(())
    }

    /// Asks every question of a scenario.
    pub(crate) async fn ask_scenario(&self, scenario: &Scenario) -> Result<Vec<Answer>> {
        self.carry_on(self.conversation(scenario), scenario).await
    }

    /// Asks every question of a scenario, and what hooks are told is heard by this receiver.
    pub(crate) async fn ask_heard_scenario(
        &self,
        scenario: &Scenario,
        receiver: &WebhookReceiver,
    ) -> Result<Vec<Answer>> {
        self.carry_on(Conversation { receiver: Some(receiver), ..self.conversation(scenario) }, scenario).await
    }

    async fn carry_on(&self, mut conversation: Conversation<'_>, scenario: &Scenario) -> Result<Vec<Answer>> {
        for question in &scenario.questions {
            conversation.ask(self, question).await.with_context(|| format!("{}: {}", scenario.name, question.line))?;
        }
        Ok(conversation.into_answers())
    }

    /// Status, headers and body.
    async fn answer(&self, request: RequestBuilder) -> Result<(u16, HeaderMap, String)> {
        let answer = if self.is_ours { ask(request).await? } else { ask_parse_server(request).await? };
        Ok((answer.status, answer.headers, answer.text))
    }

    /// [`Self::answer`], where the question is a transaction asked again as [`TRANSACTION_TRIES`] says.
    async fn answer_to(&self, question: &Question, request: RequestBuilder) -> Result<(u16, HeaderMap, String)> {
        let is_transaction = question.body.as_ref().is_some_and(|body| body.get("transaction").is_some());
        if is_transaction && !self.is_ours {
            for _ in 1..TRANSACTION_TRIES {
                let again = request.try_clone().context("a body that can be sent twice")?;
                let answer = self.answer(again).await?;
                if answer.0 != 500 {
                    return Ok(answer);
                }
            }
        }
        self.answer(request).await
    }

    /// A scenario that is about to be asked.
    pub(crate) fn conversation(&self, scenario: &Scenario) -> Conversation<'static> {
        Conversation {
            classes: stored::classes_of(scenario),
            raw: Vec::new(),
            answers: Vec::new(),
            names: Names::new(),
            receiver: None,
        }
    }
}

/// A scenario in the middle of being asked.
pub(crate) struct Conversation<'r> {
    classes: Vec<String>,
    /// Bodies as they were answered, for `${n.member}`.
    raw: Vec<Value>,
    answers: Vec<Answer>,
    names: Names,
    /// Who hears what hooks are told.
    receiver: Option<&'r WebhookReceiver>,
}

impl Conversation<'_> {
    pub(crate) async fn ask(&mut self, server: &Server, question: &Question) -> Result<()> {
        self.tell_receiver(question)?;
        let (verb, path) = question.line.split_once(' ').context("a request line is `VERB /path`")?;
        let path = self.fill_in(path);
        let url = match question.extras.encoded || !path.contains('?') {
            true => format!("{}{path}", server.url),
            false => encode_query(&format!("{}{path}", server.url)),
        };
        let mut request =
            server.http.request(Method::from_bytes(verb.as_bytes())?, url).headers(self.headers(question)?);
        if let Some(text) = &question.extras.text {
            request = request.body(self.fill_in(text));
        } else if let Some(body) = &question.body {
            request = request.body(self.fill_in(&body.to_string()));
        }
        let (status, seen, text) = server.answer_to(question, request).await?;
        let body: Value = serde_json::from_str(&text).unwrap_or(Value::String(text));
        // The body first: it names the ids that a header and the documents repeat.
        let normal = self.names.normalise(&body, &server.url);
        let changes_something = verb != "GET" && verb != "OPTIONS" && verb != "HEAD";
        let documents = match &server.database {
            Some(database) if changes_something => {
                Some(stored::documents(database, &self.classes, self.names.ids()).await?)
            }
            _ => None,
        };
        self.raw.push(body);
        let heard = self.receiver.map(|receiver| hooks::described(receiver.take_calls()));
        let heard = heard.map(|heard| self.names.normalise(&heard, &server.url));
        // Documents name none for what follows: where there is no database to look into, the names have to be the same.
        let stored = documents.map(|documents| stored::sorted(self.names.clone().normalise(&documents, &server.url)));
        let headers = self.compared_headers(&seen, &server.url);
        let mut answer = Answer { status, headers, body: normal, stored, heard };
        if self.receiver.is_some() {
            hooks::order(&mut answer);
        }
        self.answers.push(answer);
        Ok(())
    }

    pub(crate) fn into_answers(self) -> Vec<Answer> {
        self.answers
    }

    /// Tells the receiver how it is to answer from now on.
    fn tell_receiver(&self, question: &Question) -> Result<()> {
        let (Some(receiver), Some(answers)) = (self.receiver, &question.extras.hooks) else { return Ok(()) };
        let answers: BTreeMap<String, WebhookAnswer> = serde_json::from_str(&self.fill_in(&answers.to_string()))?;
        answers.into_iter().for_each(|(name, answer)| receiver.answer(&name, answer));
        Ok(())
    }

    fn headers(&self, question: &Question) -> Result<HeaderMap> {
        let mut filled = HeaderMap::new();
        for (name, value) in headers(question)? {
            filled.insert(HeaderName::from_bytes(name.as_bytes())?, self.fill_in(&value).parse()?);
        }
        Ok(filled)
    }

    fn fill_in(&self, text: &str) -> String {
        let reference = Regex::new(r"\$\{(\d+)\.([^}]+)\}").expect("the pattern is valid");
        let member = |captures: &Captures<'_>| {
            let index: usize = captures[1].parse().unwrap_or(0);
            let pointer = format!("/{}", captures[2].replace('.', "/"));
            match self.raw.get(index.wrapping_sub(1)).and_then(|body| body.pointer(&pointer)) {
                Some(Value::String(text)) => text.clone(),
                Some(other) => other.to_string(),
                None => "missing".to_owned(),
            }
        };
        let text = hooks::fill_in(&text.replace("${totp}", &totp()), self.receiver);
        reference.replace_all(&text, member).into_owned()
    }

    /// An ETag depends on ids and times, so that only its shape is compared.
    fn compared_headers(&mut self, seen: &HeaderMap, server_url: &str) -> BTreeMap<&'static str, String> {
        let tag = Regex::new(r#"^W/"[0-9a-f]+-[A-Za-z0-9+/]{22,27}"$"#).expect("the pattern is valid");
        let mut headers = BTreeMap::new();
        for name in COMPARED_HEADERS {
            let Some(value) = seen.get(name).and_then(|value| value.to_str().ok()) else { continue };
            let value = match name {
                "etag" => tag.replace(value, "<etag>").into_owned(),
                // Counts down while the questions are asked.
                "retry-after" if value.len() > 1 => "<seconds>".to_owned(),
                _ => self.names.normalise_text(value, server_url),
            };
            headers.insert(name, value);
        }
        headers
    }
}

/// What an authenticator app with the secret GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ shows now.
fn totp() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, b"12345678901234567890");
    let tag = hmac::sign(&key, &(seconds / 30).to_be_bytes());
    let bytes = tag.as_ref();
    let start = usize::from(bytes[19] & 0x0f);
    let number =
        bytes[start..start + 4].iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte)) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

/// The headers of a question, references not filled in.
fn headers(question: &Question) -> Result<BTreeMap<String, String>> {
    let mut pairs: BTreeMap<String, String> = BTreeMap::new();
    pairs.insert("X-Parse-Application-Id".into(), APP_ID.into());
    if question.body.is_some() {
        pairs.insert("Content-Type".into(), "application/json".into());
    }
    match question.extras.role.as_deref() {
        Some("master") => pairs.insert("X-Parse-Master-Key".into(), MASTER_KEY.into()),
        Some("readonly") => pairs.insert("X-Parse-Master-Key".into(), READ_ONLY_MASTER_KEY.into()),
        Some("maintenance") => pairs.insert("X-Parse-Maintenance-Key".into(), MAINTENANCE_KEY.into()),
        Some(answer) if answer.parse::<usize>().is_ok() => {
            pairs.insert("X-Parse-Session-Token".into(), format!("${{{answer}.sessionToken}}"))
        }
        Some(other) => anyhow::bail!("`as` cannot be {other}"),
        None => None,
    };
    for (name, value) in &question.extras.headers {
        match value.as_str() {
            Some(value) => pairs.insert(name.clone(), value.to_owned()),
            None => pairs.remove(name),
        };
    }
    Ok(pairs)
}

/// Encodes what follows each `name=` up to the next `&name=`.
fn encode_query(url: &str) -> String {
    let (base, query) = url.split_once('?').unwrap_or((url, ""));
    let boundary = Regex::new(r"&([A-Za-z]+)=").expect("the pattern is valid");
    let marked = boundary.replace_all(query, "\u{0}$1=");
    let pairs = marked.split('\u{0}').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    reqwest::Url::parse_with_params(base, pairs).map_or_else(|_| url.to_owned(), String::from)
}
