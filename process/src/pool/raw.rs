//! Outcomes before their type is known.

use serde::de::DeserializeOwned;

use super::link::record;
use crate::codec;
use crate::outcome::{Failure, Outcome};
use crate::ring::word_of;

const WORD: usize = size_of::<u64>();

/// Which worker, and which process that was: both in one word, because two halves that are written
/// one by one and then read as a whole make the reader wait for the cache.
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
    /// The largest, in bytes.
    pub(crate) const LARGEST: usize = 2 * WORD;

    /// So many bytes, of which `word` gives the ones from a multiple of 8 on. There may not be more
    /// than the [`LARGEST`](Self::LARGEST) has.
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

/// How a task has ended, as it is found.
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

    /// What a worker says by a record of this kind.
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

/// A result as its own type.
#[inline]
pub(crate) fn decoded<R: DeserializeOwned>(bytes: &[u8]) -> Outcome<R> {
    codec::decode(bytes).map_err(|error| Failure::Unreadable(error.to_string()))
}
