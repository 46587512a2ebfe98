//! A child process: watching it, signalling it, reaping it. Signals are sent only until the child
//! is reaped, because after that the system may give its process id to another process.

#[cfg(target_os = "linux")]
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

#[cfg(target_os = "linux")]
use super::warden::Ward;
use crate::error::{Error, Result};
use crate::outcome::{Exit, ExitStatus, Usage};
#[cfg(target_os = "linux")]
use crate::sys::poll;
use crate::sys::poll::Deadline;

/// A child that leads its own process group.
#[derive(Debug)]
pub(crate) struct ChildProcess {
    pid: Pid,
    /// Becomes readable when the child has ended.
    #[cfg(target_os = "linux")]
    pidfd: OwnedFd,
    exit: Mutex<Option<Exit>>,
    /// Its place in the warden's table, if it has one.
    #[cfg(target_os = "linux")]
    ward: Mutex<Option<Ward>>,
}

impl ChildProcess {
    /// Takes charge of a child that was just started and is not yet reaped. A child that cannot be
    /// watched is killed at once.
    pub(crate) fn adopt(pid: u32) -> Result<Self> {
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or(Error::Damaged("a process id is out of range"))?;
        Ok(Self {
            pid,
            #[cfg(target_os = "linux")]
            pidfd: rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty())
                .inspect_err(|_| end_unwatched(pid))
                .map_err(Error::os("watch a child process"))?,
            exit: Mutex::new(None),
            #[cfg(target_os = "linux")]
            ward: Mutex::new(None),
        })
    }

    /// Keeps its place with the warden until it is reaped.
    #[cfg(target_os = "linux")]
    pub(crate) fn entrust(&self, ward: Option<Ward>) {
        *self.ward.lock().unwrap_or_else(PoisonError::into_inner) = ward;
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get() as u32
    }

    fn lock(&self) -> MutexGuard<'_, Option<Exit>> {
        self.exit.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a signal to the child and all in its group; nothing happens when it has been reaped.
    pub(crate) fn signal(&self, signal: Signal) {
        let exit = self.lock();
        if exit.is_none() {
            // A child that is not yet in its own group, or has left it, is signalled by its process
            // id.
            let _ = kill_process_group(self.pid, signal);
            let _ = kill_process(self.pid, signal);
        }
    }

    /// How it ended, if it has: kills what is left of its group, then reaps it.
    pub(crate) fn try_reap(&self) -> Option<Exit> {
        let mut exit = self.lock();
        if exit.is_none() && self.ended() {
            // While the child is a zombie, the number of its group cannot be given to other
            // processes.
            let _ = kill_process_group(self.pid, Signal::KILL);
            #[cfg(target_os = "linux")]
            self.entrust(None);
            *exit = Some(self.reap());
        }
        *exit
    }

    /// Waits until it has ended or the deadline has passed.
    pub(crate) fn wait(&self, deadline: Deadline) -> Result<Option<Exit>> {
        loop {
            let ended = self.wait_for_end(deadline)?;
            let exit = self.try_reap();
            if exit.is_some() || !ended {
                return Ok(exit);
            }
        }
    }

    #[cfg(target_os = "linux")]
    fn wait_for_end(&self, deadline: Deadline) -> Result<bool> {
        poll::readable(self.pidfd.as_fd(), deadline)
    }

    /// For systems without process descriptors: polls, in growing steps of up to 10 ms.
    #[cfg(not(target_os = "linux"))]
    fn wait_for_end(&self, deadline: Deadline) -> Result<bool> {
        let mut step = Duration::from_micros(100);
        while !self.ended() {
            let left =
                deadline.map_or(step, |at| at.saturating_duration_since(std::time::Instant::now()));
            if left.is_zero() {
                return Ok(false);
            }
            std::thread::sleep(step.min(left));
            step = (step * 2).min(Duration::from_millis(10));
        }
        Ok(true)
    }

    /// Whether it is a zombie, or other code has reaped it.
    fn ended(&self) -> bool {
        use rustix::process::{WaitId, WaitIdOptions, waitid};
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        !matches!(waitid(WaitId::Pid(self.pid), options), Ok(None))
    }

    fn reap(&self) -> Exit {
        let mut status: libc::c_int = 0;
        // SAFETY: an all-zero rusage is a valid value of that plain C struct.
        let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
        // SAFETY: both out-pointers are valid for the call; the pid is a child of ours that is not
        // yet reaped.
        let pid = unsafe {
            libc::wait4(self.pid.as_raw_nonzero().get(), &raw mut status, 0, &raw mut usage)
        };
        let status = if pid < 0 {
            ExitStatus::Unknown
        } else if libc::WIFEXITED(status) {
            ExitStatus::Code(libc::WEXITSTATUS(status))
        } else {
            ExitStatus::Signal(libc::WTERMSIG(status))
        };
        Exit { pid: self.pid(), status, usage: to_usage(&usage) }
    }
}

/// Kills and reaps a child for which no descriptor could be opened, so that no error leaves a
/// process behind.
#[cfg(target_os = "linux")]
fn end_unwatched(pid: Pid) {
    let _ = kill_process_group(pid, Signal::KILL);
    let _ = kill_process(pid, Signal::KILL);
    let _ = rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::empty());
}

fn to_usage(usage: &libc::rusage) -> Usage {
    let duration = |time: libc::timeval| {
        Duration::from_secs(time.tv_sec as u64) + Duration::from_micros(time.tv_usec as u64)
    };
    Usage {
        user: duration(usage.ru_utime),
        system: duration(usage.ru_stime),
        voluntary_switches: usage.ru_nvcsw as u64,
        involuntary_switches: usage.ru_nivcsw as u64,
        minor_faults: usage.ru_minflt as u64,
        major_faults: usage.ru_majflt as u64,
    }
}

#[cfg(target_os = "linux")]
impl AsFd for ChildProcess {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
}

impl Drop for ChildProcess {
    /// Kills and reaps a child that was not waited for, so that none outlives its owner.
    fn drop(&mut self) {
        if self.lock().is_none() {
            self.signal(Signal::KILL);
            let _ = self.wait(None);
        }
    }
}
