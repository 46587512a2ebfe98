//! One ring of a lane: one producer appends records, any number of consumers take them.
//!
//! A consumer copies a record first and claims it afterwards, by moving `head` with a
//! compare-and-swap. When that fails, another consumer was faster, and the copy is thrown away,
//! because it may have been overwritten meanwhile. When it succeeds, the head did not move during
//! the copy, so nothing was overwritten. A consumer that dies in between has taken nothing. All
//! bytes are read and written as atomic words, because such a race is part of the design.

use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

use super::board::Board;
use super::layout::{self, HEAD, RING_HEAD, TAIL};
use crate::codec::MAX_MESSAGE;
use crate::error::{Error, Result};
use crate::shm::Mapping;

/// Bytes ahead of each record: its length, a spare word, and the number of the message in its lane.
const RECORD_HEAD: u64 = 16;

/// A ring as one process sees it.
#[derive(Debug, Clone)]
pub(crate) struct Ring {
    memory: Arc<Mapping>,
    size: u64,
    pub(crate) number: u64,
    /// The other side's position when this process last read it: the head for the producer, the
    /// tail for a consumer. While it is enough, the other side's cache line is left alone.
    seen: u64,
}

/// Whether a consumer found a message at the head of a ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    /// A message; it is in the buffer.
    Message,
    /// Nothing at the moment.
    Nothing,
}

impl Ring {
    pub(crate) fn map(board: &Board, lane: usize, number: u64) -> Result<Self> {
        if number >= layout::RINGS {
            return Err(Error::Damaged("a lane of a queue has grown beyond its last ring"));
        }
        let size = layout::ring_size(number);
        let start = layout::ring_start(lane, number);
        let memory = Mapping::new(board.memory.as_fd(), start, (RING_HEAD + size) as usize)?;
        let memory = Arc::new(memory);
        let seen = memory.word(HEAD).load(Acquire);
        Ok(Self { memory, size, number, seen })
    }

    fn head(&self) -> &AtomicU64 {
        self.memory.word(HEAD)
    }

    fn tail(&self) -> &AtomicU64 {
        self.memory.word(TAIL)
    }

    #[inline]
    fn data(&self, position: u64) -> &AtomicU64 {
        self.memory.word((RING_HEAD + (position & (self.size - 1))) as usize)
    }

    /// The words of `count` bytes from `position` on: up to the end of the ring, and from its
    /// beginning.
    #[inline]
    fn words(&self, position: u64, count: usize) -> (&[AtomicU64], &[AtomicU64]) {
        let count = count.div_ceil(8);
        let offset = (position & (self.size - 1)) as usize;
        let straight = count.min((self.size as usize - offset) / 8);
        let slice = |offset: usize, words: usize| {
            let start = self.memory.at(RING_HEAD as usize + offset, words * 8);
            // SAFETY: `at` has checked that the words lie inside the mapping, positions are
            // multiples of 8, the mapping lives as long as `self`, and this memory is only ever
            // used as atomic words.
            unsafe { std::slice::from_raw_parts(start.cast::<AtomicU64>().as_ptr(), words) }
        };
        (slice(offset, straight), slice(0, count - straight))
    }

    /// Appends a message at `tail`, the producer's own position; `None` when there is no room for
    /// it.
    pub(crate) fn append(&mut self, tail: u64, number: u64, bytes: &[u8]) -> Result<Option<u64>> {
        let need = footprint(bytes.len());
        if tail.wrapping_sub(self.seen).saturating_add(need) > self.size {
            self.seen = self.head().load(Acquire);
            let used = tail.wrapping_sub(self.seen);
            if used > self.size {
                return Err(Error::Damaged("a consumer of a queue has taken what was never there"));
            }
            if used + need > self.size {
                return Ok(None);
            }
        }
        self.data(tail).store(bytes.len() as u64, Relaxed);
        self.data(tail + 8).store(number, Relaxed);
        let (first, second) = self.words(tail + RECORD_HEAD, bytes.len());
        store(first, bytes);
        store(second, bytes.get(first.len() * 8..).unwrap_or_default());
        // The message exists from here on. A producer that dies before this line has put nothing.
        self.tail().store(tail + need, Release);
        Ok(Some(tail + need))
    }

