//! Tests of `--figure`, for programs that print their own figure.

use knee::record::Record;

use crate::calls::{Called, run, script};

const SWEPT: [&str; 6] = ["--budget", "3s", "--workers", "1,2,4", "--sweep-arg", "{n}"];

fn swept(args: &[&str]) -> Called {
    run(&[&SWEPT[..], args].concat())
}

/// The throughputs of one count.
fn rates(record: &Record, workers: usize) -> Vec<f64> {
    let of = record.samples.iter().filter(|sample| sample.cell.workers == workers);
    of.map(|sample| sample.throughput).collect()
}

#[track_caller]
fn assert_rate(record: &Record, workers: usize, rate: f64) {
    let found = rates(record, workers);
    assert!(!found.is_empty(), "{workers} was measured");
    assert!(found.iter().all(|one| (one / rate - 1.0).abs() < 1e-9), "{workers}: {found:?}");
}

#[test]
fn a_printed_rate_is_the_throughput_and_its_p99_the_latency() {
    let line = "echo warm-up: 1 ops; echo \"$(({n} * 250)).5 ops/s, p99 $(({n} * 3)) ms\"";
    let figure = r"(?<rate>[0-9.]+) ops/s, p99 (?<p99_ms>\d+)";
    let called = swept(&["--figure", figure, "--figure-is", "rate:ops", "--shell", "--", line]);
    assert!(called.ran(), "{called:?}");
    let record = called.record();
    for workers in [1, 2, 4] {
        assert_rate(&record, workers, 250.0 * workers as f64 + 0.5);
    }
    let p99 = |workers| {
        let mut of = record.samples.iter().filter(|sample| sample.cell.workers == workers);
        of.next().and_then(|sample| sample.printed_p99)
    };
    assert_eq!((p99(1), p99(4)), (Some(0.003), Some(0.012)));
    assert!(record.samples.iter().all(|sample| sample.latency.is_empty()), "a run is no request");
    assert_eq!(record.header.plan.entries[0].unit_many, "ops");
    assert!(called.stdout.contains("{n} = 4") && called.stdout.contains("12.0 ms"), "{called:?}");
}

#[test]
fn a_limit_on_the_printed_p99_chooses_the_count() {
    let line = "echo \"$(({n} * 250)) ops/s, p99 $(({n} * 3)) ms\"";
    let figure = r"(?<rate>[0-9.]+) ops/s, p99 (?<p99_ms>\d+)";
    let args = ["--figure", figure, "--max-p99", "7ms", "--json", "--shell", "--", line];
    let called = swept(&args);
    let findings: serde_json::Value = serde_json::from_str(&called.stdout)
        .unwrap_or_else(|error| panic!("{error}: {} {}", called.stdout, called.stderr));
    let limits = &findings["workloads"][0]["curves"][0]["limits"];
    assert_eq!(limits["workers"], 2.0, "{limits}");
    assert_eq!(limits["broken"][0], "4 workers: p99 12.0 ms");
}

#[test]
fn a_printed_time_is_turned_into_a_rate_and_units_are_read() {
    let line = "printf '\\033[32mtook %sms\\033[0m\\r\\n' $((400 / {n}))";
    let called =
        swept(&["--figure", "took (?<time>[0-9.]+)(?<time_unit>[a-z]+)$", "--shell", "--", line]);
    assert!(called.ran(), "{called:?}");
    assert_rate(&called.record(), 4, 10.0);
    let line = "echo $((8000 / {n})) >&2";
    let called = swept(&["--figure", "^(.+)$", "--figure-is", "time:us", "--shell", "--", line]);
    assert_rate(&called.record(), 2, 250.0);
}

#[test]
fn the_last_match_of_a_long_output_counts() {
    let line = "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); echo \"so far: $i ops\"; done; \
        echo \"so far: 5 ops\"";
    let called = run(&[
        "--budget",
        "4s",
        "--workers",
        "1",
        "--figure",
        r"so far: (\d+) ops",
        "--shell",
        "--",
        line,
    ]);
    assert!(called.ran(), "{called:?}");
    assert_rate(&called.record(), 1, 5.0);
}

#[test]
fn copies_that_each_print_a_figure_add_up() {
    let line = "sleep 0.02; echo ops: 100";
    let called = run(&[
        "--budget",
        "3s",
        "--workers",
        "1,3",
        "--figure",
        r"ops: (\d+)",
        "--shell",
        "--",
        line,
    ]);
    assert!(called.ran(), "{called:?}");
    assert_rate(&called.record(), 1, 100.0);
    assert_rate(&called.record(), 3, 300.0);
}

