//! Jobs that belong to writes: kept as rows of the class `_Outbox` until they are published.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use parsefleet_bus::{
    Bus, Entry, Evidence, Headers, Intent, Job, JobId, Kept, Outbox, OutboxSettings, OutboxStore, Queue, Witness,
};
use parsefleet_core::{ErrorCode, ParseError, error::Result};
use parsefleet_proto::v1::{Privilege, RequestContext};
use parsefleet_runtime::{Shutdown, rpc::deadline};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};
use tonic::async_trait;
use tracing::Instrument as _;

use crate::{
    rows::{Rows, Search, Touch},
    service::AuthService,
    writes::late,
};

/// The class of what waits.
pub(crate) const CLASS: &str = "_Outbox";

/// What stands for a queue in rows that are no jobs, but mails that were asked for (`emails/hidden.rs`).
pub(crate) const WISHES: &str = "wishes";

/// The outbox in the database that the writes go to.
pub(crate) struct OutboxRows {
    rows: Rows,
}

/// An entry as it is stored.
#[derive(Serialize, Deserialize)]
struct EntryRow {
    /// Id of the job.
    #[serde(rename = "objectId")]
    object_id: String,
    queue: String,
    /// In Base64: a body is any bytes.
    body: String,
    /// JSON text, of which the database knows nothing. The same for `condition`.
    headers: String,
    #[serde(rename = "witnessClass")]
    witness_class: String,
    condition: String,
    /// Milliseconds since the Unix epoch.
    #[serde(rename = "keptAt")]
    kept_at: f64,
    /// Which process is about to publish it, and until when it is left to it: as `keptAt`.
    #[serde(rename = "claimedBy")]
    claimed_by: String,
    #[serde(rename = "claimedUntil")]
    claimed_until: f64,
}

impl AuthService {
    /// Publishes jobs that belong to writes by this bus, in the background, until the process stops.
    #[must_use]
    pub fn publishing(mut self, bus: Arc<dyn Bus>, shutdown: &Shutdown) -> Self {
        let (outbox, worker) = Outbox::new(bus, OutboxRows { rows: self.rows.clone() }, OutboxSettings::default());
        let stop = shutdown.clone();
        shutdown.spawn(worker.run(async move { stop.closing().await }));
        self.outbox = Some(outbox);
        shutdown.spawn(self.clone().sweep_wishes(shutdown.clone()));
        self
    }

    /// Keeps a job that is to be done once a write has happened: call it before the write, and tell the intent afterwards.
    ///
    /// # Errors
    /// If it cannot be kept. Then do not write.
    pub async fn intend(&self, job: Job, witness: Witness) -> Result<Intent> {
        match &self.outbox {
            Some(outbox) => outbox.intend(job, witness).await,
            None => {
                tracing::error!(queue = job.queue.name(), "a job was made, and nothing is configured that does jobs");
                Err(internal())
            }
        }
    }

    /// Keeps a job that belongs to no write, and has it published. Its own entry is its witness: for as long as it is there it is
    /// to be published, by whoever finds it, and no entry is removed before that.
    ///
    /// # Errors
    /// If it cannot be kept. It is not going to be done then, unless the store that failed kept it and stays away.
    pub(crate) async fn entrust(&self, job: Job) -> Result<()> {
        let entry = json!({ "objectId": job.id.as_str() });
        let witness = Witness { class_name: CLASS.to_owned(), condition: entry.to_string() };
        let (service, left) = (self.clone(), deadline::remaining());
        let work = async move {
            let kept = match left {
                None => service.intend(job, witness).await,
                Some(left) => {
                    deadline::within(left, service.intend(job, witness)).await.unwrap_or_else(|_| Err(late()))
                }
            };
            match kept {
                Ok(intent) => {
                    intent.happened();
                    Ok(())
                }
                Err(error) => {
                    // It may be there although nobody said so, and whoever asked was told that it is not.
                    let rows = service.rows.clone();
                    service.tasks.spawn(remove(rows, entry).in_current_span());
                    Err(error)
                }
            }
        };
        // Its own task: one that is given up at the deadline would not see to what it has kept.
        self.tasks.spawn(work.in_current_span()).await.unwrap_or_else(|_| Err(internal()))
    }
}

async fn remove(rows: Rows, entry: Json) {
    if let Err(error) = rows.remove(&context(), CLASS, &entry).await {
        tracing::warn!(code = error.code as i32, "a job that was refused may be done all the same");
    }
}

#[async_trait]
impl OutboxStore for OutboxRows {
    type Error = ParseError;

    async fn put(&self, entry: &Entry) -> Result<()> {
        let row = serde_json::to_value(EntryRow::new(entry)).map_err(|_| internal())?;
        self.rows.insert::<Json>(&context(), CLASS, &row).await.map(drop)
    }

