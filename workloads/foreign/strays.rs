//! Processes that a program has left behind become children of this process (a subreaper). They are
//! reaped here when they end, so that no process id stays in use.

use std::fs;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::process::{Pid, WaitOptions, waitpgid, waitpid};

/// Processes that have left the group and the session are searched for after so many ends of
/// programs.
const EVERY: u32 = 256;

/// Reaps ended processes of a program's group. To be called after the program itself was reaped.
pub(super) fn reap(group: Pid) {
    static ENDS: AtomicU32 = AtomicU32::new(0);
    while let Ok(Some(_)) = waitpgid(group, WaitOptions::NOHANG) {}
    if ENDS.fetch_add(1, Ordering::Relaxed) % EVERY == EVERY - 1 {
        reap_elsewhere();
    }
}

/// Programs that this process started lead a group in its own session. Ended children in other
/// sessions were started by those programs.
fn reap_elsewhere() {
    // `getsid` is not used: where the session began outside a container its number is 0, which the
    // safe wrapper does not expect.
    let Some((_, ours)) = state_and_session("self") else { return };
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    for pid in lists.flat_map(|list| {
        list.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<i32>>()
    }) {
        let seen = state_and_session(&pid.to_string());
        let stray = seen.is_some_and(|(state, session)| state == "Z" && session != ours);
        if let Some(pid) = Pid::from_raw(pid).filter(|_| stray) {
            let _ = waitpid(Some(pid), WaitOptions::NOHANG);
        }
    }
}

/// The state and the session of a process. In `/proc/PID/stat` the fields after the name are state,
/// parent, group and session.
fn state_and_session(pid: &str) -> Option<(String, String)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit(')').next()?.split_ascii_whitespace();
    Some((fields.next()?.to_string(), fields.nth(2)?.to_string()))
}
