//! Tests of `knee crew-test`: both helpers pass, and a program that is no helper fails.

use knee::mode::helper::{Candidate, conformance};

use crate::calls::knee;
use crate::have;

/// Tests the helper in `helpers/` that this program runs, with these arguments before the file.
fn helper(program: &str, arguments: &[&str], file: &str, functions: &str) {
    if !have(program) {
        return;
    }
    let folder = format!("{}/helpers", env!("CARGO_MANIFEST_DIR"));
    let arguments = arguments.iter().map(|word| (*word).to_owned());
    let command = [program.to_owned()].into_iter().chain(arguments);
    let candidate = Candidate {
        command: command.chain([format!("{folder}/{file}")]).collect(),
        functions: format!("{folder}/tests/{functions}:{{name}}"),
    };
    let (mut tests, mut wrong) = (0, Vec::new());
    let failed = conformance(&candidate, &mut |name, verdict| {
        tests += 1;
        wrong.extend(verdict.as_ref().err().map(|why| format!("{name}: {why}")));
    });
    assert!(failed == 0 && wrong.is_empty(), "{wrong:#?}");
    // At least three modes, and the tests that are for all modes.
    assert!(tests >= 3 * 9 + 3, "only {tests} tests were run");
}

#[test]
fn the_helper_for_python_keeps_to_the_protocol() {
    helper("python3", &[], "python.py", "functions.py");
}

/// A server that forks the workers is what Python 3.14 uses by default. It must not outlive the
/// helper either.
#[test]
fn the_helper_for_python_keeps_to_the_protocol_with_a_fork_server() {
    const RUN: &str = "import multiprocessing, runpy, sys
multiprocessing.set_start_method('forkserver')
runpy.run_path(sys.argv[1], run_name='__main__')";
    helper("python3", &["-c", RUN], "python.py", "functions.py");
}

#[test]
fn the_helper_for_node_keeps_to_the_protocol() {
    helper("node", &[], "node.mjs", "functions.mjs");
}

#[test]
fn what_is_no_helper_fails() {
    for (command, says) in [
        ("true", "helper is gone"),
        ("no-such-helper", "cannot be started"),
        ("echo hello >&0; sleep 1", "not a message"),
        (
            "echo '{\"hello\":{\"crew\":[7,9],\"version\":\"1\",\"modes\":[]}}' >&0; sleep 1",
            "7 to 9",
        ),
        (
            "echo '{\"hello\":{\"crew\":[1,1],\"version\":\"1\",\"modes\":[\"dance\"]}}' >&0; \
             sleep 1",
            "not a mode",
        ),
    ] {
        let words: Vec<&str> = match command.split_once(' ') {
            Some(_) => vec!["sh", "-c", command],
            None => vec![command],
        };
        let mut args = vec!["crew-test", "--json", "--functions", "x:{name}", "--"];
        args.extend(words);
        let called = knee(&args);
        assert_eq!(called.code, 1, "{command}: {} {}", called.stdout, called.stderr);
        let document: serde_json::Value =
            serde_json::from_str(&called.stdout).expect("the answer is JSON");
        assert_eq!(document["failed"], 1, "{document}");
        let why = document["tests"][0]["why"].as_str().expect("it says why");
        assert!(why.contains(says), "{command}: {why}");
    }
    let called = knee(&["crew-test", "--functions", "x", "--", "true"]);
    assert_eq!(called.code, 2, "{}", called.stderr);
}
