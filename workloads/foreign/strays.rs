//! What a program has left behind and what was brought to this process, as to its nearest living
//! relative: its end is taken notice of, so that no number of a process stays taken.

use std::fs;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::process::{Pid, WaitOptions, waitpgid, waitpid};

/// What has left its group and its session is looked for after so many ends of programs.
const EVERY: u32 = 256;

/// Takes notice of the ends of what was in a program's group, after the program's own end was.
pub(super) fn reap(group: Pid) {
    static ENDS: AtomicU32 = AtomicU32::new(0);
    while let Ok(Some(_)) = waitpgid(group, WaitOptions::NOHANG) {}
    if ENDS.fetch_add(1, Ordering::Relaxed) % EVERY == EVERY - 1 {
        reap_elsewhere();
    }
}

/// Children of ours lead a group in our own session. Others that have ended were their children
/// once.
fn reap_elsewhere() {
    // `getsid` is not asked: the number is 0 where the session began outside a container, which it
    // does not expect.
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

/// The fields behind the name in `/proc/PID/stat` are state, parent, group and session.
fn state_and_session(pid: &str) -> Option<(String, String)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit(')').next()?.split_ascii_whitespace();
    Some((fields.next()?.to_string(), fields.nth(2)?.to_string()))
}
