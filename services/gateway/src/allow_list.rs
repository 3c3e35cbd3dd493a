//! `routeAllowList`: the only routes that clients without a key role may use.

use fancy_regex::Regex;
use parsefleet_core::{ErrorCode, ParseError};

use crate::{ServeError, privilege::Role, verb::Verb};

/// The compiled list; `None` allows everything.
pub(crate) struct AllowList(Option<Vec<Regex>>);

impl AllowList {
    pub(crate) fn try_new(patterns: Option<&[String]>) -> Result<Self, ServeError> {
        let Some(patterns) = patterns else { return Ok(Self(None)) };
        let compile = |pattern: &String| {
            Regex::new(&format!("^(?:{pattern})$"))
                .map_err(|error| ServeError::AllowList { pattern: pattern.clone(), reason: error.to_string() })
        };
        Ok(Self(Some(patterns.iter().map(compile).collect::<Result<_, _>>()?)))
    }

    /// Checks a path that starts after the mount path and has no query.
    pub(crate) fn check(&self, verb: &Verb, path: &str, role: Option<Role>) -> Result<(), ParseError> {
        let Some(patterns) = &self.0 else { return Ok(()) };
        if role.is_some() {
            return Ok(());
        }
        let path = path.strip_prefix('/').unwrap_or(path);
        let path = path.strip_suffix('/').unwrap_or(path);
        // A pattern that gives up (backtracking limit) does not match.
        if patterns.iter().any(|pattern| pattern.is_match(path).unwrap_or(false)) {
            return Ok(());
        }
        let message = format!("Route not allowed by routeAllowList: {} {path}", verb.name());
        Err(ParseError::sanitised(ErrorCode::OperationForbidden, message))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail by panic")]

    use super::*;

    fn allowed(patterns: &[&str], path: &str, role: Option<Role>) -> bool {
        let patterns: Vec<String> = patterns.iter().map(ToString::to_string).collect();
        AllowList::try_new(Some(&patterns)).unwrap().check(&Verb::Get, path, role).is_ok()
    }

    #[test]
    fn the_whole_path_has_to_match() {
        assert!(allowed(&["classes/Open"], "/classes/Open/", None));
        assert!(!allowed(&["classes/Open"], "/classes/Open/x", None));
        assert!(!allowed(&["classes/Open|batch"], "/xbatch", None));
        assert!(allowed(&["classes/(?!Secret).*"], "/classes/Open/x", None));
        assert!(!allowed(&["classes/(?!Secret).*"], "/classes/Secret", None));
    }

    #[test]
    fn an_empty_list_allows_nothing_and_key_roles_everything() {
        assert!(!allowed(&[], "/health", None));
        assert!(allowed(&[], "/health", Some(Role::ReadOnlyMaster)));
        assert!(AllowList::try_new(None).unwrap().check(&Verb::Get, "/x", None).is_ok());
    }

    #[test]
    fn a_bad_pattern_is_found_at_the_start() {
        assert!(matches!(AllowList::try_new(Some(&["(".to_owned()])), Err(ServeError::AllowList { .. })));
    }
}
