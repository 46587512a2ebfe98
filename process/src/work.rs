//! Work of the user's own types, as a pool's worker runs it.

use std::os::fd::OwnedFd;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec;

/// A type that keeps state in each worker process of a [`Pool`](crate::Pool). It is built once per
/// worker and runs the tasks one by one.
///
/// Register it with [`worker`](crate::worker). Errors are text, because they cross to the parent
/// and are shown to people.
pub trait Worker: Sized + 'static {
    /// What a worker is built from; the same value for all workers of a pool.
    type Init: Serialize + DeserializeOwned;
    /// What it is given to do.
    type Task: Serialize + DeserializeOwned;
    /// What comes back.
    type Reply: Serialize + DeserializeOwned;

    /// Builds the worker's state. After an error the worker ends, and no other takes its seat.
    fn start(init: Self::Init) -> Result<Self, String>;

    /// Runs one task. An error or a panic is that task's [`Failure`](crate::Failure); the worker
    /// lives on.
    fn run(&mut self, task: Self::Task) -> Result<Self::Reply, String>;
}

/// The common interface of all workers: it takes bytes and returns bytes.
pub(crate) trait WorkerBody {
    /// Runs a task. Takes the task's descriptors out of `fds` and appends the encoded result to
    /// `reply`.
    fn run(
        &mut self,
        task: &[u8],
        fds: &mut Vec<OwnedFd>,
        reply: &mut Vec<u8>,
    ) -> Result<(), String>;
}

/// Makes a [`WorkerBody`] of a [`Worker`].
pub(crate) struct Typed<W>(pub(crate) W);

impl<W: Worker> WorkerBody for Typed<W> {
    #[inline]
    fn run(
        &mut self,
        task: &[u8],
        fds: &mut Vec<OwnedFd>,
        reply: &mut Vec<u8>,
    ) -> Result<(), String> {
        let task = codec::decode_with_fds(task, fds).map_err(|error| error.to_string())?;
        let answer = self.0.run(task)?;
        codec::encode(&answer, reply).map_err(|error| error.to_string())
    }
}
