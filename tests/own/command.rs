//! Tests of `knee run -- COMMAND`, and of everything that can go wrong with a program.

use std::path::Path;

use crate::calls::{alive, assert_gone, await_alive, odd_seconds, run, script, signal, start};
use knee::plan::Mode;

/// A run with little to do and a large budget: short, but with enough time on a busy machine.
const BRIEF: [&str; 6] = ["--batch", "2", "--budget", "50s", "--workers", "1,2"];

fn brief<'a>(args: &[&'a str]) -> Vec<&'a str> {
    [&BRIEF[..], args].concat()
}

fn lines(file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn waiting_programs_gain_from_more_at_once() {
    let called = run(&["--budget", "3s", "--workers", "1,6", "--", "sleep", "0.05"]);
    assert!(called.ran(), "{called:?}");
    let record = called.record();
    assert_eq!(record.header.plan.entries[0].label, "sleep 0.05");
    let modes: Vec<Mode> = record.header.plan.entries[0].series.iter().map(|s| s.mode).collect();
    assert_eq!(modes, [Mode::Copies]);
    let best = |workers: usize| {
        let of = record.samples.iter().filter(|sample| sample.cell.workers == workers);
        of.map(|sample| sample.throughput).fold(0.0, f64::max)
    };
    assert!(best(6) > 2.0 * best(1), "{} {}", best(6), best(1));
    assert!(record.samples.iter().all(|sample| sample.usage.peak_memory.unwrap_or(0) > 0));
}

#[test]
fn programs_know_their_worker_and_task() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let seen = directory.path().join("seen");
    let text = format!(
        "#!/bin/sh\necho \"$1 $KNEE_WORKER $2 $KNEE_TASK $KNEE_WORKERS\" >> {}\n",
        seen.display()
    );
    let program = script(directory.path(), "note", &text);
    let called = run(&brief(&["--", &program, "{worker}", "{task}"]));
    assert!(called.ran(), "{called:?}");
    let lines = lines(&seen);
    assert!(lines.len() > 4, "{lines:?}");
    for line in &lines {
        let words: Vec<&str> = line.split(' ').collect();
        assert!(words[0] == words[1] && words[2] == words[3], "{line}");
        assert!(words[0].parse::<u32>().unwrap() < words[4].parse().unwrap(), "{line}");
    }
    assert!(lines.iter().any(|line| line.starts_with("1 1 ")), "a second worker took part");
}

#[test]
fn a_count_can_be_given_to_one_program_at_a_time() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let (seen, lock) = (directory.path().join("seen"), directory.path().join("lock"));
    let text = format!(
        "#!/bin/sh\nmkdir {lock} || exit 9\necho $1 >> {}\nsleep 0.01\nrmdir {lock}\n",
        seen.display(),
        lock = lock.display()
    );
    let program = script(directory.path(), "parallel", &text);
    let called = run(&[
        "--budget",
        "4s",
        "--workers",
        "1,2,5",
        "--sweep-arg",
        "{n}",
        "--",
        &program,
        "-j{n}",
    ]);
    assert!(called.ran(), "never two at once: {}", called.stderr);
    let mut given = lines(&seen);
    given.sort_unstable();
    given.dedup();
    assert_eq!(given, ["-j1", "-j2", "-j5"]);
    assert!(called.record().samples.iter().all(|sample| sample.rates.len() == 1));
}

#[test]
fn what_cannot_be_run_is_one_line_before_anything_starts() {
    for (args, says) in [
        (vec!["--"], "there is no command"),
        (vec!["--", "no-such-program"], "PATH"),
        (vec!["--", "/etc/passwd"], "not executable"),
        (vec!["--shell", "--", "a", "b"], "one word"),
        (vec!["--sweep-arg", "{n}", "--", "true"], "occurs nowhere"),
        (vec!["--prepare", "no-such-preparation", "--", "true"], "no-such-preparation"),
        (vec!["--prepare", "a 'b", "--", "true"], "quote"),
        (vec!["--ignore-failure=x", "--", "true"], "not an exit status"),
        (vec!["--time-limit", "-1s", "--", "true"], "usable duration"),
        (vec!["--modes", "async", "--sweep-arg", "{n}", "--", "echo", "{n}"], "--modes"),
    ] {
        let called = run(&args);
        assert_eq!(called.code, 2, "{args:?}: {}", called.stderr);
        assert!(called.stderr.contains(says), "{args:?}: {}", called.stderr);
        assert!(!called.out().exists(), "{args:?} left a directory");
    }
}

#[test]
fn a_failing_program_is_shown_with_what_it_printed() {
    let called = run(&brief(&["--shell", "--", "echo before; echo wrong >&2; exit 3"]));
    assert_eq!(called.code, 1, "{}", called.stderr);
    for part in ["exit status 3", "| before", "| wrong"] {
        assert!(called.stderr.contains(part), "{}", called.stderr);
    }
    let forgiven = run(&brief(&["--ignore-failure=2,3", "--shell", "--", "exit 3"]));
    assert!(forgiven.ran(), "{}", forgiven.stderr);
    let forgiven = run(&brief(&["-i", "--shell", "--", "exit 77"]));
    assert!(forgiven.ran(), "{}", forgiven.stderr);
    let other = run(&brief(&["--ignore-failure=2", "--shell", "--", "exit 3"]));
    assert_eq!(other.code, 1, "{}", other.stderr);
}

