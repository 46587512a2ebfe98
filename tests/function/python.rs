//! `knee run --python`: a function in Python's own threads, processes and event loop, and whatever is wrong with it.

use knee::plan::Mode;

use crate::calls::{Called, assert_gone, await_alive, odd_seconds, run, signal, start};
use crate::{functions, have};

const WORK: &str = r#"
import os, subprocess, sys, time

def square(number):
    return number * number

def nap():
    time.sleep(0.002)

async def wait():
    import asyncio
    await asyncio.sleep(0.002)

def bad():
    raise ValueError("no such luck")

class Odd(Exception):
    def __init__(self, one, two):
        super().__init__(one)

def odd():
    raise Odd(1, 2)

def leaves():
    sys.exit(3)

def unpicklable():
    return lambda: 1

def differs():
    return os.getpid()

def prints():
    print("a word " * 1000)
    os.write(1, b"a word straight to the descriptor\n")
    sys.stdin.read()

def dies(number):
    if number > 20:
        os._exit(3)

def three(one, two, three):
    pass

def prepare():
    return {"seven": 7}

def prepared(number, state):
    return (state["seven"], number)

def sleeps():
    subprocess.run(["sleep", os.environ["ODD"]])

VALUE = 7
"#;

/// Runs a function of [`WORK`] with these further arguments.
fn function(name: &str, args: &[&str]) -> Called {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let call = functions(directory.path(), "work.py", WORK)(name);
    run(&[&["--python", &call], args].concat())
}

fn measured(called: &Called, mode: Mode) -> u64 {
    let record = called.record();
    record.samples.iter().filter(|sample| sample.cell.mode == mode).map(|one| one.tasks).sum()
}

#[test]
fn a_function_runs_in_its_own_threads_and_processes() {
    if !have("python3") {
        return;
    }
    let called = function("square", &["--budget", "12s", "--workers", "1,2"]);
    assert!(called.ran(), "{}", called.stderr);
    for mode in [Mode::Serial, Mode::Threads, Mode::ProcessPool] {
        assert!(measured(&called, mode) > 0, "{mode}: {}", called.stderr);
    }
    let record = called.record();
    let facts = record.surveys[0].function.as_ref().expect("it is a function");
    assert!(facts.version.starts_with("3.") && !facts.coroutine, "{facts:?}");
    for sample in &record.samples {
        assert!(sample.usage.cpu() > 0.0 && sample.usage.run_queue.is_some(), "{sample:?}");
        let handed_over = sample.handover.is_some_and(|price| price.alone > 0.0);
        assert_eq!(handed_over, sample.cell.mode != Mode::Serial, "{sample:?}");
    }
}

#[test]
fn waiting_gains_from_more_workers_than_cpus() {
    if !have("python3") {
        return;
    }
    let called =
        function("nap", &["--budget", "8s", "--workers", "1,8", "--modes", "serial,threads"]);
    assert!(called.ran(), "{}", called.stderr);
    let record = called.record();
    let best = |workers: usize| {
        let of = record.samples.iter().filter(|s| s.cell.workers == workers);
        of.map(|sample| sample.throughput).fold(0.0, f64::max)
    };
    assert!(best(8) > 2.0 * best(1), "{} and {}", best(1), best(8));
    assert!(best(1) < 501.0, "a nap of 2 ms cannot be taken {} times per second", best(1));
}

#[test]
fn a_coroutine_runs_in_one_event_loop() {
    if !have("python3") {
        return;
    }
    let called = function("wait", &["--budget", "10s", "--workers", "1,16"]);
    assert!(called.ran(), "{}", called.stderr);
    for mode in [Mode::Serial, Mode::Async, Mode::ProcessPool] {
        assert!(measured(&called, mode) > 0, "{mode}: {}", called.stderr);
    }
    let facts = called.record().surveys[0].function.clone().expect("it is a function");
    assert!(facts.coroutine && facts.lag.is_some(), "{facts:?}");
}

#[test]
fn setup_chunks_start_methods_and_batches_are_kept() {
    if !have("python3") {
        return;
    }
    for start in ["fork", "forkserver", "spawn"] {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let name = functions(directory.path(), "work.py", WORK);
        let args = ["--python", &name("prepared"), "--setup", &name("prepare"), "--chunk", "8"];
        let more = ["--start-method", start, "--batch", "100", "--workers", "2", "--budget", "8s"];
        let modes = ["--modes", "serial,process-pool"];
        let called = run(&[&args[..], &more, &modes].concat());
        assert!(called.ran(), "{start}: {}", called.stderr);
        for sample in &called.record().samples {
            assert_eq!((sample.tasks, sample.units), (100, 700), "{start}: {sample:?}");
        }
        assert!(measured(&called, Mode::ProcessPool) > 0, "{start}");
    }
}

