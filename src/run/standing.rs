//! Compares the modes of a workload by the rounds measured so far: is the best mode decided?

use std::collections::{BTreeMap, BTreeSet};

use crate::plan::{Cell, Mode};
use crate::stats::joint::{Entry, Table};
use crate::stats::knee::{Known, first_within};
use crate::stats::levels::{Levels, Measured};
use crate::stats::student;

/// The question is settled when no other mode may be better by more than this logarithm. It is
/// somewhat less than what the findings call settled.
pub(super) const NEAR_ENOUGH: f64 = 0.05;
/// The same as a share, for a workload that would give its time to others. It is a little less than
/// what the findings call settled.
pub(super) const SETTLED: f64 = 0.09;
/// A mode this far behind another, as a logarithm, has lost, unless it grows so much more over
/// another doubling of workers that it could still close the gap.
const LOST: f64 = 0.25;
/// Fewer blocks say nothing.
const FEW: usize = 3;
/// With 95 % confidence.
pub(super) const CONFIDENCE: f64 = 0.95;

/// One way to do the work: an entry of the plan in one of its modes.
pub(super) type Way = (usize, Mode);

/// Results of the rounds of one cell, by block.
type Rounds = BTreeMap<u32, Entry<Way>>;

/// All rounds of a workload so far.
#[derive(Debug, Default)]
pub(super) struct Standing {
    cells: BTreeMap<(Way, usize), Rounds>,
    /// The count beyond which workers have less than a CPU each, for modes whose tasks compute all
    /// the time.
    crowded: BTreeMap<Way, usize>,
}

impl Standing {
    /// Notes that tasks of this mode compute all the time, and that larger counts than this one
    /// leave less than a CPU to each worker.
    pub(super) fn crowded_beyond(&mut self, mode: Way, count: usize) {
        self.crowded.insert(mode, count);
    }

    /// Enters the result of a round, its launch, and whether it was made to decide.
    pub(super) fn enter(
        &mut self,
        cell: Cell,
        block: u32,
        throughput: f64,
        (launch, confirms): (Option<u32>, bool),
    ) {
        if throughput > 0.0 && throughput.is_finite() {
            let group = (cell.entry, cell.mode);
            let rounds = self.cells.entry((group, cell.workers)).or_default();
            let (count, log) = (cell.workers as u64, throughput.ln());
            rounds.insert(block, Entry { group, cell: count, block, launch, log, confirms });
        }
    }

    /// The mean of the best cell, with its standard error and degrees of freedom. `None` while it
    /// is not known.
    pub(super) fn level(&self) -> Option<(f64, f64, f64)> {
        let known = self.cells.values().filter(|rounds| rounds.len() >= FEW);
        let best = known.max_by(|a, b| mean(a).total_cmp(&mean(b)))?;
        let logs: Vec<f64> = best.values().map(|round| round.log).collect();
        let (level, error) = mean_and_error(&logs);
        Some((level, error, logs.len() as f64 - 1.0))
    }

    /// Whether some mode does notably better at its largest measured count than at all smaller
    /// ones. Larger counts may then be better still.
    pub(super) fn is_rising(&self) -> bool {
        let of = |mode| self.cells.iter().filter(move |((of, _), _)| *of == mode);
        let rises = |mode: Way| {
            let mut cells: Vec<(usize, f64)> =
                of(mode).map(|((_, count), rounds)| (*count, mean(rounds))).collect();
            cells.sort_by_key(|(count, _)| *count);
            let Some((_, largest)) = cells.pop() else { return false };
            cells.into_iter().all(|(_, smaller)| largest - smaller > NEAR_ENOUGH)
        };
        self.cells.keys().map(|(mode, _)| *mode).filter(|way| way.1 != Mode::Serial).any(rises)
    }

    /// The best count of a mode, among counts measured often enough.
    pub(super) fn best(&self, mode: Way) -> Option<usize> {
        let of_mode = || self.cells.iter().filter(|((of, _), _)| *of == mode);
        let most = of_mode().map(|(_, rounds)| rounds.len()).max()?;
        let known = of_mode().filter(|(_, rounds)| 2 * rounds.len() >= most);
        let level = |&((_, count), rounds): &(&(Way, usize), &Rounds)| {
            // More workers than CPUs must lead by what a user would notice.
            mean(rounds) - if self.is_crowded(mode, *count) { NEAR_ENOUGH } else { 0.0 }
        };
        let best = known.max_by(|a, b| level(a).total_cmp(&level(b)))?;
        Some(best.0.1)
    }

    /// How many launches stand behind the cell that has most of them.
    pub(super) fn launches(&self) -> usize {
        let of = |rounds: &Rounds| {
            rounds.values().filter_map(|round| round.launch).collect::<BTreeSet<_>>().len()
        };
        self.cells.values().map(of).max().unwrap_or(0)
    }

