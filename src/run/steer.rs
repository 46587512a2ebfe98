//! Which cells the next block measures.

use crate::plan::{Cell, Plan};

use super::Sample;
use super::pace::BLOCKS;

/// Chooses the cells of each block.
#[derive(Debug)]
pub(super) struct Steer {
    cells: Vec<Cell>,
    seed: u64,
}

impl Steer {
    pub(super) fn new(plan: &Plan, usable: impl Fn(usize) -> bool) -> Self {
        let mut cells = plan.cells();
        cells.retain(|cell| usable(cell.entry));
        Self { cells, seed: plan.seed }
    }

    /// The cells of block `number`, in a random order; none when everything is settled.
    pub(super) fn block(&mut self, number: u32) -> Vec<Cell> {
        if number >= 2 * BLOCKS {
            return Vec::new();
        }
        let mut cells = self.cells.clone();
        cells.sort_by_cached_key(|cell| {
            let place = (cell.entry as u64) << 32 | (cell.mode as u64) << 16 | cell.workers as u64;
            knee_workloads::mix(self.seed ^ u64::from(number) << 48, place)
        });
        cells
    }

    pub(super) fn observe(&mut self, sample: &Sample) {
        let _ = sample;
    }

    pub(super) fn fail(&mut self, cell: Cell) {
        self.cells.retain(|known| *known != cell);
    }
}
