//! How workers died, and whether others may take their seats.

use std::collections::VecDeque;
use std::time::Instant;

use super::settings::Settings;
use crate::outcome::{Death, Exit, Failure};
use crate::sys::oom;

/// The book of a pool's deaths.
#[derive(Debug)]
pub(crate) struct Deaths {
    /// When workers died, lately.
    lately: VecDeque<Instant>,
    /// How often the system had killed for lack of memory when it was last asked.
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

    /// Books a death; says whether another worker may be started. One that never got ready counts
    /// twice.
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
