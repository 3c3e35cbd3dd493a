//! `parsefleet jobs`: what an operator does with jobs that failed.

mod arguments;
mod show;

use std::{
    collections::BTreeMap,
    io::Write as _,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::bail;
use parsefleet_bus::{Bus, DeadJob, Queue};
use parsefleet_core::Date;
use parsefleet_runtime::config::{self, Config, Launch};

use self::arguments::{Command, Verb};
use crate::{USAGE, bus};

/// How long a bus that is being connected may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Does what the arguments after `jobs` ask for.
pub(crate) fn main(arguments: Vec<String>, environment: BTreeMap<String, String>) -> ExitCode {
    let command = match Command::parse(arguments) {
        Ok(Some(command)) => command,
        Ok(None) => return print(arguments::HELP),
        Err(problem) => {
            eprintln!("error: {problem}\n\n{}", arguments::HELP);
            return ExitCode::from(USAGE);
        }
    };
    let config = match config::load(command.configuration.clone(), environment) {
        Ok(Launch::Run(startup)) => startup.config,
        Ok(Launch::Print(text)) => return print(&text),
        Err(problems) => {
            eprintln!("{problems}");
            return ExitCode::from(USAGE);
        }
    };
    let done = crate::runtime().and_then(|runtime| runtime.block_on(carry_out(&command, &config)));
    match done {
        Ok(text) => print(&text),
        Err(error) => {
            eprintln!("ERROR: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn print(text: &str) -> ExitCode {
    // Nobody is left to be told when standard output is closed.
    let _ = std::io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

async fn carry_out(command: &Command, config: &Config) -> anyhow::Result<String> {
    let bus = ready(config).await?;
    let queue = command.queue;
    Ok(match command.verb {
        Verb::List => list(&*bus, command).await?,
        Verb::Show => {
            let dead = bus.dead_letters(queue, &command.selection).await?;
            if dead.is_empty() {
                bail!("there is no such dead letter");
            }
            dead.iter().map(|dead| show::dead(dead, command.reveal)).collect::<Vec<_>>().join("\n")
        }
        Verb::Replay => format!("replayed: {}\n", bus.replay(queue, &command.selection).await?),
        Verb::Drop => format!("dropped: {}\n", bus.drop_dead_letters(queue, &command.selection).await?),
    })
}

/// The bus, connected.
async fn ready(config: &Config) -> anyhow::Result<Arc<dyn Bus>> {
    let bus = bus::open(config)?;
    let started = Instant::now();
    while let Err(error) = bus.ready().await {
        if started.elapsed() > PATIENCE {
            bail!(error);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(bus)
}

/// How much there is in the queue, and a line for each dead letter.
async fn list(bus: &dyn Bus, command: &Command) -> anyhow::Result<String> {
    let queue: Queue = command.queue;
    let dead = bus.dead_letters(queue, &command.selection).await?;
    if command.json {
        return Ok(dead.iter().map(|dead| format!("{}\n", show::line(dead))).collect());
    }
    let backlog = bus.backlog(queue).await?;
    let mut text =
        format!("{}: {} waiting, {} delayed, {} dead\n", queue.name(), backlog.waiting, backlog.delayed, backlog.dead);
    for dead in dead {
        text += &format!("{}  {}  {} attempts  {}\n", dead.job.id, died_at(&dead), dead.job.attempts, dead.reason);
    }
    Ok(text)
}

fn died_at(dead: &DeadJob) -> String {
    Date::from_milliseconds(dead.died_at as f64).map(Date::to_iso).unwrap_or_default()
}
