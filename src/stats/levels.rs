//! The levels of cells that were measured several times, such as the counts of one mode: which of
//! them is the knee, and how much better may another be?
//!
//! Cells are compared within blocks, because a slow spell hits all cells of a block. If cells were
//! chosen by their measurements, only the measurements made afterwards decide: a cell chosen for
//! its good figures had luck in them. Launches that differ widen the errors.

use std::collections::BTreeMap;

use super::knee::{Known, first_within, lower_unproven};
use super::nested::nested;
use super::polish::{Cell, Polish, polish};
use super::regret::regret;
use super::spread::errors;

/// One measurement of a cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// Its cell: its place among the cells, in order of preference.
    pub cell: usize,
    /// Number of its block, if measurements were made in blocks.
    pub block: Option<u32>,
    /// The launch of its crew, if known.
    pub launch: Option<u32>,
    /// The logarithm of the measured value.
    pub log: f64,
    /// Whether it was made to decide between cells that were already chosen.
    pub confirms: bool,
}

/// The levels of the cells that can be compared with each other.
#[derive(Debug, Clone, PartialEq)]
pub struct Levels {
    /// The cells, ascending.
    pub cells: Vec<usize>,
    /// The logarithm of each level.
    pub logs: Vec<f64>,
    /// The number of measurements of each.
    pub counts: Vec<usize>,
    /// The standard error of each.
    pub errors: Vec<f64>,
    /// The standard deviation of a single measurement, over all cells.
    pub scale: f64,
    /// The degrees of freedom behind the scale; 0 if nothing is repeated.
    pub df: f64,
}

impl Levels {
    /// The levels that decide.
    pub fn of(measured: &[Measured]) -> Self {
        let fresh = is_confirmed(measured);
        let entries = entries(measured, fresh);
        let table = polish(&entries);
        // A cell that was chosen last and measured once cannot be compared with cells that were
        // measured often.
        let most = table.counts.iter().copied().max().unwrap_or(0);
        let too_few = |at: usize| fresh && table.counts[at] < 2 && most >= 4;
        let cells: Vec<usize> = (0..table.columns.len())
            .filter(|&at| table.columns[at].is_finite() && !too_few(at))
            .collect();
        // What launches add to the noise is computed from the residuals, by cell and launch.
        let mut by_launch = vec![Vec::new(); table.columns.len()];
        let used = measured.iter().filter(|one| !fresh || one.confirms);
        for (one, rest) in used.zip(&table.residuals) {
            by_launch[one.cell].push((one.launch, *rest));
        }
        let launches = nested(&by_launch);
        let errors = errors(&entries, &table);
        Self {
            errors: cells.iter().map(|&at| launches.factor * errors[at]).collect(),
            logs: cells.iter().map(|&at| table.columns[at]).collect(),
            counts: cells.iter().map(|&at| table.counts[at]).collect(),
            cells,
            scale: table.scale * launches.factor,
            df: launches.df.map_or(table.df, |df| df.min(table.df)),
        }
    }

    /// Gives all cells the same noise: the standard deviation of a single measurement, with its
    /// degrees of freedom.
    pub fn share(&mut self, scale: f64, df: f64) {
        (self.scale, self.df) = (scale, df);
        self.errors = self.counts.iter().map(|&count| scale / (count as f64).sqrt()).collect();
    }

    /// The place of the knee among these levels: the first that costs at most `tolerance`. Cells
    /// marked by `needs_proof` count only with what is certain of their lead.
    pub fn knee(&self, tolerance: f64, needs_proof: impl Fn(usize) -> bool) -> Option<usize> {
        let mut known = self.known(0..self.logs.len());
        lower_unproven(&mut known, |at| needs_proof(self.cells[at]), self.df);
        first_within(&known, tolerance)
    }

    /// How much better than the level at this place another may be, as a share, with 95 %
    /// confidence. Of cells marked by `needs_proof`, little is believed that is not proven.
    pub fn regret(&self, at: usize, needs_proof: impl Fn(usize) -> bool) -> f64 {
        let known = self.known(0..self.logs.len());
        regret(&known, at, self.df, |at| needs_proof(self.cells[at])).exp_m1()
    }

