//! Searches the worker count and a second axis together where both multiply to the workers in all.
//! It chooses the pairs of the next block.

use super::group::{Cost, Group};
use super::turn::{Turn, Wanted};
use crate::plan::search::{Pair, Pairs, Stage, Wallet};
use crate::plan::{Candidates, Cell, Mode, Plan, Series};

/// The most seconds that a round of a server takes. The first round takes longer: it finds how many
/// connections keep the server busy.
const LATER: f64 = 1.0;
/// Pairs in a block, about.
pub(super) const WIDTH: f64 = 5.0;

/// The search for the best pair of these entries. `None` where their values do not multiply with
/// the workers, or where the user listed the counts.
pub(super) fn of(entries: &[usize], plan: &Plan) -> Option<Pairs> {
    if plan.arrivals.is_some() || !plan.is_searched_in_pairs(*entries.first()?) {
        return None;
    }
    let entry = |at: &usize| plan.entries.get(*at);
    let factors: Option<Vec<usize>> =
        entries.iter().map(|at| Some(entry(at)?.also.as_ref()?.factor() as usize)).collect();
    let Series { candidates: Candidates::Search { first, most, .. }, .. } =
        entry(entries.first()?)?.series.first()?
    else {
        return None;
    };
    // The first look of a series goes up to twice the cores.
    let cores = first.last().copied().unwrap_or(1) / 2;
    Some(Pairs::new(&factors?, *most, cores, plan.seed))
}

impl Group {
    /// The next block of pairs.
    pub(super) fn pairs(&mut self, turn: &Turn, cost: Cost<'_>, launch: Cost<'_>) -> Vec<Wanted> {
        let (entries, mode) = (self.entries.clone(), self.courses[0].0.1);
        let cell = |pair: Pair| Cell { entry: entries[pair.value], mode, workers: pair.workers };
        let wallet = Wallet {
            left: turn.share,
            round: &|pair| {
                let seen = cost(cell(pair));
                if mode == Mode::Server { seen.min(LATER) } else { seen }
            },
            start: &|pair| launch(cell(pair)),
        };
        let block = self.joint.as_mut().and_then(|joint| joint.next_block(&wallet));
        let Some((pairs, stage)) = block else {
            self.exhausted = true;
            return Vec::new();
        };
        self.blocks += 1;
        self.progress += pairs.len() as f64 / WIDTH;
        let confirms = stage == Stage::Confirm;
        let wanted = |pair| Wanted { cell: cell(pair), confirms, rate: None };
        pairs.into_iter().map(wanted).collect()
    }

    /// The pair that belongs to a cell.
    pub(super) fn pair_of(&self, cell: Cell) -> Option<Pair> {
        let value = self.entries.iter().position(|entry| *entry == cell.entry)?;
        Some(Pair { value, workers: cell.workers })
    }
}
