//! Tests of limits on threads and processes, of stopped workers, and of CPUs that are taken away.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::calls::{LITTLE, Place, Running, can, send, wait_until};

/// Starts knee as the user nobody with a limit on processes and threads.
fn limited(place: &Place, tasks: u32, args: &[&str]) -> Running {
    for path in [place.home.path().to_owned(), place.tmp()] {
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).expect("it is ours");
    }
    let limit = format!("--nproc={tasks}");
    let nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    let before = [&nobody[..], &["prlimit", &limit]].concat();
    place.start_by(&before, args)
}

fn can_limit() -> bool {
    let nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    can(&[&nobody[..], &["prlimit", "--nproc=9", crate::calls::KNEE, "list"]].concat())
}

/// Every mode at every limit: cells fail and the limit is named, the rest goes on, nothing hangs.
#[test]
fn a_limit_on_threads_fails_cells_and_hangs_nothing() {
    if !can_limit() {
        return;
    }
    for (tasks, mode, word) in [
        (4, "thread-per-task", "thread"),
        (6, "process-per-task", "process"),
        (3, "async", "async"),
        (5, "threads", "thread pool"),
        (5, "process-pool", "process"),
    ] {
        let place = Place::new();
        let args = [
            "run",
            "noop",
            "--modes",
            mode,
            "--workers",
            "1,2,16",
            "--batch",
            "2",
            "--budget",
            "50s",
        ];
        let called = limited(&place, tasks, &[&args[..], &["--out", "out"]].concat()).finish();
        assert_eq!(called.code.filter(|code| [1, 4].contains(code)), called.code, "{called:?}");
        assert!(called.code.is_some(), "{mode}: {called:?}");
        assert!(called.stderr.contains("ulimit -u"), "{mode}: {called:?}");
        assert!(called.stderr.contains(word), "{mode}: {called:?}");
        assert!(!called.stderr.contains("panicked"), "{mode}: {called:?}");
        place.assert_clean();
    }
}

/// A control group for this test with this limit on processes; `None` where it cannot be made.
fn control_group(most: u32) -> Option<std::path::PathBuf> {
    let roots = ["/sys/fs/cgroup/pids", "/sys/fs/cgroup"];
    let group = roots.iter().find_map(|root| {
        let group = std::path::Path::new(root).join(format!("knee-{}", std::process::id()));
        fs::create_dir(&group).ok()?;
        let limited = fs::write(group.join("pids.max"), most.to_string()).is_ok();
        if !limited {
            let _ = fs::remove_dir(&group);
        }
        limited.then_some(group)
    });
    if group.is_none() {
        println!("skipped: no control group can be made here");
    }
    group
}

#[test]

fn the_limit_of_a_control_group_is_named() {
    let place = Place::new();
    let Some(group) = control_group(10) else { return };
    let script = format!(
        "echo $$ > {}/cgroup.procs && exec {} run sleep --modes all --workers 1,2,16,200 --budget \
         2s --out out",
        group.display(),
        crate::calls::KNEE
    );
    let called = place.start_by::<&str>(&["sh", "-c", &script], &[]).finish();
    wait_until("the group is empty", || fs::remove_dir(&group).is_ok() || !group.exists());
    assert_eq!(called.code, Some(4), "{called:?}");
    assert!(called.stderr.contains("pids.max"), "{called:?}");
    assert!(!called.stderr.contains("panicked"), "{called:?}");
    place.assert_clean();
}

/// Even drawing the report needs no further thread.
#[test]
fn a_report_is_painted_by_one_thread() {
    if !can_limit() {
        return;
    }
    let place = Place::new();
    let called = place.run(&LITTLE);
    assert!(called.ran(), "{called:?}");
    let called = limited(&place, 0, &["report", "out", "--out", "tmp/again"]).finish();
    assert!(called.ran(), "{called:?}");
    assert!(place.tmp().join("again/report.html").exists());
}

/// It takes longer than other tests, because a round has at least five seconds.
#[test]
#[ignore = "it takes half a minute"]
fn a_worker_that_is_stopped_is_ended_and_named() {
    for mode in ["process-pool", "process-per-task"] {
        let place = Place::new();
        let args = ["run", "sleep:ms=20", "--modes", mode, "--workers", "2", "--budget", "40s"];
        let running = place.start(&[&args[..], &["--out", "out"]].concat());
        let name = if mode == "process-pool" { "worker-1" } else { "single" };
        wait_until("it measures", || {
            knee::record::read(&place.out()).is_ok_and(|record| !record.samples.is_empty())
        });
        // Short-lived processes are easily missed, so try until one is stopped.
        let stopped = std::cell::Cell::new(0);
        wait_until("a worker is stopped", || {
            stopped.set(running.called(name).first().copied().unwrap_or(0));
            stopped.get() > 0 && {
                send(stopped.get(), libc::SIGSTOP);
                // It takes a moment to stop. No second one may be stopped with it.
                let stat = || fs::read_to_string(format!("/proc/{}/stat", stopped.get()));
                let ends = |stat: &str| stat.contains(") Z ") || stat.contains(") X ");
                wait_until("it stops or is gone", || {
                    stat().map_or(true, |stat| stat.contains(") T ") || ends(&stat))
                });
                stat().is_ok_and(|stat| stat.contains(") T "))
            }
        });
        let pid = stopped.get();
        wait_until("it is named", || {
            let record = knee::record::read(&place.out());
            let said = format!("process {pid} gave no sign");
            record.is_ok_and(|record| record.failures.iter().any(|one| one.reason.contains(&said)))
        });
        send(running.id(), libc::SIGTERM);
        let called = running.finish();
        assert_eq!(called.code, Some(130), "{called:?}");
        place.assert_clean();
    }
}

