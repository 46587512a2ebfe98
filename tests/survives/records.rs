//! Tests of the record and the report: one writer at a time, no impossible figure, no draft left.

use std::fs::{self, File};

use crate::calls::{BRIEF, LITTLE, Place, send, wait_until};

#[test]
fn a_run_that_goes_on_is_not_resumed() {
    let place = Place::new();
    let args = ["run", "noop", "--modes", "serial", "--budget", "40s", "--out", "out"];
    let running = place.start(&args);
    wait_until("it measures", || {
        knee::record::read(&place.out()).is_ok_and(|record| !record.samples.is_empty())
    });
    let called = place.call(&["run", "--resume", "out"]);
    assert_eq!(called.code, Some(2), "{called:?}");
    let pid = format!("process {}", running.id());
    assert!(called.stderr.contains(&pid) && called.stderr.contains("another run"), "{called:?}");
    // A reader does not disturb the writer.
    let called = place.call(&["report", "out"]);
    assert!(called.code.is_some_and(|code| code != 2), "{called:?}");
    send(running.id(), libc::SIGTERM);
    assert_eq!(running.finish().code, Some(130));
    // The lock is released when its holder is killed.
    let running = place.start(&["run", "--resume", "out"]);
    let before = place.record().samples.len();
    wait_until("it goes on", || place.record().samples.len() > before);
    send(running.id(), libc::SIGTERM);
    assert_eq!(running.finish().code, Some(130));
}

#[test]
fn an_earlier_run_is_warned_of_a_later_one() {
    let place = Place::new();
    let args = ["run", "noop", "--modes", "serial", "--budget", "40s", "--out", "out"];
    let first = place.start(&args);
    wait_until("it measures", || {
        knee::record::read(&place.out()).is_ok_and(|record| !record.samples.is_empty())
    });
    let args = ["run", "noop", "--modes", "serial", "--budget", "40s", "--out", "other"];
    let second = place.start(&args);
    let warned = |out: &str| {
        let record = knee::record::read(&place.home.path().join(out));
        record.is_ok_and(|record| record.warnings.iter().any(|one| one.code == "other-run"))
    };
    wait_until("both are warned", || warned("out") && warned("other"));
    for running in [first, second] {
        send(running.id(), libc::SIGTERM);
        assert_eq!(running.finish().code, Some(130));
    }
}

#[test]
fn a_worker_that_counts_without_bounds_fails_and_the_rest_is_readable() {
    let place = Place::new();
    let worker =
        "sh -c 'while read -r line; do echo \"{\\\"units\\\": 18446744073709551615}\"; done'";
    let called = place.run(&["noop", "--modes", "serial", "--budget", "2s", "--worker", worker]);
    assert_eq!(called.code, Some(4), "{called:?}");
    let record = place.record();
    assert!(record.failures.iter().any(|failure| failure.reason.contains("cannot be counted")));
    assert!(!record.samples.is_empty());
}

#[test]
fn exit_statuses_are_no_checksums() {
    let place = Place::new();
    let called = place.run(
        &[&BRIEF[..], &["--workers", "1,2", "-i", "--", "sh", "-c", "exit $((KNEE_TASK % 2))"]]
            .concat(),
    );
    assert!(called.ran(), "{called:?}");
    // The same task ends with different statuses.
    let place = Place::new();
    let line = "echo x >> seen; exit $(( $(wc -l < seen) % 2 ))";
    let called =
        place.run(&[&BRIEF[..], &["--workers", "1,2", "-i", "--", "sh", "-c", line]].concat());
    assert!(called.ran(), "{called:?}");
    assert!(place.record().failures.is_empty(), "{:?}", place.record().failures);
}

#[test]
fn drafts_of_killed_reports_are_swept() {
    let place = Place::new();
    let called = place.run(&LITTLE);
    assert!(called.ran(), "{called:?}");
    let draft = place.out().join(".knee-1-0");
    let of_plots = place.out().join("plots/.knee-XyZ");
    let held = place.out().join(".knee-2-0");
    for path in [&draft, &of_plots, &held] {
        fs::write(path, "half a report").expect("it is ours");
    }
    // Another process is still writing this draft.
    let holder = File::open(&held).expect("it is there");
    rustix::fs::flock(&holder, rustix::fs::FlockOperation::LockExclusive).expect("a lock");
    let called = place.call(&["report", "out"]);
    assert!(called.ran(), "{called:?}");
    assert!(!draft.exists() && !of_plots.exists());
    assert!(held.exists());
}

/// Reading and analysing any record takes time in proportion to its size.
#[test]
fn a_crafted_record_takes_no_longer_than_its_size() {
    use knee::record::{Line, Readers, Writer};
    let place = Place::new();
    let called = place.run(&LITTLE);
    assert!(called.ran(), "{called:?}");
    let record = place.record();
    let write = |name: &str, header: &knee::record::Header, failures: usize| {
        let directory = place.home.path().join(name);
        fs::create_dir(&directory).expect("it is ours");
        let mut writer = Writer::create(&directory, Readers::All).expect("there is room");
        writer.append(&Line::Header(header.clone()))?;
        for number in 0..failures {
            let reason = format!("reason {number}");
            let failure = knee::run::Failure { cell: None, entry: 0, block: 0, reason };
            writer.append(&Line::Failure(failure))?;
        }
        std::io::Result::Ok(())
    };
    write("failures", &record.header, 60_000).expect("it is sane");
    let called = place.call(&["report", "failures", "--json", "--quiet"]);
    assert_eq!(called.code, Some(130), "a run without an end: {}", called.stderr);
    let mut header = record.header.clone();
    let entry = header.plan.entries[0].clone();
    header.plan.entries = vec![entry; 3000];
    let error = write("entries", &header, 0).expect_err("nobody plans so many");
    assert!(error.to_string().contains("3000 workloads"), "{error}");
}
