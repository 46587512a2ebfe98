//! Events of a run, for its observers: the record, the progress bar, a test.

use super::{Failure, Sample};
use crate::machine::BurnReport;
use crate::mode::Reference;
use crate::plan::Cell;

/// Something that happened in a run.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A workload has run serially once, so its checksums and task length are known.
    Surveyed {
        /// Which of the plan's entries.
        entry: usize,
        /// The result.
        reference: &'a Reference,
    },
    /// A block begins.
    Block {
        /// Its number, from 0.
        number: u32,
        /// How many rounds it will have.
        rounds: usize,
    },
    /// A round begins.
    Round {
        /// What will be measured.
        cell: Cell,
        /// The share of the budget that is spent, from 0 to 1.
        spent: f64,
    },
    /// A round gave a result.
    Measured(&'a Sample),
    /// A round gave no result.
    Failed(&'a Failure),
    /// A check whether each core still computes as fast as before.
    Burned(&'a BurnReport),
}

/// Watches a run.
pub trait Observer {
    /// Receives each event as it happens. Events happen between rounds, never inside one.
    ///
    /// # Errors
    /// What was measured cannot be kept. The run then ends.
    fn observe(&mut self, event: &Event<'_>) -> std::io::Result<()>;
}

impl<F: FnMut(&Event<'_>) -> std::io::Result<()>> Observer for F {
    fn observe(&mut self, event: &Event<'_>) -> std::io::Result<()> {
        self(event)
    }
}