    async fn remove(&self, id: &JobId) -> Result<()> {
        self.rows.remove(&context(), CLASS, &json!({ "objectId": id.as_str() })).await.map(drop)
    }

    async fn older_than(&self, age: Duration, skip: usize, limit: usize) -> Result<Vec<Kept>> {
        let now = now();
        let search = Search {
            filter: json!({ "queue": { "$ne": WISHES }, "keptAt": { "$lte": now - age.as_millis() as f64 } }),
            order: &["keptAt"],
            limit: u32::try_from(limit).unwrap_or(u32::MAX),
            skip: u32::try_from(skip).unwrap_or(u32::MAX),
            ..Search::default()
        };
        let rows: Vec<EntryRow> = self.rows.find(&context(), CLASS, &search).await?;
        Ok(rows.into_iter().filter_map(|row| row.into_kept(now)).collect())
    }

    async fn claim(&self, id: &JobId, owner: &str, time: Duration) -> Result<bool> {
        let now = now();
        let free = json!([{ "claimedBy": owner }, { "claimedUntil": { "$lte": now } }]);
        let filter = json!({ "objectId": id.as_str(), "$or": free });
        let changes = json!({ "claimedBy": owner, "claimedUntil": now + time.as_millis() as f64 });
        let claimed: Option<Json> = self.rows.change(&context(), CLASS, &filter, &changes, Touch::No).await?;
        Ok(claimed.is_some())
    }

    async fn evidence(&self, witness: &Witness) -> Result<Evidence> {
        let filter = serde_json::from_str(&witness.condition).map_err(|_| internal())?;
        let search = Search { filter, limit: 1, keys: &["objectId"], ..Search::default() };
        let rows: Vec<Json> = self.rows.find(&context(), &witness.class_name, &search).await?;
        Ok(if rows.is_empty() { Evidence::None } else { Evidence::Happened })
    }
}

impl EntryRow {
    fn new(entry: &Entry) -> Self {
        let Entry { job, witness } = entry;
        let headers: Map<String, Json> =
            job.headers.iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        Self {
            object_id: job.id.as_str().to_owned(),
            queue: job.queue.name().to_owned(),
            body: BASE64_STANDARD.encode(&job.body),
            headers: Json::Object(headers).to_string(),
            witness_class: witness.class_name.clone(),
            condition: witness.condition.clone(),
            kept_at: now(),
            claimed_by: String::new(),
            claimed_until: 0.0,
        }
    }

    /// The entry; a row that is none is left alone, for an operator to look at.
    fn into_kept(self, now: f64) -> Option<Kept> {
        let age = Duration::from_millis((now - self.kept_at).max(0.0) as u64);
        let entry = self.into_entry();
        if entry.is_none() {
            tracing::error!(class = CLASS, "a row could not be understood");
        }
        entry.map(|entry| Kept { entry, age })
    }

    fn into_entry(self) -> Option<Entry> {
        let headers: Map<String, Json> = serde_json::from_str(&self.headers).ok()?;
        let headers: Headers =
            headers.into_iter().filter_map(|(name, value)| Some((name, value.as_str()?.to_owned()))).collect();
        let id = JobId::try_new(self.object_id).ok()?;
        let body = BASE64_STANDARD.decode(self.body).ok()?;
        let job = Job { id, queue: Queue::from_name(&self.queue)?, body: body.into(), attempts: 0, headers };
        Some(Entry { job, witness: Witness { class_name: self.witness_class, condition: self.condition } })
    }
}

/// The server's own: no request waits for it.
pub(crate) fn context() -> RequestContext {
    RequestContext { privilege: Privilege::Master.into(), ..RequestContext::default() }
}

/// Milliseconds since the Unix epoch.
pub(crate) fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as f64
}

fn internal() -> ParseError {
    ParseError::new(ErrorCode::InternalServerError, "Internal server error.")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn entries_survive_the_database() {
        let mut job = Job::with_id(JobId::try_new("a:1").unwrap(), Queue::Mail, vec![0, 159, 146, 150]);
        job.headers.insert("traceparent", "00-1-2-01");
        let witness = Witness { class_name: "_User".into(), condition: r#"{"_perishable_token":"t"}"#.into() };
        let row = serde_json::to_string(&EntryRow::new(&Entry { job: job.clone(), witness: witness.clone() })).unwrap();
        let row: EntryRow = serde_json::from_str(&row).unwrap();
        let kept = row.into_kept(now() + 1_000.0).unwrap();
        assert!(kept.age >= Duration::from_secs(1) && kept.age < Duration::from_secs(60));
        let entry = kept.entry;
        assert_eq!((entry.job.id, entry.job.queue, entry.job.body), (job.id, job.queue, job.body));
        assert_eq!((entry.job.headers, entry.witness), (job.headers, witness));
    }
}
