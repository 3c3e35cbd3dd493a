//! The bus for durable jobs: RabbitMQ if there is one, else a file of this machine.

use std::sync::Arc;

use anyhow::Context as _;
use parsefleet_bus::{Bus, EmbeddedBus, RabbitBus, RetrySchedule};
use parsefleet_runtime::config::Config;
use secrecy::ExposeSecret as _;

/// Opens the bus. It need not be there: what is published meanwhile is an error, and what is taken comes later.
pub(crate) fn open(config: &Config) -> anyhow::Result<Arc<dyn Bus>> {
    let jobs = &config.jobs;
    let schedule = RetrySchedule::new(jobs.retry_delays.clone(), jobs.attempts);
    Ok(match &jobs.amqp_url {
        None => Arc::new(EmbeddedBus::new(&config.database.data_dir, schedule)),
        Some(url) => {
            let prefix = format!("parsefleet.{}", config.app_id);
            Arc::new(RabbitBus::try_new(url.expose_secret(), &prefix, schedule).context("open the bus")?)
        }
    })
}
