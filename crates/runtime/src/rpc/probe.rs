//! Whether a service can be reached.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tonic::Code;
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

use super::Channel;
use crate::Readiness;

impl Channel {
    /// Makes a process unready until this service has been reached once. Later outages do not count: while a service is
    /// away the process answers what it can, and a Parse error to the rest.
    pub fn require_once(&self, readiness: &Readiness, name: &'static str) {
        let reached = Arc::new(AtomicBool::new(false));
        let channel = self.clone();
        readiness.register(name, move || {
            let (channel, reached) = (channel.clone(), Arc::clone(&reached));
            async move {
                if reached.load(Ordering::Relaxed) {
                    return Ok(());
                }
                channel.reach().await?;
                reached.store(true, Ordering::Relaxed);
                Ok(())
            }
        });
    }

    /// Asks the service's health service; any answer of its own will do.
    async fn reach(self) -> Result<(), String> {
        let answer = HealthClient::new(self).check(HealthCheckRequest::default()).await;
        match answer {
            Ok(_) => Ok(()),
            // It does not know of the service that was asked for, so it was reached.
            Err(status) if status.code() == Code::NotFound => Ok(()),
            Err(status) => Err(format!("{:?}: {}", status.code(), status.message())),
        }
    }
}
