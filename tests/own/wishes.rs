//! Tests of limits, objectives and settings on the command line.

use crate::calls::{knee, run};

#[test]
fn limits_are_kept_and_what_they_cost_is_said() {
    let called = run(&[
        "--budget",
        "4s",
        "--workers",
        "1,2,8",
        "--modes",
        "serial,threads",
        "--max-p99",
        "1ms",
        "--min-efficiency",
        "0.5",
        "--max-memory",
        "1k",
        "--json",
        "sleep:ms=5",
    ]);
    let findings: serde_json::Value = serde_json::from_str(&called.stdout)
        .unwrap_or_else(|error| panic!("{error}: {} {}", called.stdout, called.stderr));
    let limits = &findings["workloads"][0]["curves"][0]["limits"];
    assert_eq!(limits["asked"][0], "p99 <= 1 ms");
    assert!(limits["workers"].is_null(), "{limits}");
    assert_eq!(limits["broken"].as_array().map(Vec::len), Some(3), "{limits}");
    let reasons = limits["broken"][0].as_str().expect("it is text");
    assert!(reasons.contains("p99 ") && reasons.contains("memory "), "{limits}");
    assert!(!reasons.contains("efficiency"), "one worker is efficient: {limits}");
}

#[test]
fn an_objective_alone_chooses_another_count() {
    let called = run(&[
        "--budget",
        "4s",
        "--workers",
        "1,8",
        "--modes",
        "serial,threads",
        "--objective",
        "efficiency",
        "--json",
        "pi:digits=1000",
    ]);
    let findings: serde_json::Value = serde_json::from_str(&called.stdout)
        .unwrap_or_else(|error| panic!("{error}: {} {}", called.stdout, called.stderr));
    let limits = &findings["workloads"][0]["curves"][0]["limits"];
    assert_eq!(limits["asked"][0], "best efficiency");
    assert_eq!(limits["workers"], 1.0, "{limits}");
    assert!(limits["cost"].as_f64().is_some_and(|cost| (0.0..1.0).contains(&cost)), "{limits}");
}

#[test]
fn prices_say_what_the_work_costs_and_choose_the_cheapest_count() {
    let args = ["--budget", "4s", "--workers", "1,8", "--modes", "serial,threads", "sleep:ms=5"];
    let machine = ["--price", "$3.60/h", "--objective", "cost", "--json"];
    let called = run(&[&args[..], &machine].concat());
    let findings: serde_json::Value = serde_json::from_str(&called.stdout)
        .unwrap_or_else(|error| panic!("{error}: {} {}", called.stdout, called.stderr));
    let curve = &findings["workloads"][0]["curves"][0];
    // Eight workers sleep side by side on a machine whose price does not change.
    assert_eq!(curve["limits"]["asked"][0], "least cost");
    assert_eq!(curve["limits"]["workers"], 8.0, "{curve}");
    for point in curve["points"].as_array().expect("there are points") {
        let rate = point["throughput"]["median"].as_f64().expect("it was measured");
        let cost = point["cost"]["per_unit"].as_f64().expect("it has a price");
        assert!((cost * rate - 1e-3).abs() < 1e-8, "$3.60/h are 1e-3 a second: {point}");
        assert_eq!(point["cost"]["currency"], "$");
    }
    let plots = std::fs::read_dir(called.out().join("plots")).expect("there are plots").flatten();
    let names: Vec<_> = plots.map(|one| one.file_name().to_string_lossy().into_owned()).collect();
    assert!(names.iter().any(|name| name.ends_with("-cost.svg")), "{names:?}");
    // With a price per worker, the finished run is reported again.
    let out = called.out();
    let priced = ["report", out.to_str().expect("text"), "--price-per-worker", "36 EUR/h"];
    let again = knee(&priced);
    assert!([0, 5].contains(&again.code), "{}", again.stderr);
    assert!(again.stdout.contains(" EUR "), "{}", again.stdout);
    let summary = std::fs::read_to_string(out.join("summary.md")).expect("it is there");
    assert!(summary.contains("cost: ") && summary.contains(" EUR per "), "{summary}");
}

#[test]
fn settings_are_all_that_is_printed() {
    let args = ["--budget", "3s", "--workers", "1,4", "--modes", "serial,threads", "sleep:ms=2"];
    let called = run(&[&args[..], &["--settings", "env"]].concat());
    assert!([0, 5].contains(&called.code), "{}", called.stderr);
    let env = &called.stdout;
    assert!(env.starts_with("# sleep:ms=2: 4 workers (threads)"), "{env}");
    assert!(env.contains("RAYON_NUM_THREADS=4\n") && env.lines().count() == 2, "{env}");
    let out = called.out();
    let again = |dialect: &str| {
        knee(&["report", out.to_str().expect("text"), "--settings", dialect]).stdout
    };
    let manifest = again("k8s");
    assert!(manifest.contains("value: \"4\"") && manifest.contains("memory: "), "{manifest}");
    // Threads in Rust say nothing about other languages and programs.
    for other in ["gunicorn", "make", "nginx"] {
        let said = again(other);
        assert!(said.lines().all(|line| line.starts_with('#')), "{said}");
    }
    assert!(again("rayon").contains("num_threads(4)"));
    let resumed = knee(&["run", "--resume", out.to_str().expect("text")]);
    assert_eq!(resumed.code, 2, "there is nothing to go on with: {}", resumed.stderr);
    assert!(resumed.stderr.contains("is complete; knee report"), "{}", resumed.stderr);
}

#[test]
fn a_batch_is_told_by_its_makespan() {
    let args = ["--budget", "4s", "--workers", "1,8", "--modes", "serial,threads", "--batch", "16"];
    let called = run(&[&args[..], &["--json", "sleep:ms=5"]].concat());
    let findings: serde_json::Value = serde_json::from_str(&called.stdout)
        .unwrap_or_else(|error| panic!("{error}: {} {}", called.stdout, called.stderr));
    let workload = &findings["workloads"][0];
    let alone = workload["serial"]["makespan"]["median"].as_f64().expect("it was measured");
    assert!((0.08..1.0).contains(&alone), "16 sleeps of 5 ms took {alone} s");
    let eight = &workload["curves"][0]["points"][1]["makespan"]["median"];
    assert!(eight.as_f64().expect("it was measured") < alone / 2.0, "{eight}");
    let notes = workload["notes"].to_string();
    assert!(notes.contains("16 tasks take ") && notes.contains("8 workers (threads)"), "{notes}");
}

#[test]
fn impossible_wishes_are_refused() {
    for (args, says) in [
        (["--max-p99", "-1s"], "usable duration"),
        (["--max-memory", "0"], "4G"),
        (["--min-efficiency", "1.5"], "up to 1"),
        (["--min-efficiency", "nan"], "up to 1"),
        (["--objective", "speed"], "throughput, latency, efficiency or cost"),
        (["--objective", "cost"], "--price"),
        (["--price", "5"], "0.40/h"),
        (["--price-per-worker", "0/h"], "the same"),
        (["--settings", "docker"], "gunicorn"),
    ] {
        let called = run(&[&args[..], &["noop"]].concat());
        assert_eq!(called.code, 2, "{args:?}: {}", called.stderr);
        assert!(called.stderr.contains(says), "{args:?}: {}", called.stderr);
        assert!(!called.out().exists(), "{args:?} left a directory");
    }
    let resumed = knee(&["run", "--resume", "/tmp", "--max-p99", "1s"]);
    assert_eq!(resumed.code, 2);
    assert!(
        resumed.stderr.contains("--max-p99"),
        "a resumed run keeps its own limits: {}",
        resumed.stderr
    );
}
