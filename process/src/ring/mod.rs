//! A ring of records in shared memory, from one producing process to one consuming process.
//!
//! All positions are bytes counted since the ring was made and never wrap; a record lies at its position modulo the
//! size of the ring. Three of them are shared, each written by one side, each on cache lines of its own:
//!
//! | position | moved by | means |
//! |---|---|---|
//! | `tail` | producer | what lies before it is complete: it is moved last, so a producer that dies half-way has sent nothing |
//! | `claimed` | consumer; producer to revoke | what lies before it has been taken: moved by compare-and-swap, so that each record is taken once or revoked |
//! | `freed` | consumer | what lies before it may be overwritten |
//!
//! Each side keeps its own position to itself and believes nothing that the other side wrote before it has checked it:
//! a damaged position is an error, never an access outside the ring.
//!
//! **Sleeping.** A side that finds nothing to do says so in a flag, then looks once more, then sleeps on its bell. The
//! other side publishes, then looks at the flag, then rings. With a sequentially consistent fence between the two
//! steps of both, one of them must see the other's first step (Dekker): no wake-up is lost.

use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicU32, AtomicU64, fence};

use crate::error::{Error, Result};
use crate::shm::Mapping;

/// Bytes of control words ahead of a ring's data; two cache lines each, because lines are fetched in pairs.
pub(crate) const CONTROL: usize = 1024;

const TAIL: usize = 0;
const CLAIMED: usize = 128;
const FREED: usize = 256;
const CONSUMER_SLEEPS: usize = 384;
const PRODUCER_SLEEPS: usize = 512;

/// Length (4 bytes), kind (4 bytes) and tag (8 bytes) ahead of each record; records start at multiples of it.
const HEADER: u64 = 16;

/// What stands ahead of a record's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) length: u32,
    pub(crate) kind: u32,
    pub(crate) tag: u64,
}

/// Where a ring lies, and how large its data part is.
#[derive(Debug, Clone)]
struct Region {
    memory: Arc<Mapping>,
    control: usize,
    size: u64,
}

impl Region {
    fn new(memory: &Arc<Mapping>, offset: usize, size: usize) -> Result<Self> {
        let end = offset.checked_add(CONTROL).and_then(|start| start.checked_add(size));
        if !size.is_power_of_two() || size < 4096 || end.is_none_or(|end| end > memory.length()) {
            return Err(Error::Setting(format!(
                "a ring cannot be {size} bytes large: a power of two from 4096 on"
            )));
        }
        Ok(Self { memory: Arc::clone(memory), control: offset, size: size as u64 })
    }

    #[inline]
    fn word(&self, which: usize) -> &AtomicU64 {
        self.memory.word(self.control + which)
    }

    #[inline]
    fn flag(&self, which: usize) -> &AtomicU32 {
        self.memory.flag(self.control + which)
    }

    /// The address of a position, and how many bytes follow before the ring wraps.
    #[inline]
    fn place(&self, position: u64, length: usize) -> (std::ptr::NonNull<u8>, usize) {
        let offset = (position & (self.size - 1)) as usize;
        let straight = length.min(self.size as usize - offset);
        (self.memory.at(self.control + CONTROL + offset, straight), straight)
    }

    #[inline]
    fn write(&self, position: u64, bytes: &[u8]) {
        let (to, straight) = self.place(position, bytes.len());
        // SAFETY: `place` has checked both ranges; `bytes` is private memory, so nothing overlaps. The consumer does not
        // read here before the tail has passed.
        unsafe { to.as_ptr().copy_from_nonoverlapping(bytes.as_ptr(), straight) };
        if straight < bytes.len() {
            let (to, rest) = self.place(position + straight as u64, bytes.len() - straight);
            // SAFETY: as above.
            unsafe { to.as_ptr().copy_from_nonoverlapping(bytes[straight..].as_ptr(), rest) };
        }
    }

    /// Appends `length` bytes from `position` on to `bytes`.
    #[inline]
    fn read(&self, position: u64, length: usize, bytes: &mut Vec<u8>) {
        bytes.reserve(length);
        let (from, straight) = self.place(position, length);
        let (again, rest) = self.place(position + straight as u64, length - straight);
        let end = bytes.len();
        // SAFETY: `place` has checked both ranges, `length` never exceeds the ring, and the vector has room for all of
        // it. The producer does not write here before `freed` has passed; should a damaged process do so all the same,
        // the copy holds nonsense, which decoding refuses.
        unsafe {
            let to = bytes.as_mut_ptr().add(end);
            to.copy_from_nonoverlapping(from.as_ptr(), straight);
            to.add(straight).copy_from_nonoverlapping(again.as_ptr(), rest);
            bytes.set_len(end + length);
        }
    }

