//! Where options come from: command line, environment, configuration file.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use serde_json::Value as Json;

use super::{
    options::{self, Kind, OptionSpec},
    value,
};

/// What the command line says.
#[derive(Debug, Default)]
pub(super) struct CommandLine {
    /// The role, if one is named.
    pub(super) role: Option<super::Role>,
    /// `--help`
    pub(super) help: bool,
    /// `--version`
    pub(super) version: bool,
    /// The configuration file, if one is named.
    pub(super) file: Option<PathBuf>,
    flags: Vec<(&'static OptionSpec, String)>,
}

/// Who set an option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The configuration file.
    File,
    /// This environment variable.
    Environment(&'static str),
    /// A flag.
    Flag(&'static str),
}

/// Options as given, the strongest source's value of each.
#[derive(Debug, Default)]
pub(super) struct Given {
    values: BTreeMap<&'static str, (Json, Source)>,
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File => formatter.write_str("in the configuration file"),
            Self::Environment(name) => write!(formatter, "from {name}"),
            Self::Flag(name) => write!(formatter, "from --{name}"),
        }
    }
}

// === command line ===

impl CommandLine {
    /// Reads the arguments after the program's name. Every problem is added to the list.
    pub(super) fn parse(arguments: impl IntoIterator<Item = String>, problems: &mut Vec<String>) -> Self {
        let mut line = Self::default();
        let mut arguments = arguments.into_iter().peekable();
        let mut positional = 0;
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                // `parse-server -- --appId …` is how the original's help writes it.
                "--" => {}
                "--help" | "-h" => line.help = true,
                "--version" | "-V" => line.version = true,
                flag if flag.starts_with("--") => line.flag(&flag[2..], &mut arguments, problems),
                unknown if unknown.starts_with('-') => problems.push(format!("error: unknown option '{unknown}'")),
                _ => {
                    positional += 1;
                    line.positional(positional, argument, problems);
                }
            }
        }
        line
    }

    fn flag(
        &mut self,
        flag: &str,
        rest: &mut std::iter::Peekable<impl Iterator<Item = String>>,
        problems: &mut Vec<String>,
    ) {
        let (name, inline) = match flag.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (flag, None),
        };
        let Some(option) = options::find(name) else {
            problems.push(format!("error: unknown option '--{name}'"));
            return;
        };
        let value = inline.or_else(|| rest.next_if(|next| is_value_of(option, next)));
        match value {
            Some(value) => self.flags.push((option, value)),
            None if option.kind.is_switch() => {
                self.flags.push((option, "true".to_owned()));
            }
            None => problems.push(format!("error: option '--{name} <{name}>' argument missing")),
        }
    }

    fn positional(&mut self, position: usize, argument: String, problems: &mut Vec<String>) {
        let role = (position == 1).then(|| super::Role::from_name(&argument)).flatten();
        if role.is_some() {
            self.role = role;
        } else if self.file.is_none() {
            self.file = Some(PathBuf::from(argument));
        } else {
            problems.push("error: more than one configuration file was given".to_owned());
        }
    }
}

fn is_truth(argument: &str) -> bool {
    matches!(argument, "true" | "false" | "0" | "1")
}

/// Whether the argument after a flag is its value. A switch takes only what reads like one, so that
/// `--verbose config.json` is a switch and a file.
fn is_value_of(option: &OptionSpec, argument: &str) -> bool {
    match option.kind {
        Kind::Boolean => is_truth(argument),
        Kind::BooleanOrWebhook => is_truth(argument) || value::is_web(argument),
        Kind::IntegerOrBoolean => {
            matches!(argument, "true" | "false") || argument.starts_with(|c: char| c.is_ascii_digit())
        }
        Kind::Text | Kind::Integer | Kind::IntegerOrText | Kind::List | Kind::Object | Kind::Any | Kind::Duration => {
            !argument.starts_with("--")
        }
    }
}

// === putting the sources together ===

impl Given {
    /// Collects the options of all sources: file < environment < flags. Every problem is added to the list.
    pub(super) fn collect(
        line: &CommandLine,
        environment: &BTreeMap<String, String>,
        problems: &mut Vec<String>,
    ) -> Self {
        let mut given = Self::default();
        if let Some(path) = &line.file {
            given.add_file(path, problems);
        }
        for option in options::all() {
            // An empty variable is an unset one.
            let set = option
                .env
                .iter()
                .find_map(|name| environment.get(*name).filter(|value| !value.is_empty()).map(|value| (*name, value)));
            if let Some((name, text)) = set {
                given.add(option, value::from_text(option, text), Source::Environment(name), problems);
            }
        }
        for (option, text) in &line.flags {
            given.add(option, value::from_text(option, text), Source::Flag(option.name), problems);
        }
        given
    }

    /// Value and source of an option, if it is set.
    pub(super) fn get(&self, name: &str) -> Option<&(Json, Source)> {
        self.values.get(name)
    }

    fn add(
        &mut self,
        option: &'static OptionSpec,
        value: Result<Json, String>,
        source: Source,
        problems: &mut Vec<String>,
    ) {
        match value {
            Ok(value) => {
                self.values.insert(option.name, (value, source));
            }
            Err(problem) => problems.push(problem),
        }
    }

    fn add_file(&mut self, path: &Path, problems: &mut Vec<String>) {
        let options = match read_file(path) {
            Ok(options) => options,
            Err(problem) => {
                problems.push(problem);
                return;
            }
        };
        for (name, value) in options {
            match options::find(&name) {
                None => problems.push(format!("error: unknown option {name}")),
                // As good as left out; programs that write configurations like to list everything.
                Some(_) if value.is_null() => {}
                Some(option) => self.add(option, value::from_json(option, &value), Source::File, problems),
            }
        }
    }
}

/// The options in a file: an object of options, or one such object in `apps`.
fn read_file(path: &Path) -> Result<serde_json::Map<String, Json>, String> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("cannot read the configuration file {shown}: {error}"))?;
    let mut options: serde_json::Map<String, Json> = serde_json::from_str(&text)
        .map_err(|error| format!("the configuration file {shown} is not a JSON object: {error}"))?;
    let Some(apps) = options.remove("apps") else { return Ok(options) };
    if !options.is_empty() {
        return Err(format!("the configuration file {shown} holds \"apps\" and options beside it"));
    }
    match apps {
        Json::Array(mut apps) => match (apps.pop(), apps.is_empty()) {
            (Some(Json::Object(app)), true) => Ok(app),
            (Some(_), false) => Err("Multiple apps are not supported".to_owned()),
            _ => Err(format!("\"apps\" in the configuration file {shown} should hold one object of options")),
        },
        _ => Err(format!("\"apps\" in the configuration file {shown} should be an array")),
    }
}
