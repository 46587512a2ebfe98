//! `serial`: one task after another, on the calling thread. What every speed-up is relative to.
//!
//! | before the clock | inside it |
//! |---|---|
//! | prepare | run |

use std::fmt;

use knee_workloads::Task;

use super::{Crew, Ground, Lane, Meter, ModeError, Round, Whom, Window, drive};
use crate::clock;

/// A single worker without company.
pub(super) struct Alone {
    task: Box<dyn Task>,
    ground: Ground,
}

impl Alone {
    pub(super) fn launch(ground: Ground) -> Result<Self, ModeError> {
        Ok(Self { task: ground.prepare(0)?, ground })
    }
}

impl Crew for Alone {
    fn round(&mut self, window: Window) -> Result<Round, ModeError> {
        let gate = self.ground.gate(window);
        let meter = Meter::new(Whom::with_helpers([&*self.task]));
        if gate.is_open_from_start() {
            meter.open(&gate);
        }
        let mut lane = Lane::new(&gate, 0, 1, self.ground.job.checked);
        let start = clock::now();
        lane.start();
        drive(&mut lane, &mut *self.task, &gate, &meter)?;
        let (span, usage) = (clock::since(start), meter.end());
        if gate.stopped() {
            return Err(ModeError::Interrupted);
        }
        Ok(Round::new(vec![lane.finish()], usage, span))
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
