//! A point in time as Parse keeps it: milliseconds since 1970 in UTC.

/// Milliseconds since the Unix epoch, UTC. JavaScript's range: ±8.64e15.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(pub i64);

impl Date {
    /// Reads what JavaScript's `new Date(text)` reads of the ISO formats: a date, optionally a time with or without
    /// fraction and zone. `None` for anything else.
    pub fn parse(_text: &str) -> Option<Self> {
        todo!()
    }

    /// `YYYY-MM-DDTHH:MM:SS.mmmZ`, as `toISOString` prints it (six-digit signed years outside 0..=9999).
    pub fn to_iso(self) -> String {
        todo!()
    }
}
