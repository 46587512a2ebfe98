//! The lap: what one worker measured in a round.

use std::time::Duration;

use hdrhistogram::Histogram;
use knee_workloads::Figure;

/// Latencies are kept within 1 % up to this value; longer ones count as this value.
const LONGEST_NANOS: u64 = 3_600_000_000_000;

/// What one worker measured in a round.
#[derive(Debug)]
pub struct Lap {
    /// Whole tasks within its own window.
    pub tasks: u64,
    /// Units that those tasks did.
    pub units: u64,
    /// From the beginning of its first counted task to the end of its last one.
    pub wall: Duration,
    /// Units per second from the gate's opening to its closing.
    pub rate: f64,
    /// When its window ended, from the gate's origin.
    pub ended: Duration,
    /// How long each task took, in nanoseconds.
    pub latency: Histogram<u64>,
    /// The checksums of tasks that serial has run too, with their numbers.
    pub checks: Vec<(u64, u64)>,
    /// How long this worker warmed up.
    pub warm_up: Duration,
    /// The largest resident memory of any program that this worker ran, in bytes; 0 where it ran
    /// none.
    pub peak_memory: u64,
    /// What the programs of its whole tasks printed about themselves.
    pub printed: Vec<Figure>,
    /// Where tasks arrive at a rate: the total time of all its tasks, from beginning to end, and
    /// their number. Tasks before the window count too.
    pub served: (Duration, u64),
    /// The sum of the squares of these times, in seconds squared.
    pub served_squares: f64,
    /// How many of its tasks were due but not begun when the window opened, and when it closed.
    pub waited: [u64; 2],
}

impl Lap {
    /// An empty histogram of latencies. All laps use the same bounds. Two digits take 35 kB; three
    /// would take 280 kB for each of a thousand workers in every round.
    pub(super) fn histogram() -> Histogram<u64> {
        Histogram::new_with_bounds(1, LONGEST_NANOS, 2)
            .expect("two digits over an hour of nanoseconds are within the histogram's limits")
    }

    /// The lap of a worker that did nothing.
    pub(super) fn nothing() -> Self {
        Self {
            tasks: 0,
            units: 0,
            wall: Duration::ZERO,
            rate: 0.0,
            ended: Duration::ZERO,
            latency: Self::histogram(),
            checks: Vec::new(),
            warm_up: Duration::ZERO,
            peak_memory: 0,
            printed: Vec::new(),
            served: (Duration::ZERO, 0),
            served_squares: 0.0,
            waited: [0; 2],
        }
    }

    /// The mean of the rates that its programs printed; `None` if they printed none.
    pub(super) fn printed_rate(&self) -> Option<f64> {
        let sum: f64 = self.printed.iter().map(|figure| figure.rate).sum();
        (!self.printed.is_empty()).then(|| sum / self.printed.len() as f64)
    }
}
