//! The command line of `parsefleet jobs`.

use std::time::Duration;

use parsefleet_bus::{JobId, Queue, Selection};

/// What `parsefleet jobs --help` prints.
pub(super) const HELP: &str = "\
Jobs that failed for good: dead letters.

Usage:
  parsefleet jobs list   <queue> [filters] [--json]
  parsefleet jobs show   <queue> <id>… [--reveal]
  parsefleet jobs replay <queue> <id>… | --all [filters]
  parsefleet jobs drop   <queue> <id>… | --all [filters]

Queues:
  mail

Filters:
  --older-than <duration>   Only those that have been dead for longer: 30s, 5m, 1h.
  --reason <text>           Only those whose last failure has this text in its reason.
  --limit <number>          At most so many, the oldest first. Default for list: 100.

Options:
  --all                     All dead letters that the filters let through.
  --json                    One JSON object a line, for programs.
  --reveal                  Show links, users and the texts of mails, which hold secrets.
  -- <options>              Options of the server, as `parsefleet --help` lists them: appId, masterKey, amqpUrl, dataDir, or a
                            configuration file. The environment is read as well.

A replayed job is published again and tried as if it was new. A dropped one is gone.
RabbitMQ is asked if PARSEFLEET_AMQP_URL is set, else the file jobs.sqlite in PARSEFLEET_DATA_DIR; the server may be running.
";

/// Most lines of a list, unless more are asked for.
const LISTED: usize = 100;

/// What is to be done.
#[derive(Debug)]
pub(super) struct Command {
    pub(super) verb: Verb,
    pub(super) queue: Queue,
    pub(super) selection: Selection,
    pub(super) json: bool,
    pub(super) reveal: bool,
    /// Arguments of the server.
    pub(super) configuration: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    List,
    Show,
    Replay,
    Drop,
}

impl Command {
    /// Reads the arguments after `jobs`; `None` asks for help.
    pub(super) fn parse(arguments: Vec<String>) -> Result<Option<Self>, String> {
        let mut arguments = arguments.into_iter();
        let mut words = Vec::new();
        let (mut all, mut json, mut reveal) = (false, false, false);
        let mut selection = Selection::all();
        let mut limit = None;
        while let Some(argument) = arguments.next() {
            let mut value = |name: &str| arguments.next().ok_or_else(|| format!("{name} needs a value"));
            match argument.as_str() {
                "--" => break,
                "--help" | "-h" => return Ok(None),
                "--all" => all = true,
                "--json" => json = true,
                "--reveal" => reveal = true,
                "--older-than" => selection = selection.older_than(duration(&value("--older-than")?)?),
                "--reason" => selection = selection.reason(value("--reason")?),
                "--limit" => limit = Some(number(&value("--limit")?)?),
                flag if flag.starts_with('-') => return Err(format!("unknown option {flag}")),
                _ => words.push(argument),
            }
        }
        let configuration = arguments.collect();
        let mut words = words.into_iter();
        let verb = match words.next().as_deref() {
            Some("list") => Verb::List,
            Some("show") => Verb::Show,
            Some("replay") => Verb::Replay,
            Some("drop") => Verb::Drop,
            Some(other) => return Err(format!("there is no command {other}")),
            None => return Ok(None),
        };
        let queue = words.next().ok_or("a queue is missing")?;
        let queue = Queue::from_name(&queue).ok_or_else(|| format!("there is no queue {queue}"))?;
        let ids: Vec<JobId> = words
            .map(|id| JobId::try_new(id.as_str()).map_err(|_| format!("{id} is no id of a job")))
            .collect::<Result<_, _>>()?;
        check(verb, all, &ids)?;
        if !ids.is_empty() {
            selection = selection.ids(ids);
        }
        if let Some(limit) = limit.or((verb == Verb::List).then_some(LISTED)) {
            selection = selection.limit(limit);
        }
        Ok(Some(Self { verb, queue, selection, json, reveal, configuration }))
    }
}

/// Nobody means all dead letters by saying nothing.
fn check(verb: Verb, all: bool, ids: &[JobId]) -> Result<(), String> {
    match verb {
        Verb::List => Ok(()),
        Verb::Show if ids.is_empty() && !all => Err("name the jobs to show".to_owned()),
        Verb::Replay | Verb::Drop if ids.is_empty() && !all => {
            Err("name the jobs, or say --all, with filters if need be".to_owned())
        }
        Verb::Show | Verb::Replay | Verb::Drop if !ids.is_empty() && all => {
            Err("name the jobs or say --all, not both".to_owned())
        }
        Verb::Show | Verb::Replay | Verb::Drop => Ok(()),
    }
}

fn number(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| format!("{text} is no number"))
}

fn duration(text: &str) -> Result<Duration, String> {
    let split = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let seconds = match unit {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(format!("{text} is no duration")),
    };
    let number: u64 = number.parse().map_err(|_| format!("{text} is no duration"))?;
    Ok(Duration::from_secs(number.saturating_mul(seconds)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn parse(line: &str) -> Result<Option<Command>, String> {
        Command::parse(line.split_whitespace().map(str::to_owned).collect())
    }

    #[test]
    fn commands_are_read() {
        let command = parse("list mail --older-than 5m --reason refused --json -- --appId a").unwrap().unwrap();
        assert_eq!((command.verb, command.queue, command.json), (Verb::List, Queue::Mail, true));
        assert_eq!(command.configuration, ["--appId", "a"]);
        assert_eq!(parse("drop mail a b").unwrap().unwrap().verb, Verb::Drop);
        assert!(parse("show mail a --reveal").unwrap().unwrap().reveal);
        assert!(parse("replay mail --all --limit 3").unwrap().is_some());
        assert!(parse("").unwrap().is_none());
        assert!(parse("list --help").unwrap().is_none());
    }

    #[test]
    fn nothing_is_meant_by_accident() {
        for line in [
            "drop mail",
            "replay mail",
            "show mail",
            "drop mail --all a",
            "list",
            "list letters",
            "lose mail",
            "list mail --limit",
            "list mail --limit few",
            "list mail --older-than soon",
            "list mail --force",
            "drop mail ä",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
