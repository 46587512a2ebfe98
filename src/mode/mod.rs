#![doc = include_str!("README.md")]

mod asking;
mod asynchronous;
mod error;
mod gate;
pub mod helper;
mod inside;
mod lane;
mod line;
mod memory;
mod meter;
pub mod node;
mod opening;
mod process_per_task;
mod process_pool;
mod reference;
mod schedule;
mod serial;
pub mod server;
mod share;
mod site;
mod starters;
#[cfg(test)]
mod tests;
mod thread_per_task;
mod threads;
mod usage;
mod worker;

use std::fmt::Debug;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use knee_workloads::{Context, Host, Params, Task, Work, Workload};
use serde::{Deserialize, Serialize};

use crate::clock;
use crate::folder::Nest;
use crate::plan::Mode;

use meter::Meter;

pub use error::ModeError;
pub use gate::{Extent, Gate, Moment, Window};
pub(crate) use inside::is_inside;
pub use lane::{Lane, Lap};
pub use memory::Held;
pub use opening::Opening;
pub use reference::{Reference, reference};
pub use schedule::{Arrived, Schedule};
pub use site::Site;
pub use usage::{Probe, Usage, Whom};
pub use worker::become_worker_if_asked;

/// What a crew is to do: names and numbers, which is all that crosses a process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// The workload's name.
    pub workload: String,
    /// Its parameters.
    pub params: Params,
    /// The seed of the run.
    pub seed: u64,
    /// Checksums of task numbers below this are returned, to be compared with serial's.
    pub checked: u64,
    /// Over how many nodes its crews are spread; `None` for crews of this host.
    pub nodes: Option<usize>,
}

/// The workers of one workload in one mode, alive: its members.
pub trait Crew: Debug {
    /// Measures once: the first `active` members work for one window, the others sleep and cost
    /// nothing.
    ///
    /// More than there are members means all of them.
    ///
    /// # Errors
    /// A task failed, a worker died or the user interrupted; what was measured until then is void.
    /// After any error but an interrupt the crew is to be dismissed.
    fn round(&mut self, active: NonZeroUsize, window: Window) -> Result<Round, ModeError>;

    /// From now on a round that takes longer than `limit` has lost a worker: one that gives no sign
    /// is ended and named. Members that are threads cannot be ended.
    fn allow(&mut self, limit: Duration) {
        let _ = limit;
    }

    /// The processes in which members live and which outlive a round; empty where members are
    /// threads or come and go.
    fn processes(&self) -> Vec<u32> {
        Vec::new()
    }

    /// Tells all workers to end, without waiting for it: crews that take their time then take it
    /// together.
    fn farewell(&mut self) {}

    /// Ends all workers; returns when none is left.
    ///
    /// # Errors
    /// A worker did not end as it should.
    fn dismiss(self: Box<Self>) -> Result<(), ModeError>;
}

/// One measurement of a cell, raw.
#[derive(Debug)]
pub struct Round {
    /// What each worker measured.
    pub laps: Vec<Lap>,
    /// What the crew used from the gate's opening to the end of the last window.
    pub usage: Usage,
    /// From the release of the workers to the last join: the makespan of a batch.
    pub span: Duration,
    /// What handing over an empty task costs in this crew, where it was measured beside the work.
    pub handover: Option<helper::Handover>,
    /// How a server was kept under load, where one was.
    pub load: Option<server::Load>,
    /// How tasks came and went, where they came by themselves.
    pub arrived: Option<Arrived>,
    /// What each node gave, where the crew is spread over nodes; there is one lap for all then.
    pub nodes: Vec<node::NodeRound>,
    /// Each worker's own rate, where the crew is spread over nodes.
    pub rates: Vec<f64>,
}

impl Round {
    /// The round of these laps. Where tasks ran programs, the memory is those programs'.
    fn new(laps: Vec<Lap>, mut usage: Usage, span: Duration) -> Self {
        let programs: u64 = laps.iter().map(|lap| lap.peak_memory).sum();
        if programs > 0 {
            usage.peak_memory = Some(programs);
        }
        let (nodes, rates) = (Vec::new(), Vec::new());
        Self { laps, usage, span, handover: None, load: None, arrived: None, nodes, rates }
    }

    /// Units per second: the sum of the workers' own rates.
    pub fn rate(&self) -> f64 {
        self.laps.iter().map(|lap| lap.rate).sum()
    }
}

