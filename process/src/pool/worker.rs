//! A pool's worker process: its number, and the registered functions that it calls.

use std::os::fd::OwnedFd;
use std::sync::OnceLock;

use crate::registry::{Action, Id, Registry};
use crate::work::WorkerBody;

static INDEX: OnceLock<usize> = OnceLock::new();

/// The number of this worker in its pool, from 0; `None` outside of a pool's worker.
pub fn worker_index() -> Option<usize> {
    INDEX.get().copied()
}

pub(crate) fn set_worker_index(index: usize) {
    let _ = INDEX.set(index);
}

/// The worker of a plain [`Pool`](crate::Pool): each task names the registered function that it
/// calls.
#[derive(Debug)]
pub struct Functions(());

/// Bytes of the function's id at the beginning of each task of [`Functions`].
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
