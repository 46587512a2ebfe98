//! Tests of tasks that come at a rate: an open loop, in which latency counts from when a task was
//! due.

use std::collections::BTreeMap;

use crate::calls::{Called, assert_gone, has, knee, run, server_in_python};

/// A server of N threads that answers after a millisecond, but not in the first second of every
/// five.
const STALLING: &str = r"
import threading, time
workers, port = int(sys.argv[1]), int(sys.argv[2])
listener = listener_at(port)
def serve():
    while True:
        peer, _ = listener.accept()
        if request(peer):
            time.sleep(max(0.001, 1.0 - time.monotonic() % 5.0))
            answer(peer)
        else:
            peer.close()
for _ in range(workers):
    threading.Thread(target=serve, daemon=True).start()
while True:
    time.sleep(600)
";

/// The 99th percentile over all rounds, in seconds.
fn p99(called: &Called) -> f64 {
    let mut all: BTreeMap<u64, u64> = BTreeMap::new();
    for (nanos, count) in called.record().samples.iter().flat_map(|sample| &sample.latency) {
        *all.entry(*nanos).or_default() += count;
    }
    let wanted = all.values().sum::<u64>() * 99 / 100;
    let mut seen = 0;
    let at = all.iter().find(|(_, count)| {
        seen += **count;
        seen > wanted
    });
    *at.expect("there were tasks").0 as f64 * 1e-9
}

