//! `thread-per-task`: a thread is started for each task and joined after it, N at once.
//!
//! | before the clock | inside it |
//! |---|---|
//! | nothing | spawn, prepare, run, join |

use std::sync::{Arc, Barrier};
use std::thread;

use knee_workloads::{Aside, Work};

use super::{Crew, Gate, Ground, Lane, Lap, Meter, ModeError, Round, Whom, Window, gather};
use crate::clock;

/// N starters, each of which starts one thread after another.
#[derive(Debug)]
pub(super) struct Spawner {
    ground: Arc<Ground>,
}

impl Spawner {
    pub(super) fn launch(ground: Ground) -> Self {
        Self { ground: Arc::new(ground) }
    }

    fn lap(&self, worker: usize, gate: &Arc<Gate>, meter: &Meter) -> Result<Lap, ModeError> {
        let mut lane = Lane::new(gate, worker, self.ground.workers, self.ground.job.checked);
        lane.start();
        while let Some(number) = lane.take() {
            let (work, aside) = self.task(worker, number).inspect_err(|_| gate.stop())?;
            lane.set_aside(aside);
            if lane.done(number, work) {
                meter.open(gate);
            }
        }
        Ok(lane.finish())
    }

    /// One task from birth to join.
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

impl Crew for Spawner {
    fn round(&mut self, window: Window) -> Result<Round, ModeError> {
        let (gate, meter) = (self.ground.gate(window), Meter::new(Whom::Ourselves));
        let barrier = Barrier::new(self.ground.workers + 1);
        let (this, gate_ref, meter_ref, barrier_ref) = (&*self, &gate, &meter, &barrier);
        let (laps, span) = thread::scope(|scope| {
            let starters: Vec<_> = (0..this.ground.workers)
                .map(|worker| {
                    scope.spawn(move || {
                        barrier_ref.wait();
                        this.lap(worker, gate_ref, meter_ref)
                    })
                })
                .collect();
            if gate.is_open_from_start() {
                meter.open(&gate);
            }
            // The clock is read before the release: afterwards this thread may be the last to run.
            let start = clock::now();
            barrier.wait();
            let laps = starters.into_iter().map(super::joined).collect();
            (laps, clock::since(start))
        });
        let usage = meter.end();
        Ok(Round::new(gather(&gate, laps)?, usage, span))
    }

    fn dismiss(self: Box<Self>) -> Result<(), ModeError> {
        Ok(())
    }
}
