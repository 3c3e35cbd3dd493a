//! Dead letters, and which of them are meant.

use std::{collections::BTreeSet, time::Duration};

use crate::{
    clock,
    job::{Job, JobId},
};

/// A job that nobody tries any more until an operator says so.
#[derive(Clone, Debug)]
pub struct DeadJob {
    /// The job.
    pub job: Job,
    /// Why the last attempt failed.
    pub reason: String,
    /// When that was, in milliseconds since the Unix epoch; 0 if it is not known.
    pub died_at: i64,
}

/// Which dead letters are meant: those for which everything said here holds.
#[derive(Clone, Debug)]
#[must_use]
pub struct Selection {
    ids: Option<BTreeSet<JobId>>,
    older_than: Option<Duration>,
    reason: Option<String>,
    limit: usize,
}

impl Selection {
    /// All of them.
    pub fn all() -> Self {
        Self { ids: None, older_than: None, reason: None, limit: usize::MAX }
    }

    /// Only those with one of these ids.
    pub fn ids(mut self, ids: impl IntoIterator<Item = JobId>) -> Self {
        self.ids = Some(ids.into_iter().collect());
        self
    }

    /// Only those that have been dead for longer.
    pub fn older_than(mut self, age: Duration) -> Self {
        self.older_than = Some(age);
        self
    }

    /// Only those whose reason has this text in it.
    pub fn reason(mut self, text: impl Into<String>) -> Self {
        self.reason = Some(text.into());
        self
    }

    /// At most so many.
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Most that are meant.
    pub(crate) fn most(&self) -> usize {
        self.limit
    }

    /// Whether this one is meant.
    pub(crate) fn takes(&self, dead: &DeadJob) -> bool {
        let of_age = |age: &Duration| dead.died_at <= clock::now().saturating_sub(clock::milliseconds(*age));
        self.ids.as_ref().is_none_or(|ids| ids.contains(&dead.job.id))
            && self.older_than.as_ref().is_none_or(of_age)
            && self.reason.as_ref().is_none_or(|text| dead.reason.contains(text.as_str()))
    }
}
