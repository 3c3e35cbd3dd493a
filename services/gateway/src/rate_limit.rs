//! `rateLimit`: how often somebody may ask for something.
//!
//! Every request counts against each limit whose path and methods it matches, before its session is looked up and whether or
//! not there is such a route; each part of a batch counts like a request of its own. A path counts as it is spelled and as it
//! is understood, that of a class also as the other path that leads there (`/roles` and `/classes/_Role`), and HEAD as the GET
//! that it is, so that no spelling goes by uncounted.

use std::{
    borrow::Cow,
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use futures_util::future::join_all;
use http::{HeaderMap, HeaderName, StatusCode, header};
use parsefleet_cache::{Count, Counters, LocalCounters, RedisCounters};
use parsefleet_runtime::config::{Config, RateLimit, RateLimitZone};
use percent_encoding::percent_decode_str;
use secrecy::ExposeSecret as _;

use crate::{
    ServeError,
    failure::{Failure, Result},
    privilege::Role,
    routes::Route,
    session::{SessionResolver, Token, digest},
    verb::Verb,
};

/// Counters kept in this process; those that count least are given up first.
const CAPACITY: usize = 100_000;

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// The limits and where they count.
pub(crate) struct RateLimits {
    config: Arc<Config>,
    /// Of each limit, in the order of the configuration.
    counters: Vec<Arc<dyn Counters>>,
}

/// What a limit may ask about a request.
pub(crate) struct Subject<'a> {
    /// After the mount path, without a query.
    pub(crate) path: &'a str,
    /// What decides the route.
    pub(crate) verb: &'a Verb,
    /// Methods that the request can be said to have.
    pub(crate) methods: [&'a str; 2],
    pub(crate) role: Option<Role>,
    pub(crate) address: Option<IpAddr>,
    pub(crate) token: Option<&'a Token>,
    pub(crate) user: User<'a>,
}

/// How the user of a request is found out.
pub(crate) enum User<'a> {
    /// By looking the token up.
    OfToken(&'a SessionResolver, &'a crate::privilege::Caller),
    /// This one, if any.
    Known(Option<&'a str>),
}

/// What the limits say to a request.
#[derive(Default)]
pub(crate) struct Verdict {
    /// Of the last limit that the request counted against.
    standing: Option<(u64, Count)>,
    /// The text and the count of the first one that is exceeded.
    refusal: Option<(String, Count)>,
}

impl RateLimits {
    /// Needs a tokio runtime; does not wait for Redis.
    ///
    /// # Errors
    /// An address is not one of Redis.
    pub(crate) fn try_new(config: Arc<Config>) -> Result<Self, ServeError> {
        let prefix = format!("parsefleet:{}:limits", config.app_id);
        let mut opened: HashMap<String, Arc<dyn Counters>> = HashMap::new();
        let mut counters = Vec::with_capacity(config.rate_limits.len());
        for limit in &config.rate_limits {
            let url = limit.redis_url.as_ref().or(config.fleet.redis_url.as_ref());
            let url = url.map(|url| url.expose_secret().to_owned()).unwrap_or_default();
            let opened = match opened.get(&url) {
                Some(opened) => Arc::clone(opened),
                None => {
                    let new: Arc<dyn Counters> = match url.as_str() {
                        "" => Arc::new(LocalCounters::new(CAPACITY)),
                        url => Arc::new(RedisCounters::try_new(url, &prefix, CAPACITY).map_err(ServeError::Redis)?),
                    };
                    opened.insert(url, Arc::clone(&new));
                    new
                }
            };
            counters.push(opened);
        }
        Ok(Self { config, counters })
    }

    /// Counts a request against every limit that is about it.
    pub(crate) async fn count(&self, subject: &Subject<'_>) -> Verdict {
        if self.counters.is_empty() {
            return Verdict::default();
        }
        let paths = subject.paths();
        let limits = self.config.rate_limits.iter().zip(&self.counters).enumerate();
        let concerned = limits.filter(|(_, (limit, _))| concerns(limit, subject, &paths));
        let hits = concerned.map(|(index, (limit, counters))| async move {
            let key = subject.key(limit.zone).await;
            let count = counters.hit(&format!("{index}:{}:{key}", limit.path), limit.window).await;
            (limit, count)
        });
        let mut verdict = Verdict::default();
        for (limit, count) in join_all(hits).await {
            verdict.standing = Some((limit.count, count));
            if count.hits > limit.count && verdict.refusal.is_none() {
                verdict.refusal = Some((limit.message.clone(), count));
            }
        }
        verdict
    }
}

impl Verdict {
    /// Tells the client how it stands.
    pub(crate) fn write_headers(&self, headers: &mut HeaderMap) {
        let Some((limit, count)) = &self.standing else { return };
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let reset = (since_epoch + count.ends_in).as_millis().div_ceil(1000);
        headers.insert(LIMIT, (*limit).into());
        headers.insert(REMAINING, limit.saturating_sub(count.hits).into());
        headers.insert(RESET, u64::try_from(reset).unwrap_or(u64::MAX).into());
        if let Some((_, count)) = &self.refusal {
            let seconds = count.ends_in.as_millis().div_ceil(1000);
            headers.insert(header::RETRY_AFTER, u64::try_from(seconds).unwrap_or(u64::MAX).into());
        }
    }

    /// # Errors
    /// The refusal, with this status.
    pub(crate) fn into_result(self, status: StatusCode) -> Result<()> {
        match self.refusal {
            None => Ok(()),
            Some((message, _)) => Err(Failure::TooManyRequests { status, message }),
        }
    }
}

/// Whether a request counts against a limit. As in Parse Server, a limit that holds for the master key holds for all
/// methods.
fn concerns(limit: &RateLimit, subject: &Subject<'_>, paths: &[Cow<'_, str>]) -> bool {
    if subject.address == Some(IpAddr::V4(Ipv4Addr::LOCALHOST)) && !limit.include_internal {
        return false;
    }
    let is_about = limit.include_master_key
        || (subject.methods.iter().any(|method| limit.methods.include(method))
            && !matches!(subject.role, Some(Role::Master | Role::ReadOnlyMaster)));
    is_about && paths.iter().any(|path| limit.pattern.is_match(path))
}

