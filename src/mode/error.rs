//! Why a crew could not be launched or a round not be measured.

use super::helper;
use crate::plan::PlanError;

/// Why a crew could not be launched or a round not be measured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModeError {
    /// The worker does not know the workload.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A worker could not prepare its task.
    #[error("worker {worker} could not get ready: {reason}")]
    Prepare {
        /// The worker, from 0.
        worker: usize,
        /// The reason, in words.
        reason: String,
    },
    /// Something that the crew needs could not be started or made.
    #[error("{what}: {reason}")]
    Launch {
        /// What could not be started or made.
        what: &'static str,
        /// The reason, in words.
        reason: String,
    },
    /// A task failed.
    #[error("task {number} failed: {reason}")]
    Task {
        /// The number of the task.
        number: u64,
        /// The reason, in words.
        reason: String,
    },
    /// A worker process failed or has ended.
    #[error("worker {worker}: {how}")]
    Worker {
        /// The worker, from 0.
        worker: usize,
        /// What happened to it, in words.
        how: String,
    },
    /// A node could not do its part, or is lost.
    #[error("node {node}: {how}")]
    Node {
        /// The name of the node.
        node: String,
        /// What happened to it, in words.
        how: String,
    },
    /// The helper in which the crew lives reported a failure, or failed itself.
    #[error(transparent)]
    Helper(helper::HelperError),
    /// The user interrupted.
    #[error("interrupted")]
    Interrupted,
}
