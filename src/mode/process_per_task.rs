//! `process-per-task`: a process is started for each task and reaped after it, N at once.
//!
//! | before the clock | inside it |
//! |---|---|
//! | nothing | spawn, prepare, run, exit, reap |

use std::num::NonZeroUsize;
use std::time::Duration;

use knee_process::{Failure, Process};
use knee_workloads::{Aside, Work};

use super::starters::{self, Order};
use super::worker::{Orders, single};
use super::{Crew, Ground, ModeError, Round, Whom, Window};

/// Starters: each starts one process after another.
#[derive(Debug)]
pub(super) struct Starter {
    ground: Ground,
    orders: Orders,
    /// The longest that a round, and so a task, may take.
    limit: Option<Duration>,
}

impl Starter {
    pub(super) fn launch(ground: Ground) -> Self {
        Self { orders: Orders::of(&ground), ground, limit: None }
    }

    fn task(&self, worker: usize, number: u64) -> Result<(Work, Aside), ModeError> {
        let child = Process::new(single, (self.orders.clone(), worker, number)).start();
        let child = child.map_err(|error| ModeError::Launch {
            what: "a process could not be started",
            reason: error.to_string(),
        })?;
        if let Some(limit) = self.limit
            && let Ok(None) = child.join_within(limit)
        {
            return Err(ModeError::Worker { worker, how: super::silent(child.pid(), limit) });
        }
        match child.outcome() {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(reason)) | Err(Failure::Failed(reason)) => {
                Err(ModeError::Task { number, reason })
            }
            Err(other) => Err(ModeError::Worker { worker, how: format!("task {number}: {other}") }),
        }
    }
}

impl Crew for Starter {
    fn round(&mut self, active: NonZeroUsize, window: Window) -> Result<Round, ModeError> {
        let active = self.ground.active(active);
        let order = Order { active, window, whom: Whom::Reaped, others: 0 };
        starters::round(&self.ground, order, |worker, number| self.task(worker, number))
    }

    fn allow(&mut self, limit: Duration) {
        self.limit = Some(limit);
    }

    fn dismiss(self: Box<Self>) -> Result<(), ModeError> {
        Ok(())
    }
}
