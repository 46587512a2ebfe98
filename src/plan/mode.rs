//! The modes: one table holds everything about each. [`crate::mode`] implements them.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How tasks are run.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Mode {
    /// One task after another, in one thread.
    Serial,
    /// In a pool of threads.
    Threads,
    /// In a new thread for each task.
    ThreadPerTask,
    /// In a pool of processes.
    ProcessPool,
    /// In a new process for each task.
    ProcessPerTask,
    /// As futures on a few threads.
    Async,
    /// In a pool of Python interpreters inside one process.
    Interpreters,
    /// In copies of a program of the user's own.
    Copies,
    /// In a server of the user's own, which is told its number of workers.
    Server,
}

/// Everything about a mode.
///
/// Code that needs a name, a colour or a rank reads it here. Adding a mode takes one row of
/// [`Mode::TABLE`] and one file in `src/mode/`.
#[derive(Debug, Clone, Copy)]
pub struct Description {
    /// The mode that this row describes.
    pub mode: Mode,
    /// Its name on the command line, in records and in reports.
    pub name: &'static str,
    /// How it runs tasks, in one line.
    pub meaning: &'static str,
    /// What happens before the clock starts.
    pub before: &'static str,
    /// What the clock sees of each task.
    pub inside: &'static str,
    /// The simplest mode has rank 0. Where two modes do equally well, the simpler one is
    /// recommended.
    pub rank: u8,
    /// Index of its colour in the palette of the plots. Each mode has its own.
    pub colour: usize,
    /// What its workers are. The words of the settings depend on it.
    pub workers: Workers,
    /// What can be run in it.
    pub subjects: &'static [Subject],
    /// The answer as settings to paste, each with its language. `{n}` stands for the count.
    pub settings: &'static [(Language, &'static str)],
}

/// The language of the work. A measurement in one language says nothing about another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Language {
    /// The workloads of this binary.
    Rust,
    /// Functions and programs in Python.
    Python,
    /// Any other language.
    Any,
}

/// What the workers of a mode are for the operating system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Workers {
    /// A single thread.
    One,
    /// Threads of one process.
    Threads,
    /// Separate processes.
    Processes,
    /// Futures that share a few threads.
    Futures,
}

/// What can be run in a mode. It determines where the crew lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A workload of this binary. Its crew lives in this process or in worker processes of it.
    Workload,
    /// A program of the user's own, started by this process.
    Program,
    /// A server of the user's own, started by this process.
    Server,
    /// A function in another language. Its crew lives in a helper.
    Function,
}

impl Mode {
    /// Every mode, in the order in which modes are shown.
    pub const TABLE: [Description; 9] = [
        Description {
            mode: Self::Serial,
            name: "serial",
            meaning: "one task after another",
            before: "prepare",
            inside: "run",
            rank: 0,
            colour: 7,
            workers: Workers::One,
            subjects: &[Subject::Workload, Subject::Function],
            settings: &[],
        },
        Description {
            mode: Self::Threads,
            name: "threads",
            meaning: "a pool of threads",
            before: "pool started, prepare",
            inside: "take a task, run",
            rank: 1,
            colour: 0,
            workers: Workers::Threads,
            subjects: &[Subject::Workload, Subject::Function],
            settings: &[
                (Language::Rust, "RAYON_NUM_THREADS={n}"),
                (Language::Python, "ThreadPoolExecutor(max_workers={n})"),
            ],
        },
        Description {
            mode: Self::ThreadPerTask,
            name: "thread-per-task",
            meaning: "a thread is started for each task",
            before: "nothing",
            inside: "spawn, prepare, run, join",
            rank: 5,
            colour: 3,
            workers: Workers::Threads,
            subjects: &[Subject::Workload],
            settings: &[],
        },
        Description {
            mode: Self::ProcessPool,
            name: "process-pool",
            meaning: "a pool of processes",
            before: "workers started, prepare, ready",
            inside: "dispatch, run, reply",
            rank: 4,
            colour: 1,
            workers: Workers::Processes,
            subjects: &[Subject::Workload, Subject::Function],
            settings: &[
                (Language::Rust, "knee_process::Pool::builder().workers({n})"),
                (Language::Python, "ProcessPoolExecutor(max_workers={n})"),
            ],
        },
        Description {
            mode: Self::ProcessPerTask,
            name: "process-per-task",
            meaning: "a process is started for each task",
            before: "nothing",
            inside: "spawn, prepare, run, exit, reap",
            rank: 6,
            colour: 4,
            workers: Workers::Processes,
            subjects: &[Subject::Workload],
            settings: &[(Language::Any, "make -j{n}"), (Language::Any, "xargs -P{n}")],
        },
        Description {
            mode: Self::Async,
            name: "async",
            meaning: "futures on a thread per usable CPU (tokio)",
            before: "tokio runtime up, prepare",
            inside: "spawn, run_async, join",
            rank: 2,
            colour: 2,
            workers: Workers::Futures,
            subjects: &[Subject::Workload, Subject::Function],
            settings: &[
                (Language::Rust, "tokio::sync::Semaphore::new({n})"),
                (Language::Python, "asyncio.Semaphore({n})"),
            ],
        },
        Description {
            mode: Self::Interpreters,
            name: "interpreters",
            meaning: "a pool of Python interpreters in one process",
            before: "interpreters started, prepare",
            inside: "dispatch, run, reply",
            rank: 3,
            colour: 5,
            workers: Workers::Threads,
            subjects: &[Subject::Function],
            settings: &[(Language::Python, "InterpreterPoolExecutor(max_workers={n})")],
        },
        Description {
            mode: Self::Copies,
            name: "copies",
            meaning: "copies of a program of your own, side by side",
            before: "nothing, or the workers started and ready",
            inside: "start, run, reap, or order, run, reply",
            rank: 7,
            colour: 6,
            workers: Workers::Processes,
            subjects: &[Subject::Program],
            settings: &[(Language::Any, "xargs -P{n}")],
        },
        Description {
            mode: Self::Server,
            name: "server",
            meaning: "a server of your own with so many workers, under load",
            before: "the server started, ready and warm",
            inside: "ask, wait for the answer",
            rank: 8,
            colour: 8,
            workers: Workers::Processes,
            subjects: &[Subject::Server],
            settings: &[],
        },
    ];

