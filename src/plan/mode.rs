//! The six ways to run tasks, as words; `crate::mode` makes them work.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How tasks are run.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// One after another, by one thread.
    Serial,
    /// By a pool of threads.
    Threads,
    /// By a thread that is started for each task.
    ThreadPerTask,
    /// By a pool of processes.
    ProcessPool,
    /// By a process that is started for each task.
    ProcessPerTask,
    /// As futures on a few threads.
    Async,
}

impl Mode {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 6] = [
        Self::Serial,
        Self::Threads,
        Self::ThreadPerTask,
        Self::ProcessPool,
        Self::ProcessPerTask,
        Self::Async,
    ];

    /// What plain `knee run` measures.
    pub const DEFAULT: [Self; 3] = [Self::Serial, Self::Threads, Self::ProcessPool];

    /// The word on the command line and in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Serial => "serial",
            Self::Threads => "threads",
            Self::ThreadPerTask => "thread-per-task",
            Self::ProcessPool => "process-pool",
            Self::ProcessPerTask => "process-per-task",
            Self::Async => "async",
        }
    }

    /// Whether each task runs in a process other than knee's own.
    pub const fn in_processes(self) -> bool {
        matches!(self, Self::ProcessPool | Self::ProcessPerTask)
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Mode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = || Self::ALL.iter().map(|mode| mode.name());
        Self::ALL.into_iter().find(|mode| mode.name() == text).ok_or_else(|| {
            let hint = knee_workloads::nearest(text, names())
                .map(|near| format!("did you mean {near}? "))
                .unwrap_or_default();
            let all: Vec<&str> = names().collect();
            format!("no mode is called {text:?}; {hint}(there are {})", all.join(", "))
        })
    }
}
