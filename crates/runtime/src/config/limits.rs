//! `rateLimit` and `security`: how often something may be asked, and whether the set-up is checked.

use std::time::Duration;

use fancy_regex::Regex;
use parsefleet_core::PathPattern;
use secrecy::SecretString;

/// One entry of `rateLimit`.
#[derive(Debug)]
pub struct RateLimit {
    /// `requestPath` as it was given.
    pub path: String,
    /// `requestPath`, compiled.
    pub pattern: PathPattern,
    /// `requestTimeWindow`
    pub window: Duration,
    /// `requestCount`
    pub count: u64,
    /// `requestMethods`
    pub methods: RateLimitMethods,
    /// `errorResponseMessage`
    pub message: String,
    /// `includeInternalRequests`
    pub include_internal: bool,
    /// `includeMasterKey`
    pub include_master_key: bool,
    /// `zone`
    pub zone: RateLimitZone,
    /// `redisUrl`
    pub redis_url: Option<SecretString>,
}

/// Which methods a limit is about.
#[derive(Clone, Debug)]
pub enum RateLimitMethods {
    /// All.
    All,
    /// These.
    List(Vec<String>),
    /// Those in which the expression finds something.
    Matching(Regex),
}

/// Whose requests are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateLimitZone {
    /// Those of an address.
    Ip,
    /// Those with a session token.
    Session,
    /// Those of a user.
    User,
    /// All.
    Global,
}

/// `security`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Security {
    /// `enableCheck`: whether `GET /security` reports.
    pub enable_check: bool,
    /// `enableCheckLog`: whether the report is logged at start, too.
    pub enable_check_log: bool,
}

impl RateLimitMethods {
    /// Whether the limit is about this method.
    pub fn include(&self, method: &str) -> bool {
        match self {
            Self::All => true,
            Self::List(methods) => methods.iter().any(|listed| listed == method),
            // An expression that gives up (backtracking limit) lets nothing by.
            Self::Matching(expression) => expression.is_match(method).unwrap_or(true),
        }
    }
}
