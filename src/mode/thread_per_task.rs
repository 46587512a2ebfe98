//! `thread-per-task`: a thread is started for each task and joined after it, N at once.
//!
//! | before the clock | inside it |
//! |---|---|
//! | nothing | spawn, prepare, run, join |

use std::sync::Arc;
use std::thread;

use knee_workloads::{Aside, Work};

use super::{Crew, Ground, ModeError, Round, Whom, Window, starters};

/// Starters of one thread after another.
#[derive(Debug)]
pub(super) struct Starter {
    ground: Arc<Ground>,
}

impl Starter {
    pub(super) fn launch(ground: Ground) -> Self {
        Self { ground: Arc::new(ground) }
    }

    fn task(&self, worker: usize, number: u64) -> Result<(Work, Aside), ModeError> {
        let ground = Arc::clone(&self.ground);
        let body = move || {
            super::pin(&ground.placement, worker);
            let mut task = ground.prepare(worker)?;
            let work = task.run(number);
            let work =
                work.map_err(|error| ModeError::Task { number, reason: error.to_string() })?;
            Ok((work, task.aside()))
        };
        let thread = thread::Builder::new().spawn(body).map_err(|error| ModeError::Launch {
            what: "a thread could not be started",
            reason: error.to_string(),
        })?;
        thread.join().unwrap_or_else(|panic| Err(super::panicked(number, &*panic)))
    }
}

impl Crew for Starter {
    fn round(&mut self, window: Window) -> Result<Round, ModeError> {
        let task = |worker, number| self.task(worker, number);
        starters::round(&self.ground, window, Whom::Ourselves, task)
    }

    fn dismiss(self: Box<Self>) -> Result<(), ModeError> {
        Ok(())
    }
}
