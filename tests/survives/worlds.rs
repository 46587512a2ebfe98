//! Tests on systems that lack something: knee prints one clear line, or runs and says what it could
//! not see.

use std::path::Path;

use crate::calls::{KNEE, Place, can, send, wait_until};

#[test]
fn a_missing_directory_for_temporary_files_is_named() {
    let place = Place::new();
    let args = ["run", "noop", "--budget", "1s", "--out", "out"];
    let called = place.start_by(&["env", "TMPDIR=/nowhere/at/all"], &args).finish();
    assert_eq!(called.code, Some(1), "{called:?}");
    assert!(
        called.stderr.contains("/nowhere/at/all") && called.stderr.contains("TMPDIR"),
        "{called:?}"
    );
}

/// Two runs want the same directory: one gets it, and the other ends with a usage error.
#[test]
fn a_race_for_a_directory_is_a_usage_error() {
    for _ in 0..3 {
        let place = Place::new();
        let args = ["run", "noop", "--modes", "serial", "--budget", "1s", "--out", "out"];
        let racers = [place.start(&args), place.start(&args)];
        let mut codes = racers.map(|one| one.finish().code);
        codes.sort();
        assert!(codes.contains(&Some(2)) && !codes.contains(&Some(6)), "{codes:?}");
    }
}

/// A mount namespace of its own, in which `change` was done.
fn changed(change: &str, args: &str) -> Vec<String> {
    let script = format!("{change} && exec {KNEE} {args}");
    ["unshare", "--mount", "sh", "-c", &script].map(str::to_owned).to_vec()
}

fn call(place: &Place, line: &[String]) -> crate::calls::Called {
    let words: Vec<&str> = line.iter().map(String::as_str).collect();
    place.start_by::<&str>(&words, &[]).finish()
}

#[test]
fn without_devices_there_is_one_clear_line() {
    let change = "mount -t tmpfs none /dev";
    if !can(&["unshare", "--mount", "sh", "-c", change]) {
        return;
    }
    let place = Place::new();
    let called = call(&place, &changed(change, "run --budget 1s --out out -- true"));
    assert!(called.stderr.contains("/dev/null"), "{called:?}");
    assert!(called.code.is_some_and(|code| code != 0), "{called:?}");
    assert!(!called.stderr.contains("panicked"), "{called:?}");
}

#[test]
fn without_proc_it_runs_and_says_what_is_missing() {
    let change = "mount -t tmpfs none /proc";
    if !can(&["unshare", "--mount", "sh", "-c", change]) {
        return;
    }
    let place = Place::new();
    let args = "run noop sleep --modes serial,threads,process-pool --workers 1,2 --batch 2 \
        --budget 50s --out out";
    let called = call(&place, &changed(change, args));
    assert!(called.ran(), "{called:?}");
    assert!(called.stderr.contains("/proc"), "{called:?}");
    assert!(Path::new(&place.out()).join("report.html").exists());
    place.assert_clean();
}

/// The terminal is gone, so nothing can be printed. That counts as an interrupt, not as a failure
/// to write.
#[test]
fn a_hang_up_is_an_interrupt() {
    let place = Place::new();
    let script = format!("exec {KNEE} run noop --modes serial --budget 40s --out out > /dev/full");
    let running = place.start_by::<&str>(&["sh", "-c", &script], &[]);
    wait_until("it measures", || {
        knee::record::read(&place.out()).is_ok_and(|record| !record.samples.is_empty())
    });
    send(running.id(), libc::SIGHUP);
    let called = running.finish();
    assert_eq!(called.code, Some(130), "{called:?}");
    assert!(place.out().join("report.html").exists());
}

/// The terminal's shell and the system both send the signal.
#[test]
fn two_hang_ups_are_one_interrupt() {
    let place = Place::new();
    let args = ["run", "sleep:ms=500", "--modes", "serial", "--budget", "40s", "--out", "out"];
    let running = place.start(&args);
    wait_until("it measures", || {
        knee::record::read(&place.out()).is_ok_and(|record| !record.samples.is_empty())
    });
    send(running.id(), libc::SIGHUP);
    std::thread::sleep(std::time::Duration::from_millis(20));
    send(running.id(), libc::SIGHUP);
    let called = running.finish();
    assert_eq!(called.code, Some(130), "{called:?}");
    assert!(place.out().join("report.html").exists());
    place.assert_clean();
}

