//! When tasks are due, where they arrive at a rate. The times are drawn beforehand and shared by
//! all workers of a crew.
//!
//! ```text
//! 0          opened                      closed             given up
//! |--settle--|------- measured ----------|--still loading--|
//! ```
//!
//! All tasks stand in one queue, ordered by when they are due. Each is begun by the first free
//! worker. Tasks that are due between the opening and the closing are measured, however late they
//! are done. Tasks go on arriving until the last of these is done, so that the load lasts. If the
//! queue is too long for that, the round is given up after another half window.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use hdrhistogram::Histogram;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::gate::{Extent, Gate, Moment};
use super::{Lap, Round};
use crate::plan::Arrivals;
use crate::rng::Rng;

/// Windows that a round may go on after its end to finish the queue.
const PATIENCE: f64 = 0.5;

/// The tasks of one round, by the time at which they are due, from the gate's origin.
#[derive(Debug)]
pub struct Schedule {
    /// When each task is due, ascending.
    due: Vec<Duration>,
    /// Tasks that are due from here on are measured.
    opened: Duration,
    /// Tasks that are due from here on are no longer measured.
    closed: Duration,
    /// The round ends at this time in any case.
    given_up: Duration,
    /// Numbers of the measured tasks: the first, and the end of the range.
    measured: (u64, u64),
    /// Number of the next task to begin.
    next: AtomicU64,
    /// How many of the measured tasks are done.
    done: AtomicU64,
    /// Whether the opening of the window was reported, and its closing.
    told: [AtomicBool; 2],
}

/// A task, with the time at which it is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) number: u64,
    pub(super) at: Duration,
    pub(super) measured: bool,
}

/// How the tasks of a round arrived and were done.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Arrived {
    /// The rate and the kind of gaps that were asked for.
    pub asked: Arrivals,
    /// How many tasks were due in the window.
    pub due: u64,
    /// How many tasks were waiting when the window opened: due but not begun.
    pub waiting_before: u64,
    /// How many tasks were waiting when the window closed: the backlog.
    pub waiting: u64,
    /// How many tasks due in the window were never begun, because the queue was too long. Each
    /// counts with the latency that it had when the round was given up.
    pub never_begun: u64,
    /// Mean seconds from the beginning of a task to its end, without its waiting time.
    pub service: f64,
    /// How much those times vary: the square of their coefficient of variation. `None` in older
    /// records, and where no task was begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_variation: Option<f64>,
}

impl Schedule {
    /// Draws enough tasks for a round that settles for `settle` and measures for `length`.
    pub(super) fn new(arrivals: Arrivals, seed: u64, settle: Duration, length: Duration) -> Self {
        let (opened, closed) = (settle, settle + length);
        let given_up = closed + length.mul_f64(PATIENCE);
        let mut rng = Rng::labelled(seed, "arrivals");
        let (gap, end) = (1.0 / arrivals.rate, given_up.as_secs_f64());
        // With equal gaps the first task may be due at any time within a gap.
        let mut at = if arrivals.even { -gap * rng.unit() } else { 0.0 };
        let mut due = Vec::with_capacity((end * arrivals.rate) as usize + 1);
        loop {
            at += if arrivals.even { gap } else { -gap * rng.unit().ln() };
            if at >= end {
                break;
            }
            due.push(Duration::from_secs_f64(at.max(0.0)));
        }
        let before = |time: Duration| due.partition_point(|at| *at < time) as u64;
        let measured = (before(opened), before(closed));
        Self {
            due,
            opened,
            closed,
            given_up,
            measured,
            next: AtomicU64::new(0),
            done: AtomicU64::new(0),
            told: Default::default(),
        }
    }

    /// The next task in the queue, whether or not it is due; `None` at the end of the round.
    pub(super) fn take(&self, now: Duration) -> Option<Due> {
        if self.is_over(now) {
            return None;
        }
        let number = self.next.fetch_add(1, Ordering::AcqRel);
        let at = *self.due.get(number as usize)?;
        Some(Due { number, at, measured: (self.measured.0..self.measured.1).contains(&number) })
    }

    /// When task `number` is due; `None` after the last task.
    pub(super) fn due(&self, number: u64) -> Option<Duration> {
        self.due.get(number as usize).copied()
    }

    /// Counts one of the measured tasks as done.
    pub(super) fn done(&self) {
        self.done.fetch_add(1, Ordering::AcqRel);
    }

    /// Whether the round has ended: all measured tasks are done, or the round is given up.
    pub(super) fn is_over(&self, now: Duration) -> bool {
        let (from, to) = self.measured;
        now >= self.closed
            && (now >= self.given_up || self.done.load(Ordering::Acquire) >= to - from)
    }

    /// Whether a task is due after the window, only to keep up the load.
    pub(super) fn is_late(&self, due: Due) -> bool {
        due.at >= self.closed
    }

    /// Opening and closing of the window, from the gate's origin.
    pub(super) fn window(&self) -> (Duration, Duration) {
        (self.opened, self.closed)
    }

    /// The longest that a round may take from its origin, without the time of a task itself.
    pub(super) fn longest(&self) -> Duration {
        self.given_up
    }

    /// What this moment means for the crew. Each meaning is reported once.
    pub(super) fn moment(&self, now: Duration) -> Moment {
        let first = |told: &AtomicBool| !told.swap(true, Ordering::AcqRel);
        if now >= self.opened && first(&self.told[0]) {
            Moment::AllWarm
        } else if now >= self.closed && first(&self.told[1]) {
            Moment::AllFinished
        } else {
            Moment::Ordinary
        }
    }

