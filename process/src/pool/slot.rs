//! One slot of a [sheet](super::sheet): what the pool knows of a task under way, and after that its
//! outcome.
//!
//! Slots are small, because nothing in a task's way costs as much as to fetch from memory what the
//! cache could not keep. They are written and read where they lie, word by word: a whole that is
//! moved right after its parts were written makes whoever moves it wait for the cache. Nearly all
//! outcomes are small results; what else there is lies apart.

use std::cell::Cell;
use std::fmt;
use std::sync::atomic::AtomicU8;

use super::link::Attachment;
use super::raw::{Answer, Small, WorkerId};
use crate::outcome::{Failure, Outcome};

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

impl Route {
    /// The route as one word. There are never as many streams as words.
    #[inline]
    fn to_word(self) -> u32 {
        match self {
            Self::Handle => 0,
            Self::Dropped => 1,
            Self::Stream(stream) => stream + 2,
        }
    }

    #[inline]
    fn from_word(word: u32) -> Self {
        match word {
            0 => Self::Handle,
            1 => Self::Dropped,
            stream => Self::Stream(stream - 2),
        }
    }
}

/// What lies apart.
enum Other {
    /// What belongs to a task under way and cannot go through a ring.
    Attachment(Box<Attachment>),
    /// The outcome.
    Large(Box<[u8]>),
    Missing(Failure),
}

/// Stands for the length of what lies apart.
const APART: u8 = u8::MAX;

#[derive(Clone, Copy)]
union Content {
    small: [u64; Small::WORDS],
    /// Owned by the slot, while its length is `APART`.
    other: *mut Other,
}

/// A slot. Its parts are cells, and it is for the sheet to see to it that only one thread at a time
/// touches them.
pub(super) struct Slot {
    /// Whose it is.
    pub(super) stage: AtomicU8,
    length: Cell<u8>,
    worker: Cell<u16>,
    pid: Cell<u32>,
    /// How many tasks have had the slot: it tells a task from those before it.
    generation: Cell<u32>,
    route: Cell<u32>,
    content: Cell<Content>,
}

const _: () = assert!(size_of::<Slot>() == 32);

impl Slot {
    pub(super) fn new(stage: u8) -> Self {
        Self {
            stage: AtomicU8::new(stage),
            length: Cell::new(0),
            worker: Cell::new(0),
            pid: Cell::new(0),
            generation: Cell::new(0),
            route: Cell::new(Route::Dropped.to_word()),
            content: Cell::new(Content { small: [0; Small::WORDS] }),
        }
    }

    #[inline]
    pub(super) fn generation(&self) -> u32 {
        self.generation.get()
    }

    #[inline]
    pub(super) fn route(&self) -> Route {
        Route::from_word(self.route.get())
    }

    pub(super) fn set_route(&self, route: Route) {
        self.route.set(route.to_word());
    }

    /// Takes in a new task; returns its generation.
    #[inline]
    pub(super) fn begin(&self, route: Route, attachment: Option<Box<Attachment>>) -> u32 {
        let generation = self.generation.get().wrapping_add(1);
        self.generation.set(generation);
        self.route.set(route.to_word());
        if let Some(attachment) = attachment {
            self.put_apart(Other::Attachment(attachment));
        }
        generation
    }

    /// What belongs to the task under way and cannot go through a ring.
    #[inline]
    pub(super) fn attachment(&self) -> Option<&Attachment> {
        if self.length.get() != APART {
            return None;
        }
        // SAFETY: as the length says, it is what lies apart, and the slot's own.
        match unsafe { &*self.content.get().other } {
            Other::Attachment(attachment) => Some(attachment),
            _ => None,
        }
    }

    /// Keeps a small result.
    #[inline]
    pub(super) fn put_small(&self, worker: WorkerId, small: Small) {
        self.clear();
        self.put_worker(worker);
        self.length.set(small.length());
        self.content.set(Content { small: small.words() });
    }

    /// Keeps an outcome.
    pub(super) fn put(&self, worker: WorkerId, answer: Answer<'_>) {
        let other = match answer {
            Answer::Small(small) => return self.put_small(worker, small),
            Answer::Large(bytes) => Other::Large(bytes.into()),
            Answer::Failure(failure) => Other::Missing(*failure),
        };
        self.clear();
        self.put_worker(worker);
        self.put_apart(other);
    }

    #[inline]
    fn put_worker(&self, worker: WorkerId) {
        self.worker.set(worker.index() as u16);
        self.pid.set(worker.pid());
    }

    fn put_apart(&self, other: Other) {
        self.content.set(Content { other: Box::into_raw(Box::new(other)) });
        self.length.set(APART);
    }

    /// Drops what lies apart.
    #[inline]
    pub(super) fn clear(&self) {
        if self.length.get() == APART {
            drop(self.take_apart());
        }
    }

    /// Takes what lies apart, as something does.
    #[cold]
    fn take_apart(&self) -> Other {
        debug_assert_eq!(self.length.get(), APART);
        self.length.set(0);
        // SAFETY: as the length said, it is what lies apart, and the slot's own; now it is no more.
        *unsafe { Box::from_raw(self.content.get().other) }
    }

    /// Gives the outcome to `read`: the bytes of the result, or why there is none. What lies apart
    /// is gone then.
    #[inline]
    pub(super) fn read<T>(&self, read: impl FnOnce(WorkerId, Outcome<&[u8]>) -> T) -> T {
        let worker = WorkerId::new(self.worker.get().into(), self.pid.get());
        if self.length.get() != APART {
            let length = usize::from(self.length.get()).min(Small::LARGEST);
            // SAFETY: words are plain bytes, of which there are so many, and nobody writes them
            // meanwhile.
            let bytes =
                unsafe { std::slice::from_raw_parts(self.content.as_ptr().cast::<u8>(), length) };
            return read(worker, Ok(bytes));
        }
        match self.take_apart() {
            Other::Large(bytes) => read(worker, Ok(&bytes)),
            Other::Missing(failure) => read(worker, Err(failure)),
            // A task that is under way has no outcome.
            Other::Attachment(_) => read(worker, Err(Failure::Cancelled)),
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.clear();
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot")
            .field("stage", &self.stage)
            .field("generation", &self.generation)
            .field("route", &self.route())
            .finish_non_exhaustive()
    }
}