impl Subject<'_> {
    /// The path as it is spelled, as it is understood, and the others that lead to the same.
    fn paths(&self) -> Vec<Cow<'_, str>> {
        let mut paths = vec![Cow::Borrowed(self.path)];
        if let understood @ Cow::Owned(_) = percent_decode_str(self.path).decode_utf8_lossy() {
            paths.push(understood);
        }
        if let Ok(Some(route)) = Route::find(self.verb, self.path) {
            paths.extend(route.paths().into_iter().map(Cow::Owned));
        }
        paths
    }

    /// Whose request it is, as far as the zone tells people apart.
    async fn key(&self, zone: RateLimitZone) -> Cow<'static, str> {
        match zone {
            RateLimitZone::Global => return Cow::Borrowed("global"),
            RateLimitZone::Ip => {}
            RateLimitZone::Session => {
                // Who invents tokens gets no counter for each of them.
                if let (Some(token), Some(_)) = (self.token, self.user_id().await) {
                    return format!("session:{}", digest(token.expose())).into();
                }
            }
            RateLimitZone::User => {
                if let Some(user) = self.user_id().await {
                    return format!("user:{user}").into();
                }
            }
        }
        match self.address {
            Some(address) => format!("ip:{}", sender_of(address)).into(),
            None => Cow::Borrowed("ip:unknown"),
        }
    }

    async fn user_id(&self) -> Option<String> {
        match (&self.user, self.token) {
            (User::Known(user), _) => user.map(str::to_owned),
            // Whether the token is in order is said later.
            (User::OfToken(sessions, caller), Some(token)) if self.role.is_none() => {
                let session = sessions.resolve(token.expose(), caller.request_context()).await;
                session.ok().map(|session| session.user_id)
            }
            (User::OfToken(..), _) => None,
        }
    }
}

/// What one sender has: an IPv4 address, but a whole /64 of IPv6.
fn sender_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

#[cfg(test)]
mod tests;
