//! One worker's place in a pool: the worker that sits there now, and the tasks that it was given.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::backlog::Backlog;
use super::flights::{Flight, Flights};
use super::link::{Attachment, Link, Listener, Transport};
use super::raw::WorkerId;
use super::settings::{Depth, Settings};
use crate::error::Result;
use crate::outcome::Failure;
use crate::spawn::child::ChildProcess;
use crate::sys::lifeline::Lifeline;

/// A worker's queue holds about this much work. Half of it lasts longer than it takes to nap, wake
/// up and refill the queue.
const AHEAD_NS: f64 = 400_000.0;
/// About how long it takes to wake the one thread that reads all results and gives all tasks.
const WAKING_NS: f64 = 50_000.0;
/// The largest number of long tasks that a worker has at once when many workers are active.
const CROWD: f64 = 4.0;
/// The largest number of tasks that a worker has at once: as many of the smallest as a ring holds.
const DEEPEST: usize = 3072;
/// Tasks of a busy worker that are published at once, at most.
const LATER: usize = 16;
/// Tasks ahead of a worker whose task length is unknown.
const UNKNOWN: usize = 1;

/// The state of a seat's worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The seat is empty; a worker is to be started.
    Vacant,
    /// Started; has not yet reached `init`.
    Booting,
    /// Building its state.
    Preparing,
    /// Taking tasks.
    Ready,
    /// Told to end after the tasks that it has.
    Leaving,
    /// The seat was given up and stays empty, for this reason.
    Given(String),
}

/// The process that sits in a seat.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) link: Link,
    pub(crate) child: Arc<ChildProcess>,
    pub(crate) _lifeline: Lifeline,
}

/// A worker's place.
#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) index: u32,
    pub(crate) phase: Phase,
    pub(crate) live: Option<Live>,
    pub(crate) pid: u32,
    /// The tasks that were given to the worker and not answered, oldest first.
    pub(crate) flights: Flights,
    /// Tasks for this worker alone.
    pub(crate) directed: Backlog,
    /// How many tasks to give it at once.
    pub(crate) depth: usize,
    /// Whether its ring had no room for the last task.
    pub(crate) full: bool,
    /// Tasks that the present worker was given in all.
    pub(crate) given: usize,
    /// When the oldest flight became the oldest.
    pub(crate) since: Instant,
    /// The oldest flight at the last look; see `State::rebalance`.
    pub(crate) seen: Option<u64>,
    /// Why the pool itself has killed the worker.
    pub(crate) verdict: Option<Failure>,
    /// When the worker was started.
    pub(crate) started: Instant,
    /// Tasks written for the worker that it does not see yet.
    unpublished: usize,
    metered: (u64, u64),
    /// Answers since the meter was read.
    unmetered: usize,
    mean_ns: f64,
}

impl Seat {
    pub(crate) fn new(index: u32, settings: &Settings) -> Self {
        let now = Instant::now();
        Self {
            index,
            phase: Phase::Vacant,
            live: None,
            pid: 0,
            flights: Flights::new(),
            directed: Backlog::default(),
            depth: first_depth(settings),
            full: false,
            given: 0,
            since: now,
            seen: None,
            verdict: None,
            started: now,
            unpublished: 0,
            metered: (0, 0),
            unmetered: 0,
            mean_ns: 0.0,
        }
    }

    /// Gives the seat to a new worker.
    pub(crate) fn occupy(&mut self, live: Live, settings: &Settings) {
        self.pid = live.child.pid();
        self.live = Some(live);
        self.phase = Phase::Booting;
        self.started = Instant::now();
        (self.depth, self.full, self.given, self.verdict) = (first_depth(settings), false, 0, None);
        self.unpublished = 0;
        (self.metered, self.mean_ns, self.seen) = ((0, 0), 0.0, None);
    }

    /// The worker's number and process id.
    #[inline]
    pub(crate) fn worker(&self) -> WorkerId {
        WorkerId::new(self.index, self.pid)
    }

    /// Whether it could take one more task now.
    #[inline]
    pub(crate) fn has_room(&self, settings: &Settings) -> bool {
        self.phase == Phase::Ready
            && !self.full
            && self.flights.len() < self.depth
            && settings.tasks_per_worker.is_none_or(|most| self.given < most)
    }

    /// How many more tasks may follow the last one without another look at this worker; 0 where a
    /// look could matter to any worker.
    #[inline]
    pub(crate) fn row(&self, settings: &Settings) -> usize {
        // A socket may be full after each task, so it is looked at after each.
        let cannot_matter =
            settings.transport == Transport::Ring && settings.tasks_per_worker.is_none();
        let many = cannot_matter && self.flights.len() >= 4 * LATER;
        if many { LATER.min(self.depth.saturating_sub(self.flights.len())) } else { 0 }
    }

    /// Gives the worker a task; returns `false` when there is no worker, or no room in its ring.
    #[inline]
    pub(crate) fn give(
        &mut self,
        tag: u64,
        bytes: &[u8],
        attachment: Option<&Attachment>,
        directed: bool,
    ) -> Result<bool> {
        let Some(live) = &mut self.live else { return Ok(false) };
        if !live.link.push(self.flights.next_number(), bytes, attachment)? {
            self.full = true;
            return Ok(false);
        }
        self.given += 1;
        self.unpublished += 1;
        self.flights.push(Flight { tag, directed });
        Ok(true)
    }

