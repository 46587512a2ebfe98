//! The book of a search: all its rounds, and the levels of the counts that follow from them.

use std::collections::BTreeMap;

use super::{CONFIRM, Decision, FEWEST, Stage, TOLERANCE};
use crate::stats::dunnett::{self, Best};
use crate::stats::knee::{self, Known};
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

/// The estimated level of one count.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Level {
    pub(super) workers: usize,
    /// The logarithm of its throughput.
    pub(super) log: f64,
    /// The standard error of `log`.
    pub(super) error: f64,
}

/// A count this many times its resolution behind the best is left out of further blocks.
const HOPELESS: f64 = 1.5;
/// A count with less than this share of the best throughput is not looked at twice.
const FAR: f64 = 0.25;
/// The share of throughput that a user would miss.
pub(super) const MATTERS: f64 = 0.05;

impl Book {
    pub(super) fn open(&mut self, stage: Stage) {
        self.block += 1;
        self.stage = Some(stage);
    }

    /// Enters a round of the open block. Rounds from before any block (those of an interrupted run)
    /// count as exploring.
    pub(super) fn enter(&mut self, workers: usize, throughput: f64) {
        if throughput > 0.0 && throughput.is_finite() {
            let stage = self.stage.unwrap_or(Stage::Explore);
            self.rounds.push(Round { workers, block: self.block, stage, log: throughput.ln() });
        }
    }

    /// The level of every count measured, from all rounds, ascending by count.
    pub(super) fn levels(&self) -> Vec<Level> {
        let (counts, table) = self.table(|_| true);
        levels(&counts, &table)
    }

    /// The levels of the counts from confirming blocks alone, if there are any.
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

    /// Leaves out counts so far behind the best that one look is enough.
    pub(super) fn worth_a_look(&self, mut counts: Vec<usize>) -> Vec<usize> {
        let levels = self.levels();
        let top = levels.iter().map(|level| level.log).fold(f64::NEG_INFINITY, f64::max);
        let is_far = |count: usize| {
            levels.iter().any(|level| level.workers == count && level.log < top + FAR.ln())
        };
        counts.retain(|count| !is_far(*count));
        counts
    }

    /// The counts worth comparing in the end: the most promising ones, the smallest that costs a
    /// user nothing noticeable, and the hints that have not clearly lost. Two looks on a noisy
    /// machine cannot rule out the count at which the machine is known to bend.
    pub(super) fn short_list(&self, most: usize, hints: &[usize]) -> Vec<usize> {
        const AS_GOOD: f64 = 0.015;
        // A hint has clearly lost if it is this many standard errors behind, and a user would
        // notice.
        const LOST: f64 = 2.0;
        let levels = self.levels();
        let top = levels.iter().map(|level| level.log).fold(f64::NEG_INFINITY, f64::max);
        let promise = |level: &Level| level.log + level.error;
        let mut order = levels.clone();
        order.sort_by(|a, b| promise(b).total_cmp(&promise(a)).then(a.workers.cmp(&b.workers)));
        let known = |level: &Level| Known { log: level.log, error: level.error };
        let known: Vec<Known> = levels.iter().map(known).collect();
        let smallest = knee::first_within(&known, MATTERS).map(|at| levels[at]);
        let mut list: Vec<usize> = order.iter().take(most).map(|level| level.workers).collect();
        list.extend(smallest.map(|level| level.workers));
        // A larger purse also pays for finding where the flat top begins.
        let as_good =
            levels.iter().find(|level| level.log >= top - AS_GOOD).filter(|_| most > FEWEST);
        list.extend(as_good.map(|level| level.workers));
        let best = order.first().copied();
        let close = |level: &&Level| {
            best.is_some_and(|best| {
                let reach = LOST * level.error.hypot(best.error);
                best.log - level.log <= reach.max(MATTERS)
            })
        };
        let hinted = levels.iter().filter(|level| hints.contains(&level.workers));
        list.extend(hinted.filter(close).map(|level| level.workers));
        list.sort_unstable();
        list.dedup();
        list
    }

    /// The counts of the list that need further comparison after `passes` blocks; `None` when
    /// nothing that matters is open. Counts beyond `flat` are expected to gain nothing.
    pub(super) fn undecided(
        &self,
        mut list: Vec<usize>,
        passes: u32,
        flat: Option<usize>,
    ) -> Option<Vec<usize>> {
        const LOOK_FIRST: u32 = 4;
        if passes >= *CONFIRM.end() {
            return None;
        }
        if passes < LOOK_FIRST {
            return Some(list);
        }
        let verdict = self.verdict(flat)?;
        let early = passes < *CONFIRM.start();
        if !early && verdict.settled() {
            return None;
        }
        list.retain(|count| !verdict.idle.contains(count));
        let keep = verdict.possible(&list, early);
        if keep.len() > 1 {
            return Some(keep);
        }
        // One count alone cannot be compared. If the others have lost for a known reason, that is
        // enough; otherwise the next best one stays.
        (!verdict.is_expected(&keep)).then(|| verdict.two_best())
    }

