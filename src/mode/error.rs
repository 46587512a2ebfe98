//! Why a crew could not be launched or a round not be measured.

use super::helper;
use crate::plan::PlanError;

/// Why a crew could not be launched or a round not be measured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModeError {
    /// The workload is unknown where the worker lives.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The crew could not be made ready.
    #[error("worker {worker} could not get ready: {reason}")]
    Prepare {
        /// Which worker, from 0.
        worker: usize,
        /// Why, in words.
        reason: String,
    },
    /// What the crew needs around it could not be made.
    #[error("{what}: {reason}")]
    Launch {
        /// What could not be made.
        what: &'static str,
        /// Why, in words.
        reason: String,
    },
    /// A task failed.
    #[error("task {number} failed: {reason}")]
    Task {
        /// Its number.
        number: u64,
        /// Why, in words.
        reason: String,
    },
    /// A worker process failed or is gone.
    #[error("worker {worker}: {how}")]
    Worker {
        /// Which worker, from 0.
        worker: usize,
        /// What became of it, in words.
        how: String,
    },
    /// A node could not do its part, or is gone.
    #[error("node {node}: {how}")]
    Node {
        /// Which node.
        node: String,
        /// What became of it, in words.
        how: String,
    },
    /// The helper in which the crew lives could not do it.
    #[error(transparent)]
    Helper(helper::HelperError),
    /// The user interrupted.
    #[error("interrupted")]
    Interrupted,
}
