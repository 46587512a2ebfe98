//! `thread-per-task`: a thread is started for each task and joined after it, N at once.
//!
//! | before the clock | inside it |
//! |---|---|
//! | nothing | spawn, prepare, run, join |

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread;

use knee_workloads::{Aside, Work};

use super::memory::Book;
use super::starters::{self, Order};
use super::{Crew, Ground, ModeError, Round, Whom, Window};

/// Starters: each starts one thread after another.
#[derive(Debug)]
pub(super) struct Starter {
    memory: Book,
    ground: Arc<Ground>,
}

impl Starter {
    pub(super) fn launch(ground: Ground) -> Self {
        let ((), memory) = Book::open(&ground.held, ground.members, || {});
        Self { memory, ground: Arc::new(ground) }
    }

    fn task(&self, worker: usize, number: u64) -> Result<(Work, Aside), ModeError> {
        let ground = Arc::clone(&self.ground);
        let body = move || {
            super::pin(&ground.placement, worker);
            let mut task = ground.prepare(worker)?;
            let work = super::guarded(number, || task.run(number))?;
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
    fn round(&mut self, active: NonZeroUsize, window: Window) -> Result<Round, ModeError> {
        let active = self.ground.active(active);
        let before = self.memory.before(active);
        let task = |worker, number| self.task(worker, number);
        let order = Order { active, window, whom: Whom::Ourselves, others: before.others };
        let round = starters::round(&self.ground, order, task);
        self.memory.after(active, before);
        round
    }

    fn dismiss(self: Box<Self>) -> Result<(), ModeError> {
        Ok(())
    }
}