/// A program with much output is not slowed by reading it, once its first run has succeeded. A
/// later failure says where to look.
#[test]
fn output_goes_to_nothing_unless_it_is_asked_for() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let seen = directory.path().join("seen");
    let text =
        format!("#!/bin/sh\nout=$(readlink /proc/$$/fd/1)\necho $out >> {}\n", seen.display());
    let program = script(directory.path(), "where", &text);
    assert!(run(&brief(&["--", &program])).ran());
    let targets = lines(&seen);
    let nothing = targets.iter().filter(|at| *at == "/dev/null").count();
    assert!(nothing > targets.len() / 2, "{targets:?}");
    let kept = directory.path().join("kept");
    let file = kept.to_str().expect("text");
    assert!(run(&brief(&["--output", file, "--", "echo", "a line"])).ran());
    let all = lines(&kept);
    assert!(all.len() > 2 && all.iter().all(|line| line == "a line"), "{all:?}");
    // The program fails only when its output is not read, that is in a round.
    let unread = "#!/bin/sh\n[ \"$(readlink /proc/$$/fd/1)\" = /dev/null ] && echo lost >&2 && \
        exit 9\nexit 0\n";
    let later = script(directory.path(), "later", unread);
    let failed = run(&brief(&["--", &later]));
    assert!(
        failed.stderr.contains("exit status 9") && failed.stderr.contains("| lost"),
        "{}",
        failed.stderr
    );
    assert!(failed.stderr.contains("--output pipe"), "{}", failed.stderr);
}

#[test]
fn a_killed_program_is_a_failed_task() {
    let called = run(&brief(&["--shell", "--", "kill -9 $$"]));
    assert_eq!(called.code, 1);
    assert!(called.stderr.contains("was killed by signal 9"), "{}", called.stderr);
}

#[test]
fn a_program_that_hangs_is_ended_even_if_it_ignores_term() {
    let seconds = odd_seconds(1);
    let line = format!("trap '' TERM; while true; do sleep {seconds}; done");
    let called = run(&brief(&["--time-limit", "200ms", "--shell", "--", &line]));
    assert_eq!(called.code, 1);
    assert!(called.stderr.contains("did not end within 200ms"), "{}", called.stderr);
    assert!(called.stderr.contains("by KILL"), "{}", called.stderr);
    assert_gone(&seconds);
    let seconds = odd_seconds(2);
    let called = run(&brief(&["--time-limit", "200ms", "--", "sleep", &seconds]));
    assert!(called.stderr.contains("by TERM"), "{}", called.stderr);
    assert_gone(&seconds);
}

#[test]
fn a_flood_of_output_neither_blocks_nor_grows() {
    let called = run(&brief(&["--time-limit", "700ms", "--", "yes"]));
    assert_eq!(called.code, 1);
    assert!(called.stderr.contains("bytes in all"), "{}", called.stderr);
    assert!(called.memory < 60 << 20, "{} bytes resident", called.memory);
    let called = run(&brief(&["--shell", "--", "head -c 30000000 /dev/zero"]));
    assert!(called.ran(), "{called:?}");
    assert!(called.memory < 60 << 20, "{} bytes resident", called.memory);
}

#[test]
fn what_a_program_leaves_behind_is_found_and_killed() {
    let seconds = odd_seconds(3);
    let called = run(&brief(&["--shell", "--", &format!("sleep {seconds} & echo started")]));
    assert_eq!(called.code, 1, "{}", called.stderr);
    assert!(called.stderr.contains("left something running"), "{}", called.stderr);
    assert_gone(&seconds);
    let seconds = odd_seconds(4);
    let hidden = format!("setsid sleep {seconds} >/dev/null 2>&1 &");
    run(&brief(&["--shell", "--", &hidden]));
    assert_gone(&seconds);
}

#[test]
fn an_interrupt_ends_programs_too() {
    let seconds = odd_seconds(5);
    let running = start(&["--budget", "50s", "--", "sleep", &seconds]);
    await_alive(&seconds);
    signal(running.id(), "-INT");
    let called = running.finish();
    assert_eq!(called.code, 130, "{}", called.stderr);
    assert!(alive(&seconds).is_empty(), "knee ended before its program");
}

#[test]
fn nothing_outlives_a_killed_knee() {
    let seconds = odd_seconds(6);
    let running = start(&["--budget", "50s", "--", "sleep", &seconds]);
    await_alive(&seconds);
    signal(running.id(), "-KILL");
    running.finish();
    assert_gone(&seconds);
}

#[test]
fn a_preparation_runs_before_each_run_and_does_not_count() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let fresh = directory.path().join("fresh{worker}");
    let fresh = fresh.display();
    let called = run(&[
        "--budget",
        "4s",
        "--workers",
        "1,2",
        "--prepare",
        &format!("sh -c 'sleep 0.3; touch {fresh}'"),
        "--",
        "rm",
        &fresh.to_string(),
    ]);
    assert!(called.ran(), "each run had its preparation: {}", called.stderr);
    for sample in &called.record().samples {
        let slow: u64 =
            sample.latency.iter().filter(|step| step.0 > 300_000_000).map(|s| s.1).sum();
        assert!(slow * 2 < sample.tasks.max(1), "the preparation was timed: {:?}", sample.latency);
    }
}

#[test]
fn what_a_shell_would_read_stays_data() {
    let called = run(&brief(&["--", "echo", "$(touch /tmp/never) `id` <b>"]));
    assert!(called.ran(), "{called:?}");
    assert_eq!(called.record().header.plan.entries[0].label, "echo '$(touch /tmp/never) `id` <b>'");
}
