//! Tests of `--also`, a second axis besides the workers.

use crate::calls::{Called, knee, run};

/// A program whose figure grows with both axes, as if two cores and one lock in each process
/// limited it.
const PROGRAM: &str = "a=$(({n} * {t})); b=$(({n} * 4)); [ $a -gt $b ] && a=$b; [ $a -gt 8 ] && \
    a=8; sleep 0.01; echo ops: ${a}00";

fn also(axis: &str, args: &[&str], command: &[&str]) -> Called {
    let base = ["--budget", "12s", "--workers", "1,2,4,8", "--sweep-arg", "{n}", "--also", axis];
    run(&[&base[..], &["--figure", r"ops: (\d+)"], args, &["--"], command].concat())
}

fn findings(called: &Called) -> serde_json::Value {
    serde_json::from_str(&called.stdout)
        .unwrap_or_else(|error| panic!("{error}: {} {}", called.stdout, called.stderr))
}

#[test]
fn the_best_pair_is_found_with_the_fewest_workers_in_all() {
    let called = also("t=1,2,4,8", &["--json", "--shell"], &[PROGRAM]);
    assert!(called.ran(), "{}", called.stderr);
    let found = findings(&called);
    let axis = &found["axes"][0];
    assert_eq!(axis["name"], "t");
    assert_eq!(axis["multiplies"], true);
    let pair = &axis["knee"];
    // 2 x 4 = 8: as many in all as 4 x 2 and 8 x 1, with the fewest processes.
    assert_eq!((&pair["workers"], &pair["value"]), (&2.0.into(), &"4".into()), "{axis}");
    assert_eq!(pair["in_all"], 8.0);
    assert!(axis["set"].as_array().is_some_and(|set| set.len() > 2), "{axis}");
    let labels: Vec<&str> = found["workloads"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|one| one["label"].as_str())
        .collect();
    assert_eq!(labels.len(), 4);
    assert!(labels[1].starts_with("t=2 /bin/sh -c"), "{labels:?}");
    let plots = called.out().join("plots");
    let pictures: Vec<_> = std::fs::read_dir(&plots).unwrap().flatten().map(|e| e.path()).collect();
    let map = |ending: &str| {
        pictures.iter().find(|path| path.to_string_lossy().ends_with(&format!("-pairs.{ending}")))
    };
    let svg = std::fs::read_to_string(map("svg").expect("a heat map")).unwrap();
    assert!(svg.contains("recommended") && svg.contains("800"), "{svg}");
    assert!(std::fs::read(map("png").expect("a heat map")).unwrap().starts_with(b"\x89PNG"));
    let page = std::fs::read_to_string(called.out().join("report.html")).unwrap();
    assert!(page.contains("2 workers x t=4") && page.contains("hatched"), "the page shows it");
    let pasted = knee(&["report", called.out().to_str().unwrap(), "--settings", "env"]).stdout;
    assert!(pasted.contains("a=$((2 * 4))"), "both are filled in: {pasted}");
    assert_eq!(pasted.lines().filter(|line| line.starts_with('#')).count(), 1, "{pasted}");
}

#[test]
fn values_that_are_far_behind_are_left_to_themselves() {
    // t=1 does a tenth of t=9 at every count, so after a few blocks its time goes to t=9.
    let line = "sleep 0.02; [ {t} = 9 ] && echo ops: 1000 {n} || echo ops: 100";
    let base = ["--budget", "6s", "--workers", "1,2,4", "--sweep-arg", "{n}", "--also", "t=1,9"];
    let called = run(&[&base[..], &["--figure", r"ops: (\d+)", "--shell", "--", line]].concat());
    assert!(called.ran(), "{}", called.stderr);
    let record = called.record();
    let rounds = |entry| record.samples.iter().filter(|one| one.cell.entry == entry).count();
    assert!(rounds(0) < rounds(1), "{} and {}", rounds(0), rounds(1));
}

#[test]
fn an_environment_variable_is_an_axis_of_programs_and_functions() {
    let called =
        also("env:KNEE_TEST=1,4", &["--json", "--shell"], &["echo ops: $(($KNEE_TEST * {n}))"]);
    let found = findings(&called);
    assert_eq!(found["axes"][0]["knee"]["value"], "4", "{}", found["axes"]);
    assert!(found["workloads"][0]["label"].as_str().unwrap().starts_with("KNEE_TEST=1 "));
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("work.py");
    std::fs::write(
        &file,
        "import os, time\ndef f():\n    time.sleep(float(os.environ['PAUSE']))\n",
    )
    .unwrap();
    if std::process::Command::new("python3").arg("--version").output().is_err() {
        eprintln!("skipped: there is no python3");
        return;
    }
    let call = format!("{}:f", file.display());
    let args = ["--budget", "12s", "--workers", "1,2", "--modes", "serial,threads", "--json"];
    let called = run(&[&args[..], &["--also", "env:PAUSE=0.001,0.02", "--python", &call]].concat());
    let found = findings(&called);
    assert_eq!(found["axes"][0]["knee"]["value"], "0.001", "{}", found["axes"]);
    assert_eq!(found["axes"][0]["multiplies"], false);
}

#[test]
fn a_parameter_is_an_axis_of_a_workload() {
    let args = ["--budget", "4s", "--workers", "1,2", "--modes", "serial,threads", "--json"];
    let called = run(&[&args[..], &["--also", "ms=1,5", "sleep"]].concat());
    let found = findings(&called);
    let axis = &found["axes"][0];
    assert_eq!(
        (axis["of"].as_str(), axis["knee"]["value"].as_str()),
        (Some("sleep"), Some("1")),
        "{axis}"
    );
    assert_eq!(found["workloads"][1]["label"], "sleep:ms=5");
}

#[test]
fn what_cannot_be_an_axis_is_one_line_before_anything_starts() {
    for (args, says) in [
        (vec!["--also", "t", "--", "echo", "{t}"], "gives no values"),
        (vec!["--also", "t=1,1", "--", "echo", "{t}"], "given twice"),
        (vec!["--also", "t=1,2", "--", "echo"], "{t} occurs nowhere"),
        (vec!["--also", "env:A=1,2", "pi"], "reads no environment variable"),
        (vec!["--also", "digit=1,2", "pi"], "did you mean digits?"),
        (vec!["--also", "digits=1,2", "pi:digits=5"], "one value of it already"),
        (vec!["--also", "digits=1,x", "pi"], "digits=x is not valid"),
    ] {
        let called = run(&args);
        assert_eq!(called.code, 2, "{args:?}: {}", called.stderr);
        assert!(called.stderr.contains(says), "{args:?}: {}", called.stderr);
    }
}
