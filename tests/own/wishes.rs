//! Limits, objectives and settings, by the command line.

use crate::calls::run;

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
        "latency",
        "--json",
        "mixed",
    ]);
    let findings: serde_json::Value = serde_json::from_str(&called.stdout)
        .unwrap_or_else(|error| panic!("{error}: {} {}", called.stdout, called.stderr));
    let limits = &findings["workloads"][0]["curves"][0]["limits"];
    assert_eq!(limits["asked"][0], "best latency");
    assert_eq!(limits["workers"], 1.0, "{limits}");
    assert!(limits["cost"].as_f64().expect("it costs something") > 0.2, "{limits}");
}

#[test]
fn settings_are_all_that_is_printed() {
    let args = ["--budget", "3s", "--workers", "1,4", "--modes", "serial,threads", "sleep:ms=2"];
    let settings = |dialect: &str| {
        let called = run(&[&args[..], &["--settings", dialect]].concat());
        assert!([0, 5].contains(&called.code), "{}", called.stderr);
        called.stdout
    };
    assert!(
        settings("env").starts_with("# sleep:ms=2: 4 workers (threads)"),
        "{}",
        settings("env")
    );
    let env = settings("env");
    assert!(env.contains("RAYON_NUM_THREADS=4\n") && env.lines().count() == 4, "{env}");
    let manifest = settings("k8s");
    assert!(manifest.contains("value: \"4\"") && manifest.contains("memory: "), "{manifest}");
    assert!(settings("gunicorn").contains("threads = 4\n"));
    assert!(settings("make").contains("-j4\n"));
    assert!(settings("rayon").contains("num_threads(4)"));
}

#[test]
fn impossible_wishes_are_refused() {
    for (args, says) in [
        (["--max-p99", "-1s"], "usable duration"),
        (["--max-memory", "0"], "4G"),
        (["--min-efficiency", "1.5"], "up to 1"),
        (["--min-efficiency", "nan"], "up to 1"),
        (["--objective", "speed"], "throughput, latency and efficiency"),
        (["--settings", "docker"], "gunicorn"),
    ] {
        let called = run(&[&args[..], &["noop"]].concat());
        assert_eq!(called.code, 2, "{args:?}: {}", called.stderr);
        assert!(called.stderr.contains(says), "{args:?}: {}", called.stderr);
        assert!(!called.out().exists(), "{args:?} left a directory");
    }
}
