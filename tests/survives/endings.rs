//! Tests of every way in which a run can end: nothing of it remains, and what was measured is kept.

use std::fs;

use crate::calls::{Place, alive, can, odd_seconds, send, wait_until};

#[test]
fn what_was_ignored_at_the_start_stays_ignored() {
    let place = Place::new();
    let args = ["run", "sleep:ms=20", "--workers", "1", "--modes", "serial"];
    let args = [&args[..], &["--batch", "2", "--budget", "50s", "--out", "out"]].concat();
    let running = place.start_by(&["env", "--ignore-signal=HUP", "--ignore-signal=INT"], &args);
    wait_until("it runs", || place.out().join("record.jsonl").exists());
    send(running.id(), libc::SIGHUP);
    send(running.id(), libc::SIGINT);
    let called = running.finish();
    assert!(called.ran(), "{called:?}");
    assert!(place.record().end.is_some_and(|end| !end.interrupted));
}

#[test]
fn children_that_the_parent_wanted_reaped_are_waited_for() {
    let place = Place::new();
    let args =
        ["run", "--batch", "2", "--budget", "50s", "--workers", "1", "--out", "out", "--", "true"];
    let called = place.start_by(&["env", "--ignore-signal=CHLD"], &args).finish();
    assert!(called.ran(), "{called:?}");
}

/// A task that takes ten minutes does not make an interrupt wait.
#[test]
fn an_interrupt_does_not_wait_for_the_task() {
    for mode in ["serial", "process-pool"] {
        let place = Place::new();
        let task = if mode == "serial" { "sleep:ms=60000" } else { "pi:digits=3000000" };
        let args = ["run", task, "--modes", mode, "--workers", "1", "--budget", "9m"];
        let running = place.start(&[&args[..], &["--out", "out"]].concat());
        wait_until("it runs", || place.out().join("record.jsonl").exists());
        std::thread::sleep(std::time::Duration::from_millis(300));
        send(running.id(), libc::SIGINT);
        let called = running.finish();
        assert_eq!(called.code, Some(130), "{called:?}");
        assert!(place.record().end.is_some_and(|end| end.interrupted));
        place.assert_clean();
    }
}

/// As `killall` does it: every process called knee gets the signal.
#[test]
fn a_signal_to_all_of_knee_leaves_nothing() {
    for (tag, signal) in
        [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGKILL].into_iter().enumerate()
    {
        let (place, seconds) = (Place::new(), odd_seconds(tag as u32));
        let running =
            place.start(&["run", "--budget", "50s", "--out", "out", "--", "sleep", &seconds]);
        wait_until("the command runs", || !alive(&seconds).is_empty());
        for pid in running.called("knee") {
            send(pid, signal);
        }
        wait_until("the command is gone", || alive(&seconds).is_empty());
        place.assert_clean();
        let called = running.finish();
        assert!(called.code.is_none_or(|code| code == 130), "{called:?}");
    }
}

/// A helper in another language is started before the run, to look at the function.
#[test]
fn an_end_before_the_run_leaves_nothing() {
    if !can(&["python3", "--version"]) {
        return;
    }
    for signal in [libc::SIGKILL, libc::SIGTERM] {
        let place = Place::new();
        let slow = "import time\nopen('seen', 'w').close()\ntime.sleep(600)\ndef f(): pass\n";
        fs::write(place.home.path().join("slow.py"), slow).expect("it is ours");
        let running = place.start(&["run", "--out", "out", "--python", "slow.py:f"]);
        wait_until("it is looked at", || place.home.path().join("seen").exists());
        send(running.id(), signal);
        let called = running.finish();
        assert_eq!(called.code, (signal == libc::SIGTERM).then_some(130), "{called:?}");
        place.assert_clean();
        assert!(!place.out().exists());
    }
}

