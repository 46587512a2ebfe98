//! All modes of a workload in one table: how much better may a cell of another mode be than the one
//! that is recommended?
//!
//! Rounds of all modes share blocks, so a slow spell is known from all of them, and a cell's level
//! from every block that it was measured in. A comparison of two modes by the differences of their
//! own two cells throws most of that away. Counts of one mode are not compared here: what a block
//! and a launch do to a mode as a whole is known better from its own curve.

use std::collections::BTreeMap;

use super::observation::Observation;
use crate::plan::Mode;
use crate::stats::knee::Known;
use crate::stats::median::mad_scale;
use crate::stats::moderate::{Variance, moderate};
use crate::stats::nested::nested;
use crate::stats::polish::{Cell, Polish, polish};

/// Fewer common blocks say nothing of how cells compare.
const FEW: usize = 3;
/// A spread by median deviations knows as much as one by squares of so many of the values does
/// (Huber, Robust Statistics, 1981, ch. 5).
const EFFICIENCY: f64 = 0.37;

/// A mode with its measurements.
#[derive(Debug, Clone, Copy)]
pub(super) struct Side<'o> {
    pub(super) mode: Mode,
    pub(super) observations: &'o [Observation],
}

/// One measurement in the table.
#[derive(Debug, Clone, Copy)]
struct Entry {
    mode: usize,
    workers: u64,
    block: u32,
    launch: Option<u32>,
    log: f64,
}

