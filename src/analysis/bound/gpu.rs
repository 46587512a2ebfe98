//! Work that keeps a GPU busy: more workers only wait for it.

use super::{Case, FLAT, Label, UNCLEAR, Witness};
use crate::units::workers;

/// A GPU that is so busy has no time left to give.
const FULL: f64 = 0.9;
/// A GPU that works so much while nothing is measured works for others.
const USED_BY_OTHERS: f64 = 0.1;

impl Case<'_> {
    /// A GPU that works nearly all of the time at the count from which on more workers gain
    /// nothing.
    ///
    /// It is asked before the CPUs: a worker that waits for a GPU keeps its CPU busy by asking, or
    /// is blocked and looks as if it waited for others.
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
