//! One worker's own measuring: warm-up detected, whole tasks counted, each task's latency kept.
//!
//! A lane costs one clock reading and one histogram entry per task. It is the same for every mode: the loop that runs
//! tasks asks it for the next number and tells it what came out.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use knee_workloads::{Aside, Work};

use super::gate::{Extent, Gate};
use crate::clock;

/// Two successive slices of a warm-up agree when their rates differ by less than this share.
const AGREEMENT: f64 = 0.05;
/// The first slice of a warm-up.
const FIRST_SLICE: Duration = Duration::from_micros(500);
/// Latencies are kept to 1 % up to this; longer ones are counted as this.
const LONGEST_NANOS: u64 = 3_600_000_000_000;

/// What one worker measured.
#[derive(Debug)]
pub struct Lap {
    /// Whole tasks within its own window.
    pub tasks: u64,
    /// What those tasks did, in units.
    pub units: u64,
    /// From the beginning of its first counted task to the end of its last.
    pub wall: Duration,
    /// When its window ended, from the gate's origin.
    pub ended: Duration,
    /// How long each task took, in nanoseconds.
    pub latency: Histogram<u64>,
    /// Task numbers that serial has done too, with the checksum that came out here.
    pub checks: Vec<(u64, u64)>,
    /// How long this worker warmed up.
    pub warm_up: Duration,
    /// The largest resident memory of programs that this worker ran, in bytes; 0 where it ran none.
    pub peak_memory: u64,
}

/// The state of one worker's measuring.
#[derive(Debug)]
pub struct Lane {
    gate: Arc<Gate>,
    /// This worker's numbers are `number`, `number + stride`, ..: nothing is shared to take the next one.
    number: u64,
    stride: u64,
    /// Numbers below this are compared with serial.
    checked: u64,
    phase: Phase,
    /// When the task under way began: where the previous one ended.
    began: Instant,
    lap: Lap,
}

#[derive(Debug)]
enum Phase {
    /// Looking for two slices in a row that agree.
    Warming { slice: Slice, previous: Option<f64> },
    /// Warm, and loading the machine until everybody is.
    Waiting,
    /// Counting.
    Measuring { start: Instant },
    /// Done, and loading the machine until everybody is.
    Loading,
}

#[derive(Debug)]
struct Slice {
    start: Instant,
    length: Duration,
    tasks: u64,
}

impl Lane {
    /// The lane of worker `worker` of `workers`; checksums of task numbers below `checked` are kept.
    pub fn new(gate: &Arc<Gate>, worker: usize, workers: usize, checked: u64) -> Self {
        let now = clock::now();
        let phase = if gate.is_open_from_start() {
            Phase::Measuring { start: now }
        } else {
            let slice = Slice { start: now, length: FIRST_SLICE, tasks: 0 };
            Phase::Warming { slice, previous: None }
        };
        Self {
            gate: Arc::clone(gate),
            number: worker as u64,
            stride: workers as u64,
            checked,
            phase,
            began: now,
            lap: Lap {
                tasks: 0,
                units: 0,
                wall: Duration::ZERO,
                ended: Duration::ZERO,
                latency: Histogram::new_with_bounds(1, LONGEST_NANOS, 3).expect(
                    "three digits over an hour of nanoseconds are within the histogram's limits",
                ),
                checks: Vec::new(),
                warm_up: Duration::ZERO,
                peak_memory: 0,
            },
        }
    }

    /// Resets the clock of the task under way: called once all workers are ready and released together.
    pub fn start(&mut self) {
        let now = clock::now();
        self.began = now;
        match &mut self.phase {
            Phase::Warming { slice, .. } => slice.start = now,
            Phase::Measuring { start } => *start = now,
            Phase::Waiting | Phase::Loading => {}
        }
    }

    /// The next task's number, or `None` when this worker is to stop.
    #[inline]
    pub fn take(&mut self) -> Option<u64> {
        if self.gate.stopped() {
            return None;
        }
        if let Extent::Tasks(tasks) = self.gate.window().extent {
            return self.gate.take(tasks);
        }
        if matches!(self.phase, Phase::Loading) && self.gate.all_finished() {
            return None;
        }
        let number = self.number;
        self.number += self.stride;
        Some(number)
    }

    /// Takes out of the task under way what it did beside its work. To be called before [`done`](Self::done).
    #[inline]
    pub fn set_aside(&mut self, aside: Aside) {
        self.lap.peak_memory = self.lap.peak_memory.max(aside.peak_memory);
        if aside.untimed.is_zero() {
            return;
        }
        // Every span that began before the preparation is shortened by it.
        self.began += aside.untimed;
        match &mut self.phase {
            Phase::Warming { slice, .. } => slice.start += aside.untimed,
            Phase::Measuring { start } => *start += aside.untimed,
            Phase::Waiting | Phase::Loading => {}
        }
    }

    /// Task `number` is done. True when this worker was the last to become warm: the caller may look at usage
    /// counters and must then call [`Gate::open`].
    #[inline]
    pub fn done(&mut self, number: u64, work: Work) -> bool {
        let now = clock::now();
        let took = now.duration_since(self.began);
        self.began = now;
        if number < self.checked {
            self.lap.checks.push((number, work.checksum));
        }
        match &mut self.phase {
            Phase::Measuring { start } => {
                let start = *start;
                self.count(start, now, took, work);
                false
            }
            Phase::Warming { .. } => self.warm(now),
            Phase::Waiting => {
                self.wait(now);
                false
            }
            Phase::Loading => false,
        }
    }

    /// What was measured; for a batch, what this worker did of it.
    pub fn finish(mut self) -> Lap {
        if matches!(self.gate.window().extent, Extent::Tasks(_)) {
            self.lap.ended = self.began.duration_since(self.gate.origin());
        }
        self.lap
    }

    #[inline]
    fn count(&mut self, start: Instant, now: Instant, took: Duration, work: Work) {
        self.lap.tasks += 1;
        self.lap.units += work.units;
        self.lap.latency.saturating_record((took.as_nanos() as u64).max(1));
        let wall = now.duration_since(start);
        self.lap.wall = wall;
        if let Extent::Time(length) = self.gate.window().extent
            && wall >= length
        {
            self.lap.ended = now.duration_since(self.gate.origin());
            self.phase = Phase::Loading;
            self.gate.finished();
        }
    }

    /// Slices double in length until two in a row agree or the limit is reached.
    fn warm(&mut self, now: Instant) -> bool {
        let Phase::Warming { slice, previous } = &mut self.phase else { return false };
        slice.tasks += 1;
        let length = now.duration_since(slice.start);
        let limit = self.gate.window().warm_up;
        let total = now.duration_since(self.gate.origin());
        if length < slice.length && total < limit {
            return false;
        }
        let rate = slice.tasks as f64 / length.as_secs_f64();
        let agrees = previous.is_some_and(|earlier| (rate / earlier - 1.0).abs() < AGREEMENT);
        if agrees || total >= limit {
            self.lap.warm_up = total;
            self.phase = Phase::Waiting;
            if self.gate.warmed() {
                return true;
            }
            return false;
        }
        *previous = Some(rate);
        *slice = Slice { start: now, length: slice.length * 2, tasks: 0 };
        false
    }

    /// The window begins with the first task that starts after the gate was opened.
    fn wait(&mut self, now: Instant) {
        if self.gate.opened().is_some() {
            self.phase = Phase::Measuring { start: now };
        }
    }
}