/// A run without a figure shows the end of its output. The other runs are measured.
#[test]
fn an_output_without_the_figure_is_shown() {
    let called =
        swept(&["--figure", r"ops: (\d+)", "--shell", "--", "echo begun {n}; echo nothing done"]);
    assert_eq!(called.code, 4, "{called:?}");
    for part in ["no figure", r"ops: (\d+)", "| begun 1", "| nothing done"] {
        assert!(called.stderr.contains(part), "{part}: {}", called.stderr);
    }
    let line = "[ {n} = 2 ] && echo refused || echo ops: {n}";
    let called = swept(&["--figure", r"ops: (\d+)", "--shell", "--", line]);
    assert_eq!(called.code, 4, "{called:?}");
    assert_rate(&called.record(), 4, 4.0);
    assert!(called.stderr.contains("| refused"), "{}", called.stderr);
    for (printed, says) in
        [("ops: 0", "above 0"), ("ops: 1,5", "no number"), ("ops: nan", "above 0")]
    {
        let called =
            swept(&["--figure", r"ops: (\S+)", "--shell", "--", &format!("echo {printed} {{n}}")]);
        assert!(called.stderr.contains(says), "{printed}: {}", called.stderr);
    }
}

/// A tool may refuse counts below a minimum. So the smallest count asked for is tried first.
#[test]
fn a_program_that_refuses_one_worker_is_measured_with_more() {
    let line = "[ {n} -lt 4 ] && exit 9; echo ops: {n}";
    let args =
        ["--budget", "3s", "--workers", "4,8", "--sweep-arg", "{n}", "--figure", r"ops: (\d+)"];
    let called = run(&[&args[..], &["--shell", "--", line]].concat());
    assert!(called.ran(), "{called:?}");
    assert_rate(&called.record(), 8, 8.0);
}

/// `--figure` reads the same figure in a tool's report as `knee fit`, because both use the same
/// table.
#[test]
fn tools_are_read_as_knee_fit_reads_them() {
    let files = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fit/files/people");
    for (tool, file) in [("pgbench", "48-pgbench.txt"), ("wrk", "49-wrk.txt")] {
        let path = format!("{files}/{file}");
        let fitted = crate::calls::knee(&["fit", "--json", &path]);
        let fitted: serde_json::Value = serde_json::from_str(&fitted.stdout).expect("it is JSON");
        let rate = &fitted["curves"][0]["points"][0]["throughput"]["median"];
        let called =
            run(&["--budget", "4s", "--workers", "1", "--figure", tool, "--", "cat", &path]);
        assert_rate(&called.record(), 1, rate.as_f64().expect("a rate"));
    }
}

#[test]
fn what_a_tool_warns_of_is_no_figure() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let text = "#!/bin/sh\necho '  Non-2xx or 3xx responses: 12'\necho 'Requests/sec:  5.0'\n";
    let program = script(directory.path(), "wrk", text);
    let called = run(&["--budget", "4s", "--workers", "1", "--figure", "wrk", "--", &program]);
    assert_eq!(called.code, 1, "{called:?}");
    assert!(called.stderr.contains("not to be trusted: it says \"Non-2xx"), "{}", called.stderr);
}

#[test]
fn what_cannot_be_a_figure_is_one_line_before_anything_starts() {
    for (args, says) in [
        (vec!["--figure", "a("], "not a regular expression"),
        (vec!["--figure", "ops: [0-9]+"], "put brackets around it"),
        (vec!["--figure", "pgbnch"], "did you mean pgbench?"),
        (vec!["--figure", "(?<speed>.*)"], "\"speed\""),
        (vec!["--figure", "(?<p99_ms>.*)"], "only its p99"),
        (vec!["--figure", "pgbench", "--figure-is", "rate"], "leave one of them out"),
        (vec!["--figure", "pgbench", "--figure", "(.*)"], "give it alone"),
        (vec!["--figure", "(.*)", "--figure-is", "speed"], "rate:requests"),
        (vec!["--figure", "(.*)", "--figure-is", "time:parsecs"], "not a unit of time"),
        (vec!["--figure", "(?<rate>.*)", "--figure-is", "time"], "--figure-is says one thing"),
        (vec!["--figure-is", "rate"], "--figure"),
        (vec!["--figure", "(.*)", "--batch", "5"], "--batch"),
    ] {
        let called = run(&[&args[..], &["--", "true"]].concat());
        assert_eq!(called.code, 2, "{args:?}: {}", called.stderr);
        assert!(called.stderr.contains(says), "{args:?}: {}", called.stderr);
        assert!(!called.out().exists(), "{args:?} left a directory");
    }
}

/// Tests with real tools, where they are installed.
#[test]
fn sysbench_and_fio_are_swept() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = format!("--filename={}", directory.path().join("data").display());
    let fio = ["fio", "--name=x", &file, "--size=4M", "--rw=randrw", "--time_based", "--runtime=1"];
    let fio = [&fio[..], &["--group_reporting", "--numjobs={n}"]].concat();
    let sysbench = ["sysbench", "cpu", "--threads={n}", "--time=1", "--percentile=99", "run"];
    for line in [&fio[..], &sysbench[..]] {
        if std::process::Command::new(line[0]).arg("--version").output().is_err() {
            eprintln!("skipped: {} is not installed", line[0]);
            continue;
        }
        let args =
            ["--budget", "8s", "--workers", "1,2", "--sweep-arg", "{n}", "--figure", line[0], "--"];
        let called = run(&[&args[..], line].concat());
        assert!(matches!(called.code, 0 | 4 | 5), "{called:?}");
        let found = rates(&called.record(), 1);
        assert!(!found.is_empty() && found.iter().all(|rate| *rate > 1.0), "{called:?}");
    }
}
