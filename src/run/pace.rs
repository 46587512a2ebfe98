//! How long the window of each round is and what a round costs, so that the budget is kept.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::mode::{Extent, Reference, Window};
use crate::plan::{Arrivals, Cell, Mode, Workers};

/// Seconds. In a shorter window the system's own ticks hide the result.
const SHORTEST: f64 = 0.020;
/// Seconds. The time for a longer window is better spent on one more round.
const LONGEST: f64 = 0.300;
/// Tasks that a window should see where tasks arrive at a rate. With fewer, the 99th percentile
/// would be little more than the longest task.
const ARRIVALS: f64 = 300.0;
/// Shortest and longest window, in seconds, where tasks arrive at a rate: queues change slowly.
const OPEN: (f64, f64) = (0.5, 5.0);
/// The assumed window, in seconds, where each round has a rate of its own.
const TYPICAL: f64 = 1.0;
/// A round begins with an empty queue. It settles for this part of its window.
const SETTLING: f64 = 0.25;
/// Seconds. A longer task needs no warm-up of its own: it is warm for nearly all of its time.
const LONG_TASK: f64 = 0.010;
/// A window is this many times as long as the rest of its round, so that most of the time is
/// measured. A longer one tells less: the speed of a shared CPU wanders, so two windows of 20 ms
/// differ by 6 % and two of 80 ms still by 5 %. Four short ones are worth more than a long one.
const WORTH_ITS_OVERHEAD: f64 = 5.5;
/// The same where a round only shows which counts to compare. That needs less precision.
const WORTH_A_LOOK: f64 = 2.0;
/// A window is at most this many times as long as its share of the budget pays for. A longer one
/// would leave too few blocks.
const BEYOND_ITS_SHARE: f64 = 8.0;

/// What is known so far about the costs of rounds.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// Seconds that the last round of a cell took beyond its window.
    overhead: BTreeMap<Cell, f64>,
    /// The part of those seconds in which nothing was measured. In the rest, workers finished tasks
    /// begun in the window.
    unmeasured: BTreeMap<Cell, f64>,
    /// Seconds that the last launch of a crew took, and how many members it had.
    launches: BTreeMap<(usize, Mode), (f64, f64)>,
    cores: f64,
    /// The shortest and the longest window, in seconds.
    windows: (f64, f64),
}

impl Pace {
    pub(super) fn new(cores: f64, arrivals: Option<Arrivals>) -> Self {
        let windows = arrivals.map_or((SHORTEST, LONGEST), |arrivals| {
            // The rate is not known yet, so a window of typical length is assumed.
            let window = if arrivals.most { TYPICAL } else { open(arrivals.rate) };
            (window, window)
        });
        Self { cores: cores.max(1.0), windows, ..Self::default() }
    }

    /// The shortest useful window.
    pub(super) fn shortest(&self) -> f64 {
        self.windows.0
    }

    /// Learns from a round that took `total` seconds with a window of `window` seconds. `measured`
    /// is the part that was measured; `None` if the round failed.
    pub(super) fn learn(&mut self, cell: Cell, total: f64, window: f64, measured: Option<f64>) {
        self.overhead.insert(cell, (total - window).max(0.0));
        if let Some(measured) = measured {
            self.unmeasured.insert(cell, (total - measured).max(0.0));
        }
    }

    /// Learns from a launch that took `total` seconds.
    pub(super) fn learn_launch(&mut self, cell: Cell, total: f64) {
        self.launches.insert((cell.entry, cell.mode), (total, cell.workers.max(1) as f64));
    }

    /// Seconds that launching a crew for this cell takes.
    pub(super) fn launch(&self, cell: Cell, reference: &Reference) -> f64 {
        let workers = cell.workers as f64;
        // A helper is started once, for all of its members.
        let once = if reference.function.is_some() { reference.prepare } else { 0.0 };
        if let Some(&(total, members)) = self.launches.get(&(cell.entry, cell.mode)) {
            let once = once.min(total);
            return once + (total - once) / members * workers;
        }
        let start = match cell.mode.description().workers {
            Workers::One | Workers::Futures => 0.5e-3,
            Workers::Threads => 0.2e-3 * workers,
            Workers::Processes => 5e-3 + 1e-3 * workers,
        };
        start + once.max((reference.prepare - once) * self.crowd(workers, 1.0))
    }

    /// How many workers share a CPU, where each worker alone keeps a share `busy` of a CPU.
    fn crowd(&self, workers: f64, busy: f64) -> f64 {
        (workers * busy / self.cores).max(1.0)
    }

    /// How many times longer a task takes in this cell than alone.
    fn crowd_of(&self, cell: Cell, reference: &Reference) -> f64 {
        if reference.parallel { 1.0 } else { self.crowd(cell.workers as f64, reference.busy) }
    }

    /// Seconds that a round of this cell takes with a window of `window` seconds.
    pub(super) fn cost(&self, cell: Cell, reference: &Reference, window: f64) -> f64 {
        let overhead = self.overhead.get(&cell).copied();
        let guess = || {
            let (alone, smaller) =
                (self.guess(cell, reference, window), self.by_smaller(cell, reference));
            // A program that is told its count takes no longer with a larger count, and often less
            // time.
            if reference.parallel && smaller > 0.0 { smaller } else { alone.max(smaller) }
        };
        window + overhead.unwrap_or_else(guess)
    }

