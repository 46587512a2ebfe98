//! The errors of workloads, worded so that the user can act on them.

use std::{fmt, io};

/// The result of everything a workload does.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a workload could not do what it was asked.
///
/// The kind is private so that kinds may be added; ask [`Error::is_usage`] where the difference
/// matters.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Usage,
    Unsupported,
    Failed,
    Wrong,
}

impl Error {
    /// The user asked for something that does not exist or is out of range. The user can mend it on
    /// the command line.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { kind: Kind::Usage, message: message.into() }
    }

    /// This machine cannot run the workload; `message` says what it lacks.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self { kind: Kind::Unsupported, message: message.into() }
    }

    /// The work could not be done.
    pub fn failed(message: impl Into<String>) -> Self {
        Self { kind: Kind::Failed, message: message.into() }
    }

    /// The work was done but its result is wrong, so the figure must not be used.
    pub fn wrong(message: impl Into<String>) -> Self {
        Self { kind: Kind::Wrong, message: message.into() }
    }

    /// A system call failed while doing `what`.
    pub fn io(what: impl fmt::Display, source: &io::Error) -> Self {
        Self { kind: Kind::Failed, message: format!("{what}: {source}") }
    }

    /// Whether the user can mend this on the command line.
    pub fn is_usage(&self) -> bool {
        self.kind == Kind::Usage
    }

    /// Whether the machine lacks what the workload needs.
    pub fn is_unsupported(&self) -> bool {
        self.kind == Kind::Unsupported
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Wrong => write!(f, "wrong result: {}", self.message),
            _ => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for Error {}
