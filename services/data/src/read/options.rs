//! `limit`, `skip`, `where`, `explain` and the rest of a find request, checked.

use parsefleet_core::{ErrorCode, ParseError, error::Result};
use parsefleet_proto::v1::FindRequest;
use serde_json::Value as Json;

use crate::{caller::Caller, settings::Settings};

/// A checked find request, but for what depends on the class.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Options {
    pub(super) filter: Json,
    /// Nothing is to be returned, if it is 0.
    pub(super) limit: u64,
    pub(super) skip: u64,
    pub(super) hint: Option<Json>,
    pub(super) comment: Option<String>,
    /// The query's plan is asked for, not its results.
    pub(super) explain: Option<&'static str>,
    pub(super) read_preference: Option<String>,
}

impl Options {
    /// Checks a request.
    ///
    /// # Errors
    /// 102 and 107 with the texts of Parse Server, where it has one.
    pub(super) fn new(request: &FindRequest, caller: &Caller, settings: &Settings) -> Result<Self> {
        let preferences = request.read_preferences.as_ref();
        Ok(Self {
            filter: filter(&request.r#where)?,
            limit: limit(request.limit, settings)?,
            skip: skip(request.skip)?,
            hint: json(&request.hint, "hint")?,
            comment: Some(request.comment.clone()).filter(|comment| !comment.is_empty()),
            explain: explain(&request.explain, caller, settings)?,
            read_preference: read_preference(preferences.map(|preferences| preferences.main.as_str()))?,
        })
    }
}

/// Whether a query asks for one object by its id: that is a get for class-level permissions.
pub(super) fn asks_for_one_object(filter: &Json) -> bool {
    let Json::Object(members) = filter else { return false };
    members.len() == 1 && matches!(members.get("objectId"), Some(Json::String(_)))
}

pub(super) fn filter(bytes: &[u8]) -> Result<Json> {
    if bytes.is_empty() {
        return Ok(Json::Object(serde_json::Map::new()));
    }
    serde_json::from_slice(bytes)
        .map_err(|_| ParseError::new(ErrorCode::InvalidJson, "where parameter is not valid JSON"))
}

/// A negative limit is MongoDB's way of saying "so many, and no more": its amount.
fn limit(given: Option<f64>, settings: &Settings) -> Result<u64> {
    let Some(given) = given else { return Ok(settings.default_limit) };
    if given.is_nan() {
        return Err(ParseError::new(ErrorCode::InvalidQuery, "limit must be a number"));
    }
    let limit = given.abs() as u64;
    Ok(settings.max_limit.map_or(limit, |most| limit.min(most)))
}

fn skip(given: Option<f64>) -> Result<u64> {
    match given {
        None => Ok(0),
        Some(given) if given >= 0.0 => Ok(given as u64),
        Some(_) => Err(ParseError::new(ErrorCode::InvalidQuery, "skip must be a non-negative number")),
    }
}

/// JSON, or a bare word.
pub(super) fn json(bytes: &[u8], name: &str) -> Result<Option<Json>> {
    if bytes.is_empty() {
        return Ok(None);
    }
    match (serde_json::from_slice(bytes), std::str::from_utf8(bytes)) {
        (Ok(value), _) => Ok(Some(value)),
        (Err(_), Ok(text)) => Ok(Some(Json::String(text.to_owned()))),
        (Err(_), Err(_)) => Err(ParseError::new(ErrorCode::InvalidQuery, format!("Invalid value for {name}"))),
    }
}

pub(super) fn explain(bytes: &[u8], caller: &Caller, settings: &Settings) -> Result<Option<&'static str>> {
    let verbosity = match json(bytes, "explain")? {
        None | Some(Json::Null | Json::Bool(false)) => return Ok(None),
        Some(Json::Bool(true)) => Some("allPlansExecution"),
        Some(Json::String(name)) => ["queryPlanner", "queryPlannerExtended", "executionStats", "allPlansExecution"]
            .into_iter()
            .find(|verbosity| *verbosity == name),
        Some(Json::Number(_) | Json::Array(_) | Json::Object(_)) => None,
    };
    if !matches!(caller, Caller::Master | Caller::ReadOnlyMaster) && !settings.allow_public_explain {
        return Err(ParseError::new(
            ErrorCode::InvalidQuery,
            "Using the explain query parameter requires the master key",
        ));
    }
    verbosity.map(Some).ok_or_else(|| ParseError::new(ErrorCode::InvalidQuery, "Invalid value for explain"))
}

/// One of the driver's names, in any case.
pub(super) fn read_preference(name: Option<&str>) -> Result<Option<String>> {
    let Some(name) = name.filter(|name| !name.is_empty()) else { return Ok(None) };
    let name = name.to_ascii_uppercase();
    match name.as_str() {
        "PRIMARY" | "PRIMARY_PREFERRED" | "SECONDARY" | "SECONDARY_PREFERRED" | "NEAREST" => Ok(Some(name)),
        _ => Err(ParseError::new(ErrorCode::InvalidQuery, "Not supported read preference.")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn options(request: &FindRequest, caller: &Caller) -> Result<Options> {
        Options::new(request, caller, &Settings { max_limit: Some(1000), ..Settings::default() })
    }

    #[test]
    fn a_limit_is_bounded_by_the_app_s_and_100_by_default() {
        let limit = |limit| options(&FindRequest { limit, ..Default::default() }, &Caller::Master).map(|o| o.limit);
        assert_eq!(limit(None).unwrap(), 100);
        assert_eq!(limit(Some(0.0)).unwrap(), 0);
        assert_eq!(limit(Some(5000.0)).unwrap(), 1000);
        assert_eq!(limit(Some(-1.0)).unwrap(), 1);
        assert_eq!(limit(Some(f64::INFINITY)).unwrap(), 1000);
        assert_eq!(limit(Some(f64::NAN)).unwrap_err().code, ErrorCode::InvalidQuery);
    }

    #[test]
    fn skip_does_not_go_backwards() {
        let request = FindRequest { skip: Some(-1.0), ..Default::default() };
        assert_eq!(options(&request, &Caller::Master).unwrap_err().code, ErrorCode::InvalidQuery);
    }

    #[test]
    fn a_filter_is_json() {
        let request = FindRequest { r#where: "{".into(), ..Default::default() };
        assert_eq!(options(&request, &Caller::Public).unwrap_err().message, "where parameter is not valid JSON");
    }

    #[test]
    fn only_the_master_key_reads_plans() {
        let request = |explain: &'static str| FindRequest { explain: explain.into(), ..Default::default() };
        assert!(options(&request("true"), &Caller::Public).is_err());
        assert_eq!(options(&request("\"queryPlanner\""), &Caller::Master).unwrap().explain, Some("queryPlanner"));
        assert_eq!(options(&request("nonsense"), &Caller::Master).unwrap_err().message, "Invalid value for explain");
        assert_eq!(options(&request("false"), &Caller::Public).unwrap().explain, None);
    }

    #[test]
    fn one_object_by_its_id_is_a_get() {
        use serde_json::json;
        assert!(asks_for_one_object(&json!({"objectId": "a"})));
        assert!(!asks_for_one_object(&json!({"objectId": {"$in": ["a"]}})));
        assert!(!asks_for_one_object(&json!({"objectId": "a", "b": 1})));
    }
}