    /// Takes the message at the head.
    pub(crate) fn take(&mut self, bytes: &mut Vec<u8>) -> Result<Taken> {
        loop {
            let head = self.head().load(Acquire);
            // The tail seen last may lie behind the head, which other consumers have moved.
            if !(1..=self.size).contains(&self.seen.wrapping_sub(head)) {
                self.seen = self.tail().load(Acquire);
            }
            let tail = self.seen;
            if head == tail {
                return Ok(Taken::Nothing);
            }
            let length = self.data(head).load(Relaxed);
            let whole = tail.wrapping_sub(head) <= self.size && length <= MAX_MESSAGE as u64;
            if !whole || footprint(length as usize) > tail.wrapping_sub(head) {
                if self.head().load(Acquire) != head {
                    // Another consumer took it, and the producer has overwritten it.
                    continue;
                }
                return Err(Error::Damaged("a message of a queue is longer than what was written"));
            }
            self.copy(head + RECORD_HEAD, length as usize, bytes);
            let next = head + footprint(length as usize);
            if self.head().compare_exchange(head, next, AcqRel, Relaxed).is_ok() {
                return Ok(Taken::Message);
            }
        }
    }

    /// Replaces what `bytes` holds by `length` bytes from `position` on.
    fn copy(&self, position: u64, length: usize, bytes: &mut Vec<u8>) {
        let (first, second) = self.words(position, length);
        bytes.clear();
        bytes.reserve(length + 8);
        let to = bytes.as_mut_ptr().cast::<[u8; 8]>();
        for (index, word) in first.iter().enumerate() {
            // SAFETY: the words are no more than the length rounded up to 8, for which there is
            // room.
            unsafe { to.add(index).write(word.load(Relaxed).to_ne_bytes()) };
        }
        for (index, word) in second.iter().enumerate() {
            // SAFETY: as above.
            unsafe { to.add(first.len() + index).write(word.load(Relaxed).to_ne_bytes()) };
        }
        // SAFETY: so many bytes have just been written.
        unsafe { bytes.set_len(length) };
    }

    /// The number in its lane of the next message to be taken; `None` when the ring is empty.
    pub(crate) fn next_number(&self) -> Option<u64> {
        loop {
            let head = self.head().load(Acquire);
            if head == self.tail().load(Acquire) {
                return None;
            }
            let number = self.data(head + 8).load(Relaxed);
            // The number is valid only if no consumer took the message meanwhile: then it was not
            // overwritten.
            std::sync::atomic::fence(Acquire);
            if self.head().load(Relaxed) == head {
                return Some(number);
            }
        }
    }

    /// The end of the published records, and the number of the last message before it. Walks over
    /// the records of a lane without a producer, so nothing is overwritten meanwhile and consumers
    /// only move the head.
    pub(crate) fn last(&self) -> Result<(u64, Option<u64>)> {
        let (mut at, tail) = (self.head().load(Acquire), self.tail().load(Acquire));
        let mut number = None;
        while at != tail {
            let length = self.data(at).load(Relaxed);
            let left = tail.wrapping_sub(at);
            if left > self.size || length > MAX_MESSAGE as u64 || footprint(length as usize) > left
            {
                return Err(Error::Damaged("the messages of a queue do not fit its positions"));
            }
            number = Some(self.data(at + 8).load(Relaxed));
            at += footprint(length as usize);
        }
        Ok((tail, number))
    }

    /// Whether a message of `length` bytes could ever fit.
    pub(crate) fn could_hold(size: u64, length: usize) -> bool {
        footprint(length) * 2 <= size
    }
}

#[inline]
const fn footprint(length: usize) -> u64 {
    RECORD_HEAD + (length as u64).next_multiple_of(RECORD_HEAD)
}

/// Writes as many of `bytes` as `words` hold, the last word filled up with zeros.
#[inline]
fn store(words: &[AtomicU64], bytes: &[u8]) {
    let (chunks, rest) = bytes.as_chunks::<8>();
    for (word, chunk) in words.iter().zip(chunks) {
        word.store(u64::from_ne_bytes(*chunk), Relaxed);
    }
    if let (Some(word), false) = (words.get(chunks.len()), rest.is_empty()) {
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        word.store(u64::from_ne_bytes(last), Relaxed);
    }
}
