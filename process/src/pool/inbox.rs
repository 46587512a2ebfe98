//! The outcomes of a stream's tasks: gathered in the order in which the tasks end, and taken all at
//! once.

use serde::de::DeserializeOwned;

use super::handle::Report;
use super::raw::{Answer, Small, WorkerId, decoded};
use crate::outcome::{Failure, Outcome};

/// Results larger than this get memory of their own: what all share is copied when it grows.
const LARGE: usize = 4096;
/// The length of a result that lies apart.
const APART: usize = usize::MAX;

/// Outcomes that are there.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    ends: Vec<End>,
    /// The bytes of results that are not small, one after another.
    bytes: Vec<u8>,
    /// What is no such result.
    apart: Vec<Apart>,
    /// How many of `ends` were read.
    read: usize,
}

/// How one task has ended: plain words, because the many parts of an enum would be moved more often
/// than read.
#[derive(Debug, Clone, Copy)]
struct End {
    tag: u64,
    worker: WorkerId,
    length: usize,
    /// The bytes of a small result. Of others the first word says where they begin in `bytes`, or
    /// are in `apart`.
    words: [u64; Small::WORDS],
}

#[derive(Debug)]
enum Apart {
    Large(Box<[u8]>),
    Missing(Box<Failure>),
    /// It was read.
    Gone,
}

impl Inbox {
    /// Appends a small result.
    #[inline]
    pub(crate) fn push_small(&mut self, tag: u64, worker: WorkerId, small: Small) {
        self.ends.push(End { tag, worker, length: small.length().into(), words: small.words() });
    }

    /// Appends an outcome.
    pub(crate) fn push(&mut self, tag: u64, worker: WorkerId, answer: Answer<'_>) {
        let mut push = |length, start| {
            self.ends.push(End { tag, worker, length, words: [start as u64, 0] });
        };
        match answer {
            Answer::Small(small) => self.push_small(tag, worker, small),
            Answer::Large(bytes) if bytes.len() <= LARGE => {
                push(bytes.len(), self.bytes.len());
                self.bytes.extend_from_slice(bytes);
            }
            Answer::Large(bytes) => {
                push(APART, self.apart.len());
                self.apart.push(Apart::Large(bytes.into()));
            }
            Answer::Failure(failure) => {
                push(APART, self.apart.len());
                self.apart.push(Apart::Missing(failure));
            }
        }
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
        Some((end.tag, Report::new(self.outcome(end), end.worker)))
    }

    /// Reads all outcomes that are left.
    #[inline]
    pub(crate) fn read_all<R: DeserializeOwned>(&mut self, mut on: impl FnMut(Report<R>)) {
        while let Some(&end) = self.ends.get(self.read) {
            self.read += 1;
            on(Report::new(self.outcome(end), end.worker));
        }
    }

    /// The outcome, which may be taken once.
    #[inline]
    fn outcome<R: DeserializeOwned>(&mut self, end: End) -> Outcome<R> {
        match Small::from_words(end.length, end.words) {
            Some(small) => decoded(small.bytes()),
            None => self.large_or_none(end),
        }
    }

    #[cold]
    fn large_or_none<R: DeserializeOwned>(&mut self, end: End) -> Outcome<R> {
        let start = end.words[0] as usize;
        if end.length != APART {
            return decoded(&self.bytes[start..start + end.length]);
        }
        match std::mem::replace(&mut self.apart[start], Apart::Gone) {
            Apart::Large(bytes) => decoded(&bytes),
            Apart::Missing(failure) => Err(*failure),
            Apart::Gone => Err(Failure::Cancelled),
        }
    }
}
