//! Measures how long a worker's tasks take, tells it to the parent, and decides whether tasks come
//! so fast that a nap is worth it.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use super::link::{METER_BUSY, METER_TASKS};
use crate::shm::Mapping;

/// After so many tasks without a pause, a worker whose ring is empty naps before it sleeps.
const RUSH: u64 = 16;
/// How many tasks a nap must bring to be worth another.
const GATHERED: u64 = 4;
/// Nanoseconds. Tasks that take longer than this on average are no rush.
const SHORT: u64 = 5_000;

/// Tells the parent how long tasks take, at the cost of a clock reading now and then.
pub(super) struct Meter {
    memory: Arc<Mapping>,
    since: Instant,
    unread: u64,
    step: u64,
    busy: u64,
    tasks: u64,
    /// Tasks since the last pause, and the time that they took.
    burst: (u64, u64),
    /// Whether the last pause was a nap.
    pub(super) napped: bool,
}

impl Meter {
    pub(super) fn new(memory: Arc<Mapping>) -> Self {
        Self {
            memory,
            since: Instant::now(),
            unread: 0,
            step: 1,
            busy: 0,
            tasks: 0,
            burst: (0, 0),
            napped: false,
        }
    }

    #[inline]
    pub(super) fn ran(&mut self) {
        self.unread += 1;
        if self.unread >= self.step {
            self.read();
        }
    }

    /// Adds the tasks since the last reading to the meter. With short tasks the clock is read less
    /// often.
    fn read(&mut self) {
        let now = Instant::now();
        let elapsed = now.duration_since(self.since).as_nanos() as u64;
        self.since = now;
        self.busy += elapsed;
        self.tasks += self.unread;
        self.burst = (self.burst.0 + self.unread, self.burst.1 + elapsed);
        self.unread = 0;
        self.step = if elapsed < 20_000 { (self.step * 2).min(64) } else { (self.step / 2).max(1) };
        self.memory.word(METER_BUSY).store(self.busy, Relaxed);
        self.memory.word(METER_TASKS).store(self.tasks, Relaxed);
    }

    /// To be called when there is no task. Returns whether many short tasks have just run, so that
    /// a nap is worth it.
    pub(super) fn pause(&mut self) -> bool {
        if self.unread > 0 {
            self.read();
        }
        let (tasks, time) = std::mem::take(&mut self.burst);
        let enough = if self.napped { GATHERED } else { RUSH };
        self.napped = tasks >= enough && time / tasks < SHORT;
        self.napped
    }

    pub(super) fn resume(&mut self, now: Instant) {
        self.since = now;
    }
}
