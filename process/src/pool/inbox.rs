//! The outcomes of a stream's tasks: gathered in the order in which the tasks end, and taken all at once.

use serde::de::DeserializeOwned;

use super::handle::Report;
use super::raw::{Answer, WorkerId, decoded};
use crate::codec;
use crate::error::Result;
use crate::outcome::Failure;

/// Results larger than this get memory of their own: what all share is copied when it grows.
const LARGE: usize = 4096;
/// The length of a result that lies apart.
const APART: usize = usize::MAX;

/// Outcomes that are there.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    ends: Vec<End>,
    /// The bytes of small results, one after another.
    bytes: Vec<u8>,
    /// What is not a small result.
    apart: Vec<Apart>,
    /// How many of `ends` were read.
    read: usize,
}

/// How one task has ended: plain words, because the many parts of an enum would be moved more often than read.
#[derive(Debug, Clone, Copy)]
struct End {
    tag: u64,
    worker: WorkerId,
    /// Where in `bytes` the result begins, or where in `apart` it is.
    start: usize,
    length: usize,
}

#[derive(Debug)]
enum Apart {
    Large(Box<[u8]>),
    Missing(Box<Failure>),
    /// It was read.
    Gone,
}

impl Inbox {
    /// Appends an outcome.
    #[inline]
    pub(crate) fn push(&mut self, tag: u64, worker: WorkerId, answer: Answer<'_>) {
        let start = self.bytes.len();
        match answer {
            Answer::Small(small) => {
                let bytes = small.bytes();
                self.bytes.extend_from_slice(bytes);
                self.ends.push(End { tag, worker, start, length: bytes.len() });
            }
            Answer::Large(bytes) if bytes.len() <= LARGE => {
                self.bytes.extend_from_slice(bytes);
                self.ends.push(End { tag, worker, start, length: bytes.len() });
            }
            Answer::Large(bytes) => self.push_apart(tag, worker, Apart::Large(bytes.into())),
            Answer::Failure(failure) => self.push_apart(tag, worker, Apart::Missing(failure)),
        }
    }

    #[cold]
    fn push_apart(&mut self, tag: u64, worker: WorkerId, what: Apart) {
        let start = self.apart.len();
        self.apart.push(what);
        self.ends.push(End { tag, worker, start, length: APART });
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
        self.apart.clear();
        self.read = 0;
    }

    /// Reads the next outcome, and the tag of its task.
    #[inline]
    pub(crate) fn next<R: DeserializeOwned>(&mut self) -> Option<(u64, Report<R>)> {
        let end = *self.ends.get(self.read)?;
        self.read += 1;
        Some((end.tag, self.report(end)))
    }

    /// Reads all outcomes that are left.
    #[inline]
    pub(crate) fn read_all<R: DeserializeOwned>(&mut self, mut on: impl FnMut(Report<R>)) {
        while let Some(&end) = self.ends.get(self.read) {
            self.read += 1;
            // The result of nearly all tasks goes straight to where it is wanted, and is not moved about in an enum.
            match self.small::<R>(end) {
                Some(Ok(result)) => on(Report::new(Ok(result), end.worker)),
                _ => on(self.report(end)),
            }
        }
    }

    /// The result, if it is a small one.
    #[inline]
    fn small<R: DeserializeOwned>(&self, End { start, length, .. }: End) -> Option<Result<R>> {
        (length != APART).then(|| codec::decode(&self.bytes[start..start + length]))
    }

    /// The outcome, which may be taken once.
    fn report<R: DeserializeOwned>(&mut self, end: End) -> Report<R> {
        let outcome = if end.length == APART {
            match std::mem::replace(&mut self.apart[end.start], Apart::Gone) {
                Apart::Large(bytes) => decoded(&bytes),
                Apart::Missing(failure) => Err(*failure),
                Apart::Gone => Err(Failure::Cancelled),
            }
        } else {
            decoded(&self.bytes[end.start..end.start + end.length])
        };
        Report::new(outcome, end.worker)
    }
}
