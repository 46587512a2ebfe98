//! `threads`: a rayon pool of exactly N threads, each with its own task.
//!
//! | before the clock | inside it |
//! |---|---|
//! | pool started, prepare | take a task, run |

use std::fmt;
use std::sync::{Mutex, PoisonError};

use knee_workloads::Task;
use rayon::ThreadPool;

use super::line::StartingLine;
use super::{Crew, Ground, Lane, Lap, Meter, ModeError, Round, Whom, Window, drive, gather};
use crate::clock;

/// A pool of threads. Rayon is what Rust users run, so it is what is measured.
pub(super) struct Pool {
    threads: ThreadPool,
    /// Each thread's own task. Only that thread takes its lock, so it is never waited for.
    tasks: Vec<Mutex<Box<dyn Task>>>,
    ground: Ground,
}

impl Pool {
    pub(super) fn launch(ground: Ground) -> Result<Self, ModeError> {
        let placement = ground.placement.clone();
        let threads = rayon::ThreadPoolBuilder::new()
            .num_threads(ground.workers)
            .thread_name(|worker| format!("knee-{worker}"))
            .start_handler(move |worker| super::pin(&placement, worker))
            .build()
            .map_err(|error| ModeError::Launch {
                what: "the thread pool could not be started",
                reason: error.to_string(),
            })?;
        let tasks = threads.broadcast(|context| ground.prepare(context.index()));
        let tasks = tasks.into_iter().map(|task| task.map(Mutex::new)).collect::<Result<_, _>>()?;
        Ok(Self { threads, tasks, ground })
    }
}

impl Crew for Pool {
    fn round(&mut self, window: Window) -> Result<Round, ModeError> {
        let Self { threads, tasks, ground } = self;
        let helped: Vec<_> =
            tasks.iter().map(|task| task.lock().unwrap_or_else(PoisonError::into_inner)).collect();
        let whom = Whom::with_helpers(helped.iter().map(|task| &***task as &dyn Task));
        drop(helped);
        let (gate, meter) = (ground.gate(window), Meter::new(whom));
        let line = StartingLine::new(ground.workers);
        let start = clock::now();
        let laps = threads.broadcast(|context| -> Result<Lap, ModeError> {
            let worker = context.index();
            let mut task = tasks[worker].lock().unwrap_or_else(PoisonError::into_inner);
            let mut lane = Lane::new(&gate, worker, ground.workers, ground.job.checked);
            line.wait(|| {
                if gate.is_open_from_start() {
                    meter.open(&gate);
                }
            });
            lane.start();
            drive(&mut lane, &mut **task, &gate, &meter)?;
            Ok(lane.finish())
        });
        let (span, usage) = (clock::since(start), meter.end());
        Ok(Round::new(gather(&gate, laps)?, usage, span))
    }

    fn dismiss(self: Box<Self>) -> Result<(), ModeError> {
        Ok(())
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("ground", &self.ground).finish_non_exhaustive()
    }
}