    /// How often a count of a mode was measured.
    pub(super) fn rounds(&self, mode: Way, count: usize) -> usize {
        self.cells.get(&(mode, count)).map_or(0, BTreeMap::len)
    }

    /// Whether another count of this mode may still be notably better than its best one.
    pub(super) fn is_open_within(&self, mode: Way) -> bool {
        let Some(best) = self.best(mode) else { return false };
        let Some(top) = self.cells.get(&(mode, best)) else { return false };
        let mut others = self.cells.iter().filter(|((of, count), _)| *of == mode && *count != best);
        others.any(|(_, other)| excess(other, top) > NEAR_ENOUGH)
    }

    /// Whether a mode is so far behind another of `modes` that its counts need not be compared
    /// further. It must be behind by more than the noise of their common blocks: on a shared host,
    /// two threads may do no more than one for a while, and then twice as much.
    pub(super) fn has_lost(&self, mode: Way, modes: &[Way]) -> bool {
        const TWICE: usize = 2;
        let best = |mode: Way| {
            let rounds = self.cells.get(&(mode, self.best(mode)?))?;
            (rounds.len() >= TWICE).then_some((mode, rounds))
        };
        let others = modes.iter().filter(|other| **other != mode).filter_map(|other| best(*other));
        let top = others.max_by(|(_, a), (_, b)| mean(a).total_cmp(&mean(b)));
        let (Some((_, own)), Some((leader, top))) = (best(mode), top) else { return false };
        let ahead = (self.growth(mode, own) - self.growth(leader, top)).max(0.0);
        surely_behind(own, top) - ahead > LOST
    }

    /// How much more than its best count a mode may do with twice its largest count, if it goes on
    /// growing as over its last step, as a logarithm.
    fn growth(&self, mode: Way, best: &Rounds) -> f64 {
        let counts: Vec<(f64, f64)> =
            self.of(mode).map(|((_, count), rounds)| (*count as f64, mean(rounds))).collect();
        let [.., (few, before), (many, last)] = counts[..] else { return 0.0 };
        let slope = ((last - before) / (many / few).ln()).clamp(0.0, 1.0);
        (last + slope * std::f64::consts::LN_2 - mean(best)).max(0.0)
    }

    /// The mode to recommend, by the same rule as in the findings: the simplest whose best count
    /// costs hardly anything against the best of all.
    pub(super) fn leader(&self, modes: &[Way]) -> Option<Way> {
        let best = modes.iter().filter_map(|mode| Some((*mode, self.best(*mode)?)));
        let mut ranked: Vec<(Way, &Rounds)> =
            best.filter_map(|cell| Some((cell.0, self.cells.get(&cell)?))).collect();
        ranked.sort_by_key(|((entry, mode), _)| (mode.description().rank, *entry));
        let (_, top) = ranked.iter().max_by(|(_, a), (_, b)| mean(a).total_cmp(&mean(b)))?;
        let levels: Vec<Known> = ranked.iter().map(|(_, rounds)| above(rounds, top)).collect();
        Some(ranked[first_within(&levels, NEAR_ENOUGH)?].0)
    }

    /// How much better than the cell to recommend any other cell of these modes may be, as a share,
    /// by the same figures as in the findings. `None` while nothing can be said.
    pub(super) fn regret(&self, modes: &[Way]) -> Option<f64> {
        let mode = self.leader(modes)?;
        let (count, regret) = self.knee(mode)?;
        let measured = |mode: &Way| self.of(*mode).next();
        if modes.iter().filter_map(measured).count() < 2 {
            return Some(regret);
        }
        Some(self.leads((mode, count))?.into_iter().map(|(_, lead)| lead).fold(regret, f64::max))
    }

    /// The cells of other modes that may be notably better than the answer.
    pub(super) fn rivals(&self, modes: &[Way]) -> Vec<(Way, usize)> {
        let answer = self.leader(modes).and_then(|mode| Some((mode, self.knee(mode)?.0)));
        let leads = answer.and_then(|answer| self.leads(answer)).unwrap_or_default();
        leads.into_iter().filter(|(_, lead)| *lead > SETTLED).map(|(cell, _)| cell).collect()
    }

    /// How much better than this cell each cell of another mode may be, as a share.
    fn leads(&self, (mode, count): (Way, usize)) -> Option<Vec<((Way, usize), f64)>> {
        let table: Vec<_> = self.cells.values().flat_map(BTreeMap::values).copied().collect();
        let is_crowded = |mode, count: u64| self.is_crowded(mode, count as usize);
        let leads = Table::of(&table)?.leads((mode, count as u64), is_crowded)?;
        let in_counts = |((mode, count), lead): ((Way, u64), f64)| ((mode, count as usize), lead);
        Some(leads.into_iter().map(in_counts).collect())
    }