    /// What plain `knee run` measures.
    pub const DEFAULT: [Self; 3] = [Self::Serial, Self::Threads, Self::ProcessPool];

    /// Every mode, in the order in which modes are shown.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::TABLE.iter().map(|row| row.mode)
    }

    /// The modes in which something of this kind can be run.
    pub fn of(subject: Subject) -> impl Iterator<Item = Self> {
        Self::all().filter(move |mode| mode.runs(subject))
    }

    /// The mode with this name, if there is one.
    pub fn named(name: &str) -> Option<Self> {
        Self::all().find(|mode| mode.name() == name)
    }

    /// Its row of the table.
    pub const fn description(self) -> &'static Description {
        let mut row = 0;
        // A plain loop, because iterators cannot run in a constant.
        while row < Self::TABLE.len() {
            if Self::TABLE[row].mode as u8 == self as u8 {
                return &Self::TABLE[row];
            }
            row += 1;
        }
        panic!("every mode has its row: a test holds it so")
    }

    /// Its name on the command line and in files.
    pub const fn name(self) -> &'static str {
        self.description().name
    }

    /// Whether something of this kind can be run in this mode.
    pub fn runs(self, subject: Subject) -> bool {
        self.description().subjects.contains(&subject)
    }

    /// Whether each task runs in a process other than knee's own.
    pub fn in_processes(self) -> bool {
        self.description().workers == Workers::Processes
    }

    /// A number that depends only on the name. So a new mode leaves the seeds of the others
    /// unchanged.
    pub fn salt(self) -> u64 {
        self.name().bytes().fold(0, |salt, byte| knee_workloads::mix(salt, byte.into()))
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
        Self::named(text).ok_or_else(|| {
            let names = || Self::all().map(Self::name);
            let hint = knee_workloads::nearest(text, names())
                .map(|near| format!("did you mean {near}? "))
                .unwrap_or_default();
            let all: Vec<&str> = names().collect();
            format!("no mode is called {text:?}; {hint}(there are {})", all.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_mode_has_one_row_that_shares_nothing_that_tells_modes_apart() {
        let distinct = |of: &dyn Fn(&Description) -> String| {
            Mode::TABLE.iter().map(of).collect::<BTreeSet<_>>().len()
        };
        assert_eq!(distinct(&|row| format!("{:?}", row.mode)), Mode::TABLE.len());
        assert_eq!(distinct(&|row| row.name.to_owned()), Mode::TABLE.len());
        assert_eq!(distinct(&|row| row.rank.to_string()), Mode::TABLE.len());
        assert_eq!(distinct(&|row| row.colour.to_string()), Mode::TABLE.len());
        assert_eq!(distinct(&|row| row.mode.salt().to_string()), Mode::TABLE.len());
        for row in &Mode::TABLE {
            assert_eq!(row.mode.description().name, row.name);
            assert!(!row.subjects.is_empty() && !row.meaning.is_empty(), "{}", row.name);
        }
    }

    #[test]
    fn records_write_a_mode_by_the_name_that_users_type() {
        for mode in Mode::all() {
            let written = serde_json::to_string(&mode).expect("it is a word");
            assert_eq!(written, format!("{:?}", mode.name()));
            assert_eq!(mode.name().parse(), Ok(mode));
        }
    }
}