    /// The decision. Counts beyond `flat` are expected to gain nothing.
    pub(super) fn decision(&self, flat: Option<usize>) -> Option<Decision> {
        let verdict = self.verdict(flat)?;
        Some(Decision {
            best: verdict.counts[verdict.best.best],
            settled: verdict.settled(),
            set: verdict.best.set.iter().map(|&at| verdict.counts[at]).collect(),
            bound: verdict.bound(),
        })
    }

    fn verdict(&self, flat: Option<usize>) -> Option<Verdict> {
        let (counts, table) = self.confirmed().unwrap_or_else(|| self.table(|_| true));
        let is_beyond = |count: usize| flat.is_some_and(|flat| count > flat);
        let all: Vec<(usize, Known)> = counts.into_iter().zip(known(&table)).collect();
        let expected = all.iter().filter(|(count, _)| !is_beyond(*count));
        let top = expected.map(|(_, level)| level.log).reduce(f64::max);
        // More workers than CPUs keep nothing busy that is idle now. So they are compared further
        // only if they gain what a user would notice.
        let is_idle = |(count, level): &(usize, Known)| {
            is_beyond(*count) && top.is_some_and(|top| level.log <= top + MATTERS)
        };
        let (idle, all): (Vec<_>, Vec<_>) = all.into_iter().partition(is_idle);
        let idle = idle.into_iter().map(|(count, _)| count).collect();
        let (counts, levels): (Vec<usize>, Vec<Known>) = all.into_iter().unzip();
        let best = dunnett::best(&levels, table.df)?;
        Some(Verdict { counts, levels, df: table.df, best, flat, idle })
    }
}

/// The comparison of the confirmed counts, or of all counts while none is confirmed.
struct Verdict {
    counts: Vec<usize>,
    levels: Vec<Known>,
    /// The degrees of freedom of their errors.
    df: f64,
    best: Best,
    flat: Option<usize>,
    /// Counts beyond `flat` that gain nothing, as expected. They are not among the counts.
    idle: Vec<usize>,
}

impl Verdict {
    /// How much better another count may be, as a share.
    fn bound(&self) -> f64 {
        self.best.excess.exp_m1()
    }

    fn settled(&self) -> bool {
        let known = self.df > 0.0 && self.counts.len() + self.idle.len() > 1;
        known && (self.bound() <= TOLERANCE || self.best.set.len() == 1)
    }

    /// Whether these are the count that was expected to be best.
    fn is_expected(&self, counts: &[usize]) -> bool {
        counts.len() == 1 && self.flat == counts.first().copied()
    }

    /// The counts of `list` that have not clearly lost. While it is `early`, a count has lost only
    /// if a user would notice how far it is behind.
    fn possible(&self, list: &[usize], early: bool) -> Vec<usize> {
        let best = self.levels[self.best.best];
        let close = |at: usize| {
            let level = self.levels[at];
            let reach = HOPELESS * self.best.quantile * level.error.hypot(best.error);
            let reach = if early { reach.max(MATTERS) } else { reach };
            best.log - level.log <= reach
        };
        let stays = |count: &usize| self.counts.binary_search(count).map_or(true, close);
        list.iter().copied().filter(stays).collect()
    }

    /// The two best counts, ascending.
    fn two_best(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.counts.len()).collect();
        order.sort_by(|&a, &b| self.levels[b].log.total_cmp(&self.levels[a].log));
        let mut two: Vec<usize> = order.iter().take(2).map(|&at| self.counts[at]).collect();
        two.sort_unstable();
        two
    }
}

fn levels(counts: &[usize], table: &Polish) -> Vec<Level> {
    let level = |(&workers, known): (&usize, Known)| {
        let Known { log, error } = known;
        Level { workers, log, error }
    };
    counts.iter().zip(known(table)).map(level).collect()
}

/// The levels of a table's columns, with their standard errors.
fn known(table: &Polish) -> Vec<Known> {
    let error = |count: usize| table.scale / (count.max(1) as f64).sqrt();
    let level = |(&log, &count): (&f64, &usize)| Known { log, error: error(count) };
    table.columns.iter().zip(&table.counts).map(level).collect()
}