/// What the system refuses and a limit is likely to be the cause of, with the limit's name; as it
/// is, anything else.
pub(crate) fn advised(reason: String) -> String {
    let again = std::io::Error::from_raw_os_error(libc::EAGAIN).to_string();
    if reason.contains(&again) && !reason.contains("ulimit") {
        return format!(
            "{reason}; the limit on processes and threads is reached: see ulimit -u, and pids.max \
             of the control group"
        );
    }
    reason
}

/// Launches a crew of `members` and returns when every one is ready, with the time that took.
///
/// It can then be measured at every count up to that. Only where tasks [depend on the
/// count](Workload::needs_exact_count) it must be launched at the very count that is wanted.
///
/// # Errors
/// Whatever kept a worker from getting ready; none is left behind then.
pub fn launch(
    mode: Mode,
    site: &Site,
    job: &Job,
    members: NonZeroUsize,
) -> Result<(Box<dyn Crew>, Duration), ModeError> {
    let start = clock::now();
    if let Some((cluster, nodes)) = site.cluster.as_ref().zip(job.nodes) {
        let pin = !site.placement.is_empty();
        let crew = cluster.launch(mode, job, members, (nodes, pin))?;
        return Ok((crew, clock::since(start)));
    }
    let ground = Ground::new(site, job, members.get())?;
    if let Some(function) = ground.workload.foreign(&job.params) {
        let crew = helper::Remote::launch(ground, &function, mode)?;
        return Ok((Box::new(crew), clock::since(start)));
    }
    let crew: Box<dyn Crew> = match mode {
        Mode::Serial => Box::new(serial::Alone::launch(ground)?),
        // A thread that waits for a program costs next to nothing: the copies are what is measured.
        Mode::Threads | Mode::Copies => Box::new(threads::Pool::launch(ground)?),
        Mode::ThreadPerTask => Box::new(thread_per_task::Starter::launch(ground)),
        Mode::ProcessPool => Box::new(process_pool::Workers::launch(ground)?),
        Mode::ProcessPerTask => Box::new(process_per_task::Starter::launch(ground)),
        Mode::Async => Box::new(asynchronous::Runtime::launch(ground)?),
        Mode::Server => Box::new(server::Hosted::launch(ground)?),
        Mode::Interpreters => {
            return Err(ModeError::Launch {
                what: "the crew could not be launched",
                reason: format!("{mode} run functions of another language, not {}", job.workload),
            });
        }
    };
    Ok((crew, clock::since(start)))
}

/// What every crew stands on: its private directory, its host, its job.
#[derive(Debug)]
struct Ground {
    workload: &'static dyn Workload,
    job: Job,
    /// How many tasks can run at once.
    members: usize,
    /// How many workers the crew has: more than `members` where each task uses all of them by
    /// itself.
    count: usize,
    /// The resident memory that all crews in this process hold together.
    held: Arc<memory::Held>,
    connections: Arc<server::Known>,
    cores: usize,
    placement: Vec<usize>,
    cancel: Arc<AtomicBool>,
    opening: Arc<Opening>,
    /// Where the workers find their host.
    address: Option<String>,
    // The host is declared before the directory because it must go first. The lock is never taken:
    // it makes the ground usable from all workers' threads.
    keep: Mutex<Option<Host>>,
    directory: Nest,
}

impl Ground {
    fn new(site: &Site, job: &Job, workers: usize) -> Result<Self, ModeError> {
        let workload = site.registry.find(&job.workload)?;
        let directory =
            Nest::make_in(&site.scratch, "crew-").map_err(|error| ModeError::Launch {
                what: "the crew's private directory could not be made",
                reason: format!("{}: {error}", site.scratch.display()),
            })?;
        let mut ground = Self {
            workload,
            job: job.clone(),
            members: if workload.parallel_by_itself(&job.params) { 1 } else { workers },
            held: Arc::clone(&site.held),
            connections: Arc::clone(&site.connections),
            count: workers,
            cores: site.cores,
            placement: site.placement.clone(),
            cancel: Arc::clone(&site.cancel),
            opening: Arc::clone(&site.opening),
            address: None,
            keep: Mutex::new(None),
            directory,
        };
        let host = workload.host(&ground.context(0)).map_err(|error| ModeError::Launch {
            what: "what the workers share could not be started",
            reason: error.to_string(),
        })?;
        ground.address = host.as_ref().map(|host| host.address.clone());
        ground.keep = Mutex::new(host);
        Ok(ground)
    }

