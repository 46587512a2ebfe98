//! Tests with a competing load: the ledger sees it, and the answer either stands or is withdrawn.

#![cfg(target_os = "linux")]

use std::process::{Child, Command, Stdio};

use knee::analysis::analyse;
use knee::machine::{Machine, Root};
use knee::record;

/// Processes that compute until this is dropped.
struct Competitors(Vec<Child>);

impl Competitors {
    fn start(count: usize) -> Self {
        let start = || {
            let mut shell = Command::new("sh");
            shell.args(["-c", "while :; do :; done"]).stdin(Stdio::null()).stdout(Stdio::null());
            shell.spawn().expect("a shell starts")
        };
        Self((0..count).map(|_| start()).collect())
    }
}

impl Drop for Competitors {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[test]
fn a_competitor_on_every_cpu_is_seen_and_no_false_answer_is_trusted() {
    let usable = Machine::read(&Root::live()).budget.usable().floor().max(1.0) as usize;
    let directory = tempfile::tempdir().expect("a directory");
    let out = directory.path().join("run");
    let competitors = Competitors::start(usable);
    let status = Command::new(env!("CARGO_BIN_EXE_knee"))
        .args([
            "run",
            "pi",
            "--modes",
            "serial,threads",
            "--workers",
            "1,2",
            "--budget",
            "6s",
            "--quiet",
            "--out",
        ])
        .arg(&out)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .expect("knee starts");
    drop(competitors);
    // The run is complete or nearly so, and its answer must not be trusted.
    assert!(matches!(status.code(), Some(4 | 5)), "{status}");

    let record = record::read(&out).expect("it was written");
    let foreign =
        |sample: &knee::run::Sample| sample.ledger.as_ref().and_then(|ledger| ledger.foreign);
    let shares: Vec<f64> = record.samples.iter().filter_map(foreign).collect();
    assert_eq!(shares.len(), record.samples.len(), "every round has its ledger");
    let disturbed = record.samples.iter().filter(|sample| sample.is_disturbed()).count();
    assert!(
        disturbed * 2 > record.samples.len(),
        "{disturbed} of {}: {shares:?}",
        record.samples.len()
    );

    let findings = analyse(&record);
    assert_eq!(findings.run.disturbed as usize, disturbed);
    // With one busy competitor for every CPU, no curve may be presented as this machine's.
    assert!(!findings.quiet.trusted, "{:?}", findings.quiet);
    let verdict = findings.workloads[0].verdict.as_ref();
    assert!(verdict.is_none_or(|verdict| !verdict.conclusive), "{verdict:?}");
    // Other tests may compute at the same time, so another process may be the busiest.
    assert!(findings.quiet.sentence.contains(" (process "), "{:?}", findings.quiet);
    let told = findings.to_settle.expect("nothing is settled");
    assert!(told.contains("most rounds were disturbed: ") && told.contains("stop it"), "{told}");
    assert!(findings.quiet.foreign_cpu.is_some_and(|share| share > 0.05), "{:?}", findings.quiet);
}
