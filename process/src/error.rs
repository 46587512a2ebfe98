//! What can go wrong when processes, pools, queues and pipes are set up or used.

use std::io;
use std::time::Duration;

/// The result of most operations of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an operation could not be done. Why a *task* has no result is a [`Failure`](crate::Failure).
///
/// `Debug` prints the same sentence as `Display`, because a `main` that returns an error shows
/// `Debug`.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The program cannot start processes, because its `main` has not called [`init`](crate::init).
    #[error(
        "this program cannot start processes of itself yet: call knee_process::init([..]) at the \
         head of main (in a test or bench without a main of its own, call \
         knee_process::set_program with the path of a program that does)"
    )]
    NotInitialised,

    /// A function, worker or runnable type was not given to [`init`](crate::init).
    #[error("`{name}` is not registered: add it to the list that main gives to knee_process::init")]
    NotRegistered {
        /// The name under which it would be registered.
        name: String,
    },

    /// The program that should become the child could not be started.
    #[error("cannot start `{program}` as a child process: {source}")]
    Spawn {
        /// The program that was to be executed.
        program: String,
        /// What the system said.
        source: io::Error,
    },

    /// A child process was started but never took its work.
    #[error("the child process did not come up: {reason}")]
    NotUp {
        /// What was observed, and what to do about it.
        reason: String,
    },

    /// The system refused a resource or a call.
    #[error("cannot {what}: {source}")]
    Io {
        /// What was tried, as a phrase that follows "cannot".
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },

    /// A value could not be written in the form that crosses processes.
    #[error("cannot encode a value to be sent to another process: {0}")]
    Encode(String),

    /// Bytes from another process are not a value of the expected type.
    #[error("cannot decode a value from another process: {0}; do both run the same build?")]
    Decode(String),

    /// The other side is gone. In a queue: every process on the other side.
    #[error("the other side is closed")]
    Closed,

    /// The time limit passed first.
    #[error("not done within {0:?}")]
    TimedOut(Duration),

    /// A message that is larger than can be sent.
    #[error(
        "a message of {size} bytes is larger than the limit of {limit} bytes: send a path or a \
         seed instead"
    )]
    TooLarge {
        /// Its size in bytes.
        size: usize,
        /// The largest size allowed in bytes.
        limit: usize,
    },

    /// Shared memory holds a value that this crate never writes. Some process has damaged it.
    #[error("shared memory is damaged: {0}")]
    Damaged(&'static str),

    /// The pool takes no more tasks: it was closed or terminated.
    #[error("the pool is closed")]
    PoolClosed,

    /// Every worker of the pool is gone and none may be started again.
    #[error("the pool has no worker left: {reason}")]
    PoolBroken {
        /// Why the last worker could not be replaced.
        reason: String,
    },

    /// A setting is out of range, or this system does not offer it.
    #[error("{0}")]
    Setting(String),
}

impl std::fmt::Debug for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl Error {
    /// Wraps what the system said about `what`, a phrase that follows "cannot".
    pub(crate) fn io(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { what, source }
    }

    /// Like [`io`](Self::io), for an error of rustix.
    pub(crate) fn os(what: &'static str) -> impl FnOnce(rustix::io::Errno) -> Self {
        move |errno| Self::Io { what, source: errno.into() }
    }
}

#[test]
fn a_main_that_returns_an_error_shows_its_sentence() {
    let shown = format!("{:?}", Error::NotInitialised);
    assert!(shown.starts_with("this program cannot start processes of itself yet"), "{shown}");
}
