//! `knee run --node`: a function in worker threads, child processes and an event loop, and whatever is wrong with it.

use knee::plan::Mode;

use crate::calls::{Called, run};
use crate::{functions, have};

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

#[test]
fn a_function_runs_in_its_own_threads_and_processes() {
    if !have("node") {
        return;
    }
    let called = function("square", &["--budget", "15s", "--workers", "2"]);
    assert!(called.ran(), "{}", called.stderr);
    let record = called.record();
    for mode in [Mode::Serial, Mode::Threads, Mode::ProcessPool] {
        let of = record.samples.iter().filter(|sample| sample.cell.mode == mode);
        assert!(of.map(|sample| sample.tasks).sum::<u64>() > 0, "{mode}: {}", called.stderr);
    }
    let facts = record.surveys[0].function.as_ref().expect("it is a function");
    assert!(!facts.lock && facts.knock.is_none(), "{facts:?}");
}

#[test]
fn promises_wait_in_one_event_loop() {
    if !have("node") {
        return;
    }
    let called = function("wait", &["--budget", "8s", "--workers", "1,16", "--modes", "async"]);
    assert!(called.ran(), "{}", called.stderr);
    let record = called.record();
    let best = |workers: usize| {
        let of = record.samples.iter().filter(|s| s.cell.workers == workers);
        of.map(|sample| sample.throughput).fold(0.0, f64::max)
    };
    assert!(best(16) > 2.0 * best(1), "{} and {}", best(1), best(16));
}

#[test]
fn setup_chunks_and_batches_are_kept() {
    if !have("node") {
        return;
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    let name = functions(directory.path(), "work.mjs", WORK);
    let args = ["--node", &name("prepared"), "--setup", &name("prepare"), "--chunk", "8"];
    let more = ["--batch", "100", "--workers", "2", "--budget", "10s", "--modes", "threads"];
    let called = run(&[&args[..], &more].concat());
    assert!(called.ran(), "{}", called.stderr);
    let record = called.record();
    assert!(!record.samples.is_empty(), "{}", called.stderr);
    assert!(record.samples.iter().all(|sample| (sample.tasks, sample.units) == (100, 700)));
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
        ("unclonable", &["--modes", "threads", "--budget", "6s"], 1, "cannot be handed over"),
        ("dies", &["--modes", "threads", "--workers", "2", "--budget", "6s"], 1, "exit code 3"),
    ] {
        let called = function(name, args);
        assert_eq!(called.code, code, "{name} {args:?}: {}", called.stderr);
        assert!(called.stderr.contains(says), "{name} {args:?}: {}", called.stderr);
    }
}
