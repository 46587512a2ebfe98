//! What runs inside a pool's worker process: a type with state, or registered functions.

use std::os::fd::OwnedFd;
use std::sync::OnceLock;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec;
use crate::registry::{Action, Id, Registry};

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

static INDEX: OnceLock<usize> = OnceLock::new();

/// The number of this worker in its pool, from 0; `None` outside of a pool's worker.
pub fn worker_index() -> Option<usize> {
    INDEX.get().copied()
}

pub(crate) fn set_worker_index(index: usize) {
    let _ = INDEX.set(index);
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

/// The worker of a plain [`Pool`](crate::Pool): each task names the registered function that it
/// calls.
#[derive(Debug)]
pub struct Functions(());

/// How a task of [`Functions`] begins.
pub(crate) const CALL_PREFIX: usize = size_of::<u64>();

/// Runs registered functions.
pub(crate) struct Caller {
    registry: &'static Registry,
    last: Option<(Id, &'static crate::registry::Call)>,
}

impl Caller {
    pub(crate) fn new(registry: &'static Registry) -> Self {
        Self { registry, last: None }
    }

    #[inline]
    fn find(&mut self, id: Id) -> Result<&'static crate::registry::Call, String> {
        match self.last {
            Some((last, call)) if last == id => Ok(call),
            _ => self.look_up(id),
        }
    }

    #[cold]
    fn look_up(&mut self, id: Id) -> Result<&'static crate::registry::Call, String> {
        match self.registry.action(id) {
            Some(Action::Call(call)) => {
                self.last = Some((id, call));
                Ok(call)
            }
            _ => {
                Err("the worker's program has not registered this function with knee_process::init"
                    .into())
            }
        }
    }
}

impl WorkerBody for Caller {
    #[inline]
    fn run(
        &mut self,
        task: &[u8],
        fds: &mut Vec<OwnedFd>,
        reply: &mut Vec<u8>,
    ) -> Result<(), String> {
        let (id, args) =
            task.split_first_chunk::<CALL_PREFIX>().ok_or("a task without a function")?;
        let call = self.find(Id(u64::from_le_bytes(*id)))?;
        call(args, fds, reply).map_err(|error| error.to_string())
    }
}
