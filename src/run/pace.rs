//! How long each round's window is, and what a round costs, so that the budget is kept.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::mode::{Extent, Reference, Window};
use crate::plan::{Arrivals, Cell, Mode, Workers};

/// Shorter windows are drowned in the system's own ticks.
const SHORTEST: f64 = 0.020;
/// Longer windows are better spent on one more round.
const LONGEST: f64 = 0.300;
/// Of tasks that come by themselves a window is to see so many, so that their 99th percentile is
/// more than the longest of them.
const ARRIVALS: f64 = 300.0;
/// Such a window is at least so long, and no longer than that: queues come and go slowly.
const OPEN: (f64, f64) = (0.5, 5.0);
/// What such a window takes where rates differ.
const TYPICAL: f64 = 1.0;
/// Such a round settles for this part of its window, since it begins with an empty queue.
const SETTLING: f64 = 0.25;
/// A task longer than this needs no warm-up of its own: what is cold at its beginning is warm for
/// nearly all of it.
const LONG_TASK: f64 = 0.010;
/// A window is so many times as long as what a round takes beside it, so that most of the time is
/// measured.
const WORTH_ITS_OVERHEAD: f64 = 4.0;

/// What is known of the costs of rounds.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// Seconds of the last round of a cell beyond its window.
    overhead: BTreeMap<Cell, f64>,
    /// Those of them in which nothing was measured. The others finished tasks that the window had
    /// begun.
    unmeasured: BTreeMap<Cell, f64>,
    /// Seconds that the last launch of a crew took, and how many members it had.
    launches: BTreeMap<(usize, Mode), (f64, f64)>,
    cores: f64,
    /// The shortest window and the longest one.
    windows: (f64, f64),
}

impl Pace {
    pub(super) fn new(cores: f64, arrivals: Option<Arrivals>) -> Self {
        let windows = arrivals.map_or((SHORTEST, LONGEST), |arrivals| {
            // Of a rate that is not known yet, one that is neither long nor short is expected.
            let window = if arrivals.most { TYPICAL } else { open(arrivals.rate) };
            (window, window)
        });
        Self { cores: cores.max(1.0), windows, ..Self::default() }
    }

    /// The shortest useful window.
    pub(super) fn shortest(&self) -> f64 {
        self.windows.0
    }

    /// Learns from a round that took `total` seconds with a window of `window`, of which `measured`
    /// were measured; `None` where it failed.
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
        // A helper is started once for all of its members.
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

    /// How many workers share a CPU, where each of them alone keeps a part of one `busy`.
    fn crowd(&self, workers: f64, busy: f64) -> f64 {
        (workers * busy / self.cores).max(1.0)
    }

    /// How many times as long a task takes in this cell as it does alone.
    fn crowd_of(&self, cell: Cell, reference: &Reference) -> f64 {
        if reference.parallel { 1.0 } else { self.crowd(cell.workers as f64, reference.busy) }
    }

    /// Seconds that a round of this cell takes with a window of `window` seconds.
    pub(super) fn cost(&self, cell: Cell, reference: &Reference, window: f64) -> f64 {
        let overhead = self.overhead.get(&cell).copied();
        let guess = || {
            let (alone, smaller) =
                (self.guess(cell, reference, window), self.by_smaller(cell, reference));
            // A program that is given its count takes no longer for a larger one, and often less.
            if reference.parallel && smaller > 0.0 { smaller } else { alone.max(smaller) }
        };
        window + overhead.unwrap_or_else(guess)
    }

    /// What the next smaller count tells of a count that was never tried; 0 where there is none.
    fn by_smaller(&self, cell: Cell, reference: &Reference) -> f64 {
        let same = |(other, _): &(&Cell, &f64)| {
            (other.entry, other.mode) == (cell.entry, cell.mode) && other.workers < cell.workers
        };
        let smaller = self.overhead.iter().filter(same).max_by_key(|(other, _)| other.workers);
        let crowd = |cell: Cell| self.crowd_of(cell, reference);
        smaller.map_or(0.0, |(other, overhead)| overhead * crowd(cell) / crowd(*other))
    }

    /// What warming up and finishing whole tasks may take before it was ever tried.
    fn guess(&self, cell: Cell, reference: &Reference, window: f64) -> f64 {
        reference.wall * self.crowd_of(cell, reference) + warm_up(reference, window, true)
    }

    /// The window with which a typical round of this workload takes `seconds` altogether.
    pub(super) fn window(&self, entry: usize, reference: &Reference, seconds: f64) -> f64 {
        let guess = || {
            let workers = self.cores.ceil() as usize;
            self.guess(Cell { entry, mode: Mode::ProcessPool, workers }, reference, SHORTEST)
        };
        let overhead = mean_of(&self.overhead, entry).unwrap_or_else(guess);
        let unmeasured = mean_of(&self.unmeasured, entry).unwrap_or_else(guess);
        // Longer than asked for only as far as several blocks remain possible.
        let longer = (WORTH_ITS_OVERHEAD * unmeasured).min(4.0 * seconds);
        (seconds - overhead).max(longer).clamp(self.windows.0, self.windows.1)
    }
}

/// The mean over the cells of an entry.
fn mean_of(cells: &BTreeMap<Cell, f64>, entry: usize) -> Option<f64> {
    let known: Vec<f64> =
        cells.iter().filter(|(cell, _)| cell.entry == entry).map(|(_, one)| *one).collect();
    (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
}

/// The longest that warming up may take, in seconds. A `fresh` crew has cold caches; one that has
/// worked before only shared them with others.
fn warm_up(reference: &Reference, window: f64, fresh: bool) -> f64 {
    if reference.wall > LONG_TASK {
        0.0
    } else if fresh {
        (window / 4.0).clamp(0.005, 0.100)
    } else {
        // Members that were woken together share a CPU until the system has spread them, which
        // takes it some milliseconds.
        (window / 16.0).clamp(0.004, 0.010)
    }
}

/// A round that takes longer has lost a worker: ten times what it should take, and five seconds.
pub(super) fn limit(cost: f64, batch: Option<u64>, reference: &Reference) -> Duration {
    let tasks = batch.map_or(0.0, |tasks| tasks as f64 * reference.task);
    let limit = 5.0 + 10.0 * (cost + tasks);
    Duration::try_from_secs_f64(limit).unwrap_or(Duration::MAX)
}

/// Seconds of a window in which tasks come at a rate.
pub(super) fn open(rate: f64) -> f64 {
    (ARRIVALS / rate).clamp(OPEN.0, OPEN.1)
}

/// The window of one round in which tasks come by themselves. All rounds of a block have the same
/// gaps, so that no count has the better luck.
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
