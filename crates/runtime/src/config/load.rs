//! What the program was started for, and with which configuration.

use std::{collections::BTreeMap, fmt, path::PathBuf};

use super::{
    Config,
    build::build,
    check, help, options,
    settings::Settings,
    sources::{CommandLine, Given},
};

/// Beginnings of the variables that the tests and tools of this repository go by: servers that they start inherit them.
const OF_TESTS: [&str; 10] = [
    "PARSEFLEET_TEST_",
    "PARSEFLEET_STACK_",
    "PARSEFLEET_TIMING_",
    "PARSEFLEET_BINARY",
    "PARSEFLEET_MAILS",
    "PARSEFLEET_MEASURE_IN",
    "PARSEFLEET_SCHEMA_CHANGES",
    "PARSEFLEET_SECURITY_REQUESTS",
    "PARSEFLEET_SIGN_UPS",
    "PARSEFLEET_TOOLS_DIR",
];

/// A job that a process can have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// All jobs.
    #[default]
    Standalone,
    /// REST in, gRPC out.
    Gateway,
    /// Users, sessions, roles.
    Auth,
    /// Objects.
    Data,
    /// Mails.
    Email,
}

/// What the command line asks for.
#[derive(Debug)]
pub enum Launch {
    /// Print this text and stop.
    Print(String),
    /// Run.
    Run(Box<Startup>),
}

/// A role and all it has to know.
#[derive(Debug)]
pub struct Startup {
    /// The role.
    pub role: Role,
    /// Its configuration.
    pub config: Config,
    /// The configuration file that was read.
    pub file: Option<PathBuf>,
    /// What the operator should know.
    pub warnings: Vec<String>,
    /// Every option with a value, as `name=value`, secrets blacked out.
    pub effective: Vec<String>,
}

/// Why the program does not start: everything that is wrong, a sentence each.
#[derive(Debug, thiserror::Error)]
pub struct Problems(pub Vec<String>);

impl fmt::Display for Problems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.join("\n"))
    }
}

impl Role {
    /// Name on the command line, in logs and in traces.
    pub fn name(self) -> &'static str {
        match self {
            Self::Standalone => "standalone",
            Self::Gateway => "gateway",
            Self::Auth => "auth",
            Self::Data => "data",
            Self::Email => "email",
        }
    }

    /// The role that is asked for by this name; standalone is asked for by naming none.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        match name {
            "gateway" => Some(Self::Gateway),
            "auth" => Some(Self::Auth),
            "data" => Some(Self::Data),
            "email" => Some(Self::Email),
            _ => None,
        }
    }
}

/// Reads the command line (without the program's name) and the environment, and the file that they name.
pub fn load(
    arguments: impl IntoIterator<Item = String>,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<Launch, Problems> {
    let mut problems = Vec::new();
    let line = CommandLine::parse(arguments, &mut problems);
    if line.help {
        return Ok(Launch::Print(help::help()));
    }
    if line.version {
        return Ok(Launch::Print(format!("parsefleet {}\n", env!("CARGO_PKG_VERSION"))));
    }
    let environment: BTreeMap<String, String> = environment.into_iter().collect();
    let given = Given::collect(&line, &environment, &mut problems);
    check::check(&given, &mut problems);
    let mut warnings = check::warnings(&given);
    warnings.extend(unknown_variables(&environment));

    let role = line.role.unwrap_or_default();
    let settings = Settings::new(given);
    if settings.text("appId").is_none() || settings.text("masterKey").is_none() {
        problems.push("ERROR: appId and masterKey are required".to_owned());
    }
    let config = build(&settings, role, &mut problems);
    if !problems.is_empty() {
        return Err(Problems(problems));
    }
    Ok(Launch::Run(Box::new(Startup { role, config, file: line.file, warnings, effective: settings.redacted() })))
}

/// Variables that look like an option and are none: mistyped, or a member of an object, which has no variable of its own in
/// Parse Server either.
fn unknown_variables(environment: &BTreeMap<String, String>) -> Vec<String> {
    environment
        .iter()
        .filter(|(name, value)| {
            (name.starts_with("PARSE_SERVER_") || name.starts_with("PARSEFLEET_"))
                && !value.is_empty()
                && !options::all().any(|option| option.env.contains(&name.as_str()))
                && !is_of_kubernetes(name, value)
                && !OF_TESTS.iter().any(|beginning| name.starts_with(beginning))
        })
        .map(|(name, _)| format!("{name} has no effect: it is the variable of no option"))
        .collect()
}

/// What Kubernetes tells each container of a service, for one that is called `parse-server` or `parsefleet-gateway`.
fn is_of_kubernetes(name: &str, value: &str) -> bool {
    let is_of_a_port = || ["_TCP", "_UDP", "_SCTP"].into_iter().any(|transport| name.contains(transport));
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || (name.ends_with("_PORT") && value.contains("://"))
        || (name.contains("_PORT_") && is_of_a_port())
}
