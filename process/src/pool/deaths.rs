//! How workers died, and whether a dead worker may be replaced.

use std::collections::VecDeque;
use std::time::Instant;

use super::settings::Settings;
use crate::outcome::{Death, Exit, Failure};
use crate::sys::oom;

/// The deaths of a pool's workers.
#[derive(Debug)]
pub(crate) struct Deaths {
    /// When workers died within the last restart period.
    lately: VecDeque<Instant>,
    /// The cgroup's count of kills for lack of memory when it was last read.
    oom_kills: Option<u64>,
}

impl Deaths {
    pub(crate) fn new() -> Self {
        Self { lately: VecDeque::new(), oom_kills: oom::kills() }
    }

    /// How a worker died, as the failure of the task that it was running.
    pub(crate) fn failure(&mut self, exit: Exit) -> Failure {
        let now = oom::kills();
        let oom_kills = self.oom_kills.zip(now).map(|(before, now)| now.saturating_sub(before));
        self.oom_kills = now;
        Failure::Died(Death { pid: exit.pid, status: exit.status, oom_kills })
    }

    /// Counts a death; returns whether another worker may be started. The death of a worker that
    /// never got ready (`early`) counts twice.
    pub(crate) fn may_restart(&mut self, settings: &Settings, early: bool) -> bool {
        let now = Instant::now();
        self.lately.push_back(now);
        if early {
            self.lately.push_back(now);
        }
        let passed = |at: &Instant| now.duration_since(*at) > settings.restart_period;
        while self.lately.front().is_some_and(passed) {
            self.lately.pop_front();
        }
        self.lately.len() <= settings.restarts
    }
}