    #[inline]
    fn write_header(&self, position: u64, header: Header) {
        let first = u64::from(header.length) | u64::from(header.kind) << 32;
        let (at, _) = self.place(position, HEADER as usize);
        // SAFETY: records start at multiples of 16 and the ring's size is one, so 16 aligned bytes lie here.
        unsafe { at.cast::<[u64; 2]>().write([first, header.tag]) };
    }

    #[inline]
    fn read_header(&self, position: u64) -> Header {
        let (at, _) = self.place(position, HEADER as usize);
        // SAFETY: as in `write_header`.
        let [first, tag] = unsafe { at.cast::<[u64; 2]>().read() };
        Header { length: first as u32, kind: (first >> 32) as u32, tag }
    }
}

/// The bytes that a record of `length` takes in the ring.
#[inline]
const fn footprint(length: usize) -> u64 {
    HEADER + (length as u64).next_multiple_of(HEADER)
}

/// The side that writes.
#[derive(Debug)]
pub(crate) struct Producer {
    ring: Region,
    tail: u64,
    freed: u64,
}

impl Producer {
    /// Takes the writing side of the fresh ring at `offset`, with `size` bytes of data.
    pub(crate) fn new(memory: &Arc<Mapping>, offset: usize, size: usize) -> Result<Self> {
        Ok(Self { ring: Region::new(memory, offset, size)?, tail: 0, freed: 0 })
    }

    /// Takes over the writing side of a ring that others have used before.
    pub(crate) fn resume(memory: &Arc<Mapping>, offset: usize, size: usize) -> Result<Self> {
        let mut producer = Self::new(memory, offset, size)?;
        producer.tail = producer.ring.word(TAIL).load(Acquire);
        producer.freed = producer.ring.word(FREED).load(Acquire);
        let used = producer.tail.wrapping_sub(producer.freed);
        if used > producer.ring.size || !(producer.tail | producer.freed).is_multiple_of(HEADER) {
            return Err(Error::Damaged("the positions of a ring do not fit each other"));
        }
        Ok(producer)
    }

    /// The largest record that may be written: four of them fit, so that neither side waits for an empty ring.
    pub(crate) fn largest(&self) -> usize {
        (self.ring.size / 4 - HEADER) as usize
    }

    /// The position that the next record will end before.
    pub(crate) fn tail(&self) -> u64 {
        self.tail
    }

    /// Writes and publishes a record; `false` when there is no room for it now.
    #[inline]
    pub(crate) fn push(&mut self, kind: u32, tag: u64, bytes: &[u8]) -> Result<bool> {
        let written = self.write(kind, tag, bytes)?;
        self.publish();
        Ok(written)
    }

    /// Publishes what was written. Each time costs the consumer's core a cache line, so a batch is published once.
    #[inline]
    pub(crate) fn publish(&self) {
        self.ring.word(TAIL).store(self.tail, Release);
    }

    /// Writes a record that is not there yet for the consumer; `false` when there is no room for it now.
    #[inline]
    pub(crate) fn write(&mut self, kind: u32, tag: u64, bytes: &[u8]) -> Result<bool> {
        let need = footprint(bytes.len());
        debug_assert!(bytes.len() <= self.largest());
        if self.tail + need - self.freed > self.ring.size {
            let freed = self.ring.word(FREED).load(Acquire);
            if freed < self.freed || freed > self.tail {
                return Err(Error::Damaged("the consumer of a ring has freed what it never had"));
            }
            self.freed = freed;
            if self.tail + need - freed > self.ring.size {
                return Ok(false);
            }
        }
        self.ring.write_header(self.tail, Header { length: bytes.len() as u32, kind, tag });
        self.ring.write(self.tail + HEADER, bytes);
        self.tail += need;
        Ok(true)
    }

    /// Whom to wake, when the consumer sleeps: the value it gave to [`Consumer::doze`].
    #[inline]
    pub(crate) fn sleeper(&self) -> Option<u32> {
        fence(std::sync::atomic::Ordering::SeqCst);
        wake(self.ring.flag(CONSUMER_SLEEPS))
    }

    /// Says that the producer sleeps until there is room, unless there is room for `length` bytes by now.
    pub(crate) fn doze(&mut self, length: usize) -> bool {
        self.ring.flag(PRODUCER_SLEEPS).store(1, Relaxed);
        fence(std::sync::atomic::Ordering::SeqCst);
        let freed = self.ring.word(FREED).load(Acquire);
        let sleeps = self.tail.wrapping_add(footprint(length)).wrapping_sub(freed) > self.ring.size;
        if !sleeps {
            self.ring.flag(PRODUCER_SLEEPS).store(0, Relaxed);
        }
        sleeps
    }

