//! The time a request has left. It is set once at the edge and shrinks along the chain of calls.
//!
//! It belongs to the task: [`within`] sets and enforces it, clients send what is left as `grpc-timeout`, servers take
//! it from there. A spawned task starts without one.

use std::{future::Future, time::Duration};

use http::{HeaderMap, HeaderValue};
use tokio::time::{Instant, error::Elapsed, timeout_at};

tokio::task_local! {
    static DEADLINE: Instant;
}

/// The header that carries the time left.
pub(super) const HEADER: &str = "grpc-timeout";

/// The instant at which the current request is given up.
pub fn current() -> Option<Instant> {
    DEADLINE.try_with(|deadline| *deadline).ok()
}

/// The time the current request has left.
pub fn remaining() -> Option<Duration> {
    current().map(|deadline| deadline.saturating_duration_since(Instant::now()))
}

/// Runs the future with at most this much time, and no more than the current request has left. The work is dropped
/// when the time is over.
pub async fn within<F: Future>(timeout: Duration, future: F) -> Result<F::Output, Elapsed> {
    let mut deadline = Instant::now() + timeout;
    if let Some(current) = current() {
        deadline = deadline.min(current);
    }
    DEADLINE.scope(deadline, timeout_at(deadline, future)).await
}

/// The time left that a caller sent. What cannot be read counts as absent.
pub(super) fn from_headers(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(HEADER)?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.len() > 8 {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(number * 3600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

/// The header for this much time left: at most eight digits, in the finest unit of micro-, milliseconds and seconds.
pub(super) fn to_header(left: Duration) -> HeaderValue {
    const LIMIT: u128 = 100_000_000;
    let (number, unit) = if left.as_micros() < LIMIT {
        (left.as_micros(), 'u')
    } else if left.as_millis() < LIMIT {
        (left.as_millis(), 'm')
    } else {
        (u128::from(left.as_secs()).min(LIMIT - 1), 'S')
    };
    HeaderValue::try_from(format!("{number}{unit}")).expect("digits and a letter are a header value")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &'static str) -> Option<Duration> {
        from_headers(&HeaderMap::from_iter([(HEADER.parse().ok()?, HeaderValue::from_static(value))]))
    }

    #[test]
    fn reads_all_units_and_refuses_the_rest() {
        assert_eq!(read("1H"), Some(Duration::from_secs(3600)));
        assert_eq!(read("2M"), Some(Duration::from_secs(120)));
        assert_eq!(read("3S"), Some(Duration::from_secs(3)));
        assert_eq!(read("4m"), Some(Duration::from_millis(4)));
        assert_eq!(read("5u"), Some(Duration::from_micros(5)));
        assert_eq!(read("99999999n"), Some(Duration::from_nanos(99_999_999)));
        for wrong in ["", "S", "1", "1s", "-1S", "1.5S", "123456789S", "1 S"] {
            assert_eq!(read(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn writes_what_it_can_read() {
        for left in [Duration::ZERO, Duration::from_micros(1), Duration::from_secs(30), Duration::from_secs(7200)] {
            let header = HeaderMap::from_iter([(http::HeaderName::from_static(HEADER), to_header(left))]);
            assert_eq!(from_headers(&header), Some(left));
        }
        assert_eq!(to_header(Duration::MAX), "99999999S");
    }

    #[tokio::test(start_paused = true)]
    async fn an_inner_limit_never_outlives_the_outer() {
        let outer = within(Duration::from_secs(2), async {
            assert!(within(Duration::from_secs(60), std::future::pending::<()>()).await.is_err());
            remaining()
        });
        // The inner one ends at the same instant; the outer is asked first whether it is ready.
        assert!(matches!(outer.await, Ok(Some(Duration::ZERO)) | Err(_)));
        assert_eq!(remaining(), None);
    }
}