    /// The count of a mode that will be recommended, and its regret among the counts of this mode.
    fn knee(&self, mode: Way) -> Option<(usize, f64)> {
        let (counts, levels, knee) = self.levels(mode)?;
        let is_crowded = |cell: usize| self.is_crowded(mode, counts[cell]);
        Some((counts[levels.cells[knee]], levels.regret(knee, is_crowded)))
    }

    /// The counts of a mode that its answer depends on: the one that will be recommended, and those
    /// that may still be notably better.
    pub(super) fn contenders(&self, mode: Way) -> Vec<usize> {
        let Some((counts, levels, knee)) = self.levels(mode) else { return Vec::new() };
        let is_crowded = |cell: usize| self.is_crowded(mode, counts[cell]);
        let mut all = levels.rivals(knee, SETTLED, is_crowded);
        all.push(levels.cells[knee]);
        all.sort_unstable();
        all.into_iter().map(|cell| counts[cell]).collect()
    }

    /// The counts of a mode, their levels, and the place of the one that will be recommended.
    fn levels(&self, mode: Way) -> Option<(Vec<usize>, Levels, usize)> {
        let counts: Vec<usize> = self.of(mode).map(|((_, count), _)| *count).collect();
        let one = |(cell, round): (usize, &Entry<Way>)| {
            let Entry { block, launch, log, confirms, .. } = *round;
            Measured { cell, block: Some(block), launch, log, confirms }
        };
        let of = self.of(mode).enumerate();
        let rounds = of.flat_map(|(cell, (_, rounds))| rounds.values().map(move |r| (cell, r)));
        let levels = Levels::of(&rounds.map(one).collect::<Vec<_>>());
        let is_crowded = |cell: usize| self.is_crowded(mode, counts[cell]);
        let knee = levels.knee(NEAR_ENOUGH, is_crowded)?;
        Some((counts, levels, knee))
    }

    fn is_crowded(&self, mode: Way, count: usize) -> bool {
        self.crowded.get(&mode).is_some_and(|crowded| count > *crowded)
    }

    /// The cells of a mode, ascending by count.
    fn of(&self, mode: Way) -> impl Iterator<Item = (&(Way, usize), &Rounds)> {
        self.cells.range((mode, 0)..=(mode, usize::MAX))
    }

    /// Whether another of these modes may still be notably better than the best one.
    pub(super) fn is_open(&self, modes: impl Iterator<Item = Way>) -> bool {
        let best = modes.filter_map(|mode| Some((mode, self.best(mode)?)));
        let rounds: Vec<_> = best.filter_map(|cell| self.cells.get(&cell)).collect();
        let Some(top) = rounds.iter().max_by(|a, b| mean(a).total_cmp(&mean(b))) else {
            return false;
        };
        let others = rounds.iter().filter(|other| !std::ptr::eq::<Rounds>(**other, *top));
        others.into_iter().any(|other| excess(other, top) > NEAR_ENOUGH)
    }
}

fn mean(rounds: &Rounds) -> f64 {
    rounds.values().map(|round| round.log).sum::<f64>() / rounds.len().max(1) as f64
}

/// How much better `other` may be than `top`, from the blocks in which both were measured.
fn excess(other: &Rounds, top: &Rounds) -> f64 {
    let differences = differences(other, top);
    if differences.len() < FEW {
        return f64::INFINITY;
    }
    let (mean, error) = mean_and_error(&differences);
    mean + student::quantile(CONFIDENCE, (differences.len() - 1) as f64) * error
}

/// How far `own` is behind `top`, less one standard error.
fn surely_behind(own: &Rounds, top: &Rounds) -> f64 {
    let Known { log, error } = above(own, top);
    -log - error
}

/// How far the level of `own` lies above that of `top`. Where the two share hardly any block, all
/// their rounds count.
fn above(own: &Rounds, top: &Rounds) -> Known {
    if std::ptr::eq(own, top) {
        return Known { log: 0.0, error: 0.0 };
    }
    let shared = differences(own, top);
    if shared.len() > 1 {
        let (log, error) = mean_and_error(&shared);
        return Known { log, error };
    }
    let logs = |rounds: &Rounds| rounds.values().map(|round| round.log).collect::<Vec<f64>>();
    let [(own, error), (top, beside)] = [own, top].map(|rounds| mean_and_error(&logs(rounds)));
    Known { log: own - top, error: error.hypot(beside) }
}

/// By how much `one` did better than `other` in each block in which both were measured.
fn differences(one: &Rounds, other: &Rounds) -> Vec<f64> {
    one.iter().filter_map(|(block, round)| Some(round.log - other.get(block)?.log)).collect()
}

