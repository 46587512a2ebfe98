//! What the search has measured so far, and what it thinks of it.

use std::collections::BTreeMap;

use super::{Decision, Stage};
use crate::stats::dunnett;
use crate::stats::polish::{Cell, Polish, polish};

/// Every round, with its block.
#[derive(Debug, Clone, Default)]
pub(super) struct Book {
    rounds: Vec<Round>,
    block: usize,
    stage: Option<Stage>,
}

#[derive(Debug, Clone, Copy)]
struct Round {
    workers: usize,
    block: usize,
    stage: Stage,
    log: f64,
}

/// The level of one count.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Level {
    pub(super) workers: usize,
    /// The logarithm of its throughput.
    pub(super) log: f64,
    /// The standard error of that.
    pub(super) error: f64,
}

/// A clearly worse count is left out of further blocks when it lies so many times its resolution behind.
const HOPELESS: f64 = 1.5;

impl Book {
    pub(super) fn open(&mut self, stage: Stage) {
        self.block += 1;
        self.stage = Some(stage);
    }

    pub(super) fn enter(&mut self, workers: usize, throughput: f64) {
        if let (Some(stage), true) = (self.stage, throughput > 0.0 && throughput.is_finite()) {
            self.rounds.push(Round { workers, block: self.block, stage, log: throughput.ln() });
        }
    }

    /// The level of every count measured, ascending by count, from all rounds.
    pub(super) fn levels(&self) -> Vec<Level> {
        let (counts, table) = self.table(|_| true);
        levels(&counts, &table)
    }

    /// The level of every count in the confirmation, where there is one.
    fn confirmed(&self) -> Option<(Vec<usize>, Polish)> {
        let any = self.rounds.iter().any(|round| round.stage == Stage::Confirm);
        any.then(|| self.table(|round| round.stage == Stage::Confirm))
    }

    fn table(&self, wanted: impl Fn(&Round) -> bool) -> (Vec<usize>, Polish) {
        let rounds: Vec<&Round> = self.rounds.iter().filter(|round| wanted(round)).collect();
        let columns: BTreeMap<usize, usize> = {
            let mut counts: Vec<usize> = rounds.iter().map(|round| round.workers).collect();
            counts.sort_unstable();
            counts.dedup();
            counts.into_iter().enumerate().map(|(column, count)| (count, column)).collect()
        };
        let cells: Vec<Cell> = rounds
            .iter()
            .map(|round| Cell {
                block: round.block,
                column: columns[&round.workers],
                value: round.log,
            })
            .collect();
        (columns.into_keys().collect(), polish(&cells))
    }

    /// The counts worth comparing in the end: the most promising ones, and the smallest that is as good for all we know.
    pub(super) fn short_list(&self, most: usize) -> Vec<usize> {
        const AS_GOOD: f64 = 0.015;
        let levels = self.levels();
        let promise = |level: &Level| level.log + level.error;
        let mut order = levels.clone();
        order.sort_by(|a, b| promise(b).total_cmp(&promise(a)).then(a.workers.cmp(&b.workers)));
        let Some(top) = levels.iter().map(|level| level.log).reduce(f64::max) else {
            return Vec::new();
        };
        let smallest = levels.iter().find(|level| level.log >= top - AS_GOOD);
        let mut list: Vec<usize> = order.iter().take(most).map(|level| level.workers).collect();
        list.extend(smallest.map(|level| level.workers));
        list.sort_unstable();
        list.dedup();
        list
    }

    /// The counts of the list that the confirmation has not shown to be clearly worse.
    pub(super) fn still_possible(&self, list: Vec<usize>) -> Vec<usize> {
        const LOOK_FIRST: usize = 4;
        let Some((counts, table)) = self.confirmed() else { return list };
        if table.counts.iter().copied().max().unwrap_or(0) < LOOK_FIRST {
            return list;
        }
        let Some(best) = dunnett::best(&table.columns, &table.counts, table.scale, table.df) else {
            return list;
        };
        let behind = |at: usize| table.columns[best.best] - table.columns[at];
        let reach = |at: usize| {
            let pair = 1.0 / table.counts[at] as f64 + 1.0 / table.counts[best.best] as f64;
            HOPELESS * best.quantile * table.scale * pair.sqrt()
        };
        let keep: Vec<usize> = list
            .iter()
            .copied()
            .filter(|count| counts.binary_search(count).map_or(true, |at| behind(at) <= reach(at)))
            .collect();
        // One count alone cannot be compared with anything: two stay.
        if keep.len() >= 2 { keep } else { two_best(&counts, &table) }
    }

    /// Whether further blocks of the short list would change nothing that matters.
    pub(super) fn settled(&self, tolerance: f64) -> bool {
        self.decision(tolerance).is_some_and(|decision| decision.settled)
    }

    pub(super) fn decision(&self, tolerance: f64) -> Option<Decision> {
        let (counts, table) = self.confirmed().unwrap_or_else(|| self.table(|_| true));
        let best = dunnett::best(&table.columns, &table.counts, table.scale, table.df)?;
        let bound = best.excess.exp_m1();
        let known = table.df > 0.0 && counts.len() > 1;
        Some(Decision {
            best: counts[best.best],
            settled: known && (bound <= tolerance || best.set.len() == 1),
            set: best.set.iter().map(|&at| counts[at]).collect(),
            bound,
        })
    }
}

fn levels(counts: &[usize], table: &Polish) -> Vec<Level> {
    counts
        .iter()
        .enumerate()
        .map(|(at, &workers)| Level {
            workers,
            log: table.columns[at],
            error: table.scale / (table.counts[at] as f64).sqrt(),
        })
        .collect()
}

fn two_best(counts: &[usize], table: &Polish) -> Vec<usize> {
    let mut order: Vec<usize> = (0..counts.len()).collect();
    order.sort_by(|&a, &b| table.columns[b].total_cmp(&table.columns[a]));
    let mut two: Vec<usize> = order.iter().take(2).map(|&at| counts[at]).collect();
    two.sort_unstable();
    two
}
