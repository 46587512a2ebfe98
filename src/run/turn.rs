//! Whose block is next and what it may cost, and the cells that are measured in it.

use crate::plan::Cell;

/// A cell to be measured once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Wanted {
    pub(super) cell: Cell,
    /// Whether it is measured to decide, among counts already chosen, rather than to choose them.
    pub(super) confirms: bool,
    /// The rate at which tasks come, where each round has one of its own.
    pub(super) rate: Option<f64>,
}

/// Whose block is next, and what it may cost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Turn {
    pub(super) entry: usize,
    /// Seconds that this workload has until the end.
    pub(super) share: f64,
    /// Seconds that a block of it takes, about.
    pub(super) price: f64,
    /// Rounds that it would like to have in its share.
    pub(super) rounds: f64,
    /// Seconds that this workload has from the beginning of the run to its end.
    pub(super) whole: f64,
    /// Whether its crews are to be launched anew.
    pub(super) fresh: bool,
    /// Seconds that all have together.
    pub(super) left: f64,
    /// Seconds that it may have where its share does not pay what it wants next: an equal part of
    /// what is left for those that are not settled.
    pub(super) part: f64,
}
