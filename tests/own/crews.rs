//! Tests that one crew serves every count of a mode, and that every listed count is measured or
//! named.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Duration;

use crate::calls::{run, script};
use knee::mode::{Extent, Job, Site, Window, launch};
use knee::plan::{Mode, Registry};
use knee::record::Record;
use knee::run::Sample;
use knee::workloads::Params;

/// A worker that notes each start in `seen` after `pause` seconds.
fn worker(directory: &Path, seen: &Path, pause: &str) -> String {
    let text = format!(
        "#!/bin/sh\necho started >> {}\nsleep {pause}\nwhile read -r line; do sleep 0.002; echo \
         '{{}}'; done\n",
        seen.display()
    );
    script(directory, "worker", &text)
}

fn concurrent(record: &Record) -> Vec<&Sample> {
    let of = |sample: &&Sample| sample.cell.mode != Mode::Serial;
    record.samples.iter().filter(of).collect()
}

fn crews(samples: &[&Sample]) -> BTreeSet<u32> {
    samples.iter().filter_map(|sample| sample.crew).collect()
}

#[test]
fn one_crew_serves_every_count() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let seen = directory.path().join("seen");
    let line = worker(directory.path(), &seen, "0");
    let called = run(&["--budget", "4s", "--workers", "1,2,4", "--worker", &line]);
    assert!(called.ran(), "{called:?}");
    let record = called.record();
    let samples = concurrent(&record);
    let counts: BTreeSet<usize> = samples.iter().map(|sample| sample.cell.workers).collect();
    assert_eq!(counts, BTreeSet::from([1, 2, 4]));
    assert!(samples.iter().all(|sample| sample.members == Some(4)), "the largest count wanted");
    let all: Vec<&Sample> = record.samples.iter().collect();
    let alone = crews(&all).len() - crews(&samples).len();
    let starts = std::fs::read_to_string(&seen).expect("it was started").lines().count();
    // One start is that of the reference run.
    assert_eq!(starts, 1 + 4 * crews(&samples).len() + alone, "nobody is started for a count");
    // Each crew reports once how long its launch took.
    for crew in crews(&samples) {
        let of = samples.iter().filter(|sample| sample.crew == Some(crew));
        assert_eq!(of.filter(|sample| sample.launch.is_some()).count(), 1, "crew {crew}");
    }
}

#[test]
fn workers_that_are_slow_to_start_are_measured_rather_than_started() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let line = worker(directory.path(), &directory.path().join("seen"), "0.7");
    let called = run(&["--budget", "9s", "--workers", "1,2,4", "--worker", &line]);
    assert!(called.ran(), "{called:?}");
    let record = called.record();
    let samples = concurrent(&record);
    let crews = crews(&samples).len();
    assert!(crews * 6 <= samples.len(), "{crews} crews for {} rounds", samples.len());
}

#[test]
fn a_listed_count_is_measured_or_named_with_the_budget_that_would_hold_it() {
    let called = run(&["--budget", "4s", "--workers", "1,2,3,4,5", "--", "sleep", "0.9"]);
    let record = called.record();
    for workers in 1..=5 {
        let measured = concurrent(&record).iter().any(|sample| sample.cell.workers == workers);
        let named = record.failures.iter().any(|failure| {
            let cell = failure.cell.filter(|cell| cell.mode != Mode::Serial);
            cell.is_some_and(|cell| cell.workers == workers) && failure.reason.contains("--budget")
        });
        assert!(measured || named, "{workers}: {:?}", record.failures);
    }
}

#[test]
fn a_listed_count_far_above_the_cores_is_measured_where_one_program_uses_them_all() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let text = "#!/bin/sh\nif [ \"$1\" = 128 ]; then sleep 0.01; else sleep 0.8; fi\n";
    let program = script(directory.path(), "sweep", text);
    let called =
        run(&["--budget", "9s", "--workers", "1,128", "--sweep-arg", "{n}", "--", &program, "{n}"]);
    assert!(called.ran(), "{called:?}");
    let record = called.record();
    let large: Vec<f64> = record
        .samples
        .iter()
        .filter(|sample| sample.cell.workers == 128)
        .map(|sample| sample.throughput)
        .collect();
    assert!(large.len() >= 2, "{} rounds; {}", large.len(), called.stderr);
    assert!(large.iter().all(|rate| *rate > 5.0), "{large:?}");
}

#[test]
fn the_memory_of_n_threads_is_that_of_n() {
    let scratch = tempfile::tempdir().expect("a temporary directory");
    let site = Site::new(Registry::new(&[]), scratch.path());
    let meta = site.registry.find("memory").expect("it is built in").meta();
    let params = Params::resolve("memory", meta.params, [("size", "24M")]).expect("it is a size");
    let job = Job { workload: "memory".to_owned(), params, seed: 1, checked: 0, nodes: None };
    let count = |workers| NonZeroUsize::new(workers).expect("not zero");
    let (mut crew, _) = launch(Mode::Threads, &site, &job, count(4)).expect("it gets ready");
    let window = Window { extent: Extent::Tasks(8), warm_up: Duration::ZERO };
    let mut peak = |workers| {
        let round = crew.round(count(workers), window).expect("it is measured");
        round.usage.peak_memory.expect("it is known") as f64
    };
    let (four, one, again) = (peak(4), peak(1), peak(4));
    crew.dismiss().expect("the crew ends");
    // Each worker has three arrays of 24 MiB. The process itself and other tests in it need some
    // more.
    let each = 72.0 * f64::from(1 << 20);
    assert!(one < four - 2.5 * each && one < again - 2.5 * each, "{one} of {four} and {again}");
    assert!(one > 0.9 * each, "{one}");
}
