//! `async`: N futures in flight on a tokio runtime with a thread per usable CPU.
//!
//! | before the clock | inside it |
//! |---|---|
//! | tokio runtime up, prepare | spawn, run_async, join |

use std::fmt;
use std::num::NonZeroUsize;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use knee_workloads::Task;
use tokio::sync::Barrier;

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
        let runtime = started(count, ground.placement.clone())?;
        // Tasks may register sockets and timers with the runtime during preparation.
        let entered = runtime.enter();
        let prepare = || (0..ground.members).map(|member| ground.prepare(member)).collect();
        let (tasks, memory) = Book::open(&ground.held, ground.members, prepare);
        drop(entered);
        let tasks: Result<_, ModeError> = tasks;
        Ok(Self { tokio: runtime, tasks: tasks?, memory, ground })
    }
}

/// Starts a runtime with this many threads.
///
/// When the system refuses a thread, tokio panics and then waits for ever for the threads it
/// already has. So each thread first waits until all have started, and ends if one has not.
fn started(count: usize, placement: Vec<usize>) -> Result<tokio::runtime::Runtime, ModeError> {
    let complete = Arc::new(OnceLock::<bool>::new());
    let (number, awaited) = (AtomicUsize::new(0), Arc::clone(&complete));
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(count).thread_name("knee-async").enable_all();
    builder.on_thread_start(move || {
        if !awaited.wait() {
            panic::resume_unwind(Box::new("another thread could not be started"));
        }
        super::pin(&placement, number.fetch_add(1, Ordering::Relaxed));
    });
    // The hook runs before tokio waits, and keeps the panic from being printed.
    let (usual, lacking) = (panic::take_hook(), Arc::clone(&complete));
    panic::set_hook(Box::new(move |_| {
        let _ = lacking.set(false);
    }));
    let built = panic::catch_unwind(AssertUnwindSafe(|| builder.build()));
    panic::set_hook(usual);
    let _ = complete.set(built.as_ref().is_ok_and(Result::is_ok));
    let reason = match built {
        Ok(Ok(runtime)) => return Ok(runtime),
        Ok(Err(error)) => error.to_string(),
        Err(panic) => super::said(&*panic),
    };
    Err(ModeError::Launch { what: "the async runtime could not be started", reason })
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
            // Sockets and timers deregister from their runtime.
            let _entered = tokio.enter();
            drop(tasks);
        }
        drop((tokio, memory, ground));
        Ok(())
    }
}

/// The closed loop of one worker. Each task is spawned and joined, as a program would do it. The
/// worker's task moves into the spawned future and comes back with the result. A task that failed
/// is not used again.
async fn lap(
    mut lane: Lane,
    mut task: Box<dyn Task>,
    gate: &Arc<Gate>,
    meter: &Meter,
) -> (Option<Box<dyn Task>>, Result<Lap, ModeError>) {
    lane.start();
    while let Some(number) = lane.take() {
        let spawned = tokio::spawn(async move {
            let result = super::inside::future(task.run_async(number)).await;
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
