//! `threads`: a rayon pool of exactly N threads, each with its own task.
//!
//! | before the clock | inside it |
//! |---|---|
//! | pool started, prepare | take a task, run |

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};

use knee_workloads::Task;
use rayon::ThreadPool;

use super::line::StartingLine;
use super::memory::Book;
use super::{Crew, Ground, Lap, Meter, ModeError, Round, Whom, Window, drive, gather};
use crate::clock;

/// A pool of threads. Rayon is what Rust users run, so it is what is measured.
pub(super) struct Pool {
    threads: ThreadPool,
    /// Each thread's own task. Only that thread takes its lock, so it is never waited for.
    tasks: Vec<Mutex<Box<dyn Task>>>,
    memory: Book,
    ground: Ground,
}

impl Pool {
    pub(super) fn launch(ground: Ground) -> Result<Self, ModeError> {
        let placement = ground.placement.clone();
        let threads = rayon::ThreadPoolBuilder::new()
            .num_threads(ground.members)
            .thread_name(|worker| format!("knee-{worker}"))
            .start_handler(move |worker| super::pin(&placement, worker))
            .build()
            .map_err(|error| ModeError::Launch {
                what: "the thread pool could not be started",
                reason: error.to_string(),
            })?;
        let prepare = || threads.broadcast(|context| ground.prepare(context.index()));
        let (tasks, memory) = Book::open(&ground.held, ground.members, prepare);
        let tasks = tasks.into_iter().map(|task| task.map(Mutex::new)).collect::<Result<_, _>>()?;
        Ok(Self { threads, tasks, memory, ground })
    }
}

impl Pool {
    /// The tasks of the first `active` members. Nobody else holds them between rounds.
    fn tasks(&self, active: usize) -> Vec<MutexGuard<'_, Box<dyn Task>>> {
        let tasks = self.tasks.iter().take(active);
        tasks.map(|task| task.lock().unwrap_or_else(PoisonError::into_inner)).collect()
    }

    fn measure(&self, active: usize, window: Window, others: u64) -> Result<Round, ModeError> {
        let Self { threads, tasks, ground, .. } = self;
        let whom = Whom::with_helpers(self.tasks(active).iter().map(|task| &***task as &dyn Task));
        let (gate, meter) = (ground.gate(window, active), Meter::new(whom));
        // Those that sleep pass the line too, so that they are asleep again when the clock starts.
        let line = StartingLine::new(ground.members);
        let open = || {
            if gate.is_open_from_start() {
                meter.open(&gate);
            }
        };
        let start = clock::now();
        let laps = threads.broadcast(|context| -> Option<Result<Lap, ModeError>> {
            let member = context.index();
            if member >= active {
                line.pass(open);
                return None;
            }
            let mut task = tasks[member].lock().unwrap_or_else(PoisonError::into_inner);
            let mut lane = ground.lane(&gate, member, active);
            line.wait(open);
            lane.start();
            let driven = drive(&mut lane, &mut **task, &gate, &meter);
            Some(driven.map(|()| lane.finish()))
        });
        let (span, usage) = (clock::since(start), meter.end_without(others));
        let laps = laps.into_iter().flatten().collect();
        Ok(Round::new(gather(&gate, laps)?, usage, span))
    }
}

impl Crew for Pool {
    fn round(&mut self, active: NonZeroUsize, window: Window) -> Result<Round, ModeError> {
        let active = self.ground.active(active);
        let before = self.memory.before(active);
        let round = self.measure(active, window, before.others);
        self.memory.after(active, before);
        round
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
