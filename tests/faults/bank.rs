//! Clients that move money between accounts by transactions, and remember what they were told.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use parsefleet_testkit::servers::{APP_ID, ask};
use serde_json::{Value, json};
use tokio::task::JoinSet;

const ACCOUNTS: usize = 8;
const CLIENTS: usize = 12;
/// What every account begins with.
const BALANCE: i64 = 1000;
/// Time for which a client leaves a server alone that it cannot reach.
const PAUSE: Duration = Duration::from_millis(20);

/// What the clients were told.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Numbers of the transfers that were acknowledged.
    acknowledged: Vec<u64>,
    /// What was answered to the others: they may have happened or not, but not by half.
    failures: HashMap<String, usize>,
}

/// Accounts, and clients that move money between them.
pub(crate) struct Bank {
    urls: Vec<String>,
    accounts: Vec<String>,
    stop: Arc<AtomicBool>,
    told: Arc<Mutex<Told>>,
    clients: JoinSet<()>,
}

impl Bank {
    /// Opens the accounts and starts the clients.
    pub(crate) async fn open(urls: &[String]) -> Result<Self> {
        let http = reqwest::Client::new();
        let mut accounts = Vec::new();
        for _ in 0..ACCOUNTS {
            let request = http.post(format!("{}/classes/Account", urls[0])).header("X-Parse-Application-Id", APP_ID);
            let body = ask(request.json(&json!({ "balance": BALANCE }))).await?.successful()?.json()?;
            accounts.push(body["objectId"].as_str().context("no objectId")?.to_owned());
        }
        let mut bank =
            Self { urls: urls.to_vec(), accounts, stop: Arc::default(), told: Arc::default(), clients: JoinSet::new() };
        for client in 0..CLIENTS {
            let url = urls[client % urls.len()].clone();
            let (accounts, stop, told) = (bank.accounts.clone(), Arc::clone(&bank.stop), Arc::clone(&bank.told));
            bank.clients.spawn(transfer_until(url, accounts, stop, told, (client as u64) << 32));
        }
        Ok(bank)
    }

    /// Transfers acknowledged so far.
    pub(crate) fn count(&self) -> usize {
        self.told.lock().expect("no client panicked").acknowledged.len()
    }

    /// Waits until so many more transfers are acknowledged.
    pub(crate) async fn go_on(&self, more: usize, limit: Duration) -> Result<()> {
        let wanted = self.count() + more;
        let waited = async {
            while self.count() < wanted {
                tokio::time::sleep(PAUSE).await;
            }
        };
        if tokio::time::timeout(limit, waited).await.is_err() {
            let told = self.told.lock().expect("no client panicked");
            bail!("only {} of {wanted} transfers after {limit:?}: {:?}", told.acknowledged.len(), told.failures);
        }
        Ok(())
    }

    /// Stops the clients, and fails unless the books are right: no money was made or lost, every account holds what the
    /// recorded transfers leave it, and every acknowledged transfer is recorded.
    pub(crate) async fn close(mut self) -> Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        std::mem::take(&mut self.clients).join_all().await;
        let told = std::mem::take(&mut *self.told.lock().expect("no client panicked"));
        eprintln!("{} transfers acknowledged; others: {:?}", told.acknowledged.len(), told.failures);
        let mut expected: HashMap<String, i64> = self.accounts.iter().map(|id| (id.clone(), BALANCE)).collect();
        let mut recorded = HashMap::new();
        for transfer in self.all("Transfer").await? {
            let text = |key: &str| transfer[key].as_str().map(str::to_owned).context("a transfer without accounts");
            *expected.entry(text("from")?).or_default() -= 1;
            *expected.entry(text("to")?).or_default() += 1;
            let number = transfer["number"].as_u64().context("a transfer without a number")?;
            assert!(recorded.insert(number, ()).is_none(), "transfer {number} happened twice");
        }
        let accounts = self.all("Account").await?;
        let balances: HashMap<String, i64> = accounts
            .iter()
            .filter_map(|account| Some((account["objectId"].as_str()?.to_owned(), account["balance"].as_i64()?)))
            .collect();
        assert_eq!(balances.values().sum::<i64>(), BALANCE * ACCOUNTS as i64, "money was made or lost");
        assert_eq!(balances, expected, "the accounts do not hold what the transfers leave them");
        for number in told.acknowledged {
            assert!(recorded.contains_key(&number), "transfer {number} was acknowledged and is not there");
        }
        Ok(())
    }

    async fn all(&self, class: &str) -> Result<Vec<Value>> {
        let http = reqwest::Client::new();
        let request = http.get(format!("{}/classes/{class}", self.urls[0])).header("X-Parse-Application-Id", APP_ID);
        let body = ask(request.query(&[("limit", "1000000")])).await?.json()?;
        body["results"].as_array().cloned().with_context(|| format!("find answered {body}"))
    }
}

async fn transfer_until(
    url: String,
    accounts: Vec<String>,
    stop: Arc<AtomicBool>,
    told: Arc<Mutex<Told>>,
    mut number: u64,
) {
    let http = reqwest::Client::new();
    while !stop.load(Ordering::Relaxed) {
        number += 1;
        let from = rand::random_range(0..ACCOUNTS);
        let to = (from + rand::random_range(1..ACCOUNTS)) % ACCOUNTS;
        match transfer(&http, &url, &accounts[from], &accounts[to], number).await {
            Ok(()) => told.lock().expect("no client panicked").acknowledged.push(number),
            Err(error) => {
                let text = format!("{error:#}").replace(&url, "");
                *told.lock().expect("no client panicked").failures.entry(text).or_default() += 1;
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn transfer(http: &reqwest::Client, url: &str, from: &str, to: &str, number: u64) -> Result<()> {
    let change = |id: &str, amount: i64| {
        let body = json!({ "balance": { "__op": "Increment", "amount": amount } });
        json!({ "method": "PUT", "path": format!("/parse/classes/Account/{id}"), "body": body })
    };
    let record = json!({ "from": from, "to": to, "number": number });
    let record = json!({ "method": "POST", "path": "/parse/classes/Transfer", "body": record });
    let batch = json!({ "transaction": true, "requests": [change(from, -1), change(to, 1), record] });
    let request = http.post(format!("{url}/batch")).header("X-Parse-Application-Id", APP_ID);
    let answer = ask(request.json(&batch)).await?;
    let body = answer.json()?;
    match body.as_array() {
        Some(parts) if answer.is_success() && parts.len() == 3 => Ok(()),
        _ => bail!("{} {body}", answer.status),
    }
}
