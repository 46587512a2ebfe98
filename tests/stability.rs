//! Tests whether the answer is stable: compares four default runs, one after the other.
//!
//! Each answer is compared with the best cell of all runs in two ways: by the medians of all
//! rounds, and within blocks, as knee itself compares. A machine that is faster in one run than in
//! another changes the first figure alone.
//!
//! It takes over four minutes and needs a quiet machine, so it is ignored by default: `cargo test
//! --release --test stability -- --ignored --nocapture`.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use knee::analysis::analyse;
use knee::analysis::findings::Findings;
use knee::record::{self, Record};

/// How many default runs are made.
const RUNS: usize = 4;
/// An answer is right if it gives at least this share of the best cell over all runs.
const RIGHT: f64 = 0.9;

/// A cell of a workload: mode and count.
type Cell = (String, u64);
/// A block of a run.
type Block = (usize, u32);
/// The logarithm of the throughput in each undisturbed round, by workload.
type Rounds = BTreeMap<String, Vec<(Block, Cell, f64)>>;
/// The level of each cell of a workload, as a logarithm, with the number of its rounds.
type Levels = BTreeMap<Cell, (f64, usize)>;

/// The recommended cell of each workload in each run.
struct Answer {
    run: usize,
    label: String,
    mode: String,
    workers: u64,
    settled: bool,
}

#[test]
#[ignore = "four minutes on a quiet machine: cargo test --release --test stability -- --ignored \
    --nocapture"]
fn four_default_runs_give_the_same_answers() {
    let directory = tempfile::tempdir().expect("a directory");
    let (mut rounds, mut answers, mut shares) = (Rounds::new(), Vec::new(), Vec::new());
    for run in 0..RUNS {
        let out = directory.path().join(format!("run-{run}"));
        let status = Command::new(env!("CARGO_BIN_EXE_knee"))
            .args(["run", "--quiet", "--out"])
            .arg(&out)
            .stdout(Stdio::null())
            .status()
            .expect("knee starts");
        assert!(matches!(status.code(), Some(0 | 5)), "{status}");
        let record = record::read(&out).expect("it is whole");
        let share = in_windows(&record);
        println!(
            "run {run}: {} rounds, {:.1} % of the time in windows",
            record.samples.len(),
            share * 100.0
        );
        shares.push(share);
        collect(run, &record, &mut rounds);
        answers.extend(recommended(run, &analyse(&record)));
    }
    let medians: BTreeMap<_, _> = rounds.iter().map(|(label, of)| (label, medians(of))).collect();
    let paired: BTreeMap<_, _> = rounds.iter().map(|(label, of)| (label, in_blocks(of))).collect();
    let (mut right, mut right_in_blocks, mut too_many) = (0, 0, 0);
    for Answer { run, label, mode, workers, settled } in &answers {
        let cell = (mode.clone(), *workers);
        let share = share_of_best(&medians[label], &cell);
        let in_blocks = share_of_best(&paired[label], &cell);
        let wasteful = *workers > 2 * fewest(&paired[label]);
        right += usize::from(share >= RIGHT);
        right_in_blocks += usize::from(in_blocks >= RIGHT);
        too_many += usize::from(wasteful);
        println!(
            "run {run}  {label:>8}: {workers:>3} {mode:<12} {:5.1} % of the best, {:5.1} % within \
             blocks{}{}",
            share * 100.0,
            in_blocks * 100.0,
            if *settled { "" } else { "  not settled" },
            if wasteful { "  more than twice what is needed" } else { "" }
        );
    }
    let settled = answers.iter().filter(|answer| answer.settled).count();
    println!("settled: {settled} of {}", answers.len());
    println!("within 10 % of the best: {right} of {}", answers.len());
    println!("the same within blocks: {right_in_blocks} of {}", answers.len());
    println!("more than twice the workers needed: {too_many} of {}", answers.len());
    println!("in windows: {:.1} % of the time", 100.0 * shares.iter().sum::<f64>() / RUNS as f64);
    assert_eq!(answers.len(), RUNS * 12, "every workload has an answer in every run");
}

