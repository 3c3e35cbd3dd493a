//! The frame that is the same for every role: telemetry, signals, admin port, and the way out.

use std::{io::Write as _, sync::Arc, time::Duration};

use anyhow::Context as _;
use parsefleet_runtime::{
    Readiness, Shutdown, admin,
    config::{Config, Startup},
    telemetry::Telemetry,
};
use tokio::net::{TcpListener, ToSocketAddrs};

use crate::roles;

/// Longest time that the last telemetry may take to be sent.
const FLUSH_LIMIT: Duration = Duration::from_secs(3);

/// What a role works with.
pub(crate) struct Process {
    pub(crate) config: Arc<Config>,
    pub(crate) readiness: Readiness,
    pub(crate) shutdown: Shutdown,
}

/// Runs the role until it is told to stop.
pub(crate) async fn run(startup: Startup) -> anyhow::Result<()> {
    let Startup { role, config, file, warnings, effective } = startup;
    let telemetry = Telemetry::install(&config, role.name()).context("set up telemetry")?;
    if let Some(file) = file {
        tracing::info!(file = %file.display(), "configuration file read");
    }
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    for option in effective {
        tracing::debug!(option, "effective configuration");
    }
    let shutdown = Shutdown::from_fleet(&config.fleet);
    shutdown.listen_for_signals().context("listen for signals")?;
    let process = Process { config: Arc::new(config), readiness: Readiness::default(), shutdown };
    process.serve_admin(&telemetry).await?;
    let outcome = roles::serve(role, &process).await;
    if outcome.is_ok() {
        process.shutdown.complete().await;
    }
    telemetry.flush(FLUSH_LIMIT).await;
    outcome
}

impl Process {
    async fn serve_admin(&self, telemetry: &Telemetry) -> anyhow::Result<()> {
        let Some(address) = &self.config.fleet.admin_listen else { return Ok(()) };
        let listener = bind(address.as_str(), address).await?;
        let admin = admin::Admin {
            readiness: self.readiness.clone(),
            log_filter: telemetry.log_filter(),
            shutdown: self.shutdown.clone(),
        };
        #[expect(
            clippy::disallowed_methods,
            reason = "not tracked by the stop: probes are answered until the very end"
        )]
        tokio::spawn(async move {
            if let Err(error) = admin::serve(listener, admin).await {
                tracing::error!(%error, "admin server failed");
            }
        });
        Ok(())
    }
}

/// Opens a port, before anything else is set up: a port in use is known at once.
pub(crate) async fn bind(address: impl ToSocketAddrs, shown: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("listen on {shown}"))
}

/// Tells whoever started the process that it answers from now on.
pub(crate) fn announce(what: &str) {
    let mut output = std::io::stdout().lock();
    // A closed standard output is no reason not to serve.
    let _ = writeln!(output, "[{}] parsefleet {what}", std::process::id()).and_then(|()| output.flush());
}
