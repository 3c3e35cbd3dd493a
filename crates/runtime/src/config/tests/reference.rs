//! The reference page `docs/configuration.md` is written from the table, and is the one that is checked in.

use std::{fmt::Write as _, path::Path};

use crate::config::options::{AREAS, Area, Kind, OptionSpec, State};

#[test]
fn page_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let written = reference();
    #[expect(clippy::disallowed_methods, reason = "no configuration: an order to this test")]
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &written).unwrap();
    }
    let present = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(present == written, "run: UPDATE_DOCS=1 cargo test -p parsefleet-runtime config");
}

/// The reference page.
fn reference() -> String {
    let mut page = String::from(INTRODUCTION);
    for area in AREAS {
        area_section(&mut page, area);
    }
    page
}

fn area_section(page: &mut String, area: &Area) {
    let _ = write!(page, "\n## {}\n\n", area.title);
    page.push_str("| option | environment variable | kind | default | meaning | state |\n");
    page.push_str("| --- | --- | --- | --- | --- | --- |\n");
    for option in area.options {
        let env: Vec<String> = option.env.iter().map(|name| format!("`{name}`")).collect();
        row(page, option, Some(&env.join(", ")), option.state);
    }
    for option in area.options {
        member_table(page, option.name, option, option.state);
    }
}

fn member_table(page: &mut String, path: &str, option: &OptionSpec, state: State) {
    if option.members.is_empty() {
        return;
    }
    let entries = if option.kind == Kind::List { "Each entry of" } else { "Members of" };
    let _ = write!(page, "\n### {path}\n\n{entries} `{path}`:\n\n");
    page.push_str("| option | kind | default | meaning | state |\n| --- | --- | --- | --- | --- |\n");
    for member in option.members {
        row(page, member, None, within(state, member.state));
    }
    for member in option.members {
        member_table(page, &format!("{path}.{}", member.name), member, within(state, member.state));
    }
}

/// A member works only if what it belongs to works.
fn within(parent: State, member: State) -> State {
    if matches!(parent, State::NotImplemented(_)) { parent } else { member }
}

fn row(page: &mut String, option: &OptionSpec, env: Option<&str>, state: State) {
    let name = option.name;
    let required = if option.required { " (required)" } else { "" };
    let _ = write!(page, "| `{name}`{required} |");
    if let Some(env) = env {
        let _ = write!(page, " {env} |");
    }
    let default = option.default.map(|default| format!("`{}`", cell(default))).unwrap_or_default();
    let state = match state {
        State::Implemented => "works".to_owned(),
        State::WithoutEffect(reason) => format!("no effect: {reason}"),
        State::NotImplemented(_) | State::NeedsCloudCode => "not yet".to_owned(),
    };
    let _ = writeln!(page, " {} | {default} | {} | {} |", kind(option.kind), cell(option.meaning), cell(&state));
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;")
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "text",
        Kind::Boolean => "switch",
        Kind::BooleanOrWebhook => "switch or address",
        Kind::Integer => "integer",
        Kind::IntegerOrBoolean => "integer or switch",
        Kind::IntegerOrText => "integer or text",
        Kind::List => "list",
        Kind::Object => "object",
        Kind::Any => "text or JSON",
        Kind::Duration => "duration",
    }
}

const INTRODUCTION: &str = "\
# Configuration

<!-- Written by the program. Change the table in crates/runtime/src/config/options, then run
     UPDATE_DOCS=1 cargo test -p parsefleet-runtime config -->

Parsefleet understands Parse Server's options, and a few of its own. There are three ways to set one:

- a flag: `parsefleet --appId APPLICATION_ID --masterKey MASTER_KEY`, also `--appId=APPLICATION_ID`;
- an environment variable: `PARSE_SERVER_APPLICATION_ID=APPLICATION_ID`; an empty one counts as not set;
- a key in a JSON file: `parsefleet configuration.json`, holding the options themselves or `{\"apps\": [{…}]}` with one
  entry.

A flag beats the environment, the environment beats the file, and the file beats the default. A default is the one that
the README of Parse Server 2.3.9 documents, and for what it does not mention that of Parse Server 9.10.

Kinds: a *switch* is on for `true` and `1`; a *list* is separated by commas, or a JSON array; an *object* is JSON; a
*duration* is `500ms`, `30s`, `2m`, `1h`, or a number of seconds. Members of an object are given within it, for example
`PARSE_SERVER_DATABASE_OPTIONS='{\"maxPoolSize\": 50}'`.

An option marked *not yet* may be given only with a value that asks for nothing, such as its default. With any other
value, and with a flag or a key of the file that does not exist, Parsefleet does not start: it reports all problems at once
and exits with 64. A variable that begins with `PARSE_SERVER_` or `PARSEFLEET_` and belongs to no option is a warning in the log,
because an environment holds more than what is meant for this process.

The roles `gateway`, `auth`, `data` and `email` each run as a process of their own: `parsefleet gateway`, and so on. They share
one configuration, and each takes from it what it needs. The first three need `PARSEFLEET_SERVICE_CREDENTIAL`; the
gateway also `PARSEFLEET_AUTH_URL` and `PARSEFLEET_DATA_URL`, auth also `PARSEFLEET_DATA_URL`. `email` needs `PARSEFLEET_AMQP_URL`,
and so does auth when `emailAdapter` is set.
";
