//! The time, to the millisecond that Parse keeps, and how rows write it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use parsefleet_core::Date;
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::{Value as Json, json};

/// Now.
pub(crate) fn now() -> Date {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Date(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}

/// So much later; the end of time if that is too far.
pub(crate) fn after(date: Date, duration: Duration) -> Date {
    Date(date.0.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))).min(LAST)
}

/// So much earlier.
pub(crate) fn before(date: Date, duration: Duration) -> Date {
    Date(date.0.saturating_sub(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))).max(Date(-LAST.0))
}

/// A date as a value of a row.
pub(crate) fn to_json(date: Date) -> Json {
    json!({ "__type": "Date", "iso": date.to_iso() })
}

/// JavaScript's last date.
const LAST: Date = Date(8_640_000_000_000_000);

/// A date in a row: `{"__type": "Date"}`, or the bare text of `createdAt` and `updatedAt`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment(pub(crate) Date);

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Typed { iso: String },
    Bare(String),
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (Written::Typed { iso } | Written::Bare(iso)) = Written::deserialize(deserializer)?;
        Date::parse(&iso).map(Self).ok_or_else(|| D::Error::custom("not a date"))
    }
}
