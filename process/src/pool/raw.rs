//! Outcomes as bytes, before they are decoded.

use serde::de::DeserializeOwned;

use super::link::record;
use crate::codec;
use crate::outcome::{Failure, Outcome};
use crate::ring::word_of;

const WORD: usize = size_of::<u64>();

/// A worker's number and its process id, both in one word. Two halves that are written one by one
/// and then read as a whole would make the reader wait for the cache.
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

/// A result so small that it needs no memory of its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Small {
    length: u8,
    bytes: [u8; Small::LARGEST],
}

impl Small {
    /// The size of the largest, in bytes.
    pub(crate) const LARGEST: usize = 2 * WORD;

    /// A result of `length` bytes, at most [`LARGEST`](Self::LARGEST). `word` returns the eight
    /// bytes that begin at a multiple of 8.
    #[inline]
    pub(crate) fn new(length: usize, word: impl Fn(usize) -> u64) -> Self {
        debug_assert!(length <= Self::LARGEST);
        let mut bytes = [0; Self::LARGEST];
        for at in (0..Self::LARGEST).step_by(WORD).filter(|at| *at < length) {
            bytes[at..at + WORD].copy_from_slice(&word(at).to_ne_bytes());
        }
        Self { length: length as u8, bytes }
    }

    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length).min(Self::LARGEST)]
    }
}

/// How a task has ended, borrowed from the place where it was read.
#[derive(Debug)]
pub(crate) enum Answer<'a> {
    Small(Small),
    Large(&'a [u8]),
    Failure(Box<Failure>),
}

impl<'a> Answer<'a> {
    /// A result.
    #[inline]
    pub(crate) fn result(bytes: &'a [u8]) -> Self {
        if bytes.len() > Small::LARGEST {
            return Self::Large(bytes);
        }
        let word = |at| bytes[at..].chunks(WORD).next().map_or(0, word_of);
        Self::Small(Small::new(bytes.len(), word))
    }

    /// The answer that a record of this kind holds.
    #[inline]
    pub(crate) fn of(kind: u8, bytes: &'a [u8]) -> Self {
        if kind == record::DONE { Self::result(bytes) } else { Self::failed(kind, bytes) }
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

/// Decodes a result.
#[inline]
pub(crate) fn decoded<R: DeserializeOwned>(bytes: &[u8]) -> Outcome<R> {
    codec::decode(bytes).map_err(|error| Failure::Unreadable(error.to_string()))
}
