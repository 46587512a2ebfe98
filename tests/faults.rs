//! Tests of workloads that fail, panic, exit, are killed or return something else: knee reports it,
//! goes on, and leaves nothing behind.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use knee::record::{Record, read};

/// The example's binary. `cargo test` builds it with the tests; `cargo test --test faults` alone
/// does not.
fn faulty() -> PathBuf {
    static BUILT: OnceLock<()> = OnceLock::new();
    let knee = Path::new(env!("CARGO_BIN_EXE_knee"));
    let path = knee.parent().expect("a directory").join("examples/faulty");
    BUILT.get_or_init(|| {
        if !path.exists() {
            let cargo = Command::new(env!("CARGO")).args(["build", "--example", "faulty"]).status();
            assert!(cargo.is_ok_and(|status| status.success()), "the example cannot be built");
        }
    });
    path
}

/// Runs workloads of the example; returns the exit code, the standard error and the record.
fn run(workloads: &[&str], modes: &str) -> (i32, String, Record) {
    let temporary = tempfile::tempdir().expect("a temporary directory");
    let out = temporary.path().join("out");
    let output = Command::new(faulty())
        .arg("run")
        .args(workloads)
        .args(["--modes", modes, "--workers", "2", "--budget", "2s", "--out"])
        .arg(&out)
        .env("TMPDIR", temporary.path())
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .output()
        .expect("it starts");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let left: Vec<_> = std::fs::read_dir(temporary.path())
        .expect("readable")
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| *path != out)
        .collect();
    assert!(left.is_empty(), "left behind: {left:?}");
    (output.status.code().unwrap_or(-1), text, read(&out).expect("the record is readable"))
}

/// Asserts that the faulty workload fails with `reason` in every cell, while the good one beside it
/// is measured.
fn told(fault: &str, modes: &str, reason: &str) {
    let (code, text, record) = run(&[fault, "fine"], modes);
    assert_eq!(code, 4, "{fault}: {text}");
    let failures: Vec<_> = record.failures.iter().filter(|failure| failure.entry == 0).collect();
    assert!(!failures.is_empty(), "{fault} in {modes}: nothing failed");
    for failure in failures {
        assert!(failure.reason.contains(reason), "{fault} in {modes}: {}", failure.reason);
    }
    assert!(record.failures.iter().all(|failure| failure.entry == 0), "{text}");
    assert!(record.samples.iter().any(|sample| sample.cell.entry == 1), "{text}");
}

#[test]
fn a_task_that_fails_is_told_in_every_mode() {
    for modes in ["threads", "thread-per-task", "process-pool", "process-per-task", "async"] {
        told("fails", modes, "the disk of the test is full");
    }
}

#[test]
fn a_task_that_panics_is_told_and_survived() {
    for modes in ["threads", "thread-per-task", "process-pool", "process-per-task"] {
        told("panics", modes, "on purpose");
    }
}

#[test]
fn a_worker_that_exits_or_is_killed_is_told() {
    told("exits", "process-pool", "exited with code 0");
    told("exits", "process-per-task", "exited with code 0");
    told("kills", "process-pool", "signal 9");
}

#[test]
fn a_worker_that_cannot_get_ready_is_told() {
    told("unprepared", "process-pool", "no such socket");
    told("unprepared", "process-per-task", "no such socket");
}

#[test]
fn another_result_than_serial_returned_voids_the_cell() {
    told("wrong", "process-pool", "checksum");
}

/// After a stop that is longer than its budget, knee still uses the rest of its budget.
#[cfg(unix)]
#[test]
fn a_stop_is_not_of_the_budget() {
    use std::time::Duration;
    let measured_on = || {
        let temporary = tempfile::tempdir().expect("a temporary directory");
        let out = temporary.path().join("out");
        let mut knee = Command::new(env!("CARGO_BIN_EXE_knee"))
            .args(["run", "sleep", "--modes", "threads", "--workers", "1,2,4", "--quiet"])
            .args(["--budget", "4s", "--out"])
            .arg(&out)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let signal = |signal| {
            // SAFETY: a signal to a child that is not reaped yet.
            assert_eq!(unsafe { libc::kill(knee.id() as i32, signal) }, 0);
        };
        std::thread::sleep(Duration::from_secs(1));
        signal(libc::SIGSTOP);
        std::thread::sleep(Duration::from_secs(4));
        signal(libc::SIGCONT);
        knee.wait().expect("it ends");
        let samples = read(&out).expect("the record is readable").samples;
        let at = samples.iter().position(knee::run::Sample::was_stopped)?;
        Some(samples.len() - at - 1)
    };
    // If the stop falls between two rounds, or before the first one on a slow machine, it leaves no
    // trace. Up to a second of a stop may not be noticed; two seconds remain in any case.
    let after = (0..5).find_map(|_| measured_on()).expect("five stops, and none in a round");
    assert!(after >= 2, "{after} rounds after the one in which knee was stopped");
}

#[test]
fn a_workload_that_works_nowhere_is_told_once() {
    let (code, text, record) = run(&["never", "fine"], "threads");
    assert_eq!(code, 4, "{text}");
    assert_eq!(record.failures.len(), 1);
    assert!(record.failures[0].reason.contains("nothing works here"));
    let (code, text, _) = run(&["never"], "threads");
    assert_eq!(code, 1, "{text}");
}
