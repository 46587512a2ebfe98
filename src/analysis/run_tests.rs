//! Records with known truth.

use knee_workloads::{Kind, Params};

use super::analyse;
use super::findings::Findings;
use crate::machine::{Ledger, Machine, Root};
use crate::mode::Usage;
use crate::plan::{Candidates, Cell, Entry, Mode, Plan, Series};
use crate::record::{End, Header, Record, SCHEMA_VERSION, Survey};
use crate::rng::Rng;
use crate::run::{Failure, Sample};

/// A machine of two cores.
fn machine() -> Machine {
    let mut machine = Machine::read(&Root::captured("/nowhere"));
    machine.budget.online = Some(2);
    machine.topology.cores = Some(2);
    machine
}

fn entry(workload: &str, kind: Kind) -> Entry {
    let counts = |counts: &[usize]| Candidates::Exactly { counts: counts.to_vec() };
    let series = [Mode::Serial, Mode::Threads, Mode::ProcessPool]
        .map(|mode| Series { mode, candidates: counts(&[1, 2, 3, 4]) });
    Entry {
        label: workload.to_owned(),
        workload: workload.to_owned(),
        params: Params::default(),
        kind,
        unit_one: "task".to_owned(),
        unit_many: "tasks".to_owned(),
        equivalent: None,
        textbook_optimum: None,
        shorter_of: None,
        also: None,
        alternative: false,
        nodes: None,
        series: series.to_vec(),
    }
}

/// One round: `(throughput, CPU seconds per second)` of tasks of one unit each.
fn sample(cell: Cell, block: u32, round: u32, (throughput, cpu): (f64, f64)) -> Sample {
    Sample {
        cell,
        block,
        round,
        at: f64::from(round) * 0.2,
        throughput,
        tasks: (throughput / 10.0) as u64,
        units: (throughput / 10.0) as u64,
        rates: vec![throughput / cell.workers as f64; cell.workers],
        latency: vec![((1e9 * cell.workers as f64 / throughput) as u64, 10)],
        printed_p99: None,
        outside: None,
        usage: Usage { user: cpu * 0.1, span: 0.1, run_queue: None, ..Usage::default() },
        makespan: None,
        crew: Some(0),
        members: Some(1),
        launch: Some(if cell.mode == Mode::ProcessPool { 0.02 } else { 0.001 }),
        handover: None,
        load: None,
        arrived: None,
        warm_up: 0.0,
        repeats: None,
        confirms: true,
        ledger: None,
        nodes: Vec::new(),
    }
}

/// Seconds per task of each entry: `pi`, `noop`, and `pi` in two shorter lengths.
const TASKS: [f64; 4] = [1e-3, 1e-7, 2e-5, 4e-6];

/// Eight blocks on two cores: `pi` computes for a millisecond or less, `noop` does nothing.
pub(super) fn record(noise: f64) -> Record {
    let plan = Plan {
        limits: crate::plan::Limits::default(),
        tolerance: 0.05,
        tariff: None,
        outside: crate::plan::Outside::default(),
        seed: 1,
        budget: 60.0,
        batch: None,
        arrivals: None,
        pin: false,
        entries: vec![
            entry("pi", Kind::Cpu),
            entry("noop", Kind::Cpu),
            Entry {
                shorter_of: Some(0),
                label: "pi:digits=50".to_owned(),
                ..entry("pi", Kind::Cpu)
            },
            Entry {
                shorter_of: Some(0),
                label: "pi:digits=9".to_owned(),
                ..entry("pi", Kind::Cpu)
            },
        ],
    };
    let mut rng = Rng::new(3);
    let mut samples = Vec::new();
    for block in 0..8 {
        for (at, planned) in plan.entries.iter().enumerate() {
            for mode in planned.series.iter().map(|series| series.mode) {
                for workers in if mode == Mode::Serial { 1..=1 } else { 1..=4_usize } {
                    let cell = Cell { entry: at, mode, workers };
                    let figures = truth(cell);
                    let noisy = figures.0 * (noise * rng.normal()).exp();
                    let round = samples.len() as u32;
                    samples.push(sample(cell, block, round, (noisy, figures.1)));
                }
            }
        }
    }
    Record {
        header: Header {
            schema_version: SCHEMA_VERSION,
            name: "test".to_owned(),
            knee: "0.1.0".to_owned(),
            optimised: true,
            command: vec!["knee".to_owned(), "run".to_owned()],
            started: "2026-01-01T00:00:00Z".to_owned(),
            machine: machine(),
            plan,
            nodes: Vec::new(),
        },
        surveys: (0..4)
            .map(|entry| Survey {
                entry,
                task: TASKS[entry],
                prepare: 0.0,
                notes: Vec::new(),
                ceiling: None,
                function: None,
            })
            .collect(),
        samples,
        failures: Vec::new(),
        warnings: Vec::new(),
        burns: Vec::new(),
        end: Some(End { wall: 30.0, interrupted: false }),
    }
}

