//! The serial reference: the checksums that every mode must return too, and how long a task takes.

use std::time::Duration;

use knee_workloads::{Ceiling, Note, Task, Workload as _};
use serde::{Deserialize, Serialize};

use super::helper::{self, Facts};
use super::{Ground, Job, ModeError, Site};
use crate::clock;
use crate::machine::{cpu_time_of, process_cpu_time};
use crate::stats::median::median;

/// The most task numbers that are compared in every round.
pub(super) const MOST_CHECKED: u64 = 8;
/// After this time no further task is run for comparison.
pub(super) const ENOUGH: Duration = Duration::from_millis(40);

/// The first tasks of a workload, run one after another by one worker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reference {
    /// The checksums of tasks 0, 1 and so on.
    pub checksums: Vec<u64>,
    /// Seconds that the fastest of them took.
    pub task: f64,
    /// Seconds of wall time per task, including what a task does beside its work. This is what a
    /// round must wait for.
    pub wall: f64,
    /// CPU seconds per second of the tasks: about 1 for work that computes, about 0 for work that
    /// waits.
    pub busy: f64,
    /// Whether one task uses all workers of a cell by itself. More workers then make no task
    /// longer.
    pub parallel: bool,
    /// Seconds that preparing one worker took.
    pub prepare: f64,
    /// Remarks of the workload on this machine.
    pub notes: Vec<Note>,
    /// What one core could do by its design.
    pub ceiling: Option<Ceiling>,
    /// What is known about a function of another language.
    pub function: Option<Facts>,
}

/// CPU seconds of this process, of its ended children and of processes that work for the task;
/// `None` where the system does not say.
fn cpu_time(task: &dyn Task) -> Option<f64> {
    let helpers: f64 = task.processes().into_iter().filter_map(cpu_time_of).sum();
    Some(process_cpu_time().ok()? + helpers)
}

/// CPU seconds used per second; `None` where they are not known.
fn share(before: Option<f64>, after: Option<f64>, wall: f64) -> Option<f64> {
    let share = (after? - before?) / wall;
    share.is_finite().then(|| share.max(0.0))
}

/// Runs the first tasks of `job` and keeps the results. `workers` is for tasks that use all workers
/// of a cell by themselves.
///
/// # Errors
/// The workload cannot be prepared or run here at all.
pub fn reference(site: &Site, job: &Job, workers: usize) -> Result<Reference, ModeError> {
    if let Some(cluster) = site.cluster.as_ref().filter(|_| job.nodes.is_some()) {
        return cluster.survey(job, workers);
    }
    let workload = site.registry.find(&job.workload)?;
    if let Some(function) = workload.foreign(&job.params) {
        return helper::reference(site, job, &function);
    }
    if job.workload == knee_workloads::Server.meta().name {
        return super::server::reference(site, job, workers);
    }
    let workers = if workload.parallel_by_itself(&job.params) { workers } else { 1 };
    let ground = Ground::new(site, job, workers)?;
    let start = clock::now();
    let mut task = ground.prepare(0)?;
    let prepare = clock::since(start).as_secs_f64();
    let (mut checksums, mut fastest, mut shares) = (Vec::new(), f64::INFINITY, Vec::new());
    let used = cpu_time(&*task);
    let start = clock::now();
    for number in 0..MOST_CHECKED {
        let (whole, before) = (clock::now(), cpu_time(&*task));
        let began = clock::now();
        let work = super::guarded(number, || task.run(number))?;
        let took = clock::since(began);
        let after = cpu_time(&*task);
        // Reading takes CPU time too, so the time for it counts on both sides.
        shares.extend(share(before, after, clock::since(whole).as_secs_f64()));
        fastest = fastest.min(took.saturating_sub(task.aside().untimed).as_secs_f64());
        checksums.push(work.checksum);
        if clock::since(start) > ENOUGH {
            break;
        }
    }
    let wall = clock::since(start).as_secs_f64();
    // Where a CPU is taken away for a while, the median task still shows what the work needs. The
    // CPU time of other processes is told in steps that may be longer than a task.
    let busy = share(used, cpu_time(&*task), wall).into_iter().chain(median(&shares));
    let ran = checksums.len().max(1);
    drop(task);
    let context = ground.context(0);
    Ok(Reference {
        checksums,
        task: fastest,
        wall: wall / ran as f64,
        // Without a figure the work is assumed to compute.
        busy: busy.reduce(f64::max).unwrap_or(1.0),
        parallel: ground.workload.parallel_by_itself(&job.params),
        prepare,
        notes: ground.workload.notes(&context),
        ceiling: ground.workload.ceiling(&job.params),
        function: None,
    })
}
