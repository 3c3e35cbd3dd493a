//! Durable jobs.

use std::time::Duration;

use secrecy::SecretString;

/// Where jobs go, and how often they are tried.
#[derive(Debug)]
pub struct Jobs {
    /// `PARSEFLEET_AMQP_URL`: RabbitMQ; `None` is a file in the data directory.
    pub amqp_url: Option<SecretString>,
    /// `PARSEFLEET_JOB_RETRY_DELAYS`: pauses after the first failure, the second, and so on, the last for all that follow.
    pub retry_delays: Vec<Duration>,
    /// `PARSEFLEET_JOB_ATTEMPTS`: attempts after which a job is a dead letter.
    pub attempts: u32,
}
