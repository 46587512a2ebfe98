#![doc = include_str!("README.md")]

mod asking;
mod asynchronous;
mod error;
mod gate;
pub mod helper;
mod inside;
mod lane;
mod lap;
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
pub use lane::Lane;
pub use lap::Lap;
pub use memory::Held;
pub use opening::Opening;
pub use reference::{Reference, reference};
pub use schedule::{Arrived, Schedule};
pub use site::Site;
pub use usage::{Probe, Usage, Whom};
pub use worker::become_worker_if_asked;

/// What a crew must do. It consists of names and numbers, because only these can cross into another
/// process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// The workload's name.
    pub workload: String,
    /// Its parameters.
    pub params: Params,
    /// The seed of the run.
    pub seed: u64,
    /// Checksums of tasks with numbers below this are returned, to be compared with serial's.
    pub checked: u64,
    /// Number of nodes over which the crews are spread; `None` for crews on this host.
    pub nodes: Option<usize>,
}

/// The living workers of one workload in one mode.
pub trait Crew: Debug {
    /// Measures one round. The first `active` members work for one window; the others sleep and
    /// cost nothing.
    ///
    /// If `active` exceeds the number of members, all members work.
    ///
    /// # Errors
    /// A task failed, a worker died or the user interrupted; what was measured until then is void.
    /// After any error but an interrupt the crew is to be dismissed.
    fn round(&mut self, active: NonZeroUsize, window: Window) -> Result<Round, ModeError>;

    /// Sets the longest that a round may take. After that it has lost a worker: a worker process
    /// that gives no sign is ended and named. Threads cannot be ended.
    fn allow(&mut self, limit: Duration) {
        let _ = limit;
    }

    /// The processes that members live in for longer than a round. Empty where members are threads
    /// or short-lived processes.
    fn processes(&self) -> Vec<u32> {
        Vec::new()
    }

    /// Tells all workers to end, without waiting. So several crews can end at the same time.
    fn farewell(&mut self) {}

    /// Ends all workers. Returns when none is left.
    ///
    /// # Errors
    /// A worker did not end as it should.
    fn dismiss(self: Box<Self>) -> Result<(), ModeError>;
}

/// The raw measurement of a cell in one round.
#[derive(Debug)]
pub struct Round {
    /// What each worker measured.
    pub laps: Vec<Lap>,
    /// What the crew used, from the gate's opening to the end of the last window.
    pub usage: Usage,
    /// From the release of the workers to the last join. For a batch this is the makespan.
    pub span: Duration,
    /// The cost of handing over an empty task in this crew, where it was measured.
    pub handover: Option<helper::Handover>,
    /// How a server was kept under load.
    pub load: Option<server::Load>,
    /// How tasks arrived and were done, where they arrive at a rate.
    pub arrived: Option<Arrived>,
    /// The results of each node, where the crew was spread over nodes. There is then one lap for
    /// all workers.
    pub nodes: Vec<node::NodeRound>,
    /// The rate of each worker, where the crew is spread over nodes.
    pub rates: Vec<f64>,
}

impl Round {
    /// Makes a round of these laps. Where tasks ran programs, the memory is that of the programs.
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

/// Adds the name of a limit to an error of the system which that limit probably caused. Other
/// reasons stay as they are.
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

/// Launches a crew of `members`. Returns when every member is ready, with the time that took.
///
/// The crew can then be measured at every count up to `members`. Where tasks [depend on the
/// count](Workload::needs_exact_count), it must be launched at the exact count instead.
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
        // A thread that waits for a program costs almost nothing. What is measured is the copies.
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

/// What every crew needs: its job, its private directory, and the host that its workers share.
#[derive(Debug)]
struct Ground {
    workload: &'static dyn Workload,
    job: Job,
    /// How many tasks can run at once.
    members: usize,
    /// How many workers the crew has. It exceeds `members` where each task uses all workers by
    /// itself.
    count: usize,
    /// The resident memory of all crews in this process together.
    held: Arc<memory::Held>,
    connections: Arc<server::Known>,
    cores: usize,
    placement: Vec<usize>,
    cancel: Arc<AtomicBool>,
    opening: Arc<Opening>,
    /// The address at which workers find their host.
    address: Option<String>,
    // The host stands before the directory because it must be dropped first. The lock is never
    // taken; it lets all workers' threads share the ground.
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

    /// Prepares one worker's task, on the thread that will run it.
    fn prepare(&self, worker: usize) -> Result<Box<dyn Task>, ModeError> {
        let failed = |reason| ModeError::Prepare { worker, reason };
        match inside::caught(|| self.workload.prepare(&self.context(worker))) {
            Ok(prepared) => prepared.map_err(|error| failed(error.to_string())),
            Err(panic) => Err(failed(panic_text(&*panic))),
        }
    }

    /// How many members work in a round of `active` workers.
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

/// Runs one task. Its error or panic becomes a [`ModeError`].
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

/// The laps of all workers, or the first failure. An interrupt voids the round.
fn gather(gate: &Gate, laps: Vec<Result<Lap, ModeError>>) -> Result<Vec<Lap>, ModeError> {
    let laps = laps.into_iter().collect::<Result<Vec<_>, _>>()?;
    if gate.stopped() { Err(ModeError::Interrupted) } else { Ok(laps) }
}

/// Binds the calling thread to its CPU, if the placement names one. The placement was checked when
/// it was made. If the CPU is gone since, the thread stays free, and the ledger shows it.
fn pin(placement: &[usize], worker: usize) {
    if let Some(&cpu) = placement.get(worker % placement.len().max(1)) {
        let mut set = rustix::thread::CpuSet::new();
        set.set(cpu);
        let _ = rustix::thread::sched_setaffinity(None, &set);
    }
}

/// Describes a process that was ended because it gave no sign. It completes the sentence "worker 3:
/// ..".
fn silent(pid: u32, limit: Duration) -> String {
    format!(
        "process {pid} gave no sign for {limit:.0?} and was ended; was it stopped, or is it \
         waiting for something?"
    )
}

/// The error for a task that panicked.
fn panicked(number: u64, panic: &(dyn std::any::Any + Send)) -> ModeError {
    ModeError::Task { number, reason: panic_text(panic) }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    format!("it panicked: {}", said(panic))
}

/// The message of a panic.
fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "without a message".to_owned())
}

/// The error for a future that panicked or was cancelled.
fn broken(error: &tokio::task::JoinError) -> ModeError {
    ModeError::Launch { what: "an async task was lost", reason: error.to_string() }
}

/// The result of a scoped thread. Its panic becomes the panic of a task.
fn joined<T>(
    handle: std::thread::ScopedJoinHandle<'_, Result<T, ModeError>>,
) -> Result<T, ModeError> {
    handle.join().unwrap_or_else(|panic| Err(panicked(0, &*panic)))
}
