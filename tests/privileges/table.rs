//! The table: one row a question, one cell a role.

use std::{collections::BTreeMap, path::PathBuf};

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};

use crate::ROLES;

/// What both servers answered to one question, by role.
pub(crate) struct Row {
    pub(crate) parse_server: Vec<String>,
    pub(crate) parsefleet: Vec<String>,
}

/// The table as it is checked in.
pub(crate) struct Table {
    rows: BTreeMap<String, Value>,
}

impl Table {
    pub(crate) fn load() -> Result<Self> {
        let text = std::fs::read_to_string(path()).unwrap_or_else(|_| "{}".to_owned());
        let file: Value = serde_json::from_str(&text).context("read the table")?;
        let rows = file.get("rows").and_then(Value::as_object).cloned().unwrap_or_default();
        Ok(Self { rows: rows.into_iter().collect() })
    }

    /// What is not as the table says; or writes the table, if that is asked for.
    pub(crate) fn compare(mut self, answers: Vec<(String, Row)>) -> Result<Vec<String>> {
        let mut findings = Vec::new();
        let mut written = Map::new();
        for (name, row) in answers {
            let known = self.rows.remove(&name);
            let because = known.as_ref().and_then(|known| known.get("because")).and_then(Value::as_str);
            let actual = row.to_json(because.unwrap_or_default());
            if actual.get("because").is_some_and(|reason| reason == "") {
                findings.push(format!("{name}: the answers differ, and the table does not say why"));
            }
            match &known {
                None => findings.push(format!("{name}: is not in the table: {actual}")),
                Some(known) if *known != actual => {
                    findings.push(format!("{name}:\n  table   {known}\n  answers {actual}"))
                }
                Some(_) => {}
            }
            written.insert(name, actual);
        }
        findings.extend(self.rows.into_keys().map(|name| format!("{name}: is in the table, but is not asked")));
        if std::env::var_os("UPDATE_TABLE").is_some() {
            let lines: Vec<String> = written.iter().map(|(name, row)| format!("  {}: {row}", json!(name))).collect();
            let text = format!("{{\n\"roles\": {},\n\"rows\": {{\n{}\n}}\n}}\n", json!(ROLES), lines.join(",\n"));
            std::fs::write(path(), text)?;
        }
        Ok(findings)
    }
}

impl Row {
    /// One text where both answer the same.
    fn to_json(&self, because: &str) -> Value {
        let (theirs, ours) = (self.parse_server.join(" "), self.parsefleet.join(" "));
        match theirs == ours {
            true => Value::String(theirs),
            false => json!({ "parseServer": theirs, "parsefleet": ours, "because": because }),
        }
    }
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("privileges/table.json")
}
