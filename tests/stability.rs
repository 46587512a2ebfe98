//! Tests whether the answer is stable: compares four default runs, one after the other.
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

/// Throughput of each cell over all runs: by workload, mode and count.
type Cells = BTreeMap<(String, String, u64), Vec<f64>>;

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
    let (mut cells, mut answers, mut shares) = (Cells::new(), Vec::new(), Vec::new());
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
        collect(&record, &mut cells);
        answers.extend(recommended(run, &analyse(&record)));
    }
    let best = best_by_workload(&cells);
    let (mut right, mut too_many) = (0, 0);
    for answer in &answers {
        let (top, fewest) = best[&answer.label];
        let cell = (answer.label.clone(), answer.mode.clone(), answer.workers);
        let share = median(&cells[&cell]) / top;
        right += usize::from(share >= RIGHT);
        too_many += usize::from(answer.workers > 2 * fewest);
        let Answer { run, label, mode, workers, settled } = answer;
        println!(
            "run {run}  {label:>8}: {workers:>3} {mode:<12} {:5.1} % of the best{}{}",
            share * 100.0,
            if *settled { "" } else { "  not settled" },
            if answer.workers > 2 * fewest { "  more than twice what is needed" } else { "" }
        );
    }
    let settled = answers.iter().filter(|answer| answer.settled).count();
    println!("settled: {settled} of {}", answers.len());
    println!("within 10 % of the best: {right} of {}", answers.len());
    println!("more than twice the workers needed: {too_many} of {}", answers.len());
    println!("in windows: {:.1} % of the time", 100.0 * shares.iter().sum::<f64>() / RUNS as f64);
    assert_eq!(answers.len(), RUNS * 12, "every workload has an answer in every run");
}

/// The share of the run's time that was inside measured windows.
fn in_windows(record: &Record) -> f64 {
    let measured: f64 = record.samples.iter().map(|sample| sample.usage.span).sum();
    measured / record.end.as_ref().expect("it ended").wall
}

fn collect(record: &Record, cells: &mut Cells) {
    for sample in record.samples.iter().filter(|sample| !sample.is_disturbed()) {
        let label = record.header.plan.entries[sample.cell.entry].label.clone();
        let cell = (label, sample.cell.mode.name().to_owned(), sample.cell.workers as u64);
        cells.entry(cell).or_default().push(sample.throughput);
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

/// The best throughput of each workload over all runs, among cells measured often enough, and the
/// fewest workers that reach nine tenths of it.
fn best_by_workload(cells: &Cells) -> BTreeMap<String, (f64, u64)> {
    let mut best: BTreeMap<String, (f64, u64)> = BTreeMap::new();
    let known = || cells.iter().filter(|(_, rounds)| rounds.len() >= 6);
    for ((label, _, _), rounds) in known() {
        let top = best.entry(label.clone()).or_insert((0.0, u64::MAX));
        top.0 = top.0.max(median(rounds));
    }
    for ((label, _, workers), rounds) in known() {
        if let Some((top, fewest)) = best.get_mut(label)
            && median(rounds) >= RIGHT * *top
        {
            *fewest = (*fewest).min(*workers);
        }
    }
    best
}

fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