    /// Sets which thread sleeps until this worker has answered; returns `false` when it has
    /// already.
    pub(crate) fn listen(&self, listener: Listener) -> bool {
        self.live.as_ref().is_none_or(|live| live.link.listen(listener))
    }

    /// Shows the worker the tasks that were written for it.
    #[inline]
    pub(crate) fn publish(&mut self) {
        self.unpublished = 0;
        if let Some(live) = &self.live {
            live.link.publish();
        }
    }

    /// Publishes the new tasks once there are a quarter as many as the worker has, or [`LATER`].
    /// Until then the worker has others to run. The thread that reads their results publishes the
    /// rest.
    #[inline]
    pub(crate) fn publish_soon(&mut self) {
        if self.unpublished >= (self.flights.len() / 4).clamp(1, LATER) {
            self.publish();
        }
    }

    /// Publishes the tasks that [`publish_soon`](Self::publish_soon) has left.
    #[inline]
    pub(crate) fn publish_rest(&mut self) {
        if self.unpublished > 0 {
            self.publish();
        }
    }

    /// Whether its oldest task seems to take longer than `limit`.
    pub(crate) fn is_overdue(&self, limit: Duration) -> bool {
        self.phase == Phase::Ready && !self.flights.is_empty() && self.since.elapsed() > limit
    }

    /// Whether something for the worker still waits for room in its socket.
    pub(crate) fn is_backed_up(&self) -> bool {
        self.live.as_ref().is_some_and(|live| live.link.control.is_backed_up())
    }

    /// Tells the worker to end after the tasks that it has.
    pub(crate) fn dismiss(&mut self) {
        self.publish();
        let Some(live) = &mut self.live else { return };
        // Without room now, this is tried again later. A worker with a damaged ring is killed
        // elsewhere.
        if live.link.push_quit().unwrap_or(true) {
            self.publish();
            self.phase = Phase::Leaving;
        }
    }

    /// Learns from the worker's meter how long tasks take, and from that how many to give at once.
    ///
    /// Where `nothing_waits`, an idle worker gets its next task in any case. Then the meter is not
    /// read for a while, because reading it takes its cache line from the worker. `active` is the
    /// number of workers that are given tasks.
    pub(crate) fn adapt(
        &mut self,
        answered: usize,
        nothing_waits: bool,
        active: usize,
        settings: &Settings,
    ) {
        let Depth::ByTaskLength = settings.depth else { return };
        self.unmetered += answered;
        let known = self.mean_ns > 0.0;
        if known && nothing_waits && self.flights.is_empty() && self.unmetered < LATER {
            return;
        }
        self.unmetered = 0;
        let Some((busy, tasks)) = self.live.as_ref().and_then(|live| live.link.meter()) else {
            return;
        };
        let (busy_before, tasks_before) = self.metered;
        let (time, count) = (busy.saturating_sub(busy_before), tasks.saturating_sub(tasks_before));
        if count == 0 {
            return;
        }
        self.metered = (busy, tasks);
        let mean = time as f64 / count as f64;
        // A longer task than before counts in full at once, so that no others are put behind the
        // next long one.
        self.mean_ns =
            if mean > self.mean_ns || count >= 8 { mean } else { self.mean_ns.midpoint(mean) };
        let mean = self.mean_ns.max(1.0);
        // Where results come faster than the reader can be woken for each, a worker needs more
        // tasks ahead.
        let crowd = (1.0 + WAKING_NS * active as f64 / mean).min(CROWD);
        self.depth = (1.0 + AHEAD_NS / mean).clamp(crowd, DEEPEST as f64) as usize;
    }

    /// How long tasks have been taking, in nanoseconds; 0 while that is unknown.
    pub(crate) fn mean_ns(&self) -> f64 {
        self.mean_ns
    }

    /// How long the tasks behind the present one will take, estimated from those before, in
    /// nanoseconds; 0 while that is unknown.
    pub(crate) fn ahead_ns(&self) -> f64 {
        self.flights.len().saturating_sub(1) as f64 * self.mean_ns
    }

    /// How many tasks the worker does in the time of a wake-up; 0 while that is unknown.
    pub(crate) fn done_before_waking(&self) -> usize {
        if self.mean_ns > 0.0 { (WAKING_NS / self.mean_ns) as usize } else { 0 }
    }

    /// Whether the tasks are so short that waiting for each of them would cost more than they do.
    pub(crate) fn rushes(&self) -> bool {
        self.mean_ns > 0.0 && self.mean_ns < 15_000.0
    }
}

#[cfg(test)]
impl Seat {
    /// Sets how many tasks its worker has and how long they take.
    pub(crate) fn imagine(&mut self, flights: usize, mean_ns: f64) {
        self.flights.clear();
        for tag in 0..flights as u64 {
            self.flights.push(Flight { tag, directed: false });
        }
        self.mean_ns = mean_ns;
    }
}

fn first_depth(settings: &Settings) -> usize {
    match settings.depth {
        Depth::Fixed(depth) => depth,
        Depth::ByTaskLength => UNKNOWN,
    }
}