/// The mean of some values, and its standard error. The error of a single value is not a number, so
/// no comparison with it holds.
fn mean_and_error(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, (squares / (count - 1.0) / count).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(mode: Mode) -> Way {
        (0, mode)
    }

    fn standing(processes: [f64; 4]) -> Standing {
        let mut standing = Standing::default();
        let threads = [1.00, 1.01, 0.99, 1.00];
        for (mode, rounds) in [(Mode::Threads, threads), (Mode::ProcessPool, processes)] {
            for (block, throughput) in rounds.into_iter().enumerate() {
                let cell = Cell { entry: 0, mode, workers: 2 };
                standing.enter(cell, block as u32, throughput, (None, true));
                let worse = Cell { workers: 1, ..cell };
                standing.enter(worse, block as u32, throughput / 2.0, (None, true));
            }
        }
        standing
    }

    fn is_open(processes: [f64; 4]) -> bool {
        standing(processes).is_open([Mode::Threads, Mode::ProcessPool].map(way).into_iter())
    }

    #[test]
    fn a_mode_far_behind_has_lost_unless_it_still_grows() {
        let mut standing = Standing::default();
        let mut enter = |mode, workers, throughput| {
            for block in 0..2 {
                standing.enter(Cell { entry: 0, mode, workers }, block, throughput, (None, true));
            }
        };
        for (workers, threads, processes, tasks) in
            [(16, 16.0, 15.0, 8.0), (32, 32.0, 20.0, 16.0), (64, 40.0, 22.0, 26.0)]
        {
            enter(Mode::Threads, workers, threads);
            enter(Mode::ProcessPool, workers, processes);
            enter(Mode::Async, workers, tasks);
        }
        let modes = [Mode::Threads, Mode::ProcessPool, Mode::Async].map(way);
        let lost = |mode| standing.has_lost(mode, &modes);
        assert_eq!(modes.map(lost), [false, true, false]);
        assert!(!lost(way(Mode::Serial)), "it was not measured");
    }

    #[test]
    fn a_mode_has_not_lost_while_its_blocks_disagree() {
        let lost = |threads: [f64; 5]| {
            let mut standing = Standing::default();
            for (block, throughput) in threads.into_iter().enumerate() {
                for (mode, throughput) in [(Mode::Serial, 1.0), (Mode::Threads, throughput)] {
                    let cell = Cell { entry: 0, mode, workers: 1 };
                    standing.enter(cell, block as u32, throughput, (None, true));
                }
            }
            standing.has_lost(way(Mode::Serial), &[Mode::Serial, Mode::Threads].map(way))
        };
        assert!(lost([1.9, 2.0, 1.8, 2.0, 1.7]));
        assert!(!lost([1.06, 1.05, 1.06, 1.56, 2.3]), "seen on a shared host");
    }

    #[test]
    fn modes_that_are_alike_or_far_apart_are_settled_and_noisy_ones_are_open() {
        assert!(!is_open([1.00, 1.02, 0.98, 1.01]));
        assert!(!is_open([0.50, 0.52, 0.49, 0.51]));
        assert!(is_open([0.80, 1.30, 0.75, 1.20]));
        assert!(!standing([1.0; 4]).is_open([way(Mode::Async)].into_iter()), "it was not measured");
        assert_eq!(standing([1.0; 4]).best(way(Mode::Threads)), Some(2));
        let modes = [Mode::Threads, Mode::ProcessPool].map(way);
        let open = |processes| standing(processes).regret(&modes).is_none_or(|most| most > SETTLED);
        assert!(!open([1.00, 1.02, 0.98, 1.01]));
        assert!(open([0.80, 1.30, 0.75, 1.20]));
    }

    #[test]
    fn of_modes_that_are_alike_the_simplest_leads() {
        let modes = [Mode::Threads, Mode::ProcessPool].map(way);
        let leader = |processes| standing(processes).leader(&modes).map(|(_, mode)| mode);
        assert_eq!(leader([1.03, 1.05, 1.02, 1.04]), Some(Mode::Threads));
        assert_eq!(leader([1.3, 1.35, 1.28, 1.3]), Some(Mode::ProcessPool));
        assert_eq!(Standing::default().leader(&modes), None);
    }

    #[test]
    fn an_answer_depends_on_counts_that_may_still_be_better() {
        let contenders = |four: [f64; 4]| {
            let mut standing = standing([1.0; 4]);
            for (block, throughput) in four.into_iter().enumerate() {
                let cell = Cell { entry: 0, mode: Mode::Threads, workers: 4 };
                standing.enter(cell, block as u32, throughput, (None, true));
            }
            standing.contenders(way(Mode::Threads))
        };
        assert_eq!(contenders([0.80, 1.25, 0.85, 1.20]), [2, 4]);
        assert_eq!(contenders([1.01, 1.00, 1.00, 0.99]), [2]);
    }
}
