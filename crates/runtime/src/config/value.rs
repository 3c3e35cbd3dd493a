//! From what is given (text in flags and environment, JSON in the file) to the value of an option.

use std::time::Duration;

use serde_json::{Value as Json, json};

use super::options::{Kind, OptionSpec};

/// The value of an option given as text. The error is a sentence for the operator.
pub(super) fn from_text(option: &OptionSpec, text: &str) -> Result<Json, String> {
    from_json(option, &Json::String(text.to_owned()))
}

/// The value of an option given as JSON.
pub(super) fn from_json(option: &OptionSpec, given: &Json) -> Result<Json, String> {
    match option.kind {
        Kind::Text => match given {
            Json::String(_) => Ok(given.clone()),
            Json::Number(number) => Ok(Json::String(number.to_string())),
            Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_) => {
                Err(format!("{} should be a string", option.name))
            }
        },
        Kind::Boolean => Ok(Json::Bool(truth(given))),
        Kind::BooleanOrWebhook => match given {
            Json::String(text) if is_web(text) => Ok(given.clone()),
            Json::String(text) if !["true", "false", "1", "0", ""].contains(&text.as_str()) => {
                Err(is_a_function(option.name, ASKED))
            }
            Json::Array(_) | Json::Object(_) => Err(is_a_function(option.name, ASKED)),
            other => Ok(Json::Bool(truth(other))),
        },
        Kind::Integer => integer(option, given),
        Kind::IntegerOrBoolean => match given {
            Json::Bool(_) => Ok(given.clone()),
            Json::String(text) if text == "true" || text == "false" => Ok(Json::Bool(text == "true")),
            other => integer(option, other),
        },
        Kind::IntegerOrText => match given {
            Json::String(_) => Ok(given.clone()),
            other => integer(option, other),
        },
        Kind::List => list(option, given),
        Kind::Object => match given {
            Json::String(text) => {
                serde_json::from_str(text).map_err(|error| format!("{} should be JSON: {error}", option.name))
            }
            other => Ok(other.clone()),
        },
        Kind::Any => match given {
            Json::String(text) => Ok(serde_json::from_str(text).unwrap_or_else(|_| given.clone())),
            other => Ok(other.clone()),
        },
        Kind::Duration => {
            let text = plain(given);
            duration(&text).map(|_| Json::String(text.clone())).ok_or_else(|| invalid(option, given))
        }
    }
}

/// What a switch may hold for which Parse Server takes a function, too.
const ASKED: &str = "true or false, nor the address of a webhook that is asked";

/// Whether it is a URL of the web, over TLS or not.
pub(super) fn is_web(url: &str) -> bool {
    ["http://", "https://"].iter().any(|scheme| url.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()))
}

/// What is said where Parse Server takes a function: `instead` can be given.
pub(super) fn is_a_function(name: &str, instead: &str) -> String {
    format!("{name} holds no {instead}: a function is JavaScript, which needs Cloud Code, and that is not there yet")
}

/// A time such as `500ms`, `30s`, `2m`, `1h` or `30` (seconds).
pub(super) fn duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    match unit.trim() {
        "ms" => Some(Duration::from_millis(number)),
        "" | "s" => Some(Duration::from_secs(number)),
        "m" => number.checked_mul(60).map(Duration::from_secs),
        "h" => number.checked_mul(3600).map(Duration::from_secs),
        _ => None,
    }
}

/// A size such as `20mb`, `512kb`, `1.5gb` or `1048576` (bytes).
pub(super) fn size(text: &str) -> Option<usize> {
    let text = text.trim().to_ascii_lowercase();
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number = number.trim_end();
    let starts_and_ends_with_digit =
        number.starts_with(|c: char| c.is_ascii_digit()) && number.ends_with(|c: char| c.is_ascii_digit());
    let number: f64 = number.parse().ok().filter(|_| starts_and_ends_with_digit)?;
    let factor: f64 = match unit {
        "" | "b" => 1.0,
        "kb" => 1024.0,
        "mb" => 1024.0 * 1024.0,
        "gb" => 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    };
    let bytes = (number * factor).floor();
    // A float up to 2^53 is an exact integer; larger sizes are a mistake anyway.
    (bytes <= 9_007_199_254_740_992.0).then_some(bytes as usize)
}

fn truth(given: &Json) -> bool {
    match given {
        Json::Bool(value) => *value,
        Json::Number(number) => number.as_f64() == Some(1.0),
        Json::String(text) => text == "true" || text == "1",
        Json::Null | Json::Array(_) | Json::Object(_) => false,
    }
}

/// JavaScript's `parseInt`: what follows the leading digits does not count.
fn integer(option: &OptionSpec, given: &Json) -> Result<Json, String> {
    let text = plain(given);
    let trimmed = text.trim_start();
    let unsigned = trimmed.strip_prefix(['-', '+']).unwrap_or(trimmed);
    let digits = unsigned.len() - unsigned.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let end = trimmed.len() - unsigned.len() + digits;
    let number: i64 = trimmed[..end].parse().map_err(|_| invalid(option, given))?;
    Ok(json!(number))
}

fn list(option: &OptionSpec, given: &Json) -> Result<Json, String> {
    match given {
        Json::Array(_) => Ok(given.clone()),
        Json::String(text) => {
            // Entries that are objects cannot be written with commas, so a JSON array is understood as well.
            if text.trim_start().starts_with('[')
                && let Ok(array @ Json::Array(_)) = serde_json::from_str(text)
            {
                return Ok(array);
            }
            Ok(text.split(',').map(str::to_owned).collect::<Vec<_>>().into())
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Object(_) => {
            Err(format!("{} should be a comma separated string or an array", option.name))
        }
    }
}

fn invalid(option: &OptionSpec, given: &Json) -> String {
    format!("Key {} has invalid value {}", option.name, plain(given))
}

/// A value as JavaScript would print it, near enough for a number and a text.
fn plain(given: &Json) -> String {
    match given {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}
