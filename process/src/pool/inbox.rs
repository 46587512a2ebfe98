//! The outcomes of a stream's tasks: gathered in the order in which the tasks end, and taken all at once.

use serde::de::DeserializeOwned;

use super::handle::Report;
use super::raw::{Answer, WorkerId, decoded};
use crate::outcome::Failure;

/// Results larger than this get memory of their own: what all share is copied when it grows.
const LARGE: usize = 4096;

/// Outcomes that are there.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    ends: Vec<End>,
    /// The bytes of small results, one after another.
    bytes: Vec<u8>,
    /// How many of `ends` were read.
    read: usize,
}

/// How one task has ended.
#[derive(Debug)]
struct End {
    tag: u64,
    worker: WorkerId,
    result: Place,
}

/// Where a result is.
#[derive(Debug)]
enum Place {
    /// Among the bytes of small ones.
    Small {
        start: usize,
        length: u32,
    },
    Large(Box<[u8]>),
    /// There is none, for this reason; `None` once it was read.
    Missing(Option<Box<Failure>>),
}

impl Inbox {
    /// Appends an outcome.
    #[inline]
    pub(crate) fn push(&mut self, tag: u64, worker: WorkerId, answer: Answer<'_>) {
        let result = match answer {
            Answer::Result(bytes) if bytes.len() <= LARGE => {
                let start = self.bytes.len();
                self.bytes.extend_from_slice(bytes);
                Place::Small { start, length: bytes.len() as u32 }
            }
            Answer::Result(bytes) => Place::Large(bytes.into()),
            Answer::Failure(failure) => Place::Missing(Some(failure)),
        };
        self.ends.push(End { tag, worker, result });
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
        let outcome = match &mut end.result {
            Place::Small { start, length } => {
                decoded(&self.bytes[*start..*start + *length as usize])
            }
            Place::Large(bytes) => decoded(&std::mem::take(bytes)),
            Place::Missing(failure) => Err(failure.take().map_or(Failure::Cancelled, |it| *it)),
        };
        Some((end.tag, Report::new(outcome, end.worker)))
    }
}
