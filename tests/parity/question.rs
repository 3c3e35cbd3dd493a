//! The questions as they stand in `questions/*.json`.
//!
//! A file is a list of scenarios; a scenario is asked in order, on classes that no other scenario names:
//!
//! ```json
//! [{ "scenario": "increment", "questions": [
//!     ["POST /classes/IncrementA", { "n": 1 }],
//!     ["PUT /classes/IncrementA/${1.objectId}", { "n": { "__op": "Increment", "amount": 2 } }],
//!     ["GET /classes/IncrementA?where={\"n\":3}"],
//!     ["PUT /classes/IncrementA/${1.objectId}", { "n": { "__op": "Nope" } }, {
//!         "differs": "an unknown operation is the client's error, not ours",
//!         "status": 400, "body": { "code": 107, "error": "…" } }]
//! ] }]
//! ```
//!
//! A scenario with `"apart": true` is asked as a whole of each server, where others alternate between two on one database.
//!
//! A question is `[request line, body?, extras?]`. `${n.member}` is a member of the answer to question n of the scenario,
//! `${totp}` what an authenticator app with a certain secret shows.
//! The request line's path is below the mount path; what stands after `where=` and other parameters is encoded on sending.
//! Extras, all optional: `as` (`master`, `readonly`, `maintenance`, or the number of an answer with a `sessionToken`; default: a client), `headers` (added; null removes one),
//! `text` (a body sent as it stands), `encoded` (true: the request line is sent as it stands), `unordered` (true: the order of
//! results does not matter), `differs` (a reason; then `status` and `body` are what Parsefleet answers instead),
//! `embedded` (an object with `status` and `body`: what the embedded store answers, where it has to differ),
//! `stored` (false: the stored documents are not compared from here on, with `differs` telling why).
//!
//! In files named `hooks_…`, `${hooks}` is the address of a receiver of hooks, and `hooks` tells how it answers from now on to
//! the calls of each name below that address (`WebhookAnswer` says what it can). What it hears is compared, too, unless
//! `unheard` names places that are not, with `differs` telling why; `heard` is what Parsefleet tells instead.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde_json::Value;

/// A conversation about classes of its own.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    #[serde(rename = "scenario")]
    pub(crate) name: String,
    pub(crate) questions: Vec<Question>,
    /// Each server is asked everything: what one server was asked, another one does not know.
    #[serde(default)]
    pub(crate) apart: bool,
    #[serde(skip)]
    pub(crate) file: String,
}

/// One request.
#[derive(Debug, Deserialize)]
#[serde(from = "Parts")]
pub(crate) struct Question {
    pub(crate) line: String,
    pub(crate) body: Option<Value>,
    pub(crate) extras: Extras,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Parts {
    Line((String,)),
    Body((String, Value)),
    Extras(Box<(String, Value, Extras)>),
}

/// What is unusual about a question.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Extras {
    #[serde(rename = "as")]
    pub(crate) role: Option<String>,
    pub(crate) headers: serde_json::Map<String, Value>,
    pub(crate) text: Option<String>,
    pub(crate) encoded: bool,
    pub(crate) unordered: bool,
    pub(crate) differs: Option<String>,
    pub(crate) status: Option<u16>,
    pub(crate) body: Option<Value>,
    pub(crate) embedded: Option<Expected>,
    pub(crate) stored: Option<bool>,
    pub(crate) hooks: Option<Value>,
    pub(crate) unheard: Vec<String>,
    pub(crate) heard: Option<Value>,
}

/// An answer that is written down.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expected {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl From<Parts> for Question {
    fn from(parts: Parts) -> Self {
        match parts {
            Parts::Line((line,)) => Self { line, body: None, extras: Extras::default() },
            Parts::Body((line, body)) => Self { line, body: Some(body), extras: Extras::default() },
            Parts::Extras(parts) => {
                let (line, body, extras) = *parts;
                Self { line, body: Some(body).filter(|body| !body.is_null()), extras }
            }
        }
    }
}

/// Every scenario of these files that is asked for, in the order of files and their contents.
pub(crate) fn load_scenarios(of_file: impl Fn(&str) -> bool) -> Result<Vec<Scenario>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("parity/questions");
    let only = std::env::var("PARITY_ONLY").unwrap_or_default();
    let mut files: Vec<_> = std::fs::read_dir(&folder)?.collect::<std::io::Result<_>>()?;
    files.sort_by_key(std::fs::DirEntry::file_name);
    let mut scenarios = Vec::new();
    for file in files {
        let name = file.file_name().to_string_lossy().into_owned();
        if !of_file(&name) {
            continue;
        }
        let text = std::fs::read_to_string(file.path())?;
        let loaded: Vec<Scenario> = serde_json::from_str(&text).with_context(|| format!("read {name}"))?;
        scenarios.extend(loaded.into_iter().map(|scenario| Scenario { file: name.clone(), ..scenario }));
    }
    scenarios.retain(|scenario| scenario.file.contains(&only) || scenario.name.contains(&only));
    Ok(scenarios)
}
