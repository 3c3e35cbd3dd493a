//! How often something may be done: so many times at once, and once more every so often.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// A bucket that fills again with time.
pub(super) struct Allowance {
    most: u32,
    refill: Duration,
    /// What is left, and since when the next one has been coming.
    left: Mutex<(u32, Instant)>,
}

impl Allowance {
    /// A full one.
    pub(super) fn new(most: u32, refill: Duration) -> Self {
        Self { most, refill, left: Mutex::new((most, Instant::now())) }
    }

    /// Whether it may be done now.
    pub(super) fn take(&self) -> bool {
        self.take_at(Instant::now())
    }

    fn take_at(&self, now: Instant) -> bool {
        let mut state = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let (left, since) = *state;
        let gained =
            u32::try_from(now.duration_since(since).as_nanos() / self.refill.as_nanos().max(1)).unwrap_or(u32::MAX);
        let left = left.saturating_add(gained).min(self.most);
        let since = if gained > 0 { now } else { since };
        *state = (left.saturating_sub(1), since);
        left > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_used_up_and_fills_again() {
        let allowance = Allowance::new(2, Duration::from_millis(20));
        let now = Instant::now();
        assert!(allowance.take_at(now) && allowance.take_at(now));
        assert!(!allowance.take_at(now));
        let later = now + Duration::from_millis(25);
        assert!(allowance.take_at(later));
        assert!(!allowance.take_at(later));
    }
}
