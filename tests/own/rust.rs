//! Tests of another crate's code as a benchmark: the example crate under cargo and nextest, in all
//! modes, with baselines.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn cargo(args: &[&str]) -> Output {
    let output = Command::new(env!("CARGO"))
        .current_dir(ROOT)
        .args(args)
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .stdin(Stdio::null())
        .output();
    output.expect("cargo starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The example's benchmark program, built once as `cargo test --benches` builds it. The whole
/// workspace is built, so that knee has the features with which it was built already.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let built = cargo(&[
            "test",
            "--offline",
            "--workspace",
            "--bench",
            "scaling",
            "--no-run",
            "--message-format",
            "json",
        ]);
        assert!(built.status.success(), "{}", text(&built.stderr));
        let stdout = text(&built.stdout);
        let executable = |line: &str| {
            let message: serde_json::Value = serde_json::from_str(line).ok()?;
            let of = message["manifest_path"].as_str()?;
            // knee has a bench of the same name.
            (message["target"]["name"] == "scaling" && of.ends_with("own-crate/Cargo.toml"))
                .then(|| message["executable"].as_str())?
                .map(PathBuf::from)
        };
        stdout.lines().find_map(executable).expect("cargo names the program")
    })
}

/// Calls the benchmark program with results kept in `home`.
fn bench(home: &Path, args: &[&str]) -> (i32, String, String) {
    let output = Command::new(program())
        .current_dir(Path::new(ROOT).join("examples/own-crate"))
        .args(args)
        .env("KNEE_HOME", home)
        .stdin(Stdio::null())
        .output()
        .expect("the program starts");
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

#[test]
fn without_features_no_decoder_is_built() {
    let tree =
        cargo(&["tree", "--offline", "-p", "knee-example", "-e", "normal,dev", "--prefix", "none"]);
    let tree = text(&tree.stdout);
    assert!(tree.contains("knee-workloads"), "{tree}");
    assert!(!tree.contains("h264"), "{tree}");
    let with = cargo(&["tree", "--offline", "-p", "knee", "-e", "normal", "--prefix", "none"]);
    assert!(text(&with.stdout).contains("h264"), "the names have changed: look again");
}

#[test]
fn cargo_test_tries_every_benchmark_for_a_moment() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let (code, stdout, stderr) = bench(home.path(), &[]);
    assert_eq!(code, 0, "{stdout}{stderr}");
    for name in ["allocating", "reusing", "sieve", "sieve:below=5000"] {
        assert!(stdout.contains(&format!("test {name} ... ok")), "{stdout}");
    }
    assert!(stdout.contains("4 passed; 0 failed"), "{stdout}");
    assert_eq!(
        std::fs::read_dir(home.path()).expect("it is there").count(),
        0,
        "files were written"
    );
}

#[test]
fn nextest_is_answered_as_it_asks() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let (code, stdout, _) = bench(home.path(), &["--list", "--format", "terse"]);
    assert_eq!(code, 0);
    assert_eq!(
        stdout,
        "allocating: benchmark\nreusing: benchmark\nsieve: benchmark\nsieve:below=5000: benchmark\n"
    );
    let (code, stdout, _) = bench(home.path(), &["--list", "--format", "terse", "--ignored"]);
    assert_eq!((code, stdout.as_str()), (0, ""));
    let (code, stdout, _) = bench(home.path(), &["sieve", "--nocapture", "--exact"]);
    assert_eq!(code, 0);
    assert!(stdout.contains("1 passed"), "{stdout}");
    assert_eq!(bench(home.path(), &["--no-such-option"]).0, 2);
    assert_eq!(bench(home.path(), &["--workers", "0"]).0, 2);
    assert_eq!(bench(home.path(), &["--bench", "--fail-if-slower", "nan"]).0, 2);
}

#[test]
fn cargo_bench_measures_modes_and_workers_and_keeps_baselines() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let common = ["reusing", "--exact", "--budget", "4s", "--workers", "1,2", "--bench"];
    let with = |more: &[&'static str]| bench(home.path(), &[&common[..], more].concat());
    let (code, _, stderr) = with(&["--baseline", "main"]);
    assert_eq!(code, 2, "{stderr}");
    assert!(stderr.contains("--save-baseline main"), "{stderr}");
    let (code, stdout, stderr) = with(&["--save-baseline", "main"]);
    assert_eq!(code, 0, "{stdout}{stderr}");
    assert!(stdout.contains("threads") && stdout.contains("process-pool"), "{stdout}");
    let directory = home.path().join("bench/scaling/reusing");
    assert!(
        directory.join("latest/findings.json").exists()
            && directory.join("baselines/main").exists()
    );
    let (code, stdout, stderr) = with(&["--baseline", "main", "--fail-if-slower", "99"]);
    assert_eq!(code, 0, "{stdout}{stderr}");
    assert!(stdout.contains("against baseline main"), "{stdout}");
    assert!(stdout.contains("process-pool        2"), "each cell is compared: {stdout}");
}
