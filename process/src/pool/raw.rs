//! Outcomes before their type is known.

use serde::de::DeserializeOwned;

use super::link::record;
use crate::codec;
use crate::outcome::{Failure, Outcome};

/// Results up to this size need no memory of their own.
const SMALL: usize = 16;

/// Which worker, and which process that was: both in one word, because two halves that are written one by one and then
/// read as a whole make the reader wait for the cache.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct WorkerId(u64);

impl WorkerId {
    #[inline]
    pub(crate) const fn new(index: u32, pid: u32) -> Self {
        Self(index as u64 | (pid as u64) << 32)
    }

    #[inline]
    pub(crate) fn index(self) -> usize {
        self.0 as u32 as usize
    }

    #[inline]
    pub(crate) fn pid(self) -> u32 {
        (self.0 >> 32) as u32
    }
}

/// How a task has ended, as it is found.
#[derive(Debug)]
pub(crate) enum Answer<'a> {
    Result(&'a [u8]),
    Failure(Box<Failure>),
}

impl<'a> Answer<'a> {
    /// What a worker says by a record of this kind.
    #[inline]
    pub(crate) fn of(kind: u8, bytes: &'a [u8]) -> Self {
        if kind == record::DONE { Self::Result(bytes) } else { Self::failed(kind, bytes) }
    }

    #[cold]
    fn failed(kind: u8, bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes).into_owned();
        Self::Failure(Box::new(match kind {
            record::PANICKED => Failure::Panicked(text),
            _ => Failure::Failed(text),
        }))
    }
}

/// An outcome that is kept until somebody asks for it, and where it comes from.
#[derive(Debug)]
pub(crate) struct RawReport {
    pub(crate) worker: WorkerId,
    pub(crate) outcome: Kept,
}

/// The outcome itself.
#[derive(Debug)]
pub(crate) enum Kept {
    Small { length: usize, bytes: [u8; SMALL] },
    Large(Box<[u8]>),
    Missing(Box<Failure>),
}

impl RawReport {
    /// A report that is to be written.
    pub(crate) const EMPTY: Self =
        Self { worker: WorkerId::new(0, 0), outcome: Kept::Small { length: 0, bytes: [0; SMALL] } };

    /// Writes the outcome, in place: small parts that are moved as a whole stall until all of them are in the cache.
    #[inline]
    pub(crate) fn write(&mut self, worker: WorkerId, answer: Answer<'_>) {
        self.worker = worker;
        match (answer, &mut self.outcome) {
            (Answer::Result(bytes), Kept::Small { length, bytes: place })
                if bytes.len() <= SMALL =>
            {
                *length = bytes.len();
                place[..bytes.len()].copy_from_slice(bytes);
            }
            (Answer::Result(bytes), outcome) => *outcome = Kept::Large(bytes.into()),
            (Answer::Failure(failure), outcome) => *outcome = Kept::Missing(failure),
        }
    }
}

/// A result as its own type.
#[inline]
pub(crate) fn decoded<R: DeserializeOwned>(bytes: &[u8]) -> Outcome<R> {
    codec::decode(bytes).map_err(|error| Failure::Unreadable(error.to_string()))
}
