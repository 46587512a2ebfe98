//! Tests of `knee run --node`: a function in worker threads, child processes and an event loop, and
//! faults in it.

use knee::plan::Mode;

use crate::calls::{Called, run};
use crate::{Subject, best, counts_a_batch, functions, have, measures_in, refuses};

const WORK: &str = "
export const square = (number) => number * number;
export async function wait() { await new Promise((done) => setTimeout(done, 2)); }
export function bad() { throw new Error('no such luck'); }
export const unclonable = () => () => 1;
export function dies(number) { if (number > 20) process.exit(3); }
export const three = (one, two, three) => {};
export const prepare = () => ({ seven: 7 });
export const prepared = (number, state) => [state.seven, number];
";

fn function(name: &str, args: &[&str]) -> Called {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let call = functions(directory.path(), "work.mjs", WORK)(name);
    run(&[&["--node", &call], args].concat())
}

/// A function of [`WORK`], to be measured without a budget.
fn subject(directory: &std::path::Path, name: &str, more: &[(&str, &str)]) -> Subject {
    let call = functions(directory, "work.mjs", WORK)(name);
    Subject::new(directory, &[&[("language", "node"), ("call", call.as_str())], more].concat())
}

#[test]
fn a_function_runs_in_its_own_threads_and_processes() {
    if !have("node") {
        return;
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut subject = subject(directory.path(), "square", &[]);
    measures_in(&mut subject, &[Mode::Serial, Mode::Threads, Mode::ProcessPool]);
    let facts = subject.reference().function.expect("it is a function");
    assert!(!facts.lock && facts.knock.is_none(), "{facts:?}");
}

#[test]
fn promises_wait_in_one_event_loop() {
    if !have("node") {
        return;
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut crew =
        subject(directory.path(), "wait", &[]).launch(Mode::Async, 16).expect("it starts");
    let (one, many) = (best(&mut *crew, 1), best(&mut *crew, 16));
    assert!(many > 2.0 * one, "{one} and {many}");
}

#[test]
fn setup_chunks_and_batches_are_kept() {
    if !have("node") {
        return;
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    let setup = functions(directory.path(), "work.mjs", WORK)("prepare");
    for mode in [Mode::Threads, Mode::ProcessPool] {
        let more = [("setup", setup.as_str()), ("chunk", "8")];
        counts_a_batch(&subject(directory.path(), "prepared", &more), mode);
    }
}

#[test]
fn a_mode_in_which_it_cannot_run_is_void() {
    if !have("node") {
        return;
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    for (name, says) in [("unclonable", "cannot be handed over"), ("dies", "exit code 3")] {
        let text = refuses(&subject(directory.path(), name, &[]), Mode::Threads);
        assert!(text.contains(says), "{name}: {text}");
    }
}

#[test]
fn what_is_wrong_is_said() {
    if !have("node") {
        return;
    }
    for (name, args, code, says) in [
        ("nothing", &[][..], 2, "exports no function nothing"),
        ("three", &[], 2, "takes 3 arguments"),
        ("square", &["--modes", "async"], 2, "it is not async"),
        ("square", &["--modes", "interpreters"], 2, "cannot run as interpreters"),
        ("bad", &["--budget", "4s"], 1, "Error: no such luck"),
    ] {
        let called = function(name, args);
        assert_eq!(called.code, code, "{name} {args:?}: {}", called.stderr);
        assert!(called.stderr.contains(says), "{name} {args:?}: {}", called.stderr);
    }
}
