//! A ring of records in shared memory, from one producing process to one consuming process.
//!
//! All positions are bytes counted since the ring was made and never wrap; a record lies at its position modulo the
//! size of the ring. Three of them are shared, each written by one side, each on cache lines of its own:
//!
//! | position | moved by | means |
//! |---|---|---|
//! | `tail` | producer | what lies before it is complete: it is moved last, so a producer that dies half-way has sent nothing |
//! | `claimed` | consumer; producer to revoke | what lies before it has been taken: moved by compare-and-swap, so that each record is taken once or revoked; unused where nothing is ever revoked |
//! | `freed` | consumer | what lies before it may be overwritten |
//!
//! Each side keeps its own position to itself and believes nothing that the other side wrote before it has checked it:
//! a damaged position is an error, never an access outside the ring.
//!
//! **Sleeping.** A side that finds nothing to do says so in a flag, then looks once more, then sleeps on its bell. The
//! other side publishes, then looks at the flag, then rings. With a sequentially consistent fence between the two
//! steps of both, one of them must see the other's first step (Dekker): no wake-up is lost.

use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicU32, AtomicU64, fence};

use crate::error::{Error, Result};
use crate::shm::Mapping;

/// Bytes of control words ahead of a ring's data.
pub(crate) const CONTROL: usize = 1024;

/// Length (4 bytes), kind (4 bytes) and tag (8 bytes) ahead of each record; records start at multiples of it.
const HEADER: u64 = 16;

/// What stands ahead of a record's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) length: u32,
    pub(crate) kind: u32,
    pub(crate) tag: u64,
}

/// The words that both sides share.
#[derive(Debug)]
#[repr(C)]
struct Words {
    tail: Line<AtomicU64>,
    claimed: Line<AtomicU64>,
    freed: Line<AtomicU64>,
    consumer_sleeps: Line<AtomicU32>,
    producer_sleeps: Line<AtomicU32>,
}

/// A word by itself: two cache lines each, because lines are fetched in pairs.
#[derive(Debug)]
#[repr(C, align(128))]
struct Line<T>(T);

/// Where a ring lies, and how large its data part is.
#[derive(Debug, Clone)]
struct Region {
    words: NonNull<Words>,
    /// `size` bytes, from a multiple of 16 on.
    data: NonNull<u8>,
    size: u64,
    /// Keeps both where they are.
    _memory: Arc<Mapping>,
}

// SAFETY: the pointers lead into the mapping, which may be used from any thread; the words are atomics, and who may
// touch which part of the data follows from them.
unsafe impl Send for Region {}

impl Region {
    fn new(memory: &Arc<Mapping>, offset: usize, size: usize) -> Result<Self> {
        let end = offset.checked_add(CONTROL).and_then(|start| start.checked_add(size));
        if !size.is_power_of_two() || size < 4096 || end.is_none_or(|end| end > memory.length()) {
            return Err(Error::Setting(format!(
                "a ring cannot be {size} bytes large: a power of two from 4096 on"
            )));
        }
        if !offset.is_multiple_of(CONTROL) {
            return Err(Error::Setting(format!("a ring cannot begin at {offset}")));
        }
        let words = memory.at(offset, CONTROL).cast();
        let data = memory.at(offset + CONTROL, size);
        Ok(Self { words, data, size: size as u64, _memory: Arc::clone(memory) })
    }

    #[inline]
    fn words(&self) -> &Words {
        const { assert!(size_of::<Words>() <= CONTROL && CONTROL.is_multiple_of(align_of::<Words>())) };
        // SAFETY: CONTROL bytes lie there, aligned because mappings start at a page; they are only ever used as these
        // atomics, and live as long as `self`.
        unsafe { self.words.as_ref() }
    }

    /// The address of a position, and how many bytes follow before the ring wraps.
    #[inline]
    fn place(&self, position: u64) -> (NonNull<u8>, usize) {
        let offset = (position & (self.size - 1)) as usize;
        // SAFETY: the size is a power of two, so the offset lies inside the ring.
        (unsafe { self.data.add(offset) }, self.size as usize - offset)
    }

