//! What of the given options can be honoured: the rest is refused, never ignored in silence.

use serde_json::Value as Json;

use super::{
    options::{self, OptionSpec, State},
    sources::Given,
};

/// Adds a problem for every option, and every member of one, that is set and not implemented or not known.
pub(super) fn check(given: &Given, problems: &mut Vec<String>) {
    for option in options::all() {
        let Some((value, source)) = given.get(option.name) else { continue };
        match option.state {
            State::Implemented | State::WithoutEffect(_) => check_members(option, option.name, value, problems),
            State::NotImplemented(_) | State::NeedsCloudCode if asks_for_nothing(option, value) => {}
            State::NeedsCloudCode => problems.push(needs_cloud_code(&format!("{} ({source})", option.name))),
            State::NotImplemented(_) => problems.push(format!(
                "{} ({source}) is not implemented yet; leave it out, it would have no effect",
                option.name
            )),
        }
    }
}

/// What the operator should know about options that are accepted.
pub(super) fn warnings(given: &Given) -> Vec<String> {
    options::all()
        .filter_map(|option| {
            let State::WithoutEffect(reason) = option.state else { return None };
            let (value, source) = given.get(option.name)?;
            (!asks_for_nothing(option, value)).then(|| format!("{} ({source}) has no effect: {reason}", option.name))
        })
        .collect()
}

fn check_members(option: &OptionSpec, path: &str, value: &Json, problems: &mut Vec<String>) {
    if let Json::Array(entries) = value {
        entries.iter().for_each(|entry| check_members(option, path, entry, problems));
        return;
    }
    let (Json::Object(members), false) = (value, option.members.is_empty()) else { return };
    for (name, value) in members {
        let path = format!("{path}.{name}");
        let Some(member) = option.member(name) else {
            problems.push(format!("error: unknown option {path}"));
            continue;
        };
        match member.state {
            State::Implemented | State::WithoutEffect(_) => check_members(member, &path, value, problems),
            State::NotImplemented(_) | State::NeedsCloudCode if asks_for_nothing(member, value) => {}
            State::NeedsCloudCode => problems.push(needs_cloud_code(&path)),
            State::NotImplemented(_) => {
                problems.push(format!("{path} is not implemented yet; leave it out, it would have no effect"));
            }
        }
    }
}

fn needs_cloud_code(option: &str) -> String {
    format!("{option} is a JavaScript function, which needs Cloud Code, and that is not there yet")
}

/// Whether the value asks for nothing but what happens anyway.
fn asks_for_nothing(option: &OptionSpec, value: &Json) -> bool {
    let harmless = match option.state {
        State::NotImplemented(values) => values,
        State::Implemented | State::WithoutEffect(_) | State::NeedsCloudCode => &[],
    };
    if harmless.iter().any(|text| serde_json::from_str::<Json>(text).is_ok_and(|harmless| harmless == *value)) {
        return true;
    }
    match (option.default_value(), value) {
        (Some(default), value) if default == *value => true,
        (Some(Json::Object(_)), Json::Object(members)) => members
            .iter()
            .all(|(name, value)| option.member(name).is_some_and(|member| asks_for_nothing(member, value))),
        // Unset by default: what is empty or off is as good as unset. Not so an object, whose presence may mean "on".
        (None, Json::Bool(false) | Json::Null) => true,
        (None, Json::String(text)) => text.is_empty(),
        (None, Json::Array(entries)) => entries.is_empty(),
        _ => false,
    }
}
