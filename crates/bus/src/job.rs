//! What is to be done: a job, its id and its queue.

use std::{collections::BTreeMap, fmt};

use bytes::Bytes;
use opentelemetry::propagation::{Extractor, Injector};

/// Longest id of a job.
const MAX_ID: usize = 128;

/// What a job is about; each has consumers of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Queue {
    /// Mails to write and send; the body is a `MailJob`.
    Mail,
}

/// Something that is to be done, sooner or later, and not forgotten.
#[derive(Clone)]
pub struct Job {
    /// Tells it from all others: who does a job twice, does it for the same id.
    pub id: JobId,
    /// What it is about.
    pub queue: Queue,
    /// All that the consumer has to know. It may hold secrets.
    pub body: Bytes,
    /// How often it was tried and failed.
    pub attempts: u32,
    /// What travels along: the trace that the job belongs to.
    pub headers: Headers,
}

/// Id of a job: 1 to 128 letters, digits, and `-`, `_`, `.`, `:`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId(String);

/// Text that cannot be the id of a job.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an id of a job has 1 to {MAX_ID} letters, digits, '-', '_', '.' or ':'")]
pub struct InvalidJobId;

/// Short texts by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(BTreeMap<String, String>);

impl Queue {
    /// All there are.
    pub const ALL: [Self; 1] = [Self::Mail];

    /// Name in commands, metrics and traces.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mail => "mail",
        }
    }

    /// The queue of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|queue| queue.name() == name)
    }
}

impl Job {
    /// A new job under a random id, part of the current trace.
    pub fn new(queue: Queue, body: impl Into<Bytes>) -> Self {
        Self::with_id(JobId::random(), queue, body)
    }

    /// A new job, part of the current trace.
    pub fn with_id(id: JobId, queue: Queue, body: impl Into<Bytes>) -> Self {
        let mut headers = Headers::default();
        crate::telemetry::inject(&tracing::Span::current(), &mut headers);
        Self { id, queue, body: body.into(), attempts: 0, headers }
    }
}

/// Without the body, which may hold secrets.
impl fmt::Debug for Job {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Job")
            .field("id", &self.id.as_str())
            .field("queue", &self.queue)
            .field("body", &format_args!("{} bytes", self.body.len()))
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}

impl JobId {
    /// An id that nobody else has.
    pub fn random() -> Self {
        Self(format!("{:032x}", rand::random::<u128>()))
    }

    /// This text as an id.
    ///
    /// # Errors
    /// If it is empty, too long, or has other characters.
    pub fn try_new(text: impl Into<String>) -> Result<Self, InvalidJobId> {
        let text = text.into();
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
        match (1..=MAX_ID).contains(&text.len()) && text.bytes().all(allowed) {
            true => Ok(Self(text)),
            false => Err(InvalidJobId),
        }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Headers {
    /// The value under this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Puts a value under this name, in place of what was there.
    pub fn insert(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.insert(name.into(), value.into());
    }

    /// All names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(entries: I) -> Self {
        Self(entries.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl Injector for Headers {
    fn set(&mut self, key: &str, value: String) {
        self.insert(key, value);
    }
}

impl Extractor for Headers {
    fn get(&self, key: &str) -> Option<&str> {
        self.get(key)
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_short_and_plain() {
        assert!(JobId::try_new("mail:aZ-0_9.x").is_ok());
        for text in ["", "a b", "a\n", "ä", &"x".repeat(MAX_ID + 1)] {
            assert_eq!(JobId::try_new(text), Err(InvalidJobId), "{text:?}");
        }
        assert!(JobId::try_new(JobId::random().as_str()).is_ok());
    }

    #[test]
    fn bodies_are_not_printed() {
        let job = Job::new(Queue::Mail, "https://example.com/?token=secret");
        assert!(!format!("{job:?}").contains("secret"));
    }
}