/// Its output, in one line.
fn said(called: &Called) -> String {
    called.stdout.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_stall_that_the_closed_loop_hides_shows_in_the_open_one() {
    if !has("python3") {
        return;
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = server_in_python(directory.path(), "stalls", STALLING);
    let line = format!("python3 {file} {{n}} {{port}}");
    let base = ["--server", &line, "--url", "http://127.0.0.1:{port}/", "--workers", "4"];
    let more = ["--budget", "16s"];
    let closed = run(&[&base[..], &more, &["--connections", "2"]].concat());
    assert!(closed.ran(), "{closed:?}");
    let open = run(&[&base[..], &more, &["--rate", "200/s", "--max-p99", "100ms"]].concat());
    assert!(open.ran(), "{open:?}");
    let (hidden, shown) = (p99(&closed), p99(&open));
    assert!(shown > 0.3, "a second of every five: {shown}");
    assert!(hidden < shown / 2.0, "{hidden} and {shown}");
    // Such a rate must not be reported as held.
    assert!(!said(&open).contains("(holds 200/s"), "{}", open.stdout);
    assert!(said(&open).contains("4 workers, server, held"), "{}", open.stdout);
    assert!(said(&open).contains("M/M/n"), "{}", open.stdout);
    for sample in &open.record().samples {
        let arrived = sample.arrived.expect("requests came by themselves");
        let counted: u64 = sample.latency.iter().map(|(_, count)| count).sum();
        assert_eq!(counted, arrived.due, "each that was due counts: {arrived:?}");
        assert_eq!(sample.tasks + arrived.never_begun, arrived.due, "{arrived:?}");
    }
    assert!(closed.record().samples.iter().all(|sample| sample.arrived.is_none()));
    assert_gone(&file);
}

#[test]
fn what_cannot_keep_up_is_told_with_what_it_held() {
    let called = run(&[
        "sleep:ms=20",
        "--modes",
        "serial,threads,process-pool",
        "--workers",
        "1,32",
        "--rate",
        "400/s",
        "--max-p99",
        "2s",
        "--budget",
        "25s",
        "--json",
    ]);
    assert!(called.ran(), "{called:?}");
    let findings: serde_json::Value = serde_json::from_str(&called.stdout).expect("it is JSON");
    let workload = &findings["workloads"][0];
    assert_eq!(workload["at_rate"]["asked"]["rate"], 400.0);
    for curve in workload["curves"].as_array().expect("there are curves") {
        for point in curve["points"].as_array().expect("there are points") {
            let seen = &point["at_rate"];
            let held = seen["held"].as_f64().expect("it is known");
            if point["workers"] == 1 {
                // A worker that sleeps 20 ms per task holds 50 tasks per second.
                assert!(held < 100.0 && seen["reached"] == false && seen["holds"] == false);
                assert!(seen["backlog"].as_f64() > Some(50.0), "{seen}");
                assert!(seen["theory"].is_null(), "{seen}");
                let broken = curve["limits"]["broken"].to_string();
                assert!(broken.contains("/s of 400/s"), "{broken}");
            } else {
                assert!(held > 200.0, "{seen}");
            }
        }
    }
    let record = called.record();
    for sample in &record.samples {
        let arrived = sample.arrived.expect("tasks came by themselves");
        assert!(arrived.service >= 0.020, "{arrived:?}");
        let same = record.samples.iter().filter(|other| other.block == sample.block);
        let due: Vec<u64> = same.filter_map(|other| Some(other.arrived?.due)).collect();
        let all_alike = due.windows(2).all(|pair| pair[0].abs_diff(pair[1]) < 40);
        assert!(all_alike, "all rounds of a block have the same gaps: {due:?}");
    }
    let shown = knee(&["report", called.out().to_str().expect("a name")]);
    assert!(said(&shown).contains("mean wait"), "{}", shown.stdout);
    let summary = std::fs::read_to_string(called.out().join("summary.md")).expect("it is written");
    assert!(summary.contains("waiting at the end"), "{summary}");
}

#[test]
fn the_highest_rate_under_a_limit_is_found_for_each_count() {
    let args = ["sleep:ms=10", "--modes", "threads", "--workers", "1,8", "--rate", "auto"];
    let called = run(&[&args[..], &["--max-p95", "500ms", "--budget", "40s", "--json"]].concat());
    assert!(called.ran(), "{called:?}");
    let record = called.record();
    let rates = |workers: usize| {
        let own = record.samples.iter().filter(move |sample| sample.cell.workers == workers);
        own.filter_map(|sample| Some(sample.arrived?.asked.rate))
    };
    assert!(rates(1).count() > 2 && rates(8).count() > 2, "{called:?}");
    let found: serde_json::Value = serde_json::from_str(&called.stdout).expect("it is JSON");
    let answer = &found["workloads"][0]["at_rate"];
    assert_eq!(answer["limits"][0]["percentile"], "p95", "{answer}");
    let points = found["workloads"][0]["curves"][0]["points"].as_array().expect("points").clone();
    for point in points {
        let workers = point["workers"].as_f64().expect("a count");
        let seen = &point["at_rate"];
        let came = seen["came"].as_f64().expect("a rate");
        // A worker that sleeps 10 ms per task does at most 100 tasks a second.
        if seen["holds"] == true {
            assert!(came <= 105.0 * workers, "{point}");
            assert!(seen["p95_at_most"].as_f64() <= Some(0.5), "{point}");
        }
        let own = rates(workers as usize);
        assert!(own.into_iter().any(|rate| (rate - came).abs() < 1e-6), "{point}");
    }
}

#[test]
fn where_nothing_holds_the_most_is_said() {
    let args = ["--workers", "1", "--modes", "threads", "--rate", "300/s", "--budget", "6s"];
    let called = run(&[&["sleep:ms=20"], &args[..], &["--arrivals", "even"]].concat());
    assert!(called.ran(), "{called:?}");
    for part in ["nothing that was tried holds 300/s", "the most: 1 worker, threads, held"] {
        assert!(said(&called).contains(part), "{part}: {}", called.stdout);
    }
}

#[test]
fn what_cannot_be_given_tasks_at_a_rate_is_refused() {
    for (args, says) in [
        (&["sleep", "--rate", "fast"][..], "500/s"),
        (&["sleep", "--rate", "auto"], "--max-p99 20ms"),
        (&["sleep", "--rate", "-5/s"], "500/s"),
        (&["sleep", "--rate", "5/s", "--modes", "async"], "as async"),
        (&["--rate", "5/s", "--", "true"], "as copies"),
        (&["sleep", "--rate", "5/s", "--batch", "9"], "--batch"),
        (&["sleep", "--rate", "5/s", "--min-efficiency", "0.5"], "--min-efficiency"),
        (&["sleep", "--arrivals", "even"], "--rate"),
        (&["sleep", "--rate", "5/s", "--arrivals", "odd"], "even"),
        (
            &[
                "--server",
                "true {n} {port}",
                "--url",
                "http://127.0.0.1:{port}/",
                "--rate",
                "5/s",
                "--figure",
                "wrk",
                "--",
                "true",
            ],
            "leave the command out",
        ),
    ] {
        let called = run(args);
        assert_eq!(called.code, 2, "{args:?}: {}", called.stderr);
        assert!(called.stderr.contains(says), "{args:?}: {}", called.stderr);
        assert!(!called.out().exists(), "{args:?} left a directory");
    }
}
