//! The agreement between a crew's workers on when measuring begins and ends.
//!
//! ```text
//! worker 0  |--warm-up--|--still loading--|-- own window --|--still loading--|
//! worker 1  |--------warm-up--------------|---- own window ----|------------|
//!           barrier                       all are warm   the last window ends
//! ```
//!
//! Nobody measures before everybody is warm, and nobody stops loading the machine before the last
//! window has ended.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::Opening;
use super::schedule::Schedule;
use crate::clock;
use crate::plan::Arrivals;

/// What the end of a task means for the crew as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Nothing.
    Ordinary,
    /// Everybody is warm now: whoever learns it may look at usage counters and must then
    /// [open](Gate::open) the gate.
    AllWarm,
    /// Everybody has ended the own window now: usage counters belong to this moment, not to the end
    /// of the tasks still under way.
    AllFinished,
}

/// How one round is to be measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    /// What ends the measuring.
    pub extent: Extent,
    /// The longest that warming up may take; zero where a task is so long that it dwarfs any
    /// warm-up.
    pub warm_up: Duration,
}

/// What ends the measuring of a round.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Extent {
    /// Each worker measures whole tasks until this much time has gone, at least one task.
    Time(Duration),
    /// So many tasks are done by all workers together, from first submit to last join.
    Tasks(u64),
    /// Tasks come by themselves, and those that come within this time are measured.
    Arrivals {
        /// How they come.
        arrivals: Arrivals,
        /// What their gaps are drawn from.
        seed: u64,
        /// How long the window is. The warm-up before it is spent whole.
        length: Duration,
    },
}

/// What a crew's workers share while a round is measured.
#[derive(Debug)]
pub struct Gate {
    window: Window,
    workers: usize,
    origin: Instant,
    /// When tasks are due, where they come by themselves.
    schedule: Option<Schedule>,
    /// Nanoseconds from `origin` to the beginning of measuring; 0 while warming up.
    opened: Arc<AtomicU64>,
    /// How many are warm.
    warm: AtomicUsize,
    /// How many have ended their own window.
    finished: AtomicUsize,
    /// Nanoseconds from `origin` to the end of the last window; 0 until then.
    closed: AtomicU64,
    /// The next task number of a batch.
    next: AtomicU64,
    /// Set when a worker failed: everybody stops after the current task.
    stop: AtomicBool,
    /// Set when the user interrupts: the same.
    cancel: Arc<AtomicBool>,
    /// Who says when it opens, where that is not for its own workers to say.
    opening: Option<Arc<Opening>>,
    /// Whether somebody was told that an agreed moment has come.
    told: AtomicBool,
}

impl Gate {
    /// A gate for `workers` workers, with its clock starting now.
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

    /// The same, which opens at a moment that others agree on, where this round is one of those.
    pub(super) fn opening_at(mut self, opening: &Arc<Opening>) -> Self {
        self.opening = opening.is_expected().then(|| Arc::clone(opening));
        self
    }

    /// Whether the round is measured from its first task on: a batch, or tasks that dwarf any
    /// warm-up.
    pub fn is_open_from_start(&self) -> bool {
        match self.window.extent {
            Extent::Arrivals { .. } => false,
            Extent::Tasks(_) => true,
            Extent::Time(_) => self.window.warm_up.is_zero(),
        }
    }

    /// When tasks are due, where they come by themselves.
    #[inline]
    pub fn schedule(&self) -> Option<&Schedule> {
        self.schedule.as_ref()
    }

    /// How long ago the origin is.
    pub(super) fn now(&self) -> Duration {
        clock::since(self.origin)
    }

    /// How this round is to be measured.
    pub fn window(&self) -> Window {
        self.window
    }

    /// The moment from which this gate counts.
    pub fn origin(&self) -> Instant {
        self.origin
    }

    /// Says that one more worker is warm; true for the last one, who opens the gate by
    /// [`open`](Self::open).
    ///
    /// Where others agree on the moment, the last one says that all are warm here, and who first
    /// learns that the moment has come is told by [`has_come`](Self::has_come).
    pub fn warmed(&self) -> bool {
        let last = self.warm.fetch_add(1, Ordering::AcqRel) + 1 == self.workers;
        let Some(opening) = self.opening.as_ref().filter(|_| last) else { return last };
        opening.warm(Some((self.origin, &self.opened)));
        false
    }

    /// Whether whoever asks is the first to learn that the agreed moment has come.
    #[inline]
    pub fn has_come(&self) -> bool {
        self.opening.is_some() && !self.told.swap(true, Ordering::AcqRel)
    }

    /// Begins measuring, now; at an agreed moment it has begun already.
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

    /// When measuring began, if it has.
    #[inline]
    pub fn opened(&self) -> Option<Duration> {
        match self.opened.load(Ordering::Acquire) {
            0 => None,
            nanos => Some(Duration::from_nanos(nanos)),
        }
    }

    /// Says that one more worker has ended its own window; true for the last one, which ends the
    /// measuring, now.
    pub fn finished(&self) -> bool {
        let last = self.finished.fetch_add(1, Ordering::AcqRel) + 1 == self.workers;
        if last {
            let nanos = clock::since(self.origin).as_nanos() as u64;
            self.closed.store(nanos.max(1), Ordering::Release);
        }
        last
    }

    /// When every worker had ended its own window, if they have.
    #[inline]
    pub fn closed(&self) -> Option<Duration> {
        match self.closed.load(Ordering::Acquire) {
            0 => None,
            nanos => Some(Duration::from_nanos(nanos)),
        }
    }

    /// Whether every worker has ended its own window.
    #[inline]
    pub fn all_finished(&self) -> bool {
        self.closed().is_some()
    }

    /// The next task of a batch, while there is one.
    pub fn take(&self, tasks: u64) -> Option<u64> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        (number < tasks).then_some(number)
    }

    /// Makes everybody stop after the current task.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Release);
    }

    /// Whether everybody is to stop.
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

/// A worker's hold on its gate. Nobody waits for one that panics: it stops all.
#[derive(Debug)]
pub(super) struct Hold(Arc<Gate>);

impl Hold {
    pub(super) fn of(gate: &Arc<Gate>) -> Self {
        Self(Arc::clone(gate))
    }

    /// The gate itself, to be looked at while the worker's other parts change.
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