    /// Takes back all records that the consumer has not taken; returns where they begin. They end at the tail.
    pub(crate) fn revoke(&self) -> Result<u64> {
        self.publish();
        let claimed = self.ring.word(CLAIMED);
        let mut seen = claimed.load(Acquire);
        loop {
            if seen > self.tail || self.tail - seen > self.ring.size {
                return Err(Error::Damaged("the consumer of a ring has claimed what it never had"));
            }
            match claimed.compare_exchange(seen, self.tail, AcqRel, Acquire) {
                Ok(_) => return Ok(seen),
                Err(now) => seen = now,
            }
        }
    }

    /// Reads back a record that was revoked; `None` beyond the tail. Returns its header and where the next begins.
    pub(crate) fn reread(
        &self,
        position: u64,
        bytes: &mut Vec<u8>,
    ) -> Result<Option<(Header, u64)>> {
        take(&self.ring, position, self.tail, bytes)
    }
}

/// The side that reads.
#[derive(Debug)]
pub(crate) struct Consumer {
    ring: Region,
    position: u64,
    tail: u64,
}

impl Consumer {
    /// Takes the reading side of the fresh ring at `offset`, with `size` bytes of data.
    pub(crate) fn new(memory: &Arc<Mapping>, offset: usize, size: usize) -> Result<Self> {
        Ok(Self { ring: Region::new(memory, offset, size)?, position: 0, tail: 0 })
    }

    /// Takes over the reading side of a ring that others have used before.
    pub(crate) fn resume(memory: &Arc<Mapping>, offset: usize, size: usize) -> Result<Self> {
        let mut consumer = Self::new(memory, offset, size)?;
        consumer.position = consumer.ring.word(CLAIMED).load(Acquire);
        consumer.tail = consumer.position;
        Ok(consumer)
    }

    /// Whether there is nothing to read.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.ring.word(TAIL).load(Acquire) == self.position
    }

    /// Takes the next record, whose bytes replace what `bytes` holds.
    #[inline]
    pub(crate) fn pop(&mut self, bytes: &mut Vec<u8>) -> Result<Option<Header>> {
        bytes.clear();
        self.pop_append(bytes)
    }

    /// Takes the next record and appends its bytes to `bytes`.
    #[inline]
    pub(crate) fn pop_append(&mut self, bytes: &mut Vec<u8>) -> Result<Option<Header>> {
        let start = bytes.len();
        loop {
            if self.position == self.tail {
                self.tail = self.ring.word(TAIL).load(Acquire);
            }
            let Some((header, next)) = take(&self.ring, self.position, self.tail, bytes)? else {
                return Ok(None);
            };
            let claimed =
                self.ring.word(CLAIMED).compare_exchange(self.position, next, AcqRel, Acquire);
            // After a revocation the records up to the producer's tail are no longer ours.
            self.position = claimed.err().unwrap_or(next);
            self.ring.word(FREED).store(self.position, Release);
            if claimed.is_ok() {
                return Ok(Some(header));
            }
            bytes.truncate(start);
            self.tail = self.ring.word(TAIL).load(Acquire);
        }
    }

    /// Whether the producer waits for room and must be woken.
    #[inline]
    pub(crate) fn starved(&self) -> bool {
        fence(std::sync::atomic::Ordering::SeqCst);
        wake(self.ring.flag(PRODUCER_SLEEPS)).is_some()
    }

    /// Says that the consumer sleeps and that `whom`, not 0, is to be woken; `false` when there is something to read by now.
    #[inline]
    pub(crate) fn doze(&self, whom: u32) -> bool {
        self.ring.flag(CONSUMER_SLEEPS).store(whom, Relaxed);
        fence(std::sync::atomic::Ordering::SeqCst);
        self.is_empty()
    }

    /// Says that the consumer is awake.
    #[inline]
    pub(crate) fn rouse(&self) {
        self.ring.flag(CONSUMER_SLEEPS).store(0, Relaxed);
    }
}

#[inline]
fn wake(flag: &AtomicU32) -> Option<u32> {
    // Most of the time nobody sleeps; then the line stays shared and costs nothing.
    (flag.load(Relaxed) != 0).then(|| flag.swap(0, AcqRel)).filter(|whom| *whom != 0)
}

/// Copies out the record at `position` after checking that it lies whole before `tail`.
#[inline]
fn take(
    ring: &Region,
    position: u64,
    tail: u64,
    bytes: &mut Vec<u8>,
) -> Result<Option<(Header, u64)>> {
    let available = tail.wrapping_sub(position);
    if available == 0 {
        return Ok(None);
    }
    if available > ring.size || !(position | tail).is_multiple_of(HEADER) {
        return Err(Error::Damaged("the positions of a ring do not fit each other"));
    }
    let header = ring.read_header(position);
    let need = footprint(header.length as usize);
    if need > available {
        return Err(Error::Damaged("a record is longer than what was written"));
    }
    ring.read(position + HEADER, header.length as usize, bytes);
    Ok(Some((header, position + need)))
}

#[cfg(test)]
mod tests;
