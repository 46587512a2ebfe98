//! `async`: N futures in flight on a tokio runtime with a thread per usable CPU.
//!
//! | before the clock | inside it |
//! |---|---|
//! | tokio runtime up, prepare | spawn, run_async, join |

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;

use knee_workloads::Task;
use tokio::sync::Barrier;

use super::line::StartingLine;
use super::memory::Book;
use super::{Crew, Gate, Ground, Lane, Lap, Meter, ModeError, Round, Whom, Window, gather};
use crate::clock;

/// A tokio runtime and the tasks of N workers.
pub(super) struct Runtime {
    tokio: tokio::runtime::Runtime,
    tasks: Vec<Box<dyn Task>>,
    memory: Book,
    ground: Ground,
}

impl Runtime {
    pub(super) fn launch(ground: Ground) -> Result<Self, ModeError> {
        let count = ground.cores.max(1);
        threads_can_be_had(count)?;
        let placement = ground.placement.clone();
        let started = std::sync::atomic::AtomicUsize::new(0);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(count)
            .thread_name("knee-async")
            .on_thread_start(move || {
                let thread = started.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                super::pin(&placement, thread);
            })
            .enable_all()
            .build()
            .map_err(|error| ModeError::Launch {
                what: "the async runtime could not be started",
                reason: error.to_string(),
            })?;
        // Tasks may register sockets and timers with the runtime when they are prepared.
        let entered = runtime.enter();
        let prepare = || (0..ground.members).map(|member| ground.prepare(member)).collect();
        let (tasks, memory) = Book::open(&ground.held, ground.members, prepare);
        drop(entered);
        let tasks: Result<_, ModeError> = tasks;
        Ok(Self { tokio: runtime, tasks: tasks?, memory, ground })
    }
}

/// Tokio panics where the system refuses it a thread, and then waits for ever; so they are tried
/// before.
fn threads_can_be_had(count: usize) -> Result<(), ModeError> {
    let line = &StartingLine::new(count + 1);
    std::thread::scope(|scope| {
        let tried: Vec<_> = (0..count)
            .map(|_| {
                let thread = std::thread::Builder::new().spawn_scoped(scope, || line.wait(|| {}));
                thread.map(drop).inspect_err(|_| line.pass(|| {}))
            })
            .collect();
        line.wait(|| {});
        tried.into_iter().collect::<Result<(), _>>().map_err(|error| ModeError::Launch {
            what: "the async runtime could not be started",
            reason: error.to_string(),
        })
    })
}

impl Crew for Runtime {
    fn round(&mut self, active: NonZeroUsize, window: Window) -> Result<Round, ModeError> {
        let active = self.ground.active(active).min(self.tasks.len());
        let before = self.memory.before(active);
        let working = &self.tasks[..active];
        let whom = Whom::with_helpers(working.iter().map(|task| &**task as &dyn Task));
        let (gate, meter) = (self.ground.gate(window, active), Arc::new(Meter::new(whom)));
        let barrier = Arc::new(Barrier::new(active + 1));
        let asleep = self.tasks.split_off(active);
        let lanes: Vec<_> = std::mem::take(&mut self.tasks)
            .into_iter()
            .enumerate()
            .map(|(member, task)| {
                let lane = self.ground.lane(&gate, member, active);
                let released = Arc::clone(&barrier);
                let (gate, meter) = (Arc::clone(&gate), Arc::clone(&meter));
                self.tokio.spawn(async move {
                    released.wait().await;
                    lap(lane, task, &gate, &meter).await
                })
            })
            .collect();
        if gate.is_open_from_start() {
            meter.open(&gate);
        }
        let (tasks, laps, span) = self.tokio.block_on(async {
            let start = clock::now();
            barrier.wait().await;
            let (mut tasks, mut laps) = (Vec::new(), Vec::new());
            for lane in lanes {
                match lane.await {
                    Ok((task, lap)) => {
                        tasks.extend(task);
                        laps.push(lap);
                    }
                    Err(error) => laps.push(Err(super::broken(&error))),
                }
            }
            (tasks, laps, clock::since(start))
        });
        self.tasks = tasks;
        self.tasks.extend(asleep);
        let usage = meter.end_without(before.others);
        self.memory.after(active, before);
        Ok(Round::new(gather(&gate, laps)?, usage, span))
    }

    fn dismiss(self: Box<Self>) -> Result<(), ModeError> {
        let Self { tokio, tasks, memory, ground } = *self;
        {
            // Sockets and timers deregister from the runtime that they belong to.
            let _entered = tokio.enter();
            drop(tasks);
        }
        drop((tokio, memory, ground));
        Ok(())
    }
}

/// One worker's closed loop: each task is spawned and joined, as a program would do it. The
/// worker's own task goes into the spawned future and comes back with the result; a failed one is
/// not used again.
async fn lap(
    mut lane: Lane,
    mut task: Box<dyn Task>,
    gate: &Arc<Gate>,
    meter: &Meter,
) -> (Option<Box<dyn Task>>, Result<Lap, ModeError>) {
    lane.start();
    while let Some(number) = lane.take() {
        let spawned = tokio::spawn(async move {
            let result = task.run_async(number).await;
            (task, result)
        });
        match spawned.await {
            Ok((back, Ok(work))) => {
                lane.set_aside(back.aside());
                task = back;
                meter.at(lane.done(number, work), gate);
            }
            Ok((back, Err(error))) => {
                gate.stop();
                let reason = error.to_string();
                return (Some(back), Err(ModeError::Task { number, reason }));
            }
            Err(error) => {
                gate.stop();
                return (None, Err(super::broken(&error)));
            }
        }
    }
    (Some(task), Ok(lane.finish()))
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime").field("ground", &self.ground).finish_non_exhaustive()
    }
}