    /// Sums up the round. `waiting` counts the tasks that were begun only after the window had
    /// opened, and after it had closed. `service` is the mean time of the begun tasks. Tasks never
    /// begun enter `latency` with the time that they had waited when the round was given up.
    pub(super) fn arrived(
        &self,
        asked: Arrivals,
        waiting: [u64; 2],
        service: f64,
        latency: &mut Histogram<u64>,
    ) -> Arrived {
        let (from, to) = self.measured;
        let next = self.next.load(Ordering::Acquire);
        for number in next.max(from)..to {
            let waited = self.given_up.saturating_sub(self.due[number as usize]);
            latency.saturating_record((waited.as_nanos() as u64).max(1));
        }
        Arrived {
            asked,
            due: to - from,
            waiting_before: waiting[0] + from.saturating_sub(next),
            waiting: waiting[1] + to.saturating_sub(next),
            never_begun: to.saturating_sub(next.max(from)),
            service,
            service_variation: None,
        }
    }
}

impl Round {
    /// Adds what the gate knows about tasks that arrived at a rate.
    pub(super) fn after(mut self, gate: &Gate) -> Self {
        if let (Some(schedule), Extent::Arrivals { arrivals, .. }) =
            (gate.schedule(), gate.window().extent)
        {
            let sum = |of: &dyn Fn(&Lap) -> u64| self.laps.iter().map(of).sum::<u64>();
            let waiting = [sum(&|lap| lap.waited[0]), sum(&|lap| lap.waited[1])];
            let served: Duration = self.laps.iter().map(|lap| lap.served.0).sum();
            let count = sum(&|lap| lap.served.1).max(1) as f64;
            let service = served.as_secs_f64() / count;
            let squares: f64 = self.laps.iter().map(|lap| lap.served_squares).sum();
            let variation = (squares / count / service.powi(2) - 1.0).max(0.0);
            if let Some(first) = self.laps.first_mut() {
                let arrived = schedule.arrived(arrivals, waiting, service, &mut first.latency);
                let service_variation = Some(variation).filter(|value| value.is_finite());
                self.arrived = Some(Arrived { service_variation, ..arrived });
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn schedule(rate: f64, even: bool, seed: u64) -> Schedule {
        Schedule::new(Arrivals { rate, even, most: false }, seed, SECOND, 40 * SECOND)
    }

    #[test]
    fn gaps_are_exponential_or_equal_and_come_from_the_seed() {
        let gaps = |schedule: &Schedule| -> Vec<f64> {
            schedule
                .due
                .windows(2)
                .map(|pair| pair[1].saturating_sub(pair[0]).as_secs_f64())
                .collect()
        };
        let random = gaps(&schedule(500.0, false, 1));
        let mean = random.iter().sum::<f64>() / random.len() as f64;
        let squares = random.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>();
        let deviation = (squares / random.len() as f64).sqrt();
        assert!((mean * 500.0 - 1.0).abs() < 0.03, "{mean}");
        assert!((deviation / mean - 1.0).abs() < 0.05, "as wide as its mean: {deviation}");
        let even = gaps(&schedule(500.0, true, 1));
        assert!(even.iter().all(|gap| (gap * 500.0 - 1.0).abs() < 1e-5));
        assert_eq!(schedule(500.0, false, 7).due, schedule(500.0, false, 7).due);
        assert_ne!(schedule(500.0, false, 7).due, schedule(500.0, false, 8).due);
    }

    #[test]
    fn what_is_due_in_the_window_is_measured_and_the_round_waits_for_it() {
        let schedule = schedule(10.0, true, 3);
        let (from, to) = schedule.measured;
        assert_eq!(to - from, 400);
        let all = (0..to).map(|_| schedule.take(Duration::ZERO).expect("there are more"));
        let measured = all.filter(|due| due.measured).count();
        assert_eq!(measured as u64, to - from);
        assert!(!schedule.is_over(41 * SECOND), "none is done yet");
        (0..400).for_each(|_| schedule.done());
        assert!(schedule.is_over(41 * SECOND) && !schedule.is_over(40 * SECOND));
        assert_eq!(schedule.take(41 * SECOND), None);
    }

    #[test]
    fn what_is_never_begun_counts_as_late_and_as_backlog() {
        let schedule = schedule(10.0, true, 3);
        for _ in 0..schedule.measured.0 + 100 {
            schedule.take(Duration::ZERO);
        }
        assert!(schedule.is_over(61 * SECOND), "nobody waits for the rest");
        let mut latency = super::super::Lap::histogram();
        let asked = Arrivals { rate: 10.0, even: true, most: false };
        let arrived = schedule.arrived(asked, [0, 5], 0.25, &mut latency);
        assert_eq!((arrived.due, arrived.never_begun, arrived.waiting), (400, 300, 305));
        assert_eq!(latency.len(), 300);
        assert!(latency.min() >= 19_000_000_000, "at least from the closing: {}", latency.min());
    }

    #[test]
    fn the_opening_and_the_closing_are_told_once() {
        let schedule = schedule(10.0, true, 3);
        let told = |seconds: u32| schedule.moment(seconds * SECOND);
        assert_eq!(
            [told(0), told(2), told(3)],
            [Moment::Ordinary, Moment::AllWarm, Moment::Ordinary]
        );
        assert_eq!([told(42), told(43)], [Moment::AllFinished, Moment::Ordinary]);
    }
}
