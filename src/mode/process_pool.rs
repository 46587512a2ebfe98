//! `process-pool`: N processes that are started once and run one task after another.
//!
//! | before the clock | inside it |
//! |---|---|
//! | workers started, prepare, ready | dispatch, run, reply |

use std::num::NonZeroUsize;
use std::thread;
use std::time::Duration;

use knee_process::{Failure, Pool};

use super::worker::{Crewman, Numbered, Orders};
use super::{Crew, Extent, Gate, Ground, Lane, Lap, Meter, ModeError, Round, Whom, Window, gather};
use crate::clock;

/// The longest that workers may take to get ready.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// Workers that have not ended by then are killed.
const END_WITHIN: Duration = Duration::from_secs(2);

/// A pool of worker processes.
#[derive(Debug)]
pub(super) struct Workers {
    pool: Pool<Crewman>,
    ground: Ground,
    /// The longest that a round may take.
    limit: Option<Duration>,
}

impl Workers {
    pub(super) fn launch(ground: Ground) -> Result<Self, ModeError> {
        let failed = |error: knee_process::Error| ModeError::Launch {
            what: "the worker processes could not be started",
            reason: error.to_string(),
        };
        // A worker that dies is a finding about this cell. It must not be replaced silently.
        let pool = Pool::<Crewman>::of(&Orders::of(&ground))
            .workers(ground.members)
            .restarts(0, READY_WITHIN)
            .build()
            .map_err(failed)?;
        pool.wait_ready(READY_WITHIN).map_err(failed)?;
        Ok(Self { pool, ground, limit: None })
    }

    /// Measures tasks that arrive at a rate. Each worker has a thread here, which takes the next
    /// due task from the crew's only queue and hands it over. So no task waits for a busy worker
    /// while another worker is free.
    fn as_they_come(&self, active: usize, window: Window) -> Result<Round, ModeError> {
        self.pool.set_patience(self.limit);
        let gate = self.ground.gate(window, active);
        let meter = Meter::new(Whom::Workers(self.processes().into_iter().take(active).collect()));
        let start = clock::now();
        let shared_start = clock::shared_nanos();
        let laps: Vec<Result<Lap, ModeError>> = thread::scope(|scope| {
            let serve = |worker: usize| {
                let (gate, meter, pool) = (&gate, &meter, &self.pool);
                let mut lane = self.ground.lane(gate, worker, active);
                let serve = move || {
                    lane.start();
                    while let Some(number) = lane.take() {
                        let reply = ask(pool, worker, number).inspect_err(|_| gate.stop())?;
                        let done = reply.done.saturating_sub(shared_start);
                        let at = start + Duration::from_nanos(done);
                        meter.at(lane.done_at(at, number, reply.work), gate);
                    }
                    Ok(lane.finish())
                };
                let name = format!("serve-{worker}");
                thread::Builder::new().name(name).spawn_scoped(scope, serve).map_err(|error| {
                    gate.stop();
                    ModeError::Launch {
                        what: "a thread could not be started",
                        reason: error.to_string(),
                    }
                })
            };
            let serving: Vec<_> = (0..active).map(serve).collect();
            serving.into_iter().map(|thread| thread.and_then(super::joined)).collect()
        });
        let (span, usage) = (clock::since(start), meter.end());
        Ok(Round::new(gather(&gate, laps)?, usage, span).after(&gate))
    }
}

impl Crew for Workers {
    fn round(&mut self, active: NonZeroUsize, window: Window) -> Result<Round, ModeError> {
        let active = self.ground.active(active);
        self.pool.set_active(active);
        if matches!(window.extent, Extent::Arrivals { .. }) {
            return self.as_they_come(active, window);
        }
        self.pool.set_patience(self.limit);
        let gate = self.ground.gate(window, active);
        let meter = Meter::new(Whom::Workers(self.processes().into_iter().take(active).collect()));
        let mut lanes: Vec<Lane> =
            (0..active).map(|worker| self.ground.lane(&gate, worker, active)).collect();
        if gate.is_open_from_start() {
            meter.open(&gate);
        }
        let mut trouble = None;
        let start = clock::now();
        let shared_start = clock::shared_nanos();
        lanes.iter_mut().for_each(Lane::start);
        let mut numbers = 0..;
        // The loss of an idle worker fails no task, but the others would wait for it.
        let pool = &self.pool;
        let all_here = || pool.lost_worker().is_none();
        let next = || {
            (more(&gate) && all_here())
                .then(|| numbers.next())
                .flatten()
                .filter(|number| within(window, *number))
        };
        let ran = self.pool.run_closed_loop(next, |report| match report.outcome {
            Ok(Numbered { number, work, aside, done }) => {
                let at = start + Duration::from_nanos(done.saturating_sub(shared_start));
                let lane = &mut lanes[report.worker];
                lane.set_aside(aside);
                meter.at(lane.done_at(at, number, work), &gate);
            }
            Err(failure) => {
                gate.stop();
                let how = lost(&failure, report.pid);
                trouble.get_or_insert(ModeError::Worker { worker: report.worker, how });
            }
        });
        let (span, usage) = (clock::since(start), meter.end());
        if let Some(trouble) = trouble {
            return Err(trouble);
        }
        if let Some((worker, how)) = self.pool.lost_worker() {
            return Err(ModeError::Worker { worker, how });
        }
        ran.map_err(|error| ModeError::Launch {
            what: "the pool of worker processes broke",
            reason: error.to_string(),
        })?;
        if gate.stopped() {
            return Err(ModeError::Interrupted);
        }
        Ok(Round::new(lanes.into_iter().map(Lane::finish).collect(), usage, span))
    }

    fn allow(&mut self, limit: Duration) {
        self.limit = Some(limit);
    }

    fn processes(&self) -> Vec<u32> {
        self.pool.pids().into_iter().flatten().collect()
    }

    fn dismiss(self: Box<Self>) -> Result<(), ModeError> {
        self.pool.join_within(END_WITHIN);
        Ok(())
    }
}

/// Lets one worker do one task.
fn ask(pool: &Pool<Crewman>, worker: usize, number: u64) -> Result<Numbered, ModeError> {
    let handle = pool.submit_to(worker, &number).map_err(|error| ModeError::Launch {
        what: "the pool of worker processes broke",
        reason: error.to_string(),
    })?;
    let report = handle.report();
    report.outcome.map_err(|failure| ModeError::Worker { worker, how: lost(&failure, report.pid) })
}

/// Whether workers still get tasks: until the last one has ended its own window.
fn more(gate: &Gate) -> bool {
    !gate.stopped() && !gate.all_finished()
}

/// Whether the batch has a task with this number.
fn within(window: Window, number: u64) -> bool {
    match window.extent {
        Extent::Tasks(tasks) => number < tasks,
        Extent::Time(_) | Extent::Arrivals { .. } => true,
    }
}

/// What happened to a task without a result. It completes the sentence "worker 3: ..".
fn lost(failure: &Failure, pid: u32) -> String {
    match failure {
        Failure::TimedOut { after } => super::silent(pid, *after),
        failure => told(failure),
    }
}

/// A failure in words. It completes the sentence "worker 3: ..".
fn told(failure: &Failure) -> String {
    match failure {
        Failure::Failed(reason) => reason.clone(),
        other => other.to_string(),
    }
}