/// Seconds that a task costs beside its work: 1 us in a thread pool, 10 us in a process pool.
fn truth(cell: Cell) -> (f64, f64) {
    let task = TASKS[cell.entry];
    let extra = match cell.mode {
        Mode::Threads => 1e-6,
        Mode::ProcessPool => 1e-5,
        _ => 0.0,
    };
    let parallel =
        (cell.workers as f64).min(2.0) * (1.0 - 0.02 * (cell.workers as f64 - 2.0).max(0.0));
    (parallel / (task + extra), (cell.workers as f64).min(2.0))
}

#[test]
fn the_right_mode_and_count_are_named_with_reasons() {
    let findings = analyse(&record(0.01));
    let pi = &findings.workloads[0];
    let verdict = pi.verdict.as_ref().unwrap();
    assert_eq!((verdict.mode.as_str(), verdict.conclusive), ("threads", true), "{verdict:?}");
    assert!((verdict.workers - 2.0).abs() < 1e-9, "{verdict:?}");
    let speedup = verdict.speedup.unwrap();
    assert!(speedup.low < 2.0 && speedup.high > 1.95, "{speedup:?}");
    let threads = &pi.curves[0];
    assert_eq!(threads.optimum.as_ref().unwrap().set, [2.0]);
    let bound = threads.bound.as_ref().unwrap();
    assert_eq!(bound.label, "cpu");
    assert_eq!(bound.evidence[0], "100 % of each core busy");
    assert!(pi.serial.as_ref().unwrap().cpu.is_some());
    assert!(verdict.sentence.starts_with("pi: 2 workers in threads mode"), "{}", verdict.sentence);
}

#[test]
fn the_price_of_a_mode_comes_from_the_empty_task() {
    let findings = analyse(&record(0.01));
    let price =
        |workload: usize, mode: usize| findings.workloads[workload].curves[mode].price.unwrap();
    let threads = price(0, 0);
    assert!((threads.dispatch.unwrap() / 1e-6 - 1.0).abs() < 0.05, "{threads:?}");
    // Two workers need 1.1 us / 2 + t / 2 for what serial does in 0.1 us + t; both are equal at 0.9
    // us.
    assert!((threads.break_even.unwrap() / 9e-7 - 1.0).abs() < 0.15, "{threads:?}");
    let pool = price(0, 1);
    assert!((pool.launch.unwrap() - 0.02).abs() < 1e-9);
    assert_eq!(findings.workloads[1].curves[1].bound.as_ref().unwrap().label, "harness");
    assert_eq!(findings.workloads[1].verdict.as_ref().unwrap().mode, "serial");
}

#[test]
fn shorter_tasks_belong_to_their_workload_and_show_where_a_mode_begins_to_pay() {
    let findings = analyse(&record(0.01));
    let labels: Vec<&str> = findings.workloads.iter().map(|w| w.label.as_str()).collect();
    assert_eq!(labels, ["pi", "noop"]);
    let pi = &findings.workloads[0];
    let tasks: Vec<f64> = pi.lengths.iter().map(|length| length.task).collect();
    assert_eq!(tasks, [4e-6, 2e-5, 1e-3]);
    // Handing out a task costs 10 us. So two workers reach 2 x 4 / 14 of serial at 4 us, and 2 x 20
    // / 30 at 20 us.
    let pool = |at: usize| pi.lengths[at].modes[1].speedup.median;
    assert!(
        (pool(0) / (8.0 / 14.0) - 1.0).abs() < 0.05 && (pool(1) / (4.0 / 3.0) - 1.0).abs() < 0.05
    );
    // The true break-even is 10 us. It is interpolated between the two lengths, on logarithms.
    let seen = pi.curves[1].price.unwrap().break_even.unwrap();
    assert!((8e-6..1.2e-5).contains(&seen), "{seen}");
    assert!(findings.workloads[1].lengths.is_empty());
}

