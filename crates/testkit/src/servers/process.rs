//! A child process that ends with its owner.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use super::told_secrets;

/// Time a process has to end by itself before it is killed.
const STOP_TIMEOUT: Duration = Duration::from_secs(60);

/// A running program. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    child: Child,
    log: PathBuf,
    kept: bool,
    /// Whether its log is searched for secrets at the end.
    searched: bool,
}

impl Process {
    /// Starts a program whose output goes to `log`, after what is there already.
    pub fn start(mut command: Command, log: &Path) -> Result<Self> {
        if let Some(folder) = log.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let file =
            File::options().create(true).append(true).open(log).with_context(|| format!("open {}", log.display()))?;
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        let child = command.spawn().with_context(|| format!("start {:?}", command.get_program()))?;
        Ok(Self { child, log: log.to_owned(), kept: false, searched: false })
    }

    /// Has its log searched for secrets when this value is dropped: if it tells one, the test fails.
    #[must_use]
    pub fn searched(mut self) -> Self {
        self.searched = true;
        self
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Leaves the process running when this value is dropped.
    pub fn keep(&mut self) {
        self.kept = true;
    }

    /// Waits until `ready` says so.
    ///
    /// # Errors
    /// If the process ends or the time passes first; the message holds the end of its log.
    pub async fn wait_until<F: Future<Output = bool>>(
        &mut self,
        limit: Duration,
        mut ready: impl FnMut() -> F,
    ) -> Result<()> {
        let start = Instant::now();
        loop {
            if ready().await {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended with {status}:\n{}", self.log.display(), self.log_tail());
            }
            if start.elapsed() > limit {
                bail!("{} was not ready after {limit:?}:\n{}", self.log.display(), self.log_tail());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Sends a signal by name: `TERM`, `KILL`, `STOP`, `CONT`.
    pub fn signal(&self, name: &str) -> Result<()> {
        let status = Command::new("kill").arg(format!("-{name}")).arg(self.id().to_string()).status()?;
        if !status.success() {
            bail!("kill -{name} {} failed", self.id());
        }
        Ok(())
    }

    /// Kills it at once, as a power cut would, and waits until it is gone.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks it to end and waits for that.
    pub async fn terminate(&mut self) -> Result<ExitStatus> {
        self.signal("TERM")?;
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if start.elapsed() > STOP_TIMEOUT {
                self.kill()?;
                bail!("{} did not end within {STOP_TIMEOUT:?} of SIGTERM", self.log.display());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// All it has printed so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.kept {
            // Nothing can be done about a failure here: the process is gone, or it will be with this one.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        if self.searched && !self.kept && !std::thread::panicking() {
            let told = told_secrets(&self.log());
            assert!(told.is_empty(), "{} tells secrets:\n{}", self.log.display(), told.join("\n"));
        }
    }
}
