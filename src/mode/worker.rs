//! The other side of process modes: what a worker process does after knee has started itself again.

use std::path::PathBuf;
use std::sync::OnceLock;

use knee_process::{Worker, worker_index};
use knee_workloads::{Aside, Context, Task, Work};
use serde::{Deserialize, Serialize};

use super::{Ground, Job};
use crate::clock;
use crate::plan::Registry;

/// The workloads of this binary, here and in each of its worker processes.
static REGISTRY: OnceLock<Registry> = OnceLock::new();

/// Everything that a worker process must know: names and numbers, no addresses.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Orders {
    job: Job,
    workers: usize,
    shared: PathBuf,
    host: Option<String>,
    placement: Vec<usize>,
}

/// Turns this process into a worker if it was started as one. Otherwise returns.
///
/// `more` lists what else processes of this program may be asked to run, besides tasks.
pub fn become_worker_if_asked(registry: Registry, more: Vec<knee_process::Entry>) {
    let _ = REGISTRY.set(registry);
    let own = [knee_process::worker::<Crewman>(), knee_process::function(single)];
    knee_process::init(own.into_iter().chain(knee_workloads::entries()).chain(more));
}

impl Orders {
    pub(super) fn of(ground: &Ground) -> Self {
        Self {
            job: ground.job.clone(),
            workers: ground.count,
            shared: ground.shared().to_owned(),
            host: ground.address.clone(),
            placement: ground.placement.clone(),
        }
    }

    fn prepare(&self, worker: usize) -> Result<Box<dyn Task>, String> {
        super::pin(&self.placement, worker);
        let registry = REGISTRY.get().ok_or("this process was not started as a worker of knee")?;
        let workload = registry.find(&self.job.workload).map_err(|error| error.to_string())?;
        let context = Context {
            params: &self.job.params,
            seed: self.job.seed,
            worker,
            workers: self.workers,
            shared: &self.shared,
            host: self.host.as_deref(),
        };
        workload.prepare(&context).map_err(|error| error.to_string())
    }
}

/// The result of a task, with the task's number: replies of several workers arrive mixed.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Numbered {
    pub(super) number: u64,
    pub(super) work: Work,
    pub(super) aside: Aside,
    /// When the task was done, on the [shared clock](clock::shared_nanos). Replies are read later,
    /// and several at once.
    pub(super) done: u64,
}

/// A worker of a pool, with its task, prepared once.
pub(super) struct Crewman {
    task: Box<dyn Task>,
}

impl Worker for Crewman {
    type Init = Orders;
    type Task = u64;
    type Reply = Numbered;

    fn start(orders: Orders) -> Result<Self, String> {
        Ok(Self { task: orders.prepare(worker_index().unwrap_or(0))? })
    }

    fn run(&mut self, number: u64) -> Result<Numbered, String> {
        let ran = self.task.run(number);
        let aside = self.task.aside();
        let done = clock::shared_nanos();
        ran.map(|work| Numbered { number, work, aside, done })
            .map_err(|error| format!("task {number}: {error}"))
    }
}

impl std::fmt::Debug for Crewman {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Crewman").finish_non_exhaustive()
    }
}

/// Runs one task in a process of its own.
#[expect(clippy::needless_pass_by_value, reason = "what crosses a process arrives as a value")]
pub(super) fn single(orders: Orders, worker: usize, number: u64) -> Result<(Work, Aside), String> {
    let mut task = orders.prepare(worker)?;
    let work = task.run(number).map_err(|error| error.to_string())?;
    Ok((work, task.aside()))
}
