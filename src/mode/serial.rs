//! `serial`: one task after another, on the calling thread. Speed-ups are relative to it.
//!
//! | before the clock | inside it |
//! |---|---|
//! | prepare | run |

use std::fmt;
use std::num::NonZeroUsize;

use knee_workloads::Task;

use super::memory::Book;
use super::{Crew, Ground, Meter, ModeError, Round, Whom, Window, drive};
use crate::clock;

/// A single worker on the calling thread.
pub(super) struct Alone {
    task: Box<dyn Task>,
    memory: Book,
    ground: Ground,
}

impl Alone {
    pub(super) fn launch(ground: Ground) -> Result<Self, ModeError> {
        let (task, memory) = Book::open(&ground.held, 1, || ground.prepare(0));
        Ok(Self { task: task?, memory, ground })
    }
}

impl Crew for Alone {
    fn round(&mut self, _active: NonZeroUsize, window: Window) -> Result<Round, ModeError> {
        let gate = self.ground.gate(window, 1);
        let before = self.memory.before(1);
        let meter = Meter::new(Whom::with_helpers([&*self.task]));
        if gate.is_open_from_start() {
            meter.open(&gate);
        }
        let mut lane = self.ground.lane(&gate, 0, 1);
        let start = clock::now();
        lane.start();
        drive(&mut lane, &mut *self.task, &gate, &meter)?;
        let (span, usage) = (clock::since(start), meter.end_without(before.others));
        self.memory.after(1, before);
        if gate.stopped() {
            return Err(ModeError::Interrupted);
        }
        Ok(Round::new(vec![lane.finish()], usage, span).after(&gate))
    }

    fn dismiss(self: Box<Self>) -> Result<(), ModeError> {
        Ok(())
    }
}

impl fmt::Debug for Alone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Alone").field("ground", &self.ground).finish_non_exhaustive()
    }
}
