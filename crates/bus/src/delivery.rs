//! A job that was taken, and the answer that it waits for.

use std::{fmt, time::Duration};

use async_trait::async_trait;

use crate::{bus::BusError, job::Job};

/// Deliveries of a job that nobody answered, after which it is a dead letter: it ends whoever takes it.
pub(crate) const MAX_UNANSWERED: u32 = 50;
/// Longest reason that is kept with a job.
const MAX_REASON: usize = 500;

/// A job for this consumer. Dropped without an answer, it is delivered again.
pub struct Delivery {
    /// The job.
    pub job: Job,
    /// How to answer.
    pub receipt: Box<dyn Receipt>,
}

/// The answer to a delivery.
#[async_trait]
pub trait Receipt: Send + Sync {
    /// The effect is there: the job is removed.
    async fn done(self: Box<Self>) -> Result<(), BusError>;

    /// It failed: the job comes again later, or is a dead letter if it was tried often enough. The reason is for operators,
    /// and must hold no secret.
    async fn retry(self: Box<Self>, reason: &str) -> Result<Retried, BusError>;

    /// It will always fail: the job is a dead letter.
    async fn bury(self: Box<Self>, reason: &str) -> Result<(), BusError>;
}

/// What became of a job that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retried {
    /// It comes again after so long.
    After(Duration),
    /// That was the last attempt: it is a dead letter.
    Buried,
}

impl fmt::Debug for Delivery {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Delivery").field("job", &self.job).finish_non_exhaustive()
    }
}

/// The beginning of a reason, in one line.
pub(crate) fn short(reason: &str) -> String {
    reason.chars().map(|character| if character.is_control() { ' ' } else { character }).take(MAX_REASON).collect()
}
