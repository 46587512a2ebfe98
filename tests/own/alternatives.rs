//! Tests of `--alt`, which compares several ways to do the same work under the user's names, and of
//! processes outside of knee that belong to the work.

use std::collections::BTreeSet;
use std::process::{Child, Command};

use crate::calls::{Called, knee, run};

fn findings(called: &Called) -> serde_json::Value {
    serde_json::from_str(&called.stdout)
        .unwrap_or_else(|error| panic!("{error}: {} {}", called.stdout, called.stderr))
}

#[test]
fn ways_are_measured_in_the_same_blocks_and_the_better_one_is_named() {
    // The figure of one way grows with the count, that of the other does not.
    let called = run(&[
        "--budget",
        "10s",
        "--workers",
        "1,4",
        "--shell",
        "--figure",
        r"ops: (\d+)",
        "--figure-is",
        "rate:calls",
        "--alt",
        "one lock=sleep 0.01; echo {n} > /dev/null; echo ops: 100",
        "--alt",
        "many locks=sleep 0.01; echo ops: {n}00",
        "--json",
    ]);
    assert!(called.ran(), "{}", called.stderr);
    let found = findings(&called);
    let workloads = found["workloads"].as_array().expect("a list");
    assert_eq!(workloads.len(), 1, "one answer: {found}");
    let workload = &workloads[0];
    assert_eq!(workload["label"], "one lock or many locks");
    assert_eq!(workload["unit_many"], "calls");
    let verdict = &workload["verdict"];
    assert_eq!((&verdict["mode"], &verdict["workers"]), (&"many locks".into(), &4.0.into()));
    assert_eq!(verdict["others"][0]["mode"], "one lock");
    let ratio = verdict["others"][0]["ratio"]["median"].as_f64().expect("a figure");
    assert!((ratio - 0.25).abs() < 1e-6, "{ratio}");
    let curves: Vec<&str> =
        workload["curves"].as_array().unwrap().iter().filter_map(|c| c["name"].as_str()).collect();
    assert_eq!(curves, ["one lock", "many locks"]);
    let record = called.record();
    let blocks = |entry: usize| -> BTreeSet<u32> {
        let own = record.samples.iter().filter(|sample| sample.cell.entry == entry);
        own.map(|sample| sample.block).collect()
    };
    assert!(blocks(0).intersection(&blocks(1)).count() >= 3, "{:?} {:?}", blocks(0), blocks(1));
    let shown = knee(&["report", called.out().to_str().expect("a name")]).stdout;
    for part in ["4 workers, many locks", "one lock 75 % behind", "alternative"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(!shown.contains("echo ops"), "names stand for command lines: {shown}");
    let pasted = knee(&["report", called.out().to_str().unwrap(), "--settings", "env"]).stdout;
    assert!(pasted.contains("echo ops: 400"), "the better one is filled in: {pasted}");
    let page = std::fs::read_to_string(called.out().join("report.html")).expect("a page");
    assert!(page.contains("many locks") && page.contains("<th>alternative</th>"));
}

#[test]
fn workloads_with_other_parameters_are_ways_too() {
    let called = run(&[
        "--budget",
        "5s",
        "--workers",
        "1,2",
        "--modes",
        "serial,threads",
        "--alt",
        "short=sleep:ms=2",
        "--alt",
        "long=sleep:ms=8",
    ]);
    assert!(called.ran(), "{}", called.stderr);
    for part in ["short or long: 2 workers, short, threads", "long, serial", "long, threads"] {
        assert!(called.stdout.contains(part), "{part}: {}", called.stdout);
    }
    let again = knee(&["report", called.out().to_str().unwrap(), "--json"]);
    let other = knee(&["report", called.out().to_str().unwrap(), "--json"]);
    assert_eq!(again.stdout, other.stdout, "one record, one set of findings");
}

#[test]
fn what_is_no_set_of_ways_is_refused() {
    let two = ["--alt", "a=true {n}", "--alt", "b=false {n}"];
    for (args, says) in [
        (vec!["--alt", "a=true"], "compared with nothing"),
        (vec!["--alt", "a=true", "--alt", "a=false"], "given twice"),
        (vec!["--alt", "true", "--alt", "b=true"], "it has no name"),
        (vec!["--alt", "a=", "--alt", "b=true"], "a name and a command"),
        (vec!["--alt", "a=no-such-program", "--alt", "b=true"], "no-such-program"),
        (vec!["--alt", "a=sleep:ms=x", "--alt", "b=true"], "ms"),
        (vec!["--alt", "a=sleep:ms=2", "--alt", "b=true"], "cannot be compared"),
        ([&two[..], &["--", "true"]].concat(), "cannot be used with"),
        ([&two[..], &["sleep"]].concat(), "cannot be used with"),
        ([&two[..], &["--also", "t=1,2"]].concat(), "--also"),
        ([&two[..], &["--url", "http://127.0.0.1:{port}/"]].concat(), "{port} occurs nowhere"),
        (vec!["--with-pid", "999999999", "sleep"], "no such process"),
        (vec!["--with-pid", "1", "--with-cgroup", "/no/such", "sleep"], ""),
        (vec!["--with-cgroup", "/no/such", "sleep"], "not a control group"),
    ] {
        let called = run(&args);
        assert_eq!(called.code, 2, "{args:?}: {}", called.stderr);
        assert!(called.stderr.contains(says), "{args:?}: {}", called.stderr);
        assert!(!called.out().exists(), "{args:?} left a directory");
    }
    let own = std::process::id().to_string();
    let called = run(&["--with-pid", &own, "sleep"]);
    assert!(called.stderr.contains("knee itself runs in it"), "{}", called.stderr);
}

/// A process that is killed when this is dropped.
struct Outsider(Child);

impl Drop for Outsider {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn what_a_process_outside_uses_belongs_to_the_work() {
    let script = "while :; do :; done";
    let outsider = Outsider(Command::new("sh").args(["-c", script]).spawn().expect("a shell"));
    let pid = outsider.0.id().to_string();
    let args = ["sleep:ms=5", "--modes", "threads", "--workers", "1,2", "--budget", "4s"];
    let called = run(&[&args[..], &["--with-pid", &pid]].concat());
    assert!(called.ran(), "{called:?}");
    let record = called.record();
    let used: f64 = record.samples.iter().filter_map(|one| Some(one.outside?.cpu())).sum();
    assert!(used > 0.0, "{:?}", record.samples[0].outside);
    for sample in &record.samples {
        let outside = sample.outside.expect("it was named");
        let part = outside.cpu() / outside.span * sample.usage.span;
        assert!(sample.usage.cpu() + 1e-9 >= part, "{outside:?} {:?}", sample.usage);
    }
    assert!(called.stdout.contains(&format!("sh (process {pid})")), "{}", called.stdout);
    drop(outsider);
    let gone = run(&[&args[..], &["--with-pid", &pid]].concat());
    assert_eq!(gone.code, 2, "{}", gone.stderr);
}
