//! What happens during a run, told to whoever watches: the record, the progress bar, a test.

use super::{Failure, Sample};
use crate::machine::BurnReport;
use crate::mode::Reference;
use crate::plan::Cell;

/// Something that happened.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A workload was run serially once: its checksums and task length are known.
    Surveyed {
        /// Which of the plan's entries.
        entry: usize,
        /// What came out.
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
        /// How far the budget is spent, from 0 to 1.
        spent: f64,
    },
    /// A round gave a figure.
    Measured(&'a Sample),
    /// A round gave none.
    Failed(&'a Failure),
    /// Whether each core still gives what it gave.
    Burned(&'a BurnReport),
}

/// Watches a run.
pub trait Observer {
    /// Is told of each event as it happens, between rounds and never inside one.
    ///
    /// # Errors
    /// What was measured cannot be kept: the run ends.
    fn observe(&mut self, event: &Event<'_>) -> std::io::Result<()>;
}

impl<F: FnMut(&Event<'_>) -> std::io::Result<()>> Observer for F {
    fn observe(&mut self, event: &Event<'_>) -> std::io::Result<()> {
        self(event)
    }
}
