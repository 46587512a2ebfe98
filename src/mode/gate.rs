//! The gate: how the workers of a crew agree on when measuring begins and ends.
//!
//! ```text
//! worker 0  |--warm-up--|--still loading--|-- own window --|--still loading--|
//! worker 1  |--------warm-up--------------|---- own window ----|------------|
//!           barrier                       all are warm   the last window ends
//! ```
//!
//! Nobody measures before all workers are warm, or nearly all of a crowd. Nobody stops loading the
//! machine before the last window has ended, or nearly all of a crowd's.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::Opening;
use super::schedule::Schedule;
use crate::clock;
use crate::plan::Arrivals;

/// The gate does not wait for one in this many workers. On a busy system, single threads of a
/// crowd may wait a second for a CPU after the others are warm: with 1024 threads that sleep for
/// 1 ms on two cores, all but two were warm after 0.1 s, and the last one after 1 to 1.5 s. Nor
/// does the end of measuring wait for it: a window of 0.3 s took up to 4 s when it did. The task
/// that such a worker has begun counts with its part within the window.
const STRAGGLER_IN: usize = 200;

/// What the end of a task means for the whole crew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Nothing special.
    Ordinary,
    /// All workers are warm now, or all but a few of a crowd. The caller may read usage counters
    /// and must then [open](Gate::open) the gate.
    AllWarm,
    /// All windows have ended now. Usage counters are read at this moment, not at the end of the
    /// tasks still running.
    AllFinished,
}

/// How one round is to be measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    /// What ends the measuring.
    pub extent: Extent,
    /// The longest that warming up may take; zero where tasks are so long that warm-up does not
    /// matter.
    pub warm_up: Duration,
}

/// What ends the measuring of a round.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Extent {
    /// Each worker measures whole tasks, at least one, until this time has passed.
    Time(Duration),
    /// All workers together do this many tasks. The time runs from the first submit to the last
    /// join.
    Tasks(u64),
    /// Tasks arrive at a rate. Those that are due within the window are measured.
    Arrivals {
        /// The rate and the kind of gaps.
        arrivals: Arrivals,
        /// The seed from which the gaps are drawn.
        seed: u64,
        /// How long the window is. The warm-up before it is always used in full.
        length: Duration,
    },
}

/// What the workers of a crew share during a round.
#[derive(Debug)]
pub struct Gate {
    window: Window,
    workers: usize,
    origin: Instant,
    /// When tasks are due, where they arrive at a rate.
    schedule: Option<Schedule>,
    /// Nanoseconds from `origin` to the beginning of measuring; 0 while warming up.
    opened: Arc<AtomicU64>,
    /// How many workers are warm.
    warm: AtomicUsize,
    /// How many workers have ended their own window.
    finished: AtomicUsize,
    /// Nanoseconds from `origin` to the end of the last window; 0 until then.
    closed: AtomicU64,
    /// The next task number of a batch.
    next: AtomicU64,
    /// Set when a worker failed: all workers stop after their current task.
    stop: AtomicBool,
    /// Set when the user interrupts: all workers stop after their current task.
    cancel: Arc<AtomicBool>,
    /// What opens the gate, where its own workers do not.
    opening: Option<Arc<Opening>>,
    /// Whether a worker was told that the agreed moment has come.
    told: AtomicBool,
}

impl Gate {
    /// A gate for `workers` workers. Its clock starts now.
    pub fn new(window: Window, workers: usize, cancel: &Arc<AtomicBool>) -> Self {
        let schedule = match window.extent {
            Extent::Arrivals { arrivals, seed, length } => {
                Some(Schedule::new(arrivals, seed, window.warm_up, length))
            }
            Extent::Time(_) | Extent::Tasks(_) => None,
        };
        Self {
            cancel: Arc::clone(cancel),
            window,
            workers,
            schedule,
            origin: clock::now(),
            opened: Arc::default(),
            warm: AtomicUsize::new(0),
            finished: AtomicUsize::new(0),
            closed: AtomicU64::new(0),
            next: AtomicU64::new(0),
            stop: AtomicBool::new(false),
            opening: None,
            told: AtomicBool::new(false),
        }
    }

    /// The same gate. If nodes agree on the moment of this round, the gate opens then.
    pub(super) fn opening_at(mut self, opening: &Arc<Opening>) -> Self {
        self.opening = opening.is_expected().then(|| Arc::clone(opening));
        self
    }

    /// Whether the round is measured from its first task on: a batch, or tasks so long that warm-up
    /// does not matter.
    pub fn is_open_from_start(&self) -> bool {
        match self.window.extent {
            Extent::Arrivals { .. } => false,
            Extent::Tasks(_) => true,
            Extent::Time(_) => self.window.warm_up.is_zero(),
        }
    }

    /// When tasks are due, where they arrive at a rate.
    #[inline]
    pub fn schedule(&self) -> Option<&Schedule> {
        self.schedule.as_ref()
    }

    /// Time since the origin.
    pub(super) fn now(&self) -> Duration {
        clock::since(self.origin)
    }

