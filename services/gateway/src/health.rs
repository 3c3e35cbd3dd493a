//! `/health`: whether requests for objects can be answered.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::StatusCode;
use tokio::sync::Mutex;

use crate::{backend::DataBackend, render::Reply};

/// How long a verdict stands: however often probes ask, the database is asked this often.
const VERDICT_STANDS: Duration = Duration::from_secs(1);
/// Data that takes longer to answer cannot be reached.
const PATIENCE: Duration = Duration::from_secs(2);

/// The state of the server in Parse Server's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    /// Objects could not be reached yet.
    Starting,
    /// Objects can be reached.
    Ok,
    /// Objects cannot be reached any more.
    Error,
}

/// What is known of the condition.
#[derive(Default)]
pub(crate) struct Health {
    /// Held while data is asked, so that simultaneous probes share an answer.
    last: Mutex<Option<(Instant, Condition)>>,
}

impl Condition {
    pub(crate) fn reply(self) -> Reply {
        let (status, body): (_, &'static [u8]) = match self {
            Self::Starting => (StatusCode::SERVICE_UNAVAILABLE, br#"{"status":"starting"}"#),
            Self::Ok => (StatusCode::OK, br#"{"status":"ok"}"#),
            Self::Error => (StatusCode::SERVICE_UNAVAILABLE, br#"{"status":"error"}"#),
        };
        Reply { status, ..Reply::ok(Bytes::from_static(body)) }
    }
}

impl Health {
    /// The condition now, give or take a second.
    pub(crate) async fn condition(&self, data: &DataBackend) -> Condition {
        let mut last = self.last.lock().await;
        let known = *last;
        if let Some((since, condition)) = known
            && since.elapsed() < VERDICT_STANDS
        {
            return condition;
        }
        let reached = tokio::time::timeout(PATIENCE, data.ping()).await;
        let condition = match (reached, known) {
            (Ok(Ok(())), _) => Condition::Ok,
            (_, None | Some((_, Condition::Starting))) => Condition::Starting,
            (_, Some((_, Condition::Ok | Condition::Error))) => Condition::Error,
        };
        *last = Some((Instant::now(), condition));
        condition
    }
}
