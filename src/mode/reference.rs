//! What serial returns: the checksums that every mode must return too, and how long a task takes.

use std::time::Duration;

use knee_workloads::{Ceiling, Note};

use super::{Ground, Job, ModeError, Site};
use crate::clock;

/// At most so many task numbers are compared in every round.
const MOST_CHECKED: u64 = 8;
/// No further number is tried after this time.
const ENOUGH: Duration = Duration::from_millis(40);

/// The first tasks of a workload, done one after another by one worker.
#[derive(Debug, Clone, PartialEq)]
pub struct Reference {
    /// The checksum of task 0, 1, ..
    pub checksums: Vec<u64>,
    /// Seconds of the fastest of them.
    pub task: f64,
    /// Seconds that preparing one worker took.
    pub prepare: f64,
    /// The workload's remarks on this machine.
    pub notes: Vec<Note>,
    /// What one core can do by design.
    pub ceiling: Option<Ceiling>,
}

/// Runs the first tasks of `job` and keeps what they returned.
///
/// # Errors
/// The workload cannot be prepared or run here at all.
pub fn reference(site: &Site, job: &Job) -> Result<Reference, ModeError> {
    let ground = Ground::new(site, job, 1)?;
    let start = clock::now();
    let mut task = ground.prepare(0)?;
    let prepare = clock::since(start).as_secs_f64();
    let (mut checksums, mut fastest) = (Vec::new(), f64::INFINITY);
    let start = clock::now();
    for number in 0..MOST_CHECKED {
        let began = clock::now();
        let work = super::guarded(number, || task.run(number))?;
        let took = clock::since(began).saturating_sub(task.aside().untimed);
        fastest = fastest.min(took.as_secs_f64());
        checksums.push(work.checksum);
        if clock::since(start) > ENOUGH {
            break;
        }
    }
    drop(task);
    let context = ground.context(0);
    Ok(Reference {
        checksums,
        task: fastest,
        prepare,
        notes: ground.workload.notes(&context),
        ceiling: ground.workload.ceiling(&job.params),
    })
}
