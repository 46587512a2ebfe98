//! A time limit for another program, which pauses while this process itself is stopped (Ctrl-Z, a
//! frozen control group).

use std::time::{Duration, Instant};

/// The longest single wait. A wait that takes longer than asked for shows that this process was
/// stopped.
const STEP: Duration = Duration::from_secs(1);
/// How late a wake-up can be on a busy machine.
const LATE: Duration = Duration::from_millis(500);

/// When the limit is over.
#[derive(Debug)]
pub(crate) struct Limit {
    /// `None` for no limit.
    deadline: Option<Instant>,
    /// When the current wait began, and how long it should take.
    step: (Instant, Duration),
}

impl Limit {
    /// A limit that starts now. A time too long to be represented means no limit.
    pub(crate) fn new(limit: Duration) -> Self {
        let now = Instant::now();
        Self { deadline: now.checked_add(limit), step: (now, STEP) }
    }

    /// No limit at all.
    pub(crate) fn never() -> Self {
        Self { deadline: None, step: (Instant::now(), STEP) }
    }

    /// How long to wait now.
    pub(crate) fn step(&mut self) -> Option<Duration> {
        let (now, deadline) = (Instant::now(), self.deadline?);
        let wait = deadline.saturating_duration_since(now).min(STEP);
        self.step = (now, wait);
        Some(wait)
    }

    /// Whether the time is up; to be asked after each wait.
    pub(crate) fn is_over(&mut self) -> bool {
        self.is_over_at(Instant::now())
    }

    fn is_over_at(&mut self, now: Instant) -> bool {
        let Some(deadline) = self.deadline else { return false };
        let (began, wait) = self.step;
        let lost = now.saturating_duration_since(began).saturating_sub(wait);
        let deadline = if lost > LATE { deadline + lost } else { deadline };
        (self.deadline, self.step) = (Some(deadline), (now, STEP));
        now >= deadline
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn a_stop_takes_nothing_from_it() {
        let mut limit = Limit::new(seconds(10));
        let (mut now, step) = (limit.step.0, limit.step().expect("it has an end"));
        assert_eq!(step, STEP);
        now += seconds(1) + seconds(3600);
        assert!(!limit.is_over_at(now), "an hour of it was a stop");
        for _ in 0..8 {
            now += seconds(1);
            assert!(!limit.is_over_at(now));
        }
        assert!(limit.is_over_at(now + seconds(1)));
    }

    #[test]
    fn a_busy_machine_takes_something_from_it() {
        let mut limit = Limit::new(seconds(3));
        let mut now = limit.step.0;
        for _ in 0..2 {
            now += Duration::from_millis(1200);
            assert!(!limit.is_over_at(now));
        }
        assert!(limit.is_over_at(now + seconds(1)));
        assert!(Limit::never().step().is_none() && !Limit::never().is_over());
    }
}