#[test]
fn one_record_gives_one_set_of_findings_byte_for_byte() {
    let text = |findings: &Findings| serde_json::to_string_pretty(findings).unwrap();
    let (a, b) = (analyse(&record(0.03)), analyse(&record(0.03)));
    assert_eq!(text(&a), text(&b));
    let back: Findings = serde_json::from_str(&text(&a)).unwrap();
    assert_eq!(text(&back), text(&a));
}

#[test]
fn a_repeated_round_counts_once_and_failures_are_named_once() {
    let mut record = record(0.01);
    let slow = record.samples.iter().position(|s| s.cell.mode == Mode::Threads).unwrap();
    record.samples[slow].throughput /= 10.0;
    let mut again = record.samples[slow].clone();
    again.throughput *= 10.0;
    again.round = record.samples.len() as u32;
    again.repeats = Some(record.samples[slow].round);
    record.samples.push(again);
    for block in 0..3 {
        let cell = Cell { entry: 0, mode: Mode::Threads, workers: 9 };
        let reason = "no more threads".to_owned();
        record.failures.push(Failure { cell: Some(cell), entry: 0, block, reason });
    }
    let findings = analyse(&record);
    let point = &findings.workloads[0].curves[0].points[0];
    assert_eq!(point.samples, 8);
    assert!(point.outliers.is_empty());
    assert_eq!(findings.workloads[0].failures.len(), 1);
}

#[test]
fn a_machine_that_slows_down_is_noticed_and_does_not_sway_the_answer() {
    let mut record = record(0.01);
    let last = record.samples.last().unwrap().at;
    for sample in &mut record.samples {
        sample.throughput *= 1.0 - 0.3 * sample.at / last;
    }
    let findings = analyse(&record);
    assert!(findings.warnings.iter().any(|w| w.code == "drift" || w.code == "jump"));
    assert_eq!(findings.workloads[0].curves[0].optimum.as_ref().unwrap().set, [2.0]);
    assert!(analyse(&self::record(0.01)).warnings.is_empty());
}

#[test]
fn where_one_count_was_asked_for_only_the_mode_is_a_question() {
    let mut record = record(0.01);
    record.samples.retain(|s| s.cell.workers == 2 || s.cell.mode == Mode::Serial);
    let conclusive =
        |record: &Record| analyse(record).workloads[0].verdict.clone().unwrap().conclusive;
    assert!(!conclusive(&record), "others were planned and not measured");
    for series in record.header.plan.entries.iter_mut().flat_map(|entry| &mut entry.series) {
        series.candidates = Candidates::Exactly { counts: vec![2] };
    }
    assert!(conclusive(&record));
}

#[test]
fn an_empty_record_has_empty_findings() {
    let mut record = record(0.01);
    record.samples.clear();
    record.end = None;
    let findings = analyse(&record);
    assert!(findings.run.interrupted && findings.run.rounds == 0);
    assert!(findings.workloads.iter().all(|w| w.curves.is_empty() && w.verdict.is_none()));
}

#[test]
fn throughput_still_rises_at_the_largest_count_unless_the_cpus_are_full() {
    let rises = |busy: f64| {
        let mut record = record(0.01);
        record.samples.retain(|sample| sample.cell.workers <= 2);
        for sample in &mut record.samples {
            let own_cpu = busy * 0.1 * sample.cell.workers as f64;
            sample.ledger = Some(Ledger { wall: 0.1, cpus: Some(2), own_cpu, ..Ledger::default() });
        }
        for series in record.header.plan.entries.iter_mut().flat_map(|entry| &mut entry.series) {
            series.candidates = Candidates::Search { first: vec![1, 2], most: 64, open: true };
        }
        analyse(&record).workloads[0].curves[0].optimum.as_ref().unwrap().rising
    };
    assert!(rises(0.5));
    assert!(!rises(0.97));
}
