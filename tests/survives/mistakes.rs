//! Tests of faults in knee itself: a panic where none is expected.

use crate::calls::{Place, can};

/// No thread waits for one that has panicked. The panic is provoked through the standard library,
/// which panics when closing a directory fails; Linux never reports that by itself. Which close it
/// is differs from run to run.
#[test]
fn a_panic_in_a_thread_of_ours_ends_the_run() {
    if !can(&["strace", "-f", "--seccomp-bpf", "-o", "/dev/null", "true"]) {
        return;
    }
    let trace = ["strace", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", "-e", "signal=none"];
    let args = ["run", "lock", "--modes", "threads", "--workers", "2", "--budget", "400ms"];
    let (mut main, mut member) = (false, false);
    for when in 6..60 {
        let place = Place::new();
        let fails = format!("inject=close:error=EIO:when={when}");
        let before = [&trace[..], &["-e", "trace=close", "-e", &fails]].concat();
        let called = place.start_by(&before, &[&args[..], &["--out", "out"]].concat()).finish();
        let panicked = |name: &str| called.stderr.contains(&format!("thread '{name}"));
        if panicked("main") || panicked("knee-") {
            assert_eq!(called.code, Some(1), "{when}: {called:?}");
            assert!(called.stderr.contains("this is a mistake in knee"), "{when}: {called:?}");
            place.assert_clean();
        }
        (main, member) = (main | panicked("main"), member | panicked("knee-"));
        if main && member {
            return;
        }
    }
    println!("skipped: no close of a directory was met (main: {main}, member: {member})");
}