    fn shared(&self) -> &Path {
        self.directory.path()
    }

    fn context(&self, worker: usize) -> Context<'_> {
        Context {
            params: &self.job.params,
            seed: self.job.seed,
            worker,
            workers: self.count,
            shared: self.shared(),
            host: self.address.as_deref(),
        }
    }

    /// One worker's own task, on the thread that will run it.
    fn prepare(&self, worker: usize) -> Result<Box<dyn Task>, ModeError> {
        let failed = |reason| ModeError::Prepare { worker, reason };
        match inside::caught(|| self.workload.prepare(&self.context(worker))) {
            Ok(prepared) => prepared.map_err(|error| failed(error.to_string())),
            Err(panic) => Err(failed(panic_text(&*panic))),
        }
    }

    /// How many members a round of `active` workers has.
    fn active(&self, active: NonZeroUsize) -> usize {
        active.get().min(self.members)
    }

    /// Whether the user has interrupted.
    fn is_cancelled(&self) -> bool {
        self.cancel.load(std::sync::atomic::Ordering::Relaxed)
    }

    fn gate(&self, window: Window, active: usize) -> Arc<Gate> {
        Arc::new(Gate::new(window, active, &self.cancel).opening_at(&self.opening))
    }

    /// The lane of one of `active` members.
    fn lane(&self, gate: &Arc<Gate>, member: usize, active: usize) -> Lane {
        Lane::new(gate, member, active, self.job.checked)
    }
}

/// Runs tasks on this thread until the lane says stop.
fn drive(
    lane: &mut Lane,
    task: &mut dyn Task,
    gate: &Gate,
    meter: &Meter,
) -> Result<(), ModeError> {
    while let Some(number) = lane.take() {
        let work = guarded(number, || task.run(number)).inspect_err(|_| gate.stop())?;
        lane.set_aside(task.aside());
        meter.at(lane.done(number, work), gate);
    }
    Ok(())
}

/// Runs one task; its error or panic becomes ours.
fn guarded(
    number: u64,
    run: impl FnOnce() -> knee_workloads::Result<Work>,
) -> Result<Work, ModeError> {
    match inside::caught(run) {
        Ok(Ok(work)) => Ok(work),
        Ok(Err(error)) => Err(ModeError::Task { number, reason: error.to_string() }),
        Err(panic) => Err(panicked(number, &*panic)),
    }
}

/// The laps of all workers, or the first failure; an interrupt voids what was measured.
fn gather(gate: &Gate, laps: Vec<Result<Lap, ModeError>>) -> Result<Vec<Lap>, ModeError> {
    let laps = laps.into_iter().collect::<Result<Vec<_>, _>>()?;
    if gate.stopped() { Err(ModeError::Interrupted) } else { Ok(laps) }
}

/// Binds the calling thread to its CPU, where the placement names one. The placement was checked
/// when it was made; a CPU that has gone since leaves the thread free, and the ledger tells.
fn pin(placement: &[usize], worker: usize) {
    if let Some(&cpu) = placement.get(worker % placement.len().max(1)) {
        let mut set = rustix::thread::CpuSet::new();
        set.set(cpu);
        let _ = rustix::thread::sched_setaffinity(None, &set);
    }
}

/// What is said of a process that was ended because nothing was heard of it, as the end of the
/// sentence "worker 3: ..".
fn silent(pid: u32, limit: Duration) -> String {
    format!(
        "process {pid} gave no sign for {limit:.0?} and was ended; was it stopped, or does it wait \
         for something?"
    )
}

/// A task that panicked.
fn panicked(number: u64, panic: &(dyn std::any::Any + Send)) -> ModeError {
    ModeError::Task { number, reason: panic_text(panic) }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    format!("it panicked: {}", said(panic))
}

/// What somebody said who panicked.
fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "without a message".to_owned())
}

/// A future that panicked or was cancelled.
fn broken(error: &tokio::task::JoinError) -> ModeError {
    ModeError::Launch { what: "an async task was lost", reason: error.to_string() }
}

/// The result of a scoped thread; its panic is a task's panic.
fn joined<T>(
    handle: std::thread::ScopedJoinHandle<'_, Result<T, ModeError>>,
) -> Result<T, ModeError> {
    handle.join().unwrap_or_else(|panic| Err(panicked(0, &*panic)))
}
