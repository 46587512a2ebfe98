//! How a task ended, and how a process ended. Every accepted task has exactly one [`Outcome`].

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What became of a task: its result, or why there is none.
pub type Outcome<R> = std::result::Result<R, Failure>;

/// Why a task has no result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The task ended with an error of its own.
    #[error("the task failed: {0}")]
    Failed(String),
    /// The task panicked; the worker lives on.
    #[error("the task panicked: {0}")]
    Panicked(String),
    /// The process that ran the task died.
    #[error("{0}")]
    Died(Death),
    /// The task took longer than its limit; its worker was killed.
    #[error("the task was killed after its time limit of {after:?}")]
    TimedOut {
        /// The limit.
        after: Duration,
    },
    /// The task was cancelled through its handle, or because the pool was terminated.
    #[error("the task was cancelled")]
    Cancelled,
    /// The task was accepted but never reached a worker.
    #[error("the task was never started: {0}")]
    NeverStarted(String),
    /// The result came back in a form that could not be read.
    #[error("the result cannot be read: {0}")]
    Unreadable(String),
}

/// How a worker or a process died while it had work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Death {
    /// Its process id, no longer in use.
    pub pid: u32,
    /// How it ended.
    pub status: ExitStatus,
    /// How many kills for lack of memory its memory cgroup counted meanwhile (`oom_kill`); `None`
    /// where the counter cannot be read.
    pub oom_kills: Option<u64>,
}

impl fmt::Display for Death {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} {} during the task", self.pid, self.status)?;
        match (self.oom_kills, self.status.signal()) {
            (Some(kills), Some(9)) if kills > 0 => {
                write!(
                    f,
                    "; its memory cgroup counted {kills} kill(s) for lack of memory meanwhile"
                )
            }
            (_, Some(9)) => write!(f, "; somebody killed it, or the system did for lack of memory"),
            _ => Ok(()),
        }
    }
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ExitStatus {
    /// It exited by itself with this code.
    Code(i32),
    /// A signal ended it.
    Signal(i32),
    /// Other code in this program reaped it, so the status is lost.
    Unknown,
}

impl ExitStatus {
    /// Whether the process exited with code 0.
    pub fn success(self) -> bool {
        self == Self::Code(0)
    }

    /// The exit code, if it exited by itself.
    pub fn code(self) -> Option<i32> {
        if let Self::Code(code) = self { Some(code) } else { None }
    }

    /// The signal that ended it, if one did.
    pub fn signal(self) -> Option<i32> {
        if let Self::Signal(signal) = self { Some(signal) } else { None }
    }
}

impl fmt::Display for ExitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exited with code {code}"),
            Self::Signal(signal) => match signal_name(*signal) {
                Some(name) => write!(f, "was killed by signal {signal} ({name})"),
                None => write!(f, "was killed by signal {signal}"),
            },
            Self::Unknown => write!(f, "ended, and its exit status is unknown"),
        }
    }
}

/// The name of a signal. Signal numbers differ between systems, so the constants of libc are used.
fn signal_name(signal: i32) -> Option<&'static str> {
    let names = [
        (libc::SIGHUP, "SIGHUP"),
        (libc::SIGINT, "SIGINT"),
        (libc::SIGQUIT, "SIGQUIT"),
        (libc::SIGILL, "SIGILL"),
        (libc::SIGABRT, "SIGABRT"),
        (libc::SIGBUS, "SIGBUS"),
        (libc::SIGFPE, "SIGFPE"),
        (libc::SIGKILL, "SIGKILL"),
        (libc::SIGSEGV, "SIGSEGV"),
        (libc::SIGPIPE, "SIGPIPE"),
        (libc::SIGALRM, "SIGALRM"),
        (libc::SIGTERM, "SIGTERM"),
        (libc::SIGXCPU, "SIGXCPU"),
        (libc::SIGXFSZ, "SIGXFSZ"),
        (libc::SIGSYS, "SIGSYS"),
    ];
    names.iter().find(|(number, _)| *number == signal).map(|(_, name)| *name)
}

/// What a process used, as the system counted it when the process was reaped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// CPU time in user mode.
    pub user: Duration,
    /// CPU time in the kernel.
    pub system: Duration,
    /// Times it gave up the CPU by itself, to wait.
    pub voluntary_switches: u64,
    /// Times the CPU was taken from it.
    pub involuntary_switches: u64,
    /// Page faults served without disk.
    pub minor_faults: u64,
    /// Page faults served from disk.
    pub major_faults: u64,
}

/// How a process ended and what it used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// Its process id, no longer in use.
    pub pid: u32,
    /// How it ended.
    pub status: ExitStatus,
    /// What it used, itself and the children that it waited for.
    pub usage: Usage,
}