    /// The address of a header.
    #[inline]
    fn header(&self, position: u64) -> NonNull<[u64; 2]> {
        self.place(position & !(HEADER - 1)).0.cast()
    }

    /// Writes a record's bytes.
    ///
    /// # Safety
    /// The consumer must not read here, and there may not be more bytes than the ring is large.
    #[inline]
    unsafe fn write(&self, position: u64, bytes: &[u8]) {
        let (to, straight) = self.place(position);
        let straight = straight.min(bytes.len());
        // SAFETY: `straight` bytes lie before the ring wraps; `bytes` is private memory, so nothing overlaps.
        unsafe { to.as_ptr().copy_from_nonoverlapping(bytes.as_ptr(), straight) };
        if straight < bytes.len() {
            let rest = &bytes[straight..];
            // SAFETY: what is left goes to the beginning of the ring, which is at least as large.
            unsafe { self.data.as_ptr().copy_from_nonoverlapping(rest.as_ptr(), rest.len()) };
        }
    }

    /// Appends `length` bytes from `position` on to `bytes`.
    ///
    /// Should a damaged process write there meanwhile, the copy holds nonsense, which decoding refuses.
    ///
    /// # Safety
    /// `length` may not be larger than the ring.
    #[inline]
    unsafe fn read(&self, position: u64, length: usize, bytes: &mut Vec<u8>) {
        if length == 0 {
            return;
        }
        bytes.reserve(length);
        let (from, straight) = self.place(position);
        let straight = straight.min(length);
        let end = bytes.len();
        // SAFETY: both parts lie inside the ring, and the vector has room for them.
        unsafe {
            let to = bytes.as_mut_ptr().add(end);
            to.copy_from_nonoverlapping(from.as_ptr(), straight);
            if straight < length {
                to.add(straight).copy_from_nonoverlapping(self.data.as_ptr(), length - straight);
            }
            bytes.set_len(end + length);
        }
    }

    #[inline]
    fn write_header(&self, position: u64, header: Header) {
        let first = u64::from(header.length) | u64::from(header.kind) << 32;
        // SAFETY: the ring's size is a multiple of 16 too, so 16 aligned bytes lie here.
        unsafe { self.header(position).write([first, header.tag]) };
    }

    #[inline]
    fn read_header(&self, position: u64) -> Header {
        // SAFETY: as in `write_header`.
        let [first, tag] = unsafe { self.header(position).read() };
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
        producer.tail = producer.ring.words().tail.0.load(Acquire);
        producer.freed = producer.ring.words().freed.0.load(Acquire);
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
        self.ring.words().tail.0.store(self.tail, Release);
    }

    /// Writes a record that is not there yet for the consumer; `false` when there is no room for it now.
    #[inline]
    pub(crate) fn write(&mut self, kind: u32, tag: u64, bytes: &[u8]) -> Result<bool> {
        let need = footprint(bytes.len());
        debug_assert!(bytes.len() <= self.largest());
        if self.tail + need - self.freed > self.ring.size {
            let freed = self.ring.words().freed.0.load(Acquire);
            if freed < self.freed || freed > self.tail {
                return Err(Error::Damaged("the consumer of a ring has freed what it never had"));
            }
            self.freed = freed;
            if self.tail + need - freed > self.ring.size {
                return Ok(false);
            }
        }
        self.ring.write_header(self.tail, Header { length: bytes.len() as u32, kind, tag });
        // SAFETY: between `tail` and what is freed, the whole record has room, and the consumer reads nothing that lies
        // beyond the tail that was published.
        unsafe { self.ring.write(self.tail + HEADER, bytes) };
        self.tail += need;
        Ok(true)
    }

    /// Takes back the record that was written last, of `length` bytes, before it is published.
    pub(crate) fn take_back(&mut self, length: usize) {
        self.tail -= footprint(length);
    }

    /// Whom to wake, when the consumer sleeps: the value it gave to [`Consumer::doze`].
    #[inline]
    pub(crate) fn sleeper(&self) -> Option<u32> {
        fence(std::sync::atomic::Ordering::SeqCst);
        wake(&self.ring.words().consumer_sleeps.0)
    }

