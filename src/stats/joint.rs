//! All cells of several groups in one table: how much better than the chosen cell may a cell of
//! another group be?
//!
//! Measurements of all groups share blocks. So a slow spell shows in all of them, and the level of
//! a cell follows from every block in which it was measured. Comparing just the two best cells
//! would throw most of this away. Counts of the same group are not compared here: their own curve
//! shows better what a block and a launch do to the whole group.

use std::collections::{BTreeMap, BTreeSet};

use super::knee::Known;
use super::nested::nested;
use super::polish::{Cell, polish};
use super::regret::regret;
use super::spread::errors;

/// With fewer common blocks, cells cannot be compared.
const FEW: usize = 3;

/// One measurement in the table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Entry<G> {
    /// Its group, such as a mode.
    pub group: G,
    /// Its cell within the group, such as a count.
    pub cell: u64,
    /// Number of its block.
    pub block: u32,
    /// The launch of its crew, if known.
    pub launch: Option<u32>,
    /// The logarithm of the measured value.
    pub log: f64,
    /// Whether it was made to decide between cells that were already chosen.
    pub confirms: bool,
}

/// The levels of all cells that decide.
#[derive(Debug, Clone, PartialEq)]
pub struct Table<G> {
    /// The level of each cell of each group.
    pub levels: BTreeMap<(G, u64), Known>,
    /// The degrees of freedom of their errors.
    pub df: f64,
}

impl<G: Copy + Ord> Table<G> {
    /// Separates the levels of cells from the drift of blocks. `None` if the groups have no common
    /// blocks.
    pub fn of(entries: &[Entry<G>]) -> Option<Self> {
        let entries = deciding(entries)?;
        let mut columns: Vec<(G, u64)> = entries.iter().map(|e| (e.group, e.cell)).collect();
        columns.sort_unstable();
        columns.dedup();
        let column = |e: &Entry<G>| columns.binary_search(&(e.group, e.cell)).unwrap_or(0);
        let mut blocks: BTreeMap<u32, usize> = BTreeMap::new();
        let cells: Vec<Cell> = entries
            .iter()
            .map(|e| {
                let next = blocks.len();
                let block = *blocks.entry(e.block).or_insert(next);
                Cell { block, column: column(e), value: e.log }
            })
            .collect();
        let table = polish(&cells);
        if table.df <= 0.0 || blocks.len() < FEW {
            return None;
        }
        let mut by_launch = vec![Vec::new(); columns.len()];
        for (e, rest) in entries.iter().zip(&table.residuals) {
            by_launch[column(e)].push((e.launch, *rest));
        }
        let launches = nested(&by_launch);
        let df = launches.df.map_or(table.df, |df| df.min(table.df));
        let errors = errors(&cells, &table);
        let known =
            |at: usize| Known { log: table.columns[at], error: launches.factor * errors[at] };
        let levels = columns.iter().enumerate().map(|(at, cell)| (*cell, known(at))).collect();
        Some(Self { levels, df })
    }

    /// For each cell of the other groups: how much better than the `chosen` cell it may be, as a
    /// share, with 95 % confidence. Of cells marked by `needs_proof`, little is believed that is
    /// not proven. `None` if the chosen cell has no level.
    pub fn leads(
        &self,
        chosen: (G, u64),
        needs_proof: impl Fn(G, u64) -> bool,
    ) -> Option<Vec<((G, u64), f64)>> {
        let own = *self.levels.get(&chosen)?;
        let lead = |(&(group, cell), &level): (&(G, u64), &Known)| {
            let is_doubted = |place: usize| place == 1 && needs_proof(group, cell);
            ((group, cell), regret(&[own, level], 0, self.df, is_doubted).exp_m1())
        };
        Some(self.levels.iter().filter(|((group, _), _)| *group != chosen.0).map(lead).collect())
    }

    /// The largest of the leads, or 0 if there is none.
    pub fn regret(&self, chosen: (G, u64), needs_proof: impl Fn(G, u64) -> bool) -> Option<f64> {
        let leads = self.leads(chosen, needs_proof)?;
        Some(leads.into_iter().map(|(_, lead)| lead).fold(0.0, f64::max))
    }
}

