//! A started program: its process group, a handle that becomes readable at its end, and how it
//! ended.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

use super::{poll_once, strays};

/// Read-locked while a program is being started. Between its birth and the execution of its own
/// image, a new process holds a copy of every descriptor of this process, including writing ends of
/// other threads' pipes. On a busy machine that may take a while.
static STARTING: RwLock<()> = RwLock::new(());

/// To be held while a program is being started.
pub(crate) fn starting() -> RwLockReadGuard<'static, ()> {
    STARTING.read().unwrap_or_else(PoisonError::into_inner)
}

/// Returns when every program that was being started at the call has been started.
pub(crate) fn await_starts() {
    drop(STARTING.write().unwrap_or_else(PoisonError::into_inner));
}

/// A program that was started. Dropping it kills it with its group and reaps it.
#[derive(Debug)]
pub(crate) struct Child {
    pid: Pid,
    handle: OwnedFd,
    /// Set once it was reaped. From then on its process id may belong to another process.
    ended: Option<Ended>,
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// It exited by itself, with this status.
    Exited(i32),
    /// This signal ended it.
    Killed(i32),
}

/// A program's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) status: Status,
    /// The largest resident memory in bytes. The system includes what this process held when it
    /// started the program.
    pub(crate) peak_memory: u64,
}

impl Child {
    /// Starts a program as the leader of a process group of its own, so that a terminal's Ctrl-C
    /// does not reach it and everything that it starts can be ended with it.
    pub(crate) fn start(command: &mut Command) -> io::Result<Self> {
        // `posix_spawn` sets the group itself. A `pre_exec` hook would turn the start into a fork,
        // whose cost grows with the memory of this process.
        let started = {
            let _starting = starting();
            command.process_group(0).spawn()?
        };
        let pid = Pid::from_child(&started);
        match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(handle) => Ok(Self { pid, handle, ended: None }),
            Err(error) => {
                let _ = kill_process_group(pid, Signal::KILL);
                let _ = wait(pid);
                Err(error.into())
            }
        }
    }

    /// Its process id, which is its group's too.
    pub(crate) fn id(&self) -> u32 {
        self.pid.as_raw_nonzero().get().cast_unsigned()
    }

    /// A descriptor that is readable once the program has ended.
    pub(crate) fn handle(&self) -> BorrowedFd<'_> {
        self.handle.as_fd()
    }

    /// Sends a signal to the program and to all that it started and did not put into another group.
    ///
    /// Does nothing once it was reaped, because its process id may belong to another process then.
    pub(crate) fn signal_group(&self, signal: Signal) {
        if self.ended.is_none() {
            let _ = kill_process_group(self.pid, signal);
        }
    }

    /// Waits for its end; returns `false` if it has not ended by `deadline`.
    pub(crate) fn await_end(&self, deadline: Instant) -> io::Result<bool> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let mut one = [PollFd::from_borrowed_fd(self.handle(), PollFlags::IN)];
            poll_once(&mut one, Some(left))?;
            if !one[0].revents().is_empty() {
                return Ok(true);
            }
            if left.is_zero() {
                return Ok(false);
            }
        }
    }

    /// Kills what is left of its group and takes its status. To be called once it has ended.
    pub(crate) fn reap(&mut self) -> io::Result<Ended> {
        if let Some(ended) = self.ended {
            return Ok(ended);
        }
        self.signal_group(Signal::KILL);
        let ended = wait(self.pid)?;
        self.ended = Some(ended);
        strays::reap(self.pid);
        Ok(ended)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.reap();
    }
}

/// Waits for a child of this process; returns its status and the resources that the system counted
/// for it.
fn wait(pid: Pid) -> io::Result<Ended> {
    let mut status = 0;
    // SAFETY: an all-zero rusage is a valid value of that plain C struct.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    loop {
        // SAFETY: both pointers are valid for the call.
        let got =
            unsafe { libc::wait4(pid.as_raw_nonzero().get(), &raw mut status, 0, &raw mut usage) };
        if got >= 0 {
            break;
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
    let ended = if libc::WIFSIGNALED(status) {
        Status::Killed(libc::WTERMSIG(status))
    } else {
        Status::Exited(libc::WEXITSTATUS(status))
    };
    Ok(Ended { status: ended, peak_memory: usage.ru_maxrss.cast_unsigned() << 10 })
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            Self::Exited(status) => write!(f, "ended with exit status {status}"),
            Self::Killed(signal) => {
                let remark = match signal {
                    libc::SIGKILL => " (KILL, perhaps for want of memory)",
                    libc::SIGSEGV => " (segmentation fault)",
                    libc::SIGABRT => " (abort)",
                    libc::SIGTERM => " (TERM)",
                    libc::SIGINT => " (interrupt)",
                    libc::SIGPIPE => " (broken pipe)",
                    libc::SIGXCPU => " (CPU time limit)",
                    libc::SIGXFSZ => " (file size limit)",
                    _ => "",
                };
                write!(f, "was killed by signal {signal}{remark}")
            }
        }
    }
}
