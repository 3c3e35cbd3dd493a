//! `routeAllowList`: the only routes that clients without a key role may use.

use fancy_regex::Regex;
use parsefleet_core::{ErrorCode, ParseError};
use percent_encoding::percent_decode_str;

use crate::{ServeError, privilege::Role, routes::AccountCall, verb::Verb};

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
        // Routes are found whatever the escapes and the case, so that what is asked for has to be allowed as well as how it is
        // spelled.
        if allows(patterns, path) && allows(patterns, &understood(path)) {
            return Ok(());
        }
        let message = format!("Route not allowed by routeAllowList: {} {path}", verb.name());
        Err(ParseError::sanitised(ErrorCode::OperationForbidden, message))
    }
}

fn allows(patterns: &[Regex], path: &str) -> bool {
    // A pattern that gives up (backtracking limit) does not match.
    patterns.iter().any(|pattern| pattern.is_match(path).unwrap_or(false))
}

/// The path without escapes, its fixed parts as the documentation writes them.
fn understood(path: &str) -> String {
    const ROUTES: [&str; 15] = [
        "aggregate",
        "batch",
        "classes",
        "config",
        "emails",
        "health",
        "hooks",
        "installations",
        "purge",
        "roles",
        "schemas",
        "security",
        "serverInfo",
        "sessions",
        "users",
    ];
    let decoded = percent_decode_str(path).decode_utf8_lossy();
    let (first, rest) = decoded.split_once('/').map_or((&*decoded, None), |(first, rest)| (first, Some(rest)));
    let accounts = AccountCall::ALL.into_iter().map(AccountCall::name);
    let known = ROUTES.into_iter().chain(accounts).find(|known| first.eq_ignore_ascii_case(known));
    let name = known.unwrap_or(first);
    let rest = match rest {
        Some(me) if ["users", "sessions"].contains(&name) && me.eq_ignore_ascii_case("me") => Some("me"),
        rest => rest,
    };
    match rest {
        None => name.to_owned(),
        Some(rest) => format!("{name}/{rest}"),
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
    fn no_spelling_leads_around_the_list() {
        for path in ["/classes/%53ecret", "/classes/Secret%20", "/classes/%53%65cret/x"] {
            assert!(!allowed(&["classes/(?!Secret).*"], path, None), "{path}");
        }
        for path in ["/CLASSES/Secret", "/Classes/%53ecret", "/users/ME", "/serverinfo"] {
            assert!(!allowed(&["(?!classes/Secret|users/me|serverInfo).*"], path, None), "{path}");
            assert!(allowed(&[".*"], path, None), "{path}");
        }
        assert!(allowed(&["classes/(?!Secret).*"], "/classes/O%70en", None));
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
