//! When a job that failed is tried again.

use std::time::Duration;

/// Pauses between attempts, and how many attempts there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetrySchedule {
    delays: Vec<Duration>,
    attempts: u32,
}

/// The next attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pause {
    /// The delay of the schedule: no attempt waits longer.
    pub(crate) longest: Duration,
    /// The delay of this attempt: jobs that failed together do not come back together.
    pub(crate) jittered: Duration,
}

impl Default for RetrySchedule {
    /// Half a day: four short pauses, then one an hour.
    fn default() -> Self {
        Self { delays: [5, 30, 120, 600, 3600].map(Duration::from_secs).to_vec(), attempts: 16 }
    }
}

impl RetrySchedule {
    /// The pause after the first attempt, the second, and so on, the last of them for all that follow; and the number of
    /// attempts in all. With no pause given, or less than two attempts, nothing is tried again.
    pub fn new(delays: Vec<Duration>, attempts: u32) -> Self {
        Self { delays, attempts }
    }

    /// All different pauses.
    pub(crate) fn delays(&self) -> impl Iterator<Item = Duration> {
        let mut delays = self.delays.clone();
        delays.sort_unstable();
        delays.dedup();
        delays.into_iter()
    }

    /// What follows after so many attempts have failed; `None` if that is the end.
    pub(crate) fn after(&self, failed: u32) -> Option<Pause> {
        if failed >= self.attempts {
            return None;
        }
        let index = usize::try_from(failed.saturating_sub(1)).unwrap_or(usize::MAX);
        let longest = *self.delays.get(index).or(self.delays.last())?;
        Some(Pause { longest, jittered: longest.mul_f64(rand::random_range(0.5..=1.0)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end() {
        let seconds = |count| Duration::from_secs(count);
        let schedule = RetrySchedule::new(vec![seconds(1), seconds(10)], 4);
        let longest: Vec<_> = (1..=4).map(|failed| schedule.after(failed).map(|pause| pause.longest)).collect();
        assert_eq!(longest, [Some(seconds(1)), Some(seconds(10)), Some(seconds(10)), None]);
        assert_eq!(RetrySchedule::new(Vec::new(), 9).after(1), None);
    }

    #[test]
    fn pauses_are_jittered_within_the_delay() {
        let schedule = RetrySchedule::default();
        let pauses: Vec<_> = (0..100).filter_map(|_| schedule.after(1)).collect();
        assert!(pauses.iter().all(|pause| pause.jittered <= pause.longest && pause.jittered >= pause.longest / 2));
        assert!(pauses.iter().any(|pause| pause.jittered != pauses[0].jittered));
    }
}
