//! Runs with known noise: what is noticed, which cause is named, and what is too small to be
//! reported.

use knee_workloads::Kind;

use super::findings::Findings;
use super::run_tests::record;
use super::{NEIGHBOUR, analyse};
use crate::machine::{BurnReport, CoreBurn, Ledger, QuotaLevel};
use crate::record::{Advice, Record};

/// The ledger of a quiet round on two cores.
fn quiet_ledger() -> Ledger {
    Ledger {
        wall: 0.1,
        cpus: Some(2),
        foreign: Some(0.004),
        foreign_resolution: Some(0.01),
        steal: Some(0.0),
        steal_resolution: Some(0.01),
        throttled: Some(0.0),
        ..Ledger::default()
    }
}

/// A run of quiet rounds. `spoil` changes the ledger of each round, by its number.
fn run(spoil: impl Fn(usize, &mut Ledger)) -> Record {
    let mut record = record(0.01);
    for (number, sample) in record.samples.iter_mut().enumerate() {
        let mut ledger = quiet_ledger();
        spoil(number, &mut ledger);
        sample.ledger = Some(ledger);
    }
    record
}

/// Adds burn controls of CPUs 0 and 1. `windows` holds what CPU 1 got of its time, and its rate;
/// CPU 0 is always fine.
fn burned(mut record: Record, windows: &[(f64, f64)]) -> Record {
    let core = |cpu, got, rate| CoreBurn {
        cpu,
        got: Some(got),
        rate,
        share_of_best: 1.0,
        instead_of: None,
    };
    let report = |&(got, rate): &(f64, f64)| BurnReport {
        node: None,
        cores: vec![core(0, 1.0, 99.0), core(1, got, rate)],
    };
    record.burns = windows.iter().map(report).collect();
    record
}

fn codes(findings: &Findings) -> Vec<&str> {
    assert!(findings.warnings.iter().all(|warning| warning.remedy.len() > 10), "{findings:?}");
    findings.warnings.iter().map(|warning| warning.code.as_str()).collect()
}

/// The sentence, whether the figures are trusted, and the codes of the warnings.
fn told(record: &Record) -> (String, bool, String) {
    let findings = analyse(record);
    let codes = codes(&findings).join(" ");
    (findings.quiet.sentence, findings.quiet.trusted, codes)
}

#[test]
fn a_quiet_run_is_quiet() {
    let record = burned(run(|_, _| ()), &[(1.0, 100.0), (0.97, 96.0), (1.0, 98.0)]);
    assert_eq!(
        told(&record),
        (
            "quiet: others used 0.4 % of the CPUs, no steal, no throttling".to_owned(),
            true,
            String::new()
        )
    );
}

#[test]
fn one_hit_in_a_whole_run_is_told_and_condemns_nothing() {
    let mut windows = [(1.0, 100.0); 8];
    windows[3] = (0.9, 89.9);
    let record = run(|number, ledger| {
        if number % 40 == 0 {
            ledger.foreign = Some(0.3);
        }
    });
    let (sentence, trusted, codes) = told(&burned(record, &windows));
    assert!(trusted && codes.is_empty(), "{sentence} {codes}");
    assert!(
        sentence
            .ends_with("CPU 1 gave less than 90 % of its best in 1 of 8 controls (89 % at worst)"),
        "{sentence}"
    );
    assert!(sentence.contains("8 of 288 rounds disturbed"), "{sentence}");
}

#[test]
fn each_kind_of_noise_has_its_name_and_remedy() {
    type Spoil = fn(usize, &mut Ledger);
    let cases: [(&str, Spoil); 9] = [
        ("foreign-load", |_, ledger| ledger.foreign = Some(0.4)),
        // Too short for one tick of steal in most rounds, but still 3 % of the whole time.
        ("oversubscribed-host", |n, l| l.steal = Some(if n % 3 == 0 { 0.1 } else { 0.0 })),
        ("foreign-load", |n, l| l.foreign = Some(if n % 3 == 0 { 0.4 } else { 0.0 })),
        ("throttled", |_, ledger| ledger.throttled = Some(0.2)),
        ("memory-pressure", |_, ledger| ledger.memory_pressure = Some(0.2)),
        ("thermal", |_, ledger| ledger.thermal_events = Some(3)),
        ("suspended", |_, ledger| ledger.suspended = Some(3.0)),
        ("stopped", |_, ledger| ledger.stopped = 1),
        ("budget-changed", |_, ledger| ledger.budget_change = Some("less".to_owned())),
    ];
    for (code, spoil) in cases {
        let (sentence, trusted, codes) = told(&run(spoil));
        assert!(!trusted && sentence.starts_with("disturbed: "), "{code}: {sentence}");
        assert_eq!(codes, code, "{sentence}");
    }
}