    /// The cost of the next smaller count, as an estimate for a count never tried; 0 if there is
    /// none.
    fn by_smaller(&self, cell: Cell, reference: &Reference) -> f64 {
        let same = |(other, _): &(&Cell, &f64)| {
            (other.entry, other.mode) == (cell.entry, cell.mode) && other.workers < cell.workers
        };
        let smaller = self.overhead.iter().filter(same).max_by_key(|(other, _)| other.workers);
        let crowd = |cell: Cell| self.crowd_of(cell, reference);
        smaller.map_or(0.0, |(other, overhead)| overhead * crowd(cell) / crowd(*other))
    }

    /// Estimates how long warming up and finishing tasks take in a cell that was never tried.
    fn guess(&self, cell: Cell, reference: &Reference, window: f64) -> f64 {
        reference.wall * self.crowd_of(cell, reference) + warm_up(reference, window, true)
    }

    /// The window of this cell's next round. The workload's share of the budget pays for `seconds`
    /// per round. A round that `confirms` decides; another one only looks for the counts to
    /// compare.
    pub(super) fn window(
        &self,
        (cell, confirms): (Cell, bool),
        reference: &Reference,
        seconds: f64,
    ) -> f64 {
        let own = self.unmeasured.get(&cell).copied();
        let known = own.or_else(|| mean_of(&self.unmeasured, cell.entry));
        let rest = known.unwrap_or_else(|| self.guess(cell, reference, SHORTEST));
        let worth = if confirms { WORTH_ITS_OVERHEAD } else { WORTH_A_LOOK };
        let window = (worth * rest).min(BEYOND_ITS_SHARE * seconds);
        window.clamp(self.windows.0, self.windows.1)
    }
}

/// The mean over the cells of an entry.
fn mean_of(cells: &BTreeMap<Cell, f64>, entry: usize) -> Option<f64> {
    let known: Vec<f64> =
        cells.iter().filter(|(cell, _)| cell.entry == entry).map(|(_, one)| *one).collect();
    (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
}

/// The longest that warming up may take, in seconds. A `fresh` crew has cold caches. The caches of
/// a crew that has worked before were only shared with others meanwhile.
fn warm_up(reference: &Reference, window: f64, fresh: bool) -> f64 {
    if reference.wall > LONG_TASK {
        0.0
    } else if fresh {
        (window / 4.0).clamp(0.005, 0.100)
    } else {
        // Members that wake together share a CPU until the system has spread them, which takes some
        // milliseconds.
        (window / 16.0).clamp(0.004, 0.010)
    }
}

/// When a round is given up: after ten times its expected time plus five seconds. It has then lost
/// a worker.
pub(super) fn limit(cost: f64, batch: Option<u64>, reference: &Reference) -> Duration {
    let tasks = batch.map_or(0.0, |tasks| tasks as f64 * reference.task);
    let limit = 5.0 + 10.0 * (cost + tasks);
    Duration::try_from_secs_f64(limit).unwrap_or(Duration::MAX)
}

/// Seconds of a window in which tasks arrive at this rate.
pub(super) fn open(rate: f64) -> f64 {
    (ARRIVALS / rate).clamp(OPEN.0, OPEN.1)
}

/// The window of one round in which tasks arrive at a rate. All rounds of a block have the same
/// gaps between tasks, so that no count gets easier ones.
pub(super) fn shape_at(arrivals: Arrivals, seed: u64, window: f64) -> Window {
    let length = Duration::from_secs_f64(window);
    let extent = Extent::Arrivals { arrivals, seed, length };
    Window { extent, warm_up: length.mul_f64(SETTLING) }
}

/// The window of one round.
pub(super) fn shape(batch: Option<u64>, reference: &Reference, window: f64, fresh: bool) -> Window {
    let extent = match batch {
        Some(tasks) => Extent::Tasks(tasks),
        None => Extent::Time(Duration::from_secs_f64(window)),
    };
    Window { extent, warm_up: Duration::from_secs_f64(warm_up(reference, window, fresh)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_as_long_as_its_own_round_needs() {
        let reference = Reference {
            checksums: Vec::new(),
            task: 1e-3,
            wall: 1e-3,
            busy: 0.0,
            parallel: false,
            prepare: 0.0,
            notes: Vec::new(),
            ceiling: None,
            function: None,
        };
        let cell = |workers| Cell { entry: 0, mode: Mode::Threads, workers };
        let mut pace = Pace::new(2.0, None);
        pace.learn(cell(1), 0.038, 0.030, Some(0.032));
        pace.learn(cell(256), 0.090, 0.030, Some(0.050));
        let millis = |workers, seconds: f64| {
            (1e3 * pace.window((cell(workers), true), &reference, seconds)).round() as u32
        };
        assert_eq!(millis(1, 0.038), 33, "5.5 times the 6 ms that were not measured");
        assert_eq!(millis(256, 0.038), 220, "5.5 times 40 ms");
        assert_eq!(millis(256, 0.010), 80, "but not far beyond its share");
        assert_eq!(millis(1, 0.001), 20, "the shortest");
        let look = pace.window((cell(256), false), &reference, 0.038);
        assert!((look - 0.080).abs() < 1e-9, "a look is shorter: {look}");
        assert_eq!(millis(1, 9.0), 33, "several short windows tell more than a long one");
    }
}
