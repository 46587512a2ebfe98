//! Tests of `knee run --python`: a function in Python's own threads, processes and event loop, and
//! faults in it.

use knee::plan::Mode;

use crate::calls::{Called, assert_gone, await_alive, odd_seconds, run, signal, start};
use crate::{Subject, best, counts_a_batch, functions, have, measures_in, refuses};

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

/// A function of [`WORK`], to be measured without a budget.
fn subject(directory: &std::path::Path, name: &str, more: &[(&str, &str)]) -> Subject {
    let call = functions(directory, "work.py", WORK)(name);
    Subject::new(directory, &[&[("call", call.as_str())], more].concat())
}

#[test]
fn a_function_is_measured_by_its_command_line() {
    if !have("python3") {
        return;
    }
    let called = function("square", &["--budget", "25s", "--workers", "2", "--modes", "threads"]);
    assert!(called.ran(), "{}", called.stderr);
    let record = called.record();
    let facts = record.surveys[0].function.as_ref().expect("it is a function");
    assert!(facts.version.starts_with("3.") && !facts.coroutine, "{facts:?}");
    assert!(record.samples.iter().all(|sample| sample.usage.run_queue.is_some()));
    assert!(called.stdout.contains("ThreadPoolExecutor(max_workers="), "{}", called.stdout);
}

#[test]
fn a_function_runs_in_its_own_threads_and_processes() {
    if !have("python3") {
        return;
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut subject = subject(directory.path(), "square", &[]);
    measures_in(&mut subject, &[Mode::Serial, Mode::Threads, Mode::ProcessPool]);
}

#[test]
fn waiting_gains_from_more_workers_than_cpus() {
    if !have("python3") {
        return;
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut crew =
        subject(directory.path(), "nap", &[]).launch(Mode::Threads, 8).expect("it starts");
    let (one, eight) = (best(&mut *crew, 1), best(&mut *crew, 8));
    assert!(eight > 2.0 * one, "{one} and {eight}");
    assert!(one < 501.0, "a nap of 2 ms cannot be taken {one} times per second");
}

#[test]
fn a_coroutine_runs_in_one_event_loop() {
    if !have("python3") {
        return;
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut subject = subject(directory.path(), "wait", &[]);
    let facts = subject.reference().function.expect("it is a function");
    assert!(facts.coroutine && facts.lag.is_some(), "{facts:?}");
    let mut crew = subject.launch(Mode::Async, 16).expect("it starts");
    let (one, many) = (best(&mut *crew, 1), best(&mut *crew, 16));
    assert!(many > 2.0 * one, "{one} and {many}");
}

#[test]
fn setup_chunks_start_methods_and_batches_are_kept() {
    if !have("python3") {
        return;
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    let setup = functions(directory.path(), "work.py", WORK)("prepare");
    for start in ["fork", "forkserver", "spawn"] {
        let more = [("setup", setup.as_str()), ("chunk", "8"), ("start-method", start)];
        counts_a_batch(&subject(directory.path(), "prepared", &more), Mode::ProcessPool);
    }
    let more = [("setup", setup.as_str())];
    counts_a_batch(&subject(directory.path(), "prepared", &more), Mode::Threads);
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

/// A stand-in that fails on the helper as Python 3.6 does.
#[test]
fn an_interpreter_that_is_too_old_is_named_with_its_version() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().expect("a temporary directory");
    let old = directory.path().join("old");
    let text =
        "#!/bin/sh\n[ \"$1\" = --version ] && echo Python 3.6.15 && exit\necho boom >&2; exit 1\n";
    std::fs::write(&old, text).expect("the directory is writable");
    let all = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&old, all).expect("it is ours");
    let called = function("square", &["--python-exe", &old.display().to_string()]);
    assert_eq!(called.code, 2, "{}", called.stderr);
    let says = "this python is 3.6.15, which is too old: Python 3.8 or newer is needed";
    assert!(called.stderr.contains(says), "{}", called.stderr);
    assert_eq!(called.stderr.matches("boom").count(), 1, "{}", called.stderr);
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
    let directory = tempfile::tempdir().expect("a temporary directory");
    for (name, says) in [
        ("unpicklable", "cannot be handed over"),
        ("dies", "a worker process ended in the middle of a task"),
    ] {
        let text = refuses(&subject(directory.path(), name, &[]), Mode::ProcessPool);
        assert!(text.contains(says), "{name}: {text}");
    }
    let mut differs = subject(directory.path(), "differs", &[]);
    let reference = differs.reference();
    let mut crew = differs.launch(Mode::ProcessPool, 2).expect("it starts");
    let extent = knee::mode::Extent::Tasks(10);
    let round = crate::round(&mut *crew, 2, extent).expect("it is measured");
    let sums: Vec<u64> = round.laps[0].checks.iter().map(|(_, sum)| *sum).collect();
    assert_ne!(sums, reference.checksums, "each process returns another number");
    let called = function("differs", &["--budget", "6s", "--modes", "process-pool"]);
    assert!(called.stderr.contains("not on the process or thread"), "{}", called.stderr);
}

#[test]
fn what_a_function_prints_and_reads_disturbs_nothing() {
    if !have("python3") {
        return;
    }
    let called = function("prints", &["--budget", "15s", "--modes", "serial"]);
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