#[test]
fn what_cannot_be_called_is_one_line_before_anything_is_measured() {
    if !have("python3") {
        return;
    }
    for (name, args, says) in [
        ("nothing", &[][..], "has no function nothing (it has: square, nap"),
        ("three", &[], "wrong signature (one, two, three)"),
        ("VALUE", &[], "is no function: it is of type int"),
        ("square", &["--python-exe", "python0"], "python0 cannot be started"),
        ("square", &["--python-exe", "true"], "the helper is gone"),
        ("square", &["--modes", "async"], "it is not async"),
        ("square", &["--modes", "thread-per-task"], "cannot run as thread-per-task"),
        ("square", &["--setup", "nowhere.py:x"], "there is no file"),
    ] {
        let called = function(name, args);
        assert_eq!(called.code, 2, "{name} {args:?}: {}", called.stderr);
        assert!(called.stderr.contains(says), "{name} {args:?}: {}", called.stderr);
        assert!(!called.out().exists());
    }
    for (call, says) in [
        ("nowhere.py:x", "there is no file"),
        ("nowhere.deep:x", "No module named 'nowhere'"),
        ("shutil:copyfile", "wrong signature"),
    ] {
        let called = run(&["--python", call]);
        assert_eq!(called.code, 2, "{call}: {}", called.stderr);
        assert!(called.stderr.contains(says), "{call}: {}", called.stderr);
    }
}

#[test]
fn an_error_shows_the_users_own_traceback_once() {
    if !have("python3") {
        return;
    }
    for (name, says) in
        [("bad", "ValueError: no such luck"), ("odd", "Odd: 1"), ("leaves", "SystemExit: 3")]
    {
        let called = function(name, &["--budget", "4s"]);
        assert_eq!(called.code, 1, "{name}: {}", called.stderr);
        assert_eq!(called.stderr.matches(says).count(), 1, "{name}: {}", called.stderr);
        assert!(called.stderr.contains(&format!("in {name}\n")), "{}", called.stderr);
        assert!(!called.stderr.contains("knee_helper"), "{}", called.stderr);
    }
}

#[test]
fn a_mode_that_cannot_return_what_serial_returned_is_void() {
    if !have("python3") {
        return;
    }
    for (name, says) in [
        ("unpicklable", "cannot be handed over"),
        ("differs", "its checksum is not the one that serial returned"),
        ("dies", "a worker process ended in the middle of a task"),
    ] {
        let modes = ["--modes", "process-pool", "--workers", "2", "--budget", "8s"];
        let called = function(name, &modes);
        assert_eq!(called.code, 1, "{name}: {}", called.stderr);
        assert!(called.stderr.contains(says), "{name}: {}", called.stderr);
        assert!(called.record().samples.is_empty(), "{name}");
    }
}

#[test]
fn what_a_function_prints_and_reads_disturbs_nothing() {
    if !have("python3") {
        return;
    }
    let called = function("prints", &["--budget", "8s", "--workers", "2"]);
    assert!(called.ran(), "{}", called.stderr);
    assert!(called.stderr.contains("a word"), "{}", called.stderr);
    assert!(!called.stdout.contains("a word"), "{}", called.stdout);
    assert!(called.stderr.len() < 40_000, "{} bytes", called.stderr.len());
}

#[test]
fn nothing_is_left_of_a_function_that_hangs() {
    if !have("python3") {
        return;
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    for (tag, end) in [(1, "-KILL"), (2, "-INT"), (3, "")] {
        let seconds = odd_seconds(tag);
        let text = WORK.replace("os.environ[\"ODD\"]", &format!("{seconds:?}"));
        let call = functions(directory.path(), "work.py", &text)("sleeps");
        let running = start(&["--python", &call, "--budget", "50s", "--time-limit", "500ms"]);
        await_alive(&seconds);
        if end.is_empty() {
            let called = running.finish();
            assert!(called.stderr.contains("a task never ended"), "{}", called.stderr);
        } else {
            signal(running.id(), end);
            running.finish();
        }
        assert_gone(&seconds);
    }
}
