//! Work of the user's own types, as a pool's worker runs it.

use std::os::fd::OwnedFd;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec;

/// A type that lives in each worker process of a [`Pool`](crate::Pool), built once there, and runs
/// the tasks one by one.
///
/// Register it with [`worker`](crate::worker). An error is text: it crosses to the parent and is
/// shown to people.
pub trait Worker: Sized + 'static {
    /// What a worker is built from; the same value for all workers of a pool.
    type Init: Serialize + DeserializeOwned;
    /// What it is given to do.
    type Task: Serialize + DeserializeOwned;
    /// What comes back.
    type Reply: Serialize + DeserializeOwned;

    /// Builds the worker's state; an error stops the worker for good, it is not started again.
    fn start(init: Self::Init) -> Result<Self, String>;

    /// Runs one task. An error or a panic is that task's [`Failure`](crate::Failure); the worker
    /// lives on.
    fn run(&mut self, task: Self::Task) -> Result<Self::Reply, String>;
}

/// A worker whose types have been forgotten: bytes in, bytes out.
pub(crate) trait WorkerBody {
    /// Runs a task; the descriptors that belong to it are taken out of `fds`, and what it answers
    /// is appended to `reply`.
    fn run(
        &mut self,
        task: &[u8],
        fds: &mut Vec<OwnedFd>,
        reply: &mut Vec<u8>,
    ) -> Result<(), String>;
}

/// A registered [`Worker`] as such.
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
