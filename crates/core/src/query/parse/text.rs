//! `$text`.

use serde_json::Value as Json;

use super::{invalid_json, truthy};
use crate::{error::Result, query::TextSearch};

pub(super) fn parse(value: &Json) -> Result<TextSearch> {
    let wrong = |member: &str, kind: &str| invalid_json(format!("bad $text: {member}, should be {kind}"));
    let search = value.get("$search").and_then(Json::as_object).ok_or_else(|| wrong("$search", "object"))?;
    let text = |member| match truthy(search, member) {
        None => Ok(None),
        Some(Json::String(text)) => Ok(Some(text.clone())),
        Some(Json::Null | Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_)) => {
            Err(wrong(member, "string"))
        }
    };
    let flag = |member| match truthy(search, member) {
        None => Ok(None),
        Some(Json::Bool(flag)) => Ok(Some(*flag)),
        Some(Json::Null | Json::Number(_) | Json::String(_) | Json::Array(_) | Json::Object(_)) => {
            Err(wrong(member, "boolean"))
        }
    };
    Ok(TextSearch {
        term: text("$term")?.ok_or_else(|| wrong("$term", "string"))?,
        language: text("$language")?,
        case_sensitive: flag("$caseSensitive")?,
        diacritic_sensitive: flag("$diacriticSensitive")?,
    })
}
