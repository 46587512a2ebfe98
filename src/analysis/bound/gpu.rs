//! Work that keeps a GPU busy: further workers only wait for the GPU.

use super::{Case, FLAT, Label, UNCLEAR, Witness};
use crate::units::workers;

/// A GPU this busy has no time left.
const FULL: f64 = 0.9;
/// A GPU that is this busy while nothing is measured works for others.
const USED_BY_OTHERS: f64 = 0.1;

impl Case<'_> {
    /// Whether a GPU is busy nearly all of the time at the count from which more workers gain
    /// nothing.
    ///
    /// This is checked before the CPUs. A worker that waits for a GPU either polls and keeps a CPU
    /// busy, or is blocked and looks as if it waited for other workers.
    pub(super) fn gpu(&self) -> Label {
        let shape = &self.shape;
        let rising = shape.knee >= shape.last && shape.gain >= FLAT;
        let cell = self.at(shape.knee)?;
        let busy = cell.gpu.filter(|busy| *busy >= FULL && !rising)?;
        let percent = |share: f64| format!("{:.0} %", 100.0 * share);
        if let Some(others) = cell.gpu_at_rest.filter(|share| *share > USED_BY_OTHERS) {
            let text = format!(
                "the GPU was busy {} of the time, and never less than {} since the run began: \
                 others use it, which may explain what is seen",
                percent(busy),
                percent(others)
            );
            return Some((UNCLEAR, vec![text]));
        }
        let at = |cell: &Witness, busy| {
            format!("{} of the time with {}", percent(busy), workers(cell.workers))
        };
        let first = self.first().filter(|first| first.workers < cell.workers);
        let fewer = first.and_then(|first| Some(format!(", {}", at(first, first.gpu?))));
        Some(("gpu", vec![format!("GPU busy {}{}", at(cell, busy), fewer.unwrap_or_default())]))
    }
}
