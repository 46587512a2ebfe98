//! The tasks that a pool has accepted and whose outcome nobody has taken yet: a slab that reuses its places.

use super::link::{Attachment, record};
use crate::outcome::Failure;

/// Results up to this size stay in the slot itself.
const SMALL: usize = 23;

/// Where the outcome of a task goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    /// A handle waits for it, or will.
    Handle,
    /// Nobody wants it.
    Dropped,
    /// A stream collects it.
    Stream(u32),
}

/// Result bytes.
#[derive(Debug)]
pub(crate) enum Payload {
    Small(u8, [u8; SMALL]),
    Large(Box<[u8]>),
}

impl Payload {
    fn new(bytes: &[u8]) -> Self {
        let mut small = [0; SMALL];
        match small.get_mut(..bytes.len()) {
            Some(place) => {
                place.copy_from_slice(bytes);
                Self::Small(bytes.len() as u8, small)
            }
            None => Self::Large(bytes.into()),
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Small(length, bytes) => &bytes[..usize::from(*length).min(SMALL)],
            Self::Large(bytes) => bytes,
        }
    }
}

/// How far a task is.
#[derive(Debug)]
enum Stage {
    Free {
        next: u32,
    },
    /// Accepted; with what its ring cannot carry.
    Open(Option<Box<Attachment>>),
    Done(Payload),
    Failed(Box<Failure>),
}

/// An outcome before its type is known.
#[derive(Debug)]
pub(crate) struct RawReport {
    pub(crate) outcome: Result<Payload, Box<Failure>>,
    pub(crate) worker: u32,
    pub(crate) pid: u32,
}

#[derive(Debug)]
struct Slot {
    generation: u32,
    worker: u32,
    pid: u32,
    route: Route,
    stage: Stage,
}

const NONE: u32 = u32::MAX;

/// All slots of a pool.
#[derive(Debug)]
pub(crate) struct Slots {
    all: Vec<Slot>,
    free: u32,
    /// Tasks without an outcome.
    open: usize,
}

impl Default for Slots {
    fn default() -> Self {
        Self { all: Vec::new(), free: NONE, open: 0 }
    }
}

impl Slots {
    /// Tasks that have no outcome yet.
    pub(crate) fn open(&self) -> usize {
        self.open
    }

    /// A place for a new task; returns its tag, which names this one task for ever.
    #[inline]
    pub(crate) fn insert(&mut self, route: Route, attachment: Option<Box<Attachment>>) -> u64 {
        self.open += 1;
        let stage = Stage::Open(attachment);
        let index = self.free;
        if let Some(slot) = self.all.get_mut(index as usize)
            && let Stage::Free { next } = slot.stage
        {
            self.free = next;
            (slot.route, slot.stage) = (route, stage);
            return u64::from(index) | u64::from(slot.generation) << 32;
        }
        self.all.push(Slot { generation: 0, worker: 0, pid: 0, route, stage });
        (self.all.len() - 1) as u64
    }

    #[inline]
    fn named(&mut self, tag: u64) -> Option<&mut Slot> {
        self.all.get_mut(tag as u32 as usize).filter(|slot| slot.generation == (tag >> 32) as u32)
    }

    /// Whether the task is accepted and has no outcome.
    #[inline]
    pub(crate) fn is_open(&mut self, tag: u64) -> bool {
        self.named(tag).is_some_and(|slot| matches!(slot.stage, Stage::Open(_)))
    }

    #[inline]
    pub(crate) fn attachment(&mut self, tag: u64) -> Option<&Attachment> {
        match &self.named(tag)?.stage {
            Stage::Open(attachment) => attachment.as_deref(),
            _ => None,
        }
    }

    /// Gives a task its outcome as a worker has sent it; returns the stream that wants to know.
    #[inline]
    pub(crate) fn reply(
        &mut self,
        tag: u64,
        kind: u32,
        bytes: &[u8],
        worker: u32,
        pid: u32,
    ) -> Option<u32> {
        let text = || String::from_utf8_lossy(bytes).into_owned();
        let stage = match kind {
            record::DONE => Stage::Done(Payload::new(bytes)),
            record::PANICKED => Stage::Failed(Box::new(Failure::Panicked(text()))),
            _ => Stage::Failed(Box::new(Failure::Failed(text()))),
        };
        self.close(tag, stage, worker, pid)
    }

    /// Gives a task its outcome as the pool has found it; returns the stream that wants to know.
    pub(crate) fn fail(
        &mut self,
        tag: u64,
        failure: Failure,
        worker: u32,
        pid: u32,
    ) -> Option<u32> {
        self.close(tag, Stage::Failed(Box::new(failure)), worker, pid)
    }

    #[inline]
    fn close(&mut self, tag: u64, stage: Stage, worker: u32, pid: u32) -> Option<u32> {
        let slot = self.named(tag).filter(|slot| matches!(slot.stage, Stage::Open(_)))?;
        (slot.stage, slot.worker, slot.pid) = (stage, worker, pid);
        let route = slot.route;
        self.open -= 1;
        match route {
            Route::Handle => None,
            Route::Stream(stream) => Some(stream),
            Route::Dropped => {
                self.release(tag as u32);
                None
            }
        }
    }

    /// Whether the task has an outcome that nobody has taken.
    #[inline]
    pub(crate) fn is_done(&mut self, tag: u64) -> bool {
        self.named(tag).is_some_and(|slot| matches!(slot.stage, Stage::Done(_) | Stage::Failed(_)))
    }

    /// Takes the outcome of a task, when there is one, and frees its slot.
    #[inline]
    pub(crate) fn take(&mut self, tag: u64) -> Option<RawReport> {
        let slot = self.named(tag)?;
        let (worker, pid) = (slot.worker, slot.pid);
        if !matches!(slot.stage, Stage::Done(_) | Stage::Failed(_)) {
            return None;
        }
        let outcome = match self.release(tag as u32) {
            Stage::Done(payload) => Ok(payload),
            Stage::Failed(failure) => Err(failure),
            Stage::Free { .. } | Stage::Open(_) => return None,
        };
        Some(RawReport { outcome, worker, pid })
    }

    /// Nobody wants the outcome of the task any more.
    pub(crate) fn forget(&mut self, tag: u64) {
        match self.named(tag) {
            Some(slot) if matches!(slot.stage, Stage::Open(_)) => slot.route = Route::Dropped,
            Some(_) => drop(self.release(tag as u32)),
            None => {}
        }
    }

    #[inline]
    fn release(&mut self, index: u32) -> Stage {
        let next = std::mem::replace(&mut self.free, index);
        let slot = &mut self.all[index as usize];
        slot.generation = slot.generation.wrapping_add(1);
        std::mem::replace(&mut slot.stage, Stage::Free { next })
    }

    /// The tags of all tasks that go to a stream, ended or not.
    pub(crate) fn of_stream(&self, stream: u32) -> Vec<u64> {
        let used = self
            .all
            .iter()
            .enumerate()
            .filter(|(_, slot)| !matches!(slot.stage, Stage::Free { .. }));
        let wanted = used.filter(|(_, slot)| slot.route == Route::Stream(stream));
        wanted.map(|(index, slot)| index as u64 | u64::from(slot.generation) << 32).collect()
    }

    /// The tags of all tasks without an outcome.
    pub(crate) fn all_open(&self) -> Vec<u64> {
        let open =
            self.all.iter().enumerate().filter(|(_, slot)| matches!(slot.stage, Stage::Open(_)));
        open.map(|(index, slot)| index as u64 | u64::from(slot.generation) << 32).collect()
    }
}
