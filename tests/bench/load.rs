//! Sending requests with wrk and reading what it measured.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use parsefleet_testkit::servers::{APP_ID, tool};
use serde::Deserialize;

use crate::{
    scenario::{DEEP_ROLES_TOKEN, Kind, MANY_ROLES_TOKEN, Scenario},
    target::{CpuClock, REFERENCE, Target},
};

/// Connections that send one request after the other.
const CONNECTIONS: &str = "64";
/// The same for requests that each are a thousand.
const CONNECTIONS_OF_BATCHES: &str = "2";

/// One scenario, ready to be sent to one server.
pub(crate) struct Load {
    paths: PathBuf,
    script: PathBuf,
    headers: String,
    /// A file: a thousand objects are too long for an environment variable.
    body: Option<PathBuf>,
    connections: &'static str,
    /// What others send at the same time. It is not measured.
    beside: Option<Box<Self>>,
}

/// What one measurement found.
#[derive(Clone, Debug)]
pub(crate) struct Measured {
    pub(crate) per_second: f64,
    /// Milliseconds.
    pub(crate) p50: f64,
    /// Milliseconds.
    pub(crate) p99: f64,
    /// Processor time that the server's own processes used for one request, in microseconds.
    pub(crate) cpu: f64,
    /// Resident memory of the server's own processes afterwards, in MiB.
    pub(crate) memory: f64,
    /// Requests without a good answer.
    pub(crate) errors: u64,
}

#[derive(Deserialize)]
struct Summary {
    requests: u64,
    microseconds: u64,
    p50: f64,
    p99: f64,
    errors: u64,
}

impl Load {
    /// `None` if the server does not offer what the scenario needs.
    pub(crate) fn prepare(folder: &Path, scenario: &Scenario, target: &Target) -> Result<Option<Self>> {
        let folder = &folder.join(scenario.name);
        fs::create_dir_all(folder)?;
        let mut headers = format!("X-Parse-Application-Id: {APP_ID}\nContent-Type: application/json\n");
        let token = match scenario.kind {
            Kind::GetWithSession => match &target.session_token {
                Some(token) => Some(token.as_str()),
                None => return Ok(None),
            },
            Kind::GetWithManyRoles => Some(MANY_ROLES_TOKEN),
            Kind::GetWithDeepRoles => Some(DEEP_ROLES_TOKEN),
            _ => None,
        };
        if let Some(token) = token {
            headers += &format!("X-Parse-Session-Token: {token}\n");
        }
        let paths = folder.join("paths");
        let lines: Vec<String> = scenario.kind.paths(&target.ids).iter().map(|path| format!("/parse{path}")).collect();
        fs::write(&paths, lines.join("\n"))?;
        let script = folder.join("load.lua");
        fs::write(&script, include_str!("load.lua"))?;
        let body = match scenario.kind.body() {
            None => None,
            Some(body) => {
                let file = folder.join("body");
                fs::write(&file, body.to_string())?;
                Some(file)
            }
        };
        let connections = if scenario.kind == Kind::Batch { CONNECTIONS_OF_BATCHES } else { CONNECTIONS };
        let beside = match scenario.kind {
            Kind::GetDuringLogIns => Self::prepare(folder, &Scenario { name: "beside", kind: Kind::LogIn }, target)?,
            _ => None,
        };
        Ok(Some(Self { paths, script, headers, body, connections, beside: beside.map(Box::new) }))
    }

    /// Sends requests for some seconds.
    pub(crate) fn run(&self, seconds: u32, target: &Target) -> Result<Measured> {
        let mut wrk = self.wrk(seconds, target);
        let clock = CpuClock::start(target)?;
        let beside = self.beside.as_ref().map(|load| load.wrk(seconds, target).stdout(Stdio::null()).spawn());
        let output = wrk.output().context("run wrk")?;
        let cpu = clock.microseconds()?;
        if let Some(beside) = beside {
            beside?.wait()?;
            // Passwords that nobody waits for any more would be hashed at the cost of the next server.
            target.come_to_rest()?;
        }
        let text = String::from_utf8_lossy(&output.stdout);
        let line = text.lines().find(|line| line.starts_with('{')).with_context(|| format!("wrk printed {text}"))?;
        let summary: Summary = serde_json::from_str(line)?;
        // Parse Server resets a few connections under load, which is its own affair; of ours, every request counts.
        let failed = summary.errors > 0 && target.name != REFERENCE;
        ensure!(!failed, "{} of {} requests failed", summary.errors, summary.requests);
        ensure!(summary.requests > 0, "no request was answered within {seconds} s");
        let requests = summary.requests as f64;
        Ok(Measured {
            per_second: requests / summary.microseconds as f64 * 1e6,
            p50: summary.p50 / 1e3,
            p99: summary.p99 / 1e3,
            cpu: cpu / requests,
            memory: target.memory()?,
            errors: summary.errors,
        })
    }

    fn wrk(&self, seconds: u32, target: &Target) -> Command {
        let mut wrk = Command::new(tool("wrk"));
        wrk.args(["--threads", "1", "--connections", self.connections, "--duration", &format!("{seconds}s")]);
        wrk.args(["--timeout", "30s", "--script"]);
        wrk.arg(&self.script).arg(target.url.trim_end_matches("/parse"));
        wrk.env("BENCH_PATHS", &self.paths).env("BENCH_HEADERS", &self.headers);
        if let Some(body) = &self.body {
            wrk.env("BENCH_METHOD", "POST").env("BENCH_BODY", body);
        }
        wrk
    }
}