#[test]
fn a_core_that_stays_low_is_blamed_on_who_can_have_done_it() {
    let held = [(1.0, 100.0), (0.5, 50.0), (0.5, 51.0)];
    let slow = [(1.0, 100.0), (1.0, 70.0), (1.0, 60.0)];
    for (windows, virtualisation, code, remedy) in [
        (held, None, "held-core", "leave this CPU out"),
        (held, Some("kvm"), "held-core", "the host took it"),
        (slow, Some("none"), "slow-core", "let it cool"),
        (slow, Some("kvm"), "slow-core", "the host took or slowed it"),
    ] {
        let mut record = burned(run(|_, _| ()), &windows);
        record.header.machine.virtualisation = virtualisation.map(str::to_owned);
        let findings = analyse(&record);
        assert!(!findings.quiet.trusted, "{:?}", findings.quiet);
        assert_eq!(codes(&findings), [code]);
        let warning = &findings.warnings[0];
        assert!(warning.text.contains("CPU 1") && warning.text.contains("2 of 3"), "{warning:?}");
        assert!(warning.remedy.contains(remedy), "{warning:?}");
    }
}

#[test]
fn a_neighbour_is_blamed_once() {
    let record = run(|_, ledger| ledger.foreign = Some(0.4));
    let held = burned(record.clone(), &[(0.5, 50.0), (0.5, 51.0)]);
    assert_eq!(told(&held).2, "foreign-load");
    let slow = burned(record, &[(1.0, 100.0), (1.0, 60.0)]);
    assert_eq!(told(&slow).2, "foreign-load slow-core");
}

#[test]
fn what_a_quota_holds_back_is_no_noise() {
    let mut record = burned(run(|_, _| ()), &[(0.3, 30.0), (0.1, 10.0), (0.2, 20.0)]);
    let level = QuotaLevel { group: "/a".into(), cpus: 0.5, period: 0.1, leaf: true, top: true };
    record.header.machine.budget.quota =
        Some(crate::machine::Quota { cpus: 0.5, period: 0.1, version: 2, levels: vec![level] });
    let (sentence, trusted, _) = told(&record);
    assert!(trusted, "{sentence}");
}

#[test]
fn the_kernels_own_work_for_files_is_not_somebody_elses() {
    let mut record = run(|_, _| ());
    record.header.plan.entries[1].kind = Kind::Io;
    for sample in record.samples.iter_mut().filter(|sample| sample.cell.entry == 1) {
        sample.ledger.as_mut().expect("every round has one").foreign = Some(0.058);
    }
    let (sentence, trusted, _) = told(&record);
    assert!(trusted && sentence.contains("others used 0.4 %"), "{sentence}");
}

#[test]
fn a_clock_that_varies_is_told_and_left_to_the_blocks() {
    let record = run(|number, ledger| {
        // Rounds of a cell are 36 apart, so that each cell sees both clocks.
        ledger.frequency = Some(if number / 36 % 2 == 0 { 3e9 } else { 2e9 });
    });
    let (sentence, trusted, codes) = told(&record);
    assert!(trusted, "{sentence}");
    assert_eq!(codes, "clock-varied");
    let steady = run(|number, ledger| {
        ledger.frequency = Some(if number % 36 < 18 { 3e9 } else { 2e9 });
    });
    assert_eq!(told(&steady).2, "", "another clock for another number of workers is no news");
}

/// If a neighbour disturbed most of the rounds there is no answer, however well the figures agree.
/// The neighbour is named.
#[test]
fn a_busy_machine_gets_no_answer() {
    let spoiled = |share: f64| {
        let mut record = run(|number, ledger| {
            if (number as f64) < share * 324.0 {
                ledger.foreign = Some(0.48);
            }
        });
        record.warnings.push(Advice {
            code: NEIGHBOUR.to_owned(),
            text: "sh (process 7) used 48 % of the CPUs".to_owned(),
            remedy: "stop it".to_owned(),
        });
        analyse(&record)
    };
    let settled = |findings: &Findings| {
        let verdicts = findings.workloads.iter().filter_map(|found| found.verdict.as_ref());
        verdicts.filter(|verdict| verdict.conclusive).count()
    };
    let quiet = spoiled(0.0);
    assert_eq!((settled(&quiet), quiet.to_settle.as_deref()), (2, None));
    assert!(!quiet.quiet.sentence.contains("process 7"), "{:?}", quiet.quiet);
    let busy = spoiled(0.9);
    assert_eq!(settled(&busy), 0);
    let optima = busy.workloads.iter().flat_map(|found| &found.curves);
    assert!(optima.filter_map(|curve| curve.optimum.as_ref()).all(|one| !one.conclusive));
    assert!(
        busy.quiet.sentence.contains("sh (process 7) used 48 % of the CPUs"),
        "{:?}",
        busy.quiet
    );
    let told = busy.to_settle.as_deref().expect("nothing is settled");
    assert!(told.contains("most rounds were disturbed: sh (process 7)"), "{told}");
    let bounds = busy.workloads[0].curves.iter().filter_map(|curve| curve.bound.as_ref());
    assert!(bounds.clone().count() > 0 && bounds.clone().all(|bound| bound.label == "unclear"));
}
