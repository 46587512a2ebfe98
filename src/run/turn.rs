//! The workload whose block is next, what the block may cost, and the cells measured in it.

use crate::plan::Cell;

/// A cell to be measured once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Wanted {
    pub(super) cell: Cell,
    /// Whether it is measured to decide among counts that were already chosen.
    pub(super) confirms: bool,
    /// The rate at which tasks arrive, where each round has its own.
    pub(super) rate: Option<f64>,
}

/// The workload whose block is next, and what the block may cost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Turn {
    pub(super) entry: usize,
    /// Seconds that this workload has until the end.
    pub(super) share: f64,
    /// Rounds that it wants within its share.
    pub(super) rounds: f64,
    /// Seconds that this workload has from the beginning of the run to its end.
    pub(super) whole: f64,
    /// Whether its crews must be launched anew.
    pub(super) fresh: bool,
    /// Seconds that all workloads together have left.
    pub(super) left: f64,
    /// Seconds that it may spend beyond its share if that does not pay for the next block: an equal
    /// part of the time left for workloads that are not settled.
    pub(super) part: f64,
}