/// A real hang-up: the process that holds the other end of the terminal is killed. The system
/// signals only the leader of the terminal's session, which is the shell.
#[test]
fn a_terminal_that_goes_away_is_an_interrupt() {
    if !can(&["script", "-qec", "true", "/dev/null"]) {
        return;
    }
    let place = Place::new();
    // The shell gets the signal as well, and stays to report how knee ended.
    let line = format!(
        "trap : HUP; {KNEE} run noop --modes serial --budget 40s --out out; echo $? > code"
    );
    // The shell is given the line that `script` runs, and knee's name, which it does not need.
    let terminal = "exec script -qec \"$1\" /dev/null";
    let terminal = place.start_by::<&str>(&["sh", "-c", terminal, "sh", &line], &[]);
    wait_until("it measures", || {
        knee::record::read(&place.out()).is_ok_and(|record| !record.samples.is_empty())
    });
    send(terminal.id(), libc::SIGKILL);
    let code = || std::fs::read_to_string(place.home.path().join("code")).unwrap_or_default();
    wait_until("it has ended", || code().ends_with('\n'));
    assert_eq!(code().trim(), "130");
    assert!(place.record().end.is_some_and(|end| end.interrupted));
    assert!(place.out().join("report.html").exists());
    place.assert_clean();
}

/// The clock is set by an hour, forwards and backwards, as when somebody corrects it.
#[test]
fn a_clock_that_jumps_changes_nothing() {
    let libraries = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    let mut found = libraries.map(|entry| entry.path().join("faketime/libfaketimeMT.so.1"));
    let Some(library) = found.find(|path| path.exists()) else {
        println!("skipped: there is no faketime here");
        return;
    };
    for jump in ["+3600", "-3600"] {
        let place = Place::new();
        let clock = place.home.path().join("clock");
        std::fs::write(&clock, "+0").expect("it is ours");
        let settings = [
            format!("LD_PRELOAD={}", library.display()),
            format!("FAKETIME_TIMESTAMP_FILE={}", clock.display()),
            "FAKETIME_NO_CACHE=1".to_owned(),
            "FAKETIME_DONT_FAKE_MONOTONIC=1".to_owned(),
        ];
        let before: Vec<&str> =
            std::iter::once("env").chain(settings.iter().map(String::as_str)).collect();
        let args = ["run", "sleep:ms=2", "--modes", "serial,process-pool", "--workers", "1,2"];
        let args = [&args[..], &["--batch", "20", "--budget", "50s", "--out", "out"]].concat();
        let running = place.start_by(&before, &args);
        wait_until("it measures", || {
            knee::record::read(&place.out()).is_ok_and(|record| !record.samples.is_empty())
        });
        std::fs::write(&clock, jump).expect("it is ours");
        let called = running.finish();
        assert!(called.ran(), "{jump}: {called:?}");
        let end = place.record().end.expect("it has ended");
        assert!(!end.interrupted, "{jump}");
        place.assert_clean();
    }
}

#[test]
fn being_nice_is_mentioned() {
    let place = Place::new();
    let args =
        ["run", "noop", "--modes", "serial", "--workers", "1", "--batch", "2", "--budget", "50s"];
    let args = [&args[..], &["--out", "out"]].concat();
    let called = place.start_by(&["nice", "-n", "7"], &args).finish();
    // These tests may run with a nice value themselves.
    let own = rustix::process::getpriority_process(None).expect("the system says");
    let said = format!("at nice {}", (own + 7).min(19));
    assert!(called.ran() && called.stderr.contains(&said), "{called:?}");
    assert!(place.record().warnings.iter().any(|warning| warning.code == "nice"));
}
