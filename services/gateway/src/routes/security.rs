//! `/security`: how safely the server is set up. Shape, titles and texts are Parse Server's; what is checked is what there is
//! here.

use bytes::Bytes;
use ipnet::IpNet;
use parsefleet_runtime::config::{Config, RequestComplexity};
use secrecy::ExposeSecret as _;
use serde_json::{Value as Json, json};

use crate::{
    app::App,
    failure::{Failure, Result},
    privilege::MasterReader,
    render::Reply,
};

/// Least length of a key or password.
const LEAST_LENGTH: usize = 14;

struct Check {
    title: &'static str,
    passed: bool,
    warning: &'static str,
    solution: &'static str,
}

/// # Errors
/// 409 unless `security.enableCheck` is on.
pub(super) fn get(app: &App, _: &MasterReader) -> Result<Reply> {
    if !app.config.security.enable_check {
        let text = "Enable Parse Server option `security.enableCheck` to run security check.";
        return Err(Failure::http(409, text));
    }
    Ok(Reply::ok(Bytes::from(report(&app.config).to_string())))
}

/// Logs what is not safe, if the configuration asks for that.
pub(crate) fn log(config: &Config) {
    if !(config.security.enable_check && config.security.enable_check_log) {
        return;
    }
    for check in database(config).into_iter().chain(server(config)).filter(|check| !check.passed) {
        tracing::warn!(check = check.title, solution = check.solution, "security check failed: {}", check.warning);
    }
}

fn report(config: &Config) -> Json {
    let groups = [("Database", database(config)), ("Parse Server Configuration", server(config))];
    let groups = groups.into_iter().filter(|(_, checks)| !checks.is_empty());
    let mut all_passed = true;
    let groups: Vec<Json> = groups
        .map(|(name, checks)| {
            let passed = checks.iter().all(|check| check.passed);
            all_passed &= passed;
            json!({ "name": name, "state": state(passed), "checks": checks.iter().map(Check::to_json).collect::<Json>() })
        })
        .collect();
    json!({ "report": { "version": "1.0.0", "state": state(all_passed), "groups": groups } })
}

fn state(passed: bool) -> &'static str {
    if passed { "success" } else { "fail" }
}

impl Check {
    fn to_json(&self) -> Json {
        let mut json = json!({ "title": self.title, "state": state(self.passed) });
        if let (false, Some(members)) = (self.passed, json.as_object_mut()) {
            members.insert("warning".to_owned(), self.warning.into());
            members.insert("solution".to_owned(), self.solution.into());
        }
        json
    }
}

/// Nothing, if the database is not reached by a URI that this process knows.
fn database(config: &Config) -> Vec<Check> {
    let Some(uri) = &config.database.uri else { return Vec::new() };
    vec![Check {
        title: "Secure database password",
        passed: password_of(uri.expose_secret()).is_some_and(is_strong),
        warning: "The database password is insecure and vulnerable to brute force attacks.",
        solution: "Choose a longer and/or more complex password with a combination of upper- and lowercase characters, \
                   numbers and special characters.",
    }]
}

fn server(config: &Config) -> Vec<Check> {
    let explains_to_all = config.database.options.get("allowPublicExplain").and_then(Json::as_bool).unwrap_or(false);
    vec![
        Check {
            title: "Secure master key",
            passed: is_strong(config.keys.master.expose_secret()),
            warning: "The Parse Server master key is insecure and vulnerable to brute force attacks.",
            solution: "Choose a longer and/or more complex master key with a combination of upper- and lowercase \
                       characters, numbers and special characters.",
        },
        Check {
            title: "Security log disabled",
            passed: !config.security.enable_check_log,
            warning: "Security checks in logs may expose vulnerabilities to anyone with access to logs.",
            solution: "Change Parse Server configuration to 'security.enableCheckLog: false'.",
        },
        Check {
            title: "Client class creation disabled",
            passed: !config.objects.allow_client_class_creation,
            warning: "Attackers are allowed to create new classes without restriction and flood the database.",
            solution: "Change Parse Server configuration to 'allowClientClassCreation: false'.",
        },
        Check {
            title: "Public database explain disabled",
            passed: !explains_to_all,
            warning: "Database explain queries are publicly accessible, which may expose sensitive database performance \
                      information and schema details.",
            solution: "Change Parse Server configuration to 'databaseOptions.allowPublicExplain: false'. You will need to use \
                       master key to run explain queries.",
        },
        Check {
            title: "Read-only master key IP range restricted",
            passed: config.keys.read_only_master.is_none()
                || !config.keys.read_only_master_ips.iter().any(is_everywhere),
            warning: "The read-only master key can be used from any IP address, which increases the attack surface if the key \
                      is compromised.",
            solution: "Change Parse Server configuration to 'readOnlyMasterKeyIps: [\"127.0.0.1\", \"::1\"]' to restrict access \
                       to localhost, or set it to a list of specific IP addresses.",
        },
        Check {
            title: "Request complexity limits enabled",
            passed: is_complexity_limited(&config.objects.request_complexity),
            warning: "One or more request complexity limits are disabled, which may allow denial-of-service attacks through \
                      deeply nested or excessively broad queries.",
            solution: "Ensure all properties in 'requestComplexity' are set to positive integers. Set to '-1' only if you have \
                       other mitigations in place.",
        },
    ]
}

/// Whether there is a limit to everything that Parse Server asks about and that is here.
fn is_complexity_limited(limits: &RequestComplexity) -> bool {
    let RequestComplexity { include_depth, include_count, query_depth, subquery_depth, batch_request_limit, .. } =
        limits;
    [include_depth, include_count, query_depth, subquery_depth, batch_request_limit].into_iter().all(Option::is_some)
}

/// Long, and of three of the four kinds of characters.
fn is_strong(secret: &str) -> bool {
    let kinds: [fn(char) -> bool; 4] = [
        |character| character.is_ascii_uppercase(),
        |character| character.is_ascii_lowercase(),
        |character| character.is_ascii_digit(),
        |character| !(character.is_ascii_alphanumeric() || character == '_'),
    ];
    secret.chars().count() >= LEAST_LENGTH && kinds.into_iter().filter(|is| secret.chars().any(is)).count() >= 3
}

/// The password in `scheme://user:password@host`.
fn password_of(uri: &str) -> Option<&str> {
    let (_, rest) = uri.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let (credentials, _) = authority.rsplit_once('@')?;
    credentials.split_once(':').map(|(_, password)| password)
}

fn is_everywhere(network: &IpNet) -> bool {
    network.prefix_len() == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strong_secrets_are_long_and_mixed() {
        assert!(is_strong("abcDEF1234567890"));
        assert!(is_strong("abc_def-123456"));
        assert!(!is_strong("abcdefghijklmnop"));
        assert!(!is_strong("abcdefghijklm1234567"));
        assert!(!is_strong("aB1-"));
    }

    #[test]
    fn passwords_are_found_in_addresses() {
        assert_eq!(password_of("mongodb://user:secret@host:1/db"), Some("secret"));
        assert_eq!(password_of("mongodb://user:se@cret@host/db?x=a@b"), Some("se@cret"));
        assert_eq!(password_of("mongodb://host:27017/db"), None);
        assert_eq!(password_of("mongodb://user@host/db"), None);
        for rest in ["?a=:x@y", "#:x@y", "/?a=:x@y"] {
            assert_eq!(password_of(&format!("mongodb://host{rest}")), None, "{rest}");
            assert_eq!(password_of(&format!("mongodb://user:secret@host{rest}")), Some("secret"), "{rest}");
        }
    }
}
