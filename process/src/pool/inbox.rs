//! The outcomes of a stream's tasks: gathered in the order in which the tasks end, and taken all at
//! once.

use serde::de::DeserializeOwned;

use super::handle::Report;
use super::raw::{Answer, Small, WorkerId, decoded};
use crate::outcome::Failure;

/// Results larger than this, in bytes, get memory of their own: the memory that the others share is
/// copied when it grows.
const LARGE: usize = 4096;

/// Outcomes that have come and were not yet taken.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    ends: Vec<End>,
    /// The bytes of results that are neither small nor large, one after another.
    bytes: Vec<u8>,
    /// How many of `ends` were read.
    read: usize,
}

/// How one task has ended.
#[derive(Debug)]
struct End {
    tag: u64,
    worker: WorkerId,
    outcome: Kept,
}

/// Where an outcome lies.
#[derive(Debug)]
enum Kept {
    Small(Small),
    /// In `bytes`: where it begins, and its length.
    Shared(usize, usize),
    Large(Box<[u8]>),
    Missing(Box<Failure>),
    /// It was read.
    Gone,
}

impl Inbox {
    /// Appends a small result.
    #[inline]
    pub(crate) fn push_small(&mut self, tag: u64, worker: WorkerId, small: Small) {
        self.ends.push(End { tag, worker, outcome: Kept::Small(small) });
    }

    /// Appends an outcome.
    pub(crate) fn push(&mut self, tag: u64, worker: WorkerId, answer: Answer<'_>) {
        let outcome = match answer {
            Answer::Small(small) => Kept::Small(small),
            Answer::Large(bytes) if bytes.len() <= LARGE => {
                let start = self.bytes.len();
                self.bytes.extend_from_slice(bytes);
                Kept::Shared(start, bytes.len())
            }
            Answer::Large(bytes) => Kept::Large(bytes.into()),
            Answer::Failure(failure) => Kept::Missing(failure),
        };
        self.ends.push(End { tag, worker, outcome });
    }

    /// Whether nothing is left to read.
    pub(crate) fn is_empty(&self) -> bool {
        self.read == self.ends.len()
    }

    /// How many outcomes are left to read.
    pub(crate) fn len(&self) -> usize {
        self.ends.len() - self.read
    }

    /// Forgets all outcomes, and keeps the memory for others.
    pub(crate) fn clear(&mut self) {
        self.ends.clear();
        self.bytes.clear();
        self.read = 0;
    }

    /// Reads the next outcome, and the tag of its task.
    #[inline]
    pub(crate) fn next<R: DeserializeOwned>(&mut self) -> Option<(u64, Report<R>)> {
        let end = self.ends.get_mut(self.read)?;
        self.read += 1;
        let outcome = match std::mem::replace(&mut end.outcome, Kept::Gone) {
            Kept::Small(small) => decoded(small.bytes()),
            Kept::Shared(start, length) => decoded(&self.bytes[start..start + length]),
            Kept::Large(bytes) => decoded(&bytes),
            Kept::Missing(failure) => Err(*failure),
            Kept::Gone => Err(Failure::Cancelled),
        };
        Some((end.tag, Report::new(outcome, end.worker)))
    }

    /// Reads all outcomes that are left.
    #[inline]
    pub(crate) fn read_all<R: DeserializeOwned>(&mut self, mut on: impl FnMut(Report<R>)) {
        while let Some((_, report)) = self.next() {
            on(report);
        }
    }
}