/// The guard is dead too, so the next run must clean up.
#[test]
fn the_next_run_cleans_up_behind_one_that_was_killed_with_its_guard() {
    let (place, seconds) = (Place::new(), odd_seconds(7));
    let running = place.start(&["run", "--budget", "50s", "--out", "out", "--", "sleep", &seconds]);
    wait_until("the command runs", || !alive(&seconds).is_empty());
    let guards = running.called("guard");
    assert_eq!(guards.len(), 1);
    // The guard is killed first, so that it cannot react. Stopping it would not be enough: the
    // kernel continues stopped processes when their parent dies (setpgid(2), orphaned process
    // groups).
    send(guards[0], libc::SIGKILL);
    wait_until("the guard is gone", || running.called("guard").is_empty());
    send(running.id(), libc::SIGKILL);
    running.finish();
    assert_eq!(alive(&seconds).len(), 1, "nobody has ended it");
    assert_eq!(fs::read_dir(place.tmp()).expect("it is there").count(), 1);
    // A directory that is in use stays, and so does one that belongs to no run.
    let half = place.tmp().join("knee-0123456789abcdef0123456789abcdef-over");
    fs::create_dir(&half).expect("it is ours");
    let stranger = place.tmp().join("knee-of-somebody");
    fs::create_dir(&stranger).expect("it is ours");
    let called = place.call(&[
        "run", "noop", "--batch", "2", "--budget", "50s", "--modes", "serial", "--out", "again",
    ]);
    assert!(called.ran(), "{called:?}");
    assert!(alive(&seconds).is_empty());
    assert_eq!(fs::read_dir(place.tmp()).expect("it is there").count(), 1);
    assert!(stranger.exists());
}

/// A file system fails for a while. The directory that is left is recognised as knee's later.
#[test]
fn what_could_not_be_removed_is_removed_by_the_next_run() {
    if !can(&["strace", "-f", "--seccomp-bpf", "-o", "/dev/null", "true"]) {
        return;
    }
    let place = Place::new();
    let fails = "inject=unlinkat:error=EIO";
    let trace = ["strace", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null"];
    let before = [&trace[..], &["-e", "trace=unlinkat", "-e", fails]].concat();
    let args = ["run", "lock", "--modes", "threads,process-pool", "--workers", "2"];
    let brief = ["--batch", "2", "--budget", "50s"];
    place.start_by(&before, &[&args[..], &brief, &["--out", "out"]].concat()).finish();
    assert_eq!(fs::read_dir(place.tmp()).expect("it is there").count(), 1, "nothing failed");
    let args = ["run", "noop", "--modes", "serial", "--out", "again"];
    let called = place.call(&[&args[..], &brief].concat());
    assert!(called.ran(), "{called:?}");
    place.assert_clean();
}

#[test]
fn what_a_command_puts_out_of_reach_ends_with_the_run() {
    let (place, seconds) = (Place::new(), odd_seconds(9));
    let path = std::env::var("PATH").unwrap_or_default();
    let line = format!("setsid env -i PATH={path} sleep {seconds} >/dev/null 2>&1 & true");
    let called =
        place.run(&["--batch", "2", "--budget", "50s", "--workers", "1", "--", "sh", "-c", &line]);
    assert!(called.ran(), "{called:?}");
    assert!(alive(&seconds).is_empty(), "left behind: {:?}", alive(&seconds));
    place.assert_clean();
}

#[test]
fn nothing_that_the_environment_names_is_deleted() {
    let place = Place::new();
    let dear = place.home.path().join("dear");
    fs::create_dir(&dear).expect("it is ours");
    let setting = format!("KNEE_GUARD_SCRATCH={}", dear.display());
    let called = place.start_by(&["env", &setting], &["list"]).finish();
    assert_eq!(called.code, Some(0), "{called:?}");
    assert!(called.stdout.contains("noop") && dear.exists());
    let called = place.call(&["__guard"]);
    assert_eq!(called.code, Some(2), "{called:?}");
}

/// A dry run starts nothing and writes nothing.
#[test]
fn a_dry_run_needs_neither_a_guard_nor_a_directory() {
    let place = Place::new();
    let args = ["run", "--dry-run", "noop", "sleep"];
    let called = place.start_by(&["env", "TMPDIR=/nowhere/at/all"], &args).finish();
    assert_eq!(called.code, Some(0), "{called:?}");
    assert!(called.stdout.contains("process-pool") && called.stderr.is_empty(), "{called:?}");
    if can(&["strace", "-f", "-o", "/dev/null", "true"]) {
        let trace = ["strace", "-f", "-qq", "-e", "trace=execve,mkdir", "-o", "trace"];
        let called = place.start_by(&trace, &args).finish();
        assert_eq!(called.code, Some(0), "{called:?}");
        let trace = fs::read_to_string(place.home.path().join("trace")).expect("it is there");
        assert_eq!(trace.lines().count(), 1, "{trace}");
    }
}