/// As `taskset -a -p` does it, for all threads and workers of the run.
#[test]
fn cpus_that_are_taken_away_are_said_and_not_averaged() {
    let place = Place::new();
    let args = ["run", "sleep", "--modes", "serial,threads", "--workers", "1,2", "--budget", "5s"];
    let running = place.start(&[&args[..], &["--out", "out"]].concat());
    let rounds = || knee::record::read(&place.out()).map_or(0, |record| record.samples.len());
    wait_until("it measures", || rounds() > 4);
    let before = knee::machine::placement::allowed_cpus().expect("the system says");
    if before.len() < 2 {
        println!("skipped: there is one CPU, and none can be taken away");
        return;
    }
    let first = before.iter().next().expect("there is one").to_string();
    let pid = running.id().to_string();
    if !can(&["taskset", "-a", "-c", "-p", &first, &pid]) {
        return;
    }
    let called = running.finish();
    assert_eq!(called.code, Some(5), "{called:?}");
    let said = format!("the allowed CPUs changed from {before} to {first} in mid-run");
    assert!(called.stdout.contains(&said), "{said}: {called:?}");
    let text = fs::read_to_string(place.out().join("findings.json")).expect("it is there");
    assert!(text.contains("budget-changed"));
    let record = place.record();
    let findings = knee::analysis::analyse(&record);
    assert!(findings.run.rounds > 0 && findings.run.rounds < record.samples.len() as u64);
}

/// As Ctrl-Z in a pipeline, or freezing a container, does it: knee and its command are both
/// stopped, for longer than the command may take.
#[test]
#[ignore = "it takes a quarter of a minute"]
fn a_run_that_is_stopped_with_its_command_goes_on() {
    let place = Place::new();
    let args = ["run", "--workers", "1", "--budget", "8s", "--time-limit", "2s", "--out", "out"];
    let running = place.start(&[&args[..], &["--", "sleep", "0.7"]].concat());
    wait_until("it measures", || {
        knee::record::read(&place.out()).is_ok_and(|record| !record.samples.is_empty())
    });
    // In the middle of a round, because a stop between two rounds is not marked.
    std::thread::sleep(std::time::Duration::from_millis(200));
    let all = |signal| {
        for pid in [running.called("knee"), running.called("sleep")].concat() {
            send(pid, signal);
        }
    };
    all(libc::SIGSTOP);
    std::thread::sleep(std::time::Duration::from_secs(6));
    all(libc::SIGCONT);
    let called = running.finish();
    assert!(called.ran(), "{called:?}");
    let record = place.record();
    assert!(record.failures.is_empty(), "{:?}", record.failures);
    let stopped = record.samples.iter().find(|sample| sample.was_stopped()).expect("it is marked");
    let later = |sample: &&knee::run::Sample| sample.round > stopped.round;
    assert!(record.samples.iter().any(|sample| later(&sample)), "nothing was measured after it");
}

/// A control group for this test that can be frozen, as `docker pause` does it. Returns its
/// directory, and the files and texts to write to freeze and to thaw it.
fn freezer() -> Option<(std::path::PathBuf, [(&'static str, &'static str); 2])> {
    let second = [("cgroup.freeze", "1"), ("cgroup.freeze", "0")];
    let first = [("freezer.state", "FROZEN"), ("freezer.state", "THAWED")];
    let places = [
        ("/sys/fs/cgroup", second),
        ("/sys/fs/cgroup/unified", second),
        ("/sys/fs/cgroup/freezer", first),
    ];
    let found = places.into_iter().find_map(|(root, [freeze, thaw])| {
        let group = std::path::Path::new(root).join(format!("knee-f{}", std::process::id()));
        fs::create_dir(&group).ok()?;
        let can =
            group.join("cgroup.procs").exists() && fs::write(group.join(thaw.0), thaw.1).is_ok();
        if !can {
            let _ = fs::remove_dir(&group);
        }
        can.then_some((group, [freeze, thaw]))
    });
    if found.is_none() {
        println!("skipped: no control group can be frozen here");
    }
    found
}

/// Freezing sends no signal that would tell of it.
#[test]
#[ignore = "it takes a quarter of a minute"]
fn a_run_that_is_frozen_with_its_container_goes_on() {
    let place = Place::new();
    let Some((group, [freeze, thaw])) = freezer() else { return };
    let script = format!(
        "echo $$ > {}/cgroup.procs && exec {} run sleep:ms=5 --modes serial,process-pool --workers \
         1,2 --budget 6s --out out",
        group.display(),
        crate::calls::KNEE
    );
    let begun = std::time::Instant::now();
    let running = place.start_by::<&str>(&["sh", "-c", &script], &[]);
    let rounds = || knee::record::read(&place.out()).map_or(0, |record| record.samples.len());
    wait_until("it measures", || rounds() > 0);
    fs::write(group.join(freeze.0), freeze.1).expect("it may");
    // The freeze is longer than the whole budget.
    std::thread::sleep(std::time::Duration::from_secs(8));
    let before = rounds();
    fs::write(group.join(thaw.0), thaw.1).expect("it may");
    let called = running.finish();
    let took = begun.elapsed().as_secs_f64();
    wait_until("the group is empty", || fs::remove_dir(&group).is_ok() || !group.exists());
    assert!(called.ran(), "{called:?}");
    let record = place.record();
    assert!(record.failures.is_empty(), "{:?}", record.failures);
    assert!(record.samples.iter().any(knee::run::Sample::was_stopped), "it is not marked");
    assert!(record.samples.len() > before + 1, "nothing was measured after it");
    // Wherever it came, in a round or between two, the time was not taken from the budget.
    let wall = record.end.expect("it has ended").wall;
    assert!(wall + 6.0 < took, "{wall} of {took} s");
    place.assert_clean();
}
