//! Tests of `knee run --worker ..`: the examples in two languages work, and any fault of a worker
//! is a failed task with a reason.

use knee::plan::Mode;

use crate::calls::{assert_gone, await_alive, odd_seconds, run, script, signal, start};

fn example(name: &str) -> String {
    format!("{}/workloads/examples/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// Runs a worker that is a shell script of these lines, with a short time limit. Its failure must
/// contain all of `says`.
fn fails(lines: &str, says: &[&str]) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let program = script(directory.path(), "worker", &format!("#!/bin/sh\n{lines}\n"));
    let args =
        ["--budget", "2s", "--workers", "1,2", "--time-limit", "400ms", "--worker", &program];
    let called = run(&args);
    assert!([1, 4].contains(&called.code), "{lines}: {} {}", called.code, called.stderr);
    for part in says {
        assert!(called.stderr.contains(part), "{lines}: not {part:?} in {}", called.stderr);
    }
    assert!(!called.stderr.contains("panicked"), "{}", called.stderr);
}

#[test]
fn the_examples_work_as_copies() {
    for name in ["worker.py", "worker.sh"] {
        let line = example(name);
        let called =
            run(&["--batch", "4", "--budget", "6s", "--workers", "1,2", "--worker", &line]);
        assert!(called.ran(), "{name}: {}", called.stderr);
        let record = called.record();
        assert!(record.samples.iter().all(|sample| sample.cell.mode == Mode::Copies), "{name}");
        assert!(record.samples.iter().all(|sample| sample.tasks > 0), "{name}");
        let cpu = |sample: &knee::run::Sample| sample.usage.user + sample.usage.system;
        assert!(record.samples.iter().any(|sample| cpu(sample) > 0.0), "its CPU time is counted");
        assert!(record.samples.iter().all(|sample| sample.usage.peak_memory.is_some()));
    }
}

#[test]
fn a_worker_gets_its_count_where_it_has_a_pool_of_its_own() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let seen = directory.path().join("seen");
    let text = format!(
        "#!/bin/sh\necho $1 $KNEE_WORKERS >> {}\nwhile read -r line; do echo '{{}}'; done\n",
        seen.display()
    );
    let program = script(directory.path(), "pool", &text);
    let line = format!("{program} 'size {{n}}'");
    let args = ["--budget", "3s", "--workers", "1,3", "--sweep-arg", "{n}", "--worker", &line];
    let called = run(&args);
    assert!(called.ran(), "{called:?}");
    let text = std::fs::read_to_string(&seen).expect("it was started");
    assert!(text.lines().all(|line| ["size 1 1", "size 3 3"].contains(&line)), "{text}");
    assert!(text.contains("size 3 3"), "{text}");
}

#[test]
fn what_cannot_be_a_worker_is_one_line_before_anything_starts() {
    for (line, says) in [
        ("no-such-worker", "PATH"),
        ("python3 'worker.py", "quote"),
        ("", "names no program"),
        ("cat {task}", "told each number"),
    ] {
        let called = run(&["--worker", line]);
        assert_eq!(called.code, 2, "{line}: {}", called.stderr);
        assert!(called.stderr.contains(says), "{line}: {}", called.stderr);
        assert!(!called.out().exists(), "{line} left a directory");
    }
}

#[test]
fn a_dying_worker_is_a_failed_task() {
    fails("exit 0", &["ended with exit status 0"]);
    fails("read -r line; echo no disk >&2; exit 5", &["exit status 5", "| no disk"]);
    fails("read -r line; kill -9 $$", &["was killed by signal 9"]);
    let later = "n=0; while read -r line; do n=$((n+1)); [ $n = 5 ] && exit 7; echo '{}'; done";
    fails(later, &["exit status 7"]);
}

#[test]
fn a_silent_worker_is_a_failed_task_and_leaves_nothing() {
    let seconds = odd_seconds(7);
    fails(
        &format!("trap '' TERM; sleep {seconds}"),
        &["no reply within 400ms", "flush after each line"],
    );
    assert_gone(&seconds);
    fails(&format!("exec >&-; sleep {seconds}"), &["closed its output"]);
    assert_gone(&seconds);
}

#[test]
fn rubbish_is_a_failed_task() {
    fails("while read -r line; do echo hello; done", &["printed \"hello\"", "was expected"]);
    fails("while read -r line; do echo '{}'; echo '{}'; done", &["no task was under way"]);
    fails("read -r line; echo '{\"units\": -1}'; cat", &["was expected"]);
    fails("read -r line; echo '{\"task\": 99}'; cat", &["answered to task 99"]);
    fails("read -r line; echo '{\"error\": \"no disk\"}'; cat", &["the worker said: no disk"]);
    fails("read -r line; head -c 1000000 /dev/zero; cat", &["without an end of line"]);
    fails("read -r line; printf '\\377\\376\\n'; cat", &["was expected"]);
    let changing = "while read -r line; do echo \"{\\\"checksum\\\": $$}\"; done";
    fails(changing, &["checksum"]);
}

#[test]
fn a_worker_that_complains_without_end_does_not_block() {
    let flood = "while read -r line; do head -c 300000 /dev/zero >&2; echo '{}'; done";
    let directory = tempfile::tempdir().expect("a temporary directory");
    let program = script(directory.path(), "worker", &format!("#!/bin/sh\n{flood}\n"));
    let called = run(&["--budget", "2s", "--workers", "1,2", "--worker", &program]);
    assert!(called.ran(), "{called:?}");
    assert!(called.memory < 60 << 20, "{} bytes resident", called.memory);
}

#[test]
fn an_interrupt_ends_workers_too() {
    let seconds = odd_seconds(8);
    let running = start(&["--budget", "50s", "--worker", &format!("sleep {seconds}")]);
    await_alive(&seconds);
    signal(running.id(), "-INT");
    let called = running.finish();
    assert_eq!(called.code, 130, "{}", called.stderr);
    assert_gone(&seconds);
}