/// The measurements that decide. In a group whose cells were chosen by their figures, these are the
/// measurements made afterwards, unless the groups share too few blocks in which they were. `None`
/// if one group shares hardly any block with the others.
fn deciding<G: Copy + Ord>(entries: &[Entry<G>]) -> Option<Vec<Entry<G>>> {
    let fresh: BTreeSet<G> = entries.iter().filter(|e| e.confirms).map(|e| e.group).collect();
    let decides = |e: &&Entry<G>| e.confirms || !fresh.contains(&e.group);
    let afterwards: Vec<Entry<G>> = entries.iter().filter(decides).copied().collect();
    if are_tied(&afterwards) {
        return Some(afterwards);
    }
    // A mode may have lost long before the counts of another one were chosen.
    are_tied(entries).then(|| entries.to_vec())
}

/// Whether there are several groups, and each shares a few blocks with the others.
fn are_tied<G: Copy + Ord>(entries: &[Entry<G>]) -> bool {
    let groups: BTreeSet<G> = entries.iter().map(|e| e.group).collect();
    let blocks_of = |wanted: &dyn Fn(G) -> bool| -> BTreeSet<u32> {
        entries.iter().filter(|e| wanted(e.group)).map(|e| e.block).collect()
    };
    let is_tied = |group: &G| {
        let others = blocks_of(&|other| other != *group);
        let own = blocks_of(&|other| other == *group);
        own.intersection(&others).count() >= FEW
    };
    groups.len() > 1 && groups.iter().all(is_tied)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    /// A group, a cell of it, its true level, and the noise of its rounds.
    type Planted = (usize, u64, f64, f64);

    const CELLS: [Planted; 6] = [
        (0, 2, 2.00, 0.03),
        (0, 3, 2.02, 0.03),
        (0, 4, 1.98, 0.03),
        (1, 2, 1.90, 0.06),
        (1, 3, 2.06, 0.06),
        (1, 4, 1.95, 0.06),
    ];

    fn rounds(cells: &[Planted], blocks: u32, rng: &mut Rng) -> Vec<Entry<usize>> {
        let mut rounds = Vec::new();
        for block in 0..blocks {
            let spell = 0.1 * rng.normal();
            for &(group, cell, level, noise) in cells {
                let log = level.ln() + spell + noise * rng.normal();
                rounds.push(Entry { group, cell, block, launch: None, log, confirms: true });
            }
        }
        rounds
    }

    #[test]
    fn it_covers_the_truth_and_is_narrow() {
        const RUNS: usize = 400;
        let mut rng = Rng::new(11);
        let (mut held, mut sum) = (0, 0.0);
        for _ in 0..RUNS {
            let table = Table::of(&rounds(&CELLS, 9, &mut rng)).unwrap();
            let found = table.regret((0, 2), |_, _| false).unwrap();
            held += usize::from(found >= 0.03);
            sum += found / RUNS as f64;
        }
        assert!(held >= RUNS * 92 / 100, "{held} of {RUNS}");
        let table = Table::of(&rounds(&CELLS, 9, &mut rng)).unwrap();
        let leads = table.leads((0, 2), |_, _| false).unwrap();
        let cells: Vec<(usize, u64)> = leads.iter().map(|(cell, _)| *cell).collect();
        assert_eq!(cells, [(1, 2), (1, 3), (1, 4)], "only other groups");
        assert!(leads[1].1 > leads[0].1 && leads[1].1 > leads[2].1, "{leads:?}");
        assert!(sum < 0.095, "{sum}: 3 % are true, and 6 % of noise in 9 blocks hide little more");
    }

    #[test]
    fn a_group_that_lost_before_the_others_were_chosen_is_compared() {
        let mut rng = Rng::new(13);
        let mut all = rounds(&CELLS, 5, &mut rng);
        for one in all.iter_mut().filter(|one| one.group == 0) {
            one.confirms = false;
        }
        let fresh = rounds(&CELLS[..3], 6, &mut rng);
        all.extend(fresh.into_iter().map(|one| Entry { block: one.block + 5, ..one }));
        let found = Table::of(&all).unwrap().regret((0, 2), |_, _| false).unwrap();
        assert!((0.0..0.2).contains(&found), "{found}");
    }

    #[test]
    fn groups_that_share_no_blocks_are_not_compared() {
        let mut rng = Rng::new(12);
        let mut apart = rounds(&CELLS, 9, &mut rng);
        for one in apart.iter_mut().filter(|one| one.group == 1) {
            one.block += 100;
        }
        let regret = |entries: &[_], cell| Table::of(entries)?.regret((0, cell), |_, _| false);
        assert_eq!(regret(&apart, 2), None);
        assert_eq!(regret(&rounds(&CELLS, 2, &mut rng), 2), None);
        assert_eq!(regret(&rounds(&CELLS, 9, &mut rng), 7), None);
    }
}
