//! The time, to the millisecond that Parse keeps.

use std::time::{SystemTime, UNIX_EPOCH};

use parsefleet_core::Date;

/// Now.
pub(crate) fn now() -> Date {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Date(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
