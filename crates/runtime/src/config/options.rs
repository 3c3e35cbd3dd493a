//! The one table of options. Flags, environment variables, keys of the configuration file, `--help`, the reference page
//! and the refusal of what is not built yet all come from it.

mod database;
mod driver;
mod files;
mod fleet;
mod http;
mod identity;
mod operations;
mod pages;
mod realtime;
mod users;

use serde_json::Value as Json;

/// One option.
#[derive(Debug)]
pub(crate) struct OptionSpec {
    /// Name: the flag without `--` and the key in the configuration file.
    pub(crate) name: &'static str,
    /// Environment variable, and the older ones that mean the same. Empty for members of an option: they are given
    /// within their parent only.
    pub(crate) env: &'static [&'static str],
    /// How a given text becomes a value.
    pub(crate) kind: Kind,
    /// Default as JSON text; `None` leaves the option unset.
    pub(crate) default: Option<&'static str>,
    /// What it does, in a line.
    pub(crate) meaning: &'static str,
    /// Whether it works.
    pub(crate) state: State,
    /// Whether there is no starting without it.
    pub(crate) required: bool,
    /// Whether its value must not be shown.
    pub(crate) secret: bool,
    /// Options within this one (for a list: within each entry).
    pub(crate) members: &'static [OptionSpec],
}

/// How a given text becomes a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// As it stands.
    Text,
    /// `true` and `1` are true, all else is false.
    Boolean,
    /// A switch, or the address of a webhook in the place of the function that Parse Server takes.
    BooleanOrWebhook,
    /// The leading digits.
    Integer,
    /// `true`, `false` or an integer.
    IntegerOrBoolean,
    /// An integer or a text.
    IntegerOrText,
    /// Separated by commas, or a JSON array.
    List,
    /// JSON.
    Object,
    /// JSON if it is that, else as it stands.
    Any,
    /// Seconds, or a number with a unit: `500ms`, `30s`, `2m`, `1h`.
    Duration,
}

impl Kind {
    /// Whether a flag without a value switches it on.
    pub(crate) fn is_switch(self) -> bool {
        matches!(self, Self::Boolean | Self::BooleanOrWebhook | Self::IntegerOrBoolean)
    }
}

/// Whether an option works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It works.
    Implemented,
    /// It may be given and changes nothing; the reason says why that harms nobody.
    WithoutEffect(&'static str),
    /// It is refused, unless the value asks for nothing: its default, or one of these JSON texts.
    NotImplemented(&'static [&'static str]),
    /// It holds a function, which is refused as long as there is nothing that runs it.
    NeedsCloudCode,
}

/// Options that belong together in the reference page.
pub(crate) struct Area {
    /// Heading.
    pub(crate) title: &'static str,
    /// Its options.
    pub(crate) options: &'static [OptionSpec],
}

/// All options.
pub(crate) const AREAS: &[Area] = &[
    Area { title: "App and keys", options: identity::OPTIONS },
    Area { title: "HTTP, process and Cloud Code", options: http::OPTIONS },
    Area { title: "Database, schema and queries", options: database::OPTIONS },
    Area { title: "Users, sessions, log-in and e-mail", options: users::OPTIONS },
    Area { title: "Files, push, installations, caches and analytics", options: files::OPTIONS },
    Area { title: "LiveQuery and GraphQL", options: realtime::OPTIONS },
    Area { title: "Logs, security and limits", options: operations::OPTIONS },
    Area { title: "Parsefleet", options: fleet::OPTIONS },
];

/// All top-level options, in the order of the table.
pub(crate) fn all() -> impl Iterator<Item = &'static OptionSpec> {
    AREAS.iter().flat_map(|area| area.options)
}

/// The top-level option of this name.
pub(crate) fn find(name: &str) -> Option<&'static OptionSpec> {
    all().find(|option| option.name == name)
}

impl OptionSpec {
    /// The default as a value.
    pub(crate) fn default_value(&self) -> Option<Json> {
        self.default.map(|text| serde_json::from_str(text).expect("defaults of the table are JSON (tested)"))
    }

    /// The member of this name.
    pub(crate) fn member(&self, name: &str) -> Option<&'static OptionSpec> {
        self.members.iter().find(|member| member.name == name)
    }

    const fn new(name: &'static str, env: &'static [&'static str], kind: Kind, meaning: &'static str) -> Self {
        Self {
            name,
            env,
            kind,
            default: None,
            meaning,
            state: State::Implemented,
            required: false,
            secret: false,
            members: &[],
        }
    }

    const fn default(mut self, json: &'static str) -> Self {
        self.default = Some(json);
        self
    }

    const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    const fn without_effect(mut self, reason: &'static str) -> Self {
        self.state = State::WithoutEffect(reason);
        self
    }

    const fn not_implemented(mut self) -> Self {
        self.state = State::NotImplemented(&[]);
        self
    }

    const fn not_implemented_except(mut self, values: &'static [&'static str]) -> Self {
        self.state = State::NotImplemented(values);
        self
    }

    const fn needs_cloud_code(mut self) -> Self {
        self.state = State::NeedsCloudCode;
        self
    }

    const fn members(mut self, members: &'static [OptionSpec]) -> Self {
        self.members = members;
        self
    }
}

// === rows of the table, one constructor a kind ===

/// Environment of a member: none.
const NESTED: &[&str] = &[];

const fn text(name: &'static str, env: &'static [&'static str], meaning: &'static str) -> OptionSpec {
    OptionSpec::new(name, env, Kind::Text, meaning)
}

const fn boolean(name: &'static str, env: &'static [&'static str], meaning: &'static str) -> OptionSpec {
    OptionSpec::new(name, env, Kind::Boolean, meaning)
}

const fn switch_or_webhook(name: &'static str, env: &'static [&'static str], meaning: &'static str) -> OptionSpec {
    OptionSpec::new(name, env, Kind::BooleanOrWebhook, meaning)
}

const fn integer(name: &'static str, env: &'static [&'static str], meaning: &'static str) -> OptionSpec {
    OptionSpec::new(name, env, Kind::Integer, meaning)
}

const fn list(name: &'static str, env: &'static [&'static str], meaning: &'static str) -> OptionSpec {
    OptionSpec::new(name, env, Kind::List, meaning)
}

const fn object(name: &'static str, env: &'static [&'static str], meaning: &'static str) -> OptionSpec {
    OptionSpec::new(name, env, Kind::Object, meaning)
}

/// A module name, or an object with `module` and `options`.
const fn adapter(name: &'static str, env: &'static [&'static str], meaning: &'static str) -> OptionSpec {
    OptionSpec::new(name, env, Kind::Any, meaning)
}

const fn duration(name: &'static str, env: &'static [&'static str], meaning: &'static str) -> OptionSpec {
    OptionSpec::new(name, env, Kind::Duration, meaning)
}
