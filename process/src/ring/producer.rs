//! The side of a ring that writes.

use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, SeqCst};
use std::sync::atomic::fence;

use super::region::{Region, record_at};
use super::{HEADER, Header, footprint, wake};
use crate::error::{Error, Result};
use crate::shm::Mapping;

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

    /// The largest record that may be written, in bytes. Four of them fit into the ring, so that no
    /// side ever needs the other to empty the ring.
    pub(crate) fn largest(&self) -> usize {
        (self.ring.size / 4 - HEADER) as usize
    }

    /// Writes and publishes a record; `false` when there is no room for it now.
    #[inline]
    pub(crate) fn push(&mut self, kind: u8, tag: u32, bytes: &[u8]) -> Result<bool> {
        let written = self.write(kind, tag, bytes)?;
        self.publish();
        Ok(written)
    }

    /// Publishes the written records. Each call costs the consumer's core a cache line, so a batch
    /// is published at once.
    ///
    /// The store is sequentially consistent so that no wake-up is lost; that is cheaper than a
    /// fence after it.
    #[inline]
    pub(crate) fn publish(&self) {
        self.ring.words().tail.0.store(self.tail, SeqCst);
    }

    /// Writes a record without publishing it; returns `false` when there is no room for it now.
    #[inline]
    pub(crate) fn write(&mut self, kind: u8, tag: u32, bytes: &[u8]) -> Result<bool> {
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
        // SAFETY: between `tail` and what is freed, the whole record has room, and the consumer
        // reads nothing that lies beyond the tail that was published.
        unsafe { self.ring.write(self.tail + HEADER, bytes) };
        self.tail += need;
        Ok(true)
    }

    /// Takes back the record that was written last, of `length` bytes, before it is published.
    pub(crate) fn take_back(&mut self, length: usize) {
        self.tail -= footprint(length);
    }

    /// When the consumer sleeps: the value that it gave to
    /// [`Consumer::doze`](super::Consumer::doze), which says whom to wake.
    #[inline]
    pub(crate) fn sleeper(&self) -> Option<u32> {
        wake(&self.ring.words().consumer_sleeps.0)
    }

    /// Announces that the producer sleeps until there is room for `length` bytes. Returns `false`
    /// when there is room by now.
    pub(crate) fn doze(&mut self, length: usize) -> bool {
        self.ring.words().producer_sleeps.0.store(1, Relaxed);
        fence(SeqCst);
        let freed = self.ring.words().freed.0.load(Acquire);
        let sleeps = self.tail.wrapping_add(footprint(length)).wrapping_sub(freed) > self.ring.size;
        if !sleeps {
            self.ring.words().producer_sleeps.0.store(0, Relaxed);
        }
        sleeps
    }

    /// Takes back all records that the consumer has not taken. They lie between the returned
    /// position and the tail.
    pub(crate) fn revoke(&self) -> Result<u64> {
        self.publish();
        let claimed = &self.ring.words().claimed.0;
        let mut seen = claimed.load(Acquire);
        loop {
            self.ring.check(seen, self.tail)?;
            match claimed.compare_exchange(seen, self.tail, AcqRel, Acquire) {
                Ok(_) => return Ok(seen),
                Err(now) => seen = now,
            }
        }
    }

    /// Reads back a record that was revoked; `None` beyond the tail. Returns its header and where
    /// the next begins.
    pub(crate) fn reread(
        &self,
        position: u64,
        bytes: &mut Vec<u8>,
    ) -> Result<Option<(Header, u64)>> {
        self.ring.check(position, self.tail)?;
        let Some((header, body)) = record_at(&self.ring, position, self.tail)? else {
            return Ok(None);
        };
        body.append_to(bytes);
        Ok(Some((header, position + footprint(header.length as usize))))
    }
}
