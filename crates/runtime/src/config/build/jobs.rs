//! Durable jobs.

use std::time::Duration;

use secrecy::SecretString;

use super::Builder;
use crate::config::{Jobs, Role, value};

/// Longest pause between two attempts.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);
/// Most different pauses: each is a queue.
const MOST: usize = 16;

impl Builder<'_> {
    pub(super) fn jobs(&mut self) -> Jobs {
        let makes_jobs = self.settings.is_given("emailAdapter");
        let jobs = Jobs { amqp_url: self.amqp_url(), retry_delays: self.retry_delays(), attempts: self.attempts() };
        let role = self.role;
        if jobs.amqp_url.is_none() && (role == Role::Email || role == Role::Auth && makes_jobs) {
            let role = role.name();
            self.problem(format!("the role {role} needs PARSEFLEET_AMQP_URL, by which mails go from auth to email"));
        }
        jobs
    }

    fn amqp_url(&mut self) -> Option<SecretString> {
        let url = self.settings.text("amqpUrl")?;
        let rest = url.strip_prefix("amqp://").or_else(|| url.strip_prefix("amqps://"));
        if rest.is_none_or(str::is_empty) {
            self.problem("amqpUrl is no address of RabbitMQ, such as amqp://user:password@host:5672/vhost");
        }
        Some(url.into())
    }

    fn retry_delays(&mut self) -> Vec<Duration> {
        let problem = "jobRetryDelays must hold 1 to 16 durations of at most 7 days, such as 5s,30s,2m";
        let texts = self.texts("jobRetryDelays", problem).unwrap_or_default();
        let delays: Option<Vec<Duration>> = texts.iter().map(|text| value::duration(text)).collect();
        match delays {
            Some(delays) if (1..=MOST).contains(&delays.len()) && delays.iter().all(|delay| *delay <= LONGEST) => {
                delays
            }
            _ => {
                self.problem(problem);
                Vec::new()
            }
        }
    }

    fn attempts(&mut self) -> u32 {
        let attempts = self.positive("jobAttempts", "jobAttempts").unwrap_or(1);
        u32::try_from(attempts).unwrap_or(u32::MAX)
    }
}
