//! Tests of hints where a file or a program is named as a workload, and of where an installed knee
//! puts its results.

use std::process::Command;

use crate::calls::run;

#[test]
fn a_file_or_a_program_gets_the_command_that_was_meant() {
    for (args, says) in [
        (&["work.py"][..], "knee run --python work.py:FUNCTION"),
        (&["work.py:render"], "knee run --python work.py:render;"),
        (&["work.mjs"], "knee run --node work.mjs:FUNCTION"),
        (&["sh", "one.sh"], "knee run -- sh one.sh"),
        (&["pie"], "did you mean pipe"),
    ] {
        let called = run(args);
        assert_eq!(called.code, 2, "{args:?}: {}", called.stderr);
        assert!(called.stderr.contains(says), "{args:?}: {}", called.stderr);
        assert!(!called.out().exists());
    }
}

#[test]
fn without_a_cargo_project_results_lie_in_knee_results() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let binary = directory.path().join("knee");
    std::fs::copy(env!("CARGO_BIN_EXE_knee"), &binary).expect("it can be copied");
    let here = directory.path().join("here");
    std::fs::create_dir(&here).expect("the directory is writable");
    let status = Command::new(&binary)
        .args(["run", "noop", "--modes", "serial", "--batch", "2", "--budget", "50s", "--quiet"])
        .current_dir(&here)
        .env_remove("CARGO_TARGET_DIR")
        .stdout(std::process::Stdio::null())
        .status()
        .expect("knee starts");
    assert!(matches!(status.code(), Some(0 | 5)), "{status}");
    let results = here.join("knee-results");
    assert_eq!(results.read_dir().expect("results are there").count(), 1);
    assert!(!here.join("target").exists());
}
