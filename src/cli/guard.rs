//! Cleans up behind a knee that was killed: a small process that waits for our end and then removes what we left.
//!
//! It is this binary again, blocked in a read of a pipe that only we hold open. The read ends when we end, however we end. It
//! then kills every process that carries this run's mark in its environment (workers, commands and whatever they started) and
//! removes the scratch directory. Nothing of this is on a measured path.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The mark: an environment variable that our children inherit.
pub(super) const MARK: &str = "KNEE_RUN";
/// Set in the guard's own environment: the directory that it removes.
const SCRATCH: &str = "KNEE_GUARD_SCRATCH";

/// The guard of one run. Dropping it, or dying, sets it to work.
#[derive(Debug)]
pub(super) struct Guard {
    child: Child,
}

impl Guard {
    /// Starts the guard of `scratch`, and marks this process's future children with `mark`.
    ///
    /// # Errors
    /// This binary cannot be started again.
    pub(super) fn start(scratch: &Path, mark: &str) -> io::Result<Self> {
        let child = Command::new(std::env::current_exe()?)
            .env(SCRATCH, scratch)
            .env(MARK, mark)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // A Ctrl-C at the terminal is for us, not for it.
            .process_group(0)
            .spawn()?;
        Ok(Self { child })
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// Turns this process into a guard where it was started as one; to be called first in `main`.
pub(super) fn become_guard_if_asked() {
    let Some(scratch) = std::env::var_os(SCRATCH) else { return };
    let mark = std::env::var_os(MARK).unwrap_or_default();
    // The pipe's other end is held by the run alone: this returns when it is gone.
    let _ = io::stdin().read_to_end(&mut Vec::new());
    for _ in 0..20 {
        if kill_marked(&mark) == 0 {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let _ = fs::remove_dir_all(&scratch);
    std::process::exit(0);
}

/// Kills every process but this one whose environment carries the mark; says how many there were.
fn kill_marked(mark: &OsStr) -> usize {
    let needle = [MARK.as_bytes(), b"=", mark.as_encoded_bytes()].concat();
    let own = std::process::id();
    let pids = fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|entry| {
        entry.file_name().to_str()?.parse::<i32>().ok().filter(|pid| pid.cast_unsigned() != own)
    });
    let mut killed = 0;
    for pid in pids {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        if environment.split(|&byte| byte == 0).any(|entry| entry == needle)
            && let Some(pid) = rustix::process::Pid::from_raw(pid)
        {
            killed += usize::from(
                rustix::process::kill_process(pid, rustix::process::Signal::KILL).is_ok(),
            );
        }
    }
    killed
}