    /// The cells that may be better than the one at this place by more than `limit`, as a share,
    /// with 95 % confidence.
    pub fn rivals(&self, at: usize, limit: f64, needs_proof: impl Fn(usize) -> bool) -> Vec<usize> {
        let known = self.known(0..self.logs.len());
        let lead = |other: usize| {
            let pair = [known[at], known[other]];
            regret(&pair, 0, self.df, |place| place == 1 && needs_proof(self.cells[other]))
        };
        let others = (0..known.len()).filter(|&other| other != at);
        others.filter(|&other| lead(other).exp_m1() > limit).map(|at| self.cells[at]).collect()
    }

    /// The levels at these places, with their standard errors.
    pub fn known(&self, which: impl Iterator<Item = usize>) -> Vec<Known> {
        let known = |at: usize| Known { log: self.logs[at], error: self.errors[at] };
        which.map(known).collect()
    }
}

/// The measurements, or only those made to decide, separated into levels and blocks. There is one
/// column for each cell.
pub fn table(measured: &[Measured], fresh: bool) -> Polish {
    polish(&entries(measured, fresh))
}

/// The measurements, or only those made to decide, by column and block.
fn entries(measured: &[Measured], fresh: bool) -> Vec<Cell> {
    let blocked = is_blocked(measured);
    let mut blocks: BTreeMap<u32, usize> = BTreeMap::new();
    let used = measured.iter().filter(|one| !fresh || one.confirms);
    used.map(|one| {
        let number = one.block.filter(|_| blocked).unwrap_or(0);
        let next = blocks.len();
        let block = *blocks.entry(number).or_insert(next);
        Cell { block, column: one.cell, value: one.log }
    })
    .collect()
}

/// Whether at least two blocks hold at least two cells each. Otherwise blocks cannot be compared.
fn is_blocked(measured: &[Measured]) -> bool {
    let mut cells: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for one in measured {
        let Some(block) = one.block else { return false };
        let seen = cells.entry(block).or_default();
        if !seen.contains(&one.cell) {
            seen.push(one.cell);
        }
    }
    cells.values().filter(|seen| seen.len() >= 2).count() >= 2
}

/// Whether the confirming measurements suffice to decide. There must be at least two cells, because
/// one cell alone cannot be compared, and several measurements of each, because fewer do not tell
/// the noise. Otherwise all measurements decide, including those by which cells were chosen.
fn is_confirmed(measured: &[Measured]) -> bool {
    const SEVERAL: usize = 3;
    let mut fresh: BTreeMap<usize, usize> = BTreeMap::new();
    for one in measured.iter().filter(|one| one.confirms) {
        *fresh.entry(one.cell).or_default() += 1;
    }
    fresh.values().filter(|times| **times >= SEVERAL).count() >= 2
        || measured.iter().all(|one| one.confirms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    /// Blocks of three cells with these levels. Every block has a spell of its own.
    fn measured(levels: [f64; 3], blocks: u32, noise: f64, rng: &mut Rng) -> Vec<Measured> {
        let mut all = Vec::new();
        for block in 0..blocks {
            let spell = 0.3 * rng.normal();
            for (cell, level) in levels.iter().enumerate() {
                let log = level.ln() + spell + noise * rng.normal();
                all.push(Measured { cell, block: Some(block), launch: None, log, confirms: true });
            }
        }
        all
    }

    #[test]
    fn the_knee_is_the_first_within_the_tolerance_and_its_regret_covers_the_truth() {
        const RUNS: usize = 200;
        let mut rng = Rng::new(4);
        let (mut right, mut held) = (0, 0);
        for _ in 0..RUNS {
            let levels = Levels::of(&measured([1.0, 1.97, 2.0], 12, 0.03, &mut rng));
            let knee = levels.knee(0.05, |_| false).unwrap();
            right += usize::from(knee == 1);
            held += usize::from(levels.regret(1, |_| false) >= 0.03 / 1.97);
        }
        assert!(right >= RUNS * 97 / 100, "{right}");
        assert!(held >= RUNS * 92 / 100, "{held}");
    }

    #[test]
    fn measurements_that_chose_a_cell_do_not_decide() {
        let mut all = measured([1.0, 1.0, 1.0], 6, 0.001, &mut Rng::new(5));
        let lucky = |block| Measured { block: Some(block), log: 9.0, confirms: false, ..all[2] };
        all.extend([lucky(0), lucky(1)]);
        let levels = Levels::of(&all);
        assert_eq!(levels.counts, [6, 6, 6]);
        assert!(levels.regret(0, |_| false) < 0.01);
    }
}