/// By what share a cell of another mode may be better than that of `mode` at `workers`, with 95 %
/// confidence over all of these; `None` where the modes were not measured in common blocks.
pub(super) fn regret(sides: &[Side<'_>], mode: Mode, workers: f64) -> Option<f64> {
    let entries = entries(sides)?;
    let mut columns: Vec<(usize, u64)> = entries.iter().map(|e| (e.mode, e.workers)).collect();
    columns.sort_unstable();
    columns.dedup();
    let column = |e: &Entry| columns.binary_search(&(e.mode, e.workers)).unwrap_or(0);
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
    let places: Vec<usize> = cells.iter().map(|cell| cell.column).collect();
    let variances = variances(&places, &table);
    let error =
        |at: usize| launches.factor * (variances[at] / table.counts[at].max(1) as f64).sqrt();
    let place = sides.iter().position(|side| side.mode == mode)?;
    let chosen = columns.binary_search(&(place, workers.to_bits())).ok()?;
    let known = |at: usize| Known { log: table.columns[at], error: error(at) };
    let mut levels = vec![known(chosen)];
    levels.extend((0..columns.len()).filter(|at| columns[*at].0 != place).map(known));
    Some(crate::stats::regret::regret(&levels, 0, df).exp_m1())
}

/// What decides in each mode: the fresh measurements where its counts were chosen by looking at
/// others. `None` where one mode shares hardly any block with the rest.
fn entries(sides: &[Side<'_>]) -> Option<Vec<Entry>> {
    let mut entries = Vec::new();
    for (mode, side) in sides.iter().enumerate() {
        let fresh = side.observations.iter().any(|o| o.confirms && o.is_sound());
        for o in side.observations.iter().filter(|o| o.is_sound() && (o.confirms || !fresh)) {
            let workers = o.workers.to_bits();
            let log = o.throughput.ln();
            entries.push(Entry { mode, workers, block: o.block?, launch: o.launch, log });
        }
    }
    let blocks_of = |wanted: &dyn Fn(usize) -> bool| -> Vec<u32> {
        let mut blocks: Vec<u32> =
            entries.iter().filter(|e| wanted(e.mode)).map(|e| e.block).collect();
        blocks.sort_unstable();
        blocks.dedup();
        blocks
    };
    let tied = (0..sides.len()).all(|mode| {
        let others = blocks_of(&|other| other != mode);
        let own = blocks_of(&|other| other == mode);
        own.iter().filter(|block| others.binary_search(block).is_ok()).count() >= FEW
    });
    (sides.len() > 1 && tied).then_some(entries)
}

/// The variance of one measurement, by column: processes may be noisier than threads, and many
/// workers than one. Columns borrow from each other as far as they agree. `places` says which
/// column each residual belongs to.
fn variances(places: &[usize], table: &Polish) -> Vec<f64> {
    let part = table.df / places.len() as f64;
    let own: Vec<Variance> = (0..table.columns.len())
        .map(|column| {
            let rest = places.iter().zip(&table.residuals).filter(|(place, _)| **place == column);
            let rest: Vec<f64> = rest.map(|(_, rest)| *rest).collect();
            // Levels and blocks that were fitted have made residuals smaller than the noise.
            let value = mad_scale(&rest, 0.0).powi(2) / part;
            Variance { value, df: EFFICIENCY * part * rest.len() as f64 }
        })
        .collect();
    moderate(&own).into_iter().map(|one| one.value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    /// A cell's level, and how much its rounds scatter.
    type Planted = (Mode, f64, f64, f64);

    const CELLS: [Planted; 6] = [
        (Mode::Threads, 2.0, 2.00, 0.03),
        (Mode::Threads, 3.0, 2.02, 0.03),
        (Mode::Threads, 4.0, 1.98, 0.03),
        (Mode::ProcessPool, 2.0, 1.90, 0.06),
        (Mode::ProcessPool, 3.0, 2.06, 0.06),
        (Mode::ProcessPool, 4.0, 1.95, 0.06),
    ];

    fn rounds(cells: &[Planted], blocks: u32, rng: &mut Rng) -> Vec<(Mode, Observation)> {
        let mut rounds = Vec::new();
        for block in 0..blocks {
            let spell = 0.1 * rng.normal();
            for &(mode, workers, level, noise) in cells {
                let throughput = level * (spell + noise * rng.normal()).exp();
                let (block, launch) = (Some(block), None);
                let one = Observation { workers, throughput, block, confirms: true, launch };
                rounds.push((mode, one));
            }
        }
        rounds
    }

    fn regret_of(rounds: &[(Mode, Observation)], workers: f64) -> Option<f64> {
        let of = |mode: Mode| -> Vec<Observation> {
            rounds.iter().filter(|(other, _)| *other == mode).map(|(_, one)| *one).collect()
        };
        let (threads, processes) = (of(Mode::Threads), of(Mode::ProcessPool));
        let side = |mode, observations| Side { mode, observations };
        let sides = [side(Mode::Threads, &*threads), side(Mode::ProcessPool, &*processes)];
        regret(&sides, Mode::Threads, workers)
    }

    #[test]
    fn it_covers_the_truth_and_is_narrow() {
        const RUNS: usize = 400;
        let mut rng = Rng::new(11);
        let (mut held, mut sum) = (0, 0.0);
        for _ in 0..RUNS {
            let found = regret_of(&rounds(&CELLS, 9, &mut rng), 2.0).unwrap();
            held += usize::from(found >= 0.03);
            sum += found / RUNS as f64;
        }
        assert!(held >= RUNS * 92 / 100, "{held} of {RUNS}");
        assert!(sum < 0.095, "{sum}: 3 % are true, and 6 % of noise in 9 blocks hide little more");
    }

    #[test]
    fn modes_that_share_no_blocks_are_not_compared() {
        let mut rng = Rng::new(12);
        let mut apart = rounds(&CELLS, 9, &mut rng);
        for (mode, one) in &mut apart {
            if *mode == Mode::ProcessPool {
                one.block = one.block.map(|block| block + 100);
            }
        }
        assert_eq!(regret_of(&apart, 2.0), None);
        assert_eq!(regret_of(&rounds(&CELLS, 2, &mut rng), 2.0), None);
        assert_eq!(regret_of(&rounds(&CELLS, 9, &mut rng), 7.0), None);
    }
}