    /// Says that the producer sleeps until there is room, unless there is room for `length` bytes by now.
    pub(crate) fn doze(&mut self, length: usize) -> bool {
        self.ring.words().producer_sleeps.0.store(1, Relaxed);
        fence(std::sync::atomic::Ordering::SeqCst);
        let freed = self.ring.words().freed.0.load(Acquire);
        let sleeps = self.tail.wrapping_add(footprint(length)).wrapping_sub(freed) > self.ring.size;
        if !sleeps {
            self.ring.words().producer_sleeps.0.store(0, Relaxed);
        }
        sleeps
    }

    /// Takes back all records that the consumer has not taken; returns where they begin. They end at the tail.
    pub(crate) fn revoke(&self) -> Result<u64> {
        self.publish();
        let claimed = &self.ring.words().claimed.0;
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
    /// Whether the producer may take back what was not taken, so that each record must be claimed.
    revocable: bool,
}

impl Consumer {
    /// Takes the reading side of the fresh ring at `offset`, with `size` bytes of data.
    pub(crate) fn new(memory: &Arc<Mapping>, offset: usize, size: usize) -> Result<Self> {
        let ring = Region::new(memory, offset, size)?;
        Ok(Self { ring, position: 0, tail: 0, revocable: false })
    }

    /// The same for a ring whose producer [revokes](Producer::revoke).
    pub(crate) fn revocable(memory: &Arc<Mapping>, offset: usize, size: usize) -> Result<Self> {
        Ok(Self { revocable: true, ..Self::new(memory, offset, size)? })
    }

    /// Takes over the reading side of a ring that others have used before.
    pub(crate) fn resume(memory: &Arc<Mapping>, offset: usize, size: usize) -> Result<Self> {
        let mut consumer = Self::new(memory, offset, size)?;
        consumer.position = consumer.ring.words().freed.0.load(Acquire);
        consumer.tail = consumer.position;
        Ok(consumer)
    }

    /// Whether there is nothing to read.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.ring.words().tail.0.load(Acquire) == self.position
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
                self.tail = self.ring.words().tail.0.load(Acquire);
            }
            let Some((header, next)) = take(&self.ring, self.position, self.tail, bytes)? else {
                return Ok(None);
            };
            let claimed = self.claim(next);
            self.ring.words().freed.0.store(self.position, Release);
            if claimed {
                return Ok(Some(header));
            }
            bytes.truncate(start);
            self.tail = self.ring.words().tail.0.load(Acquire);
        }
    }

    /// Moves on to `next`, unless the producer has revoked what lies before: then to where it goes on.
    #[inline]
    fn claim(&mut self, next: u64) -> bool {
        if !self.revocable {
            self.position = next;
            return true;
        }
        let word = &self.ring.words().claimed.0;
        let claimed = word.compare_exchange(self.position, next, AcqRel, Acquire);
        self.position = claimed.err().unwrap_or(next);
        claimed.is_ok()
    }

    /// Whether the producer waits for room and must be woken.
    #[inline]
    pub(crate) fn starved(&self) -> bool {
        fence(std::sync::atomic::Ordering::SeqCst);
        wake(&self.ring.words().producer_sleeps.0).is_some()
    }

    /// Says that the consumer sleeps and that `whom`, not 0, is to be woken; `false` when there is something to read by now.
    #[inline]
    pub(crate) fn doze(&self, whom: u32) -> bool {
        self.ring.words().consumer_sleeps.0.store(whom, Relaxed);
        fence(std::sync::atomic::Ordering::SeqCst);
        self.is_empty()
    }

    /// Says that the consumer is awake.
    #[inline]
    pub(crate) fn rouse(&self) {
        self.ring.words().consumer_sleeps.0.store(0, Relaxed);
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
    // SAFETY: `need` is larger than the length and, as just checked, not larger than the ring.
    unsafe { ring.read(position + HEADER, header.length as usize, bytes) };
    Ok(Some((header, position + need)))
}

#[cfg(test)]
mod tests;