    /// How this round is to be measured.
    pub fn window(&self) -> Window {
        self.window
    }

    /// The origin: the moment from which this gate counts time.
    pub fn origin(&self) -> Instant {
        self.origin
    }

    /// The number of workers for which the gate waits.
    fn awaited(&self) -> usize {
        self.workers - self.workers / STRAGGLER_IN
    }

    /// Counts one more warm worker. Returns true for the last one to wait for, which must
    /// [open](Self::open) the gate.
    ///
    /// If nodes agree on the moment, that worker does not open the gate: it reports that the
    /// workers here are warm. [`has_come`](Self::has_come) tells one worker that the moment has
    /// come.
    pub fn warmed(&self) -> bool {
        let last = self.warm.fetch_add(1, Ordering::AcqRel) + 1 == self.awaited();
        let Some(opening) = self.opening.as_ref().filter(|_| last) else { return last };
        opening.warm(Some((self.origin, &self.opened)));
        false
    }

    /// Whether the agreed moment has come and the caller is the first to learn it.
    #[inline]
    pub fn has_come(&self) -> bool {
        self.opening.is_some() && !self.told.swap(true, Ordering::AcqRel)
    }

    /// Begins measuring now, unless it began at an agreed moment.
    pub fn open(&self) {
        let now = clock::now();
        if let Some(opening) = &self.opening {
            if !self.is_open_from_start() {
                return;
            }
            opening.opened(now);
        }
        open(&self.opened, self.origin, now);
    }

    /// When measuring began; `None` before that.
    #[inline]
    pub fn opened(&self) -> Option<Duration> {
        match self.opened.load(Ordering::Acquire) {
            0 => None,
            nanos => Some(Duration::from_nanos(nanos)),
        }
    }

    /// Counts one more worker that has ended its own window. Returns true for the last one to wait
    /// for; its call ends the measuring.
    pub fn finished(&self) -> bool {
        let last = self.finished.fetch_add(1, Ordering::AcqRel) + 1 == self.awaited();
        if last {
            let nanos = clock::since(self.origin).as_nanos() as u64;
            self.closed.store(nanos.max(1), Ordering::Release);
        }
        last
    }

    /// When the last worker ended its own window; `None` before that.
    #[inline]
    pub fn closed(&self) -> Option<Duration> {
        match self.closed.load(Ordering::Acquire) {
            0 => None,
            nanos => Some(Duration::from_nanos(nanos)),
        }
    }

    /// Whether every worker has ended its own window, or nearly every one of a crowd.
    #[inline]
    pub fn all_finished(&self) -> bool {
        self.closed().is_some()
    }

    /// The number of the next task of a batch; `None` when all are taken.
    pub fn take(&self, tasks: u64) -> Option<u64> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        (number < tasks).then_some(number)
    }

    /// Makes all workers stop after their current task.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Release);
    }

    /// Whether all workers must stop.
    #[inline]
    pub fn stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire) || self.cancel.load(Ordering::Relaxed)
    }
}

/// Lets a gate that counts from `origin` open at this moment.
pub(super) fn open(opened: &AtomicU64, origin: Instant, at: Instant) {
    let nanos = at.saturating_duration_since(origin).as_nanos() as u64;
    opened.store(nanos.max(1), Ordering::Release);
}

/// A worker's handle of the gate. If the worker panics, the handle stops all workers, so that
/// nobody waits for it.
#[derive(Debug)]
pub(super) struct Hold(Arc<Gate>);

impl Hold {
    pub(super) fn of(gate: &Arc<Gate>) -> Self {
        Self(Arc::clone(gate))
    }

    /// The gate itself, for use while other parts of the worker change.
    pub(super) fn gate(&self) -> Arc<Gate> {
        Arc::clone(&self.0)
    }
}

impl Deref for Hold {
    type Target = Gate;

    #[inline]
    fn deref(&self) -> &Gate {
        &self.0
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.stop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_does_not_wait_for_its_last_stragglers() {
        let window = Window {
            extent: Extent::Time(Duration::from_secs(1)),
            warm_up: Duration::from_secs(1),
        };
        for (workers, awaited) in [(1, 1), (2, 2), (199, 199), (200, 199), (1024, 1019)] {
            let gate = Gate::new(window, workers, &Arc::default());
            let opened_by: Vec<usize> = (1..=workers).filter(|_| gate.warmed()).collect();
            assert_eq!(opened_by, [awaited], "{workers}");
        }
    }

    #[test]
    fn a_worker_that_panics_stops_the_others() {
        let window = Window { extent: Extent::Tasks(2), warm_up: Duration::ZERO };
        let gate = Arc::new(Gate::new(window, 2, &Arc::default()));
        drop(Hold::of(&gate));
        assert!(!gate.stopped());
        let hold = Hold::of(&gate);
        let panics = move || {
            let _hold = hold;
            std::panic::resume_unwind(Box::new("on purpose"));
        };
        assert!(thread::spawn(panics).join().is_err());
        assert!(gate.stopped());
    }
}
