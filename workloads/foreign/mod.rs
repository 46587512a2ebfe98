//! Programs of the user: finding them, starting each in a process group of its own, watching them,
//! and ending them with all that they started.

pub(crate) mod capture;
pub(crate) mod child;
pub(crate) mod family;
pub mod figure;
pub mod interrupt;
mod limit;
pub(crate) mod line;
mod printed;
mod strays;
pub(crate) mod talk;
pub(crate) mod target;
pub(crate) mod watch;

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use rustix::event::{PollFd, Timespec, poll};

use crate::{Error, Params, Result};

/// How long a program has between the signal TERM and the signal KILL.
pub(crate) const GRACE: Duration = Duration::from_secs(2);

/// Reads a command line kept as JSON text, in which form it crosses to processes and to disks:
/// `["make","-j","{n}"]`.
pub(crate) fn argv(workload: &str, param: &str, text: &str) -> Result<Vec<String>> {
    let argv: Vec<String> = serde_json::from_str(text).map_err(|error| {
        Error::usage(format!(
            "{workload}: {param} must be a JSON list of words such as [\"sleep\",\"1\"]: {error}"
        ))
    })?;
    match argv.first() {
        Some(program) if !program.is_empty() => Ok(argv),
        _ => Err(Error::usage(format!("{workload}: {param} names no program"))),
    }
}

/// Reads environment variables kept as JSON text: `{"OMP_NUM_THREADS":"2"}`.
pub(crate) fn environment(workload: &str, params: &Params) -> Result<BTreeMap<String, String>> {
    match params.text("env") {
        "" => Ok(BTreeMap::new()),
        text => serde_json::from_str(text).map_err(|error| {
            Error::usage(format!("{workload}: env must be a JSON object of texts: {error}"))
        }),
    }
}

/// Polls once; a signal in between counts as nothing ready.
pub(crate) fn poll_once(watched: &mut [PollFd<'_>], left: Option<Duration>) -> io::Result<()> {
    // A time too long for the system means for ever.
    let left = left.and_then(|left| Timespec::try_from(left).ok());
    match poll(watched, left.as_ref()) {
        Ok(_) => Ok(()),
        Err(rustix::io::Errno::INTR) => {
            watched.iter_mut().for_each(PollFd::clear_revents);
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}
