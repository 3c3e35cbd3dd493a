//! Clients that create and read objects all the time, and remember what they were told.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use parsefleet_testkit::servers::{APP_ID, ask};
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// Clients at a time.
const CLIENTS: usize = 64;

/// What the clients were told.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Every acknowledged object: id to the number it was created with.
    pub(crate) acknowledged: HashMap<String, u64>,
    /// Requests that were sent and not answered with success: when, and why.
    pub(crate) failures: Vec<(Instant, String)>,
}

/// A running load.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    told: Arc<Mutex<Told>>,
    clients: JoinSet<()>,
}

impl Load {
    /// Starts creating objects of `class` through these servers. A client whose server cannot be connected to goes to the
    /// next one, as a load balancer would: nothing was asked, so nothing failed.
    pub(crate) fn start(urls: &[String], class: &'static str) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::new(Mutex::new(Told::default()));
        let mut clients = JoinSet::new();
        // Made before the load begins, because each reads the system's certificates first. Not shared: a client has one
        // connection at a time and goes back to it at once.
        let https: Vec<reqwest::Client> = (0..CLIENTS).map(|_| reqwest::Client::new()).collect();
        for (client, http) in https.into_iter().enumerate() {
            let urls: Vec<String> = urls.iter().cycle().skip(client % urls.len()).take(urls.len()).cloned().collect();
            let (stop, told) = (Arc::clone(&stop), Arc::clone(&told));
            clients.spawn(create_until(http, stop, told, urls, class, client as u64));
        }
        Self { stop, told, clients }
    }

    /// Lets the load go on for a while.
    pub(crate) async fn go_on(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    /// Objects acknowledged so far.
    pub(crate) fn count(&self) -> usize {
        self.told.lock().expect("no client panicked").acknowledged.len()
    }

    /// Stops every client after its request in flight.
    pub(crate) async fn stop(self) -> Told {
        self.stop.store(true, Ordering::Relaxed);
        self.clients.join_all().await;
        std::mem::take(&mut *self.told.lock().expect("no client panicked"))
    }
}

async fn create_until(
    http: reqwest::Client,
    stop: Arc<AtomicBool>,
    told: Arc<Mutex<Told>>,
    urls: Vec<String>,
    class: &str,
    client: u64,
) {
    let mut server = 0;
    let mut number = client << 32;
    while !stop.load(Ordering::Relaxed) {
        number += 1;
        match create(&http, &urls[server], class, number).await {
            Ok(id) => {
                told.lock().expect("no client panicked").acknowledged.insert(id, number);
            }
            Err(error) if is_refused(&error) && urls.len() > 1 => server = (server + 1) % urls.len(),
            Err(error) => {
                told.lock().expect("no client panicked").failures.push((Instant::now(), format!("{error:#}")));
            }
        }
    }
}

async fn create(http: &reqwest::Client, url: &str, class: &str, number: u64) -> Result<String> {
    let request = http.post(format!("{url}/classes/{class}")).header("X-Parse-Application-Id", APP_ID);
    let answer = ask(request.json(&json!({ "number": number }))).await?;
    let body = answer.json()?;
    let id = body["objectId"].as_str().with_context(|| format!("{} {body}", answer.status))?;
    Ok(id.to_owned())
}

fn is_refused(error: &anyhow::Error) -> bool {
    error.downcast_ref::<reqwest::Error>().is_some_and(reqwest::Error::is_connect)
}

/// Every object of the class, by id, as a server tells it.
pub(crate) async fn objects(url: &str, class: &str) -> Result<HashMap<String, u64>> {
    let http = reqwest::Client::new();
    let request = http.get(format!("{url}/classes/{class}")).header("X-Parse-Application-Id", APP_ID);
    let body = ask(request.query(&[("limit", "1000000"), ("keys", "number")])).await?.json()?;
    let results = body["results"].as_array().with_context(|| format!("find answered {body}"))?;
    let pair = |object: &Value| Some((object["objectId"].as_str()?.to_owned(), object["number"].as_u64()?));
    results.iter().map(|object| pair(object).with_context(|| format!("{object}"))).collect()
}

/// Fails unless every acknowledged object is there, exactly as it was acknowledged.
pub(crate) fn assert_nothing_lost(told: &Told, stored: &HashMap<String, u64>) {
    assert!(told.acknowledged.len() > 100, "only {} objects were created", told.acknowledged.len());
    for (id, number) in &told.acknowledged {
        assert_eq!(stored.get(id), Some(number), "object {id} was acknowledged with {number}");
    }
}
