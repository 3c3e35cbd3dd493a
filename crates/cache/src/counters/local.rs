//! Counters in the process.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;

use super::{Count, Counters};

/// A bounded number of counters. When they are too many, those that count least are forgotten: whoever is over a limit
/// stays over it.
pub struct LocalCounters {
    capacity: usize,
    windows: Mutex<HashMap<Box<str>, Window>>,
}

#[derive(Clone, Copy)]
struct Window {
    hits: u64,
    ends: Instant,
}

impl LocalCounters {
    /// No counters yet; at most `capacity` at any time.
    pub fn new(capacity: usize) -> Self {
        Self { capacity: capacity.max(1), windows: Mutex::default() }
    }

    /// Counts one hit.
    pub(super) fn count(&self, name: &str, window: Duration) -> Count {
        let now = Instant::now();
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = windows.get_mut(name).filter(|known| known.ends > now) {
            known.hits += 1;
            return Count { hits: known.hits, ends_in: known.ends - now };
        }
        if windows.len() >= self.capacity {
            make_room(&mut windows, now, self.capacity);
        }
        windows.insert(name.into(), Window { hits: 1, ends: now + window });
        Count { hits: 1, ends_in: window }
    }

    /// Hits counted or learned in the window that runs, 0 without one.
    pub(super) fn hits(&self, name: &str) -> u64 {
        let windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        windows.get(name).filter(|known| known.ends > Instant::now()).map_or(0, |known| known.hits)
    }

    /// Takes over what was counted elsewhere: at least so many hits, in a window that ends at this time or earlier.
    pub(super) fn learn(&self, name: &str, hits: u64, ends: Instant) {
        let now = Instant::now();
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = windows.get_mut(name).filter(|known| known.ends > now) {
            known.hits = known.hits.max(hits);
            known.ends = known.ends.min(ends);
            return;
        }
        if windows.len() >= self.capacity {
            make_room(&mut windows, now, self.capacity);
        }
        windows.insert(name.into(), Window { hits, ends });
    }
}

#[async_trait]
impl Counters for LocalCounters {
    async fn hit(&self, name: &str, window: Duration) -> Count {
        self.count(name, window)
    }
}

/// Forgets what is over and, if that is not enough, half of the rest.
fn make_room(windows: &mut HashMap<Box<str>, Window>, now: Instant, capacity: usize) {
    windows.retain(|_, window| window.ends > now);
    if windows.len() < capacity {
        return;
    }
    let mut hits: Vec<u64> = windows.values().map(|window| window.hits).collect();
    let middle = hits.len() / 2;
    let (_, median, _) = hits.select_nth_unstable(middle);
    let median = *median;
    let mut surplus = middle.max(1);
    windows.retain(|_, window| {
        let goes = surplus > 0 && window.hits <= median;
        surplus -= usize::from(goes);
        !goes
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn hits_count_until_the_window_ends() {
        let counters = LocalCounters::new(10);
        let window = Duration::from_millis(30);
        let hits = |name: &str| counters.count(name, window).hits;
        assert_eq!((hits("a"), hits("a"), hits("b"), hits("a")), (1, 2, 1, 3));
        assert!(counters.count("a", window).ends_in <= window);
        std::thread::sleep(window);
        assert_eq!(hits("a"), 1);
    }

    #[test]
    fn what_is_learned_only_raises_the_count_and_shortens_the_window() {
        let counters = LocalCounters::new(10);
        assert_eq!(counters.hits("a"), 0);
        counters.learn("a", 3, Instant::now() + MINUTE);
        counters.learn("a", 2, Instant::now() + 2 * MINUTE);
        assert_eq!(counters.hits("a"), 3);
        let count = counters.count("a", 2 * MINUTE);
        assert_eq!(count.hits, 4);
        assert!(count.ends_in <= MINUTE);
        counters.learn("a", 4, Instant::now());
        assert_eq!(counters.hits("a"), 0);
        assert_eq!(counters.count("a", MINUTE).hits, 1);
    }

    #[test]
    fn a_flood_of_names_neither_grows_the_map_nor_forgives_anybody() {
        let counters = LocalCounters::new(100);
        for _ in 0..50 {
            counters.count("over the limit", MINUTE);
        }
        for number in 0..10_000 {
            counters.count(&number.to_string(), MINUTE);
        }
        assert!(counters.windows.lock().is_ok_and(|windows| windows.len() <= 100));
        assert_eq!(counters.count("over the limit", MINUTE).hits, 51);
    }

    #[test]
    fn simultaneous_hits_all_count() {
        let counters = LocalCounters::new(10);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..1000 {
                        counters.count("a", MINUTE);
                    }
                });
            }
        });
        assert_eq!(counters.count("a", MINUTE).hits, 4001);
    }
}