/// The share of the run's time that was inside measured windows.
fn in_windows(record: &Record) -> f64 {
    let measured: f64 = record.samples.iter().map(|sample| sample.usage.span).sum();
    measured / record.end.as_ref().expect("it ended").wall
}

fn collect(run: usize, record: &Record, rounds: &mut Rounds) {
    for sample in record.samples.iter().filter(|sample| !sample.is_disturbed()) {
        let label = record.header.plan.entries[sample.cell.entry].label.clone();
        let cell = (sample.cell.mode.name().to_owned(), sample.cell.workers as u64);
        let round = ((run, sample.block), cell, sample.throughput.ln());
        rounds.entry(label).or_default().push(round);
    }
}

fn recommended(run: usize, findings: &Findings) -> Vec<Answer> {
    let answer = |workload: &knee::analysis::findings::WorkloadFindings| {
        let verdict = workload.verdict.as_ref()?;
        Some(Answer {
            run,
            label: workload.label.clone(),
            mode: verdict.mode.clone(),
            workers: verdict.workers.round() as u64,
            settled: verdict.conclusive,
        })
    };
    findings.workloads.iter().filter_map(answer).collect()
}

/// The level of each cell: the median of all its rounds.
fn medians(rounds: &[(Block, Cell, f64)]) -> Levels {
    let mut by_cell: BTreeMap<Cell, Vec<f64>> = BTreeMap::new();
    for (_, cell, log) in rounds {
        by_cell.entry(cell.clone()).or_default().push(*log);
    }
    by_cell.into_iter().map(|(cell, logs)| (cell, (median(&logs), logs.len()))).collect()
}

/// The level of each cell where every block has a level of its own, by least squares: the means of
/// cells and blocks are taken in turns until they no longer change.
fn in_blocks(rounds: &[(Block, Cell, f64)]) -> Levels {
    let mut cells: BTreeMap<&Cell, f64> = BTreeMap::new();
    loop {
        let level = |cell| cells.get(cell).copied().unwrap_or(0.0);
        let blocks = means(rounds.iter().map(|(block, cell, log)| (block, log - level(cell))));
        let next = means(rounds.iter().map(|(block, cell, log)| (cell, log - blocks[block].0)));
        let change = next.iter().map(|(cell, (log, _))| (log - level(*cell)).abs());
        if change.fold(0.0, f64::max) < 1e-6 {
            return next.into_iter().map(|(cell, known)| (cell.clone(), known)).collect();
        }
        cells = next.into_iter().map(|(cell, (log, _))| (cell, log)).collect();
    }
}

/// The mean of the values of each key, and their number.
fn means<K: Ord>(values: impl Iterator<Item = (K, f64)>) -> BTreeMap<K, (f64, usize)> {
    let mut sums: BTreeMap<K, (f64, usize)> = BTreeMap::new();
    for (key, value) in values {
        let sum = sums.entry(key).or_default();
        *sum = (sum.0 + value, sum.1 + 1);
    }
    sums.into_iter().map(|(key, (sum, count))| (key, (sum / count as f64, count))).collect()
}

/// The best level of cells that were measured often enough.
fn best(levels: &Levels) -> f64 {
    let known = levels.values().filter(|(_, rounds)| *rounds >= 6);
    known.map(|(log, _)| *log).fold(f64::NEG_INFINITY, f64::max)
}

/// The throughput of a cell as a share of the best.
fn share_of_best(levels: &Levels, cell: &Cell) -> f64 {
    (levels[cell].0 - best(levels)).exp()
}

/// The fewest workers that reach nine tenths of the best.
fn fewest(levels: &Levels) -> u64 {
    let least = best(levels) + RIGHT.ln();
    let near = levels.iter().filter(|(_, (log, rounds))| *rounds >= 6 && *log >= least);
    near.map(|((_, workers), _)| *workers).min().unwrap_or(u64::MAX)
}

fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
