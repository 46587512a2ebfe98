//! The side of a ring that reads.

use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use std::sync::atomic::fence;

use super::region::{Body, Region, record_at};
use super::{Header, footprint, wake};
use crate::error::Result;
use crate::shm::Mapping;

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

    /// Like [`new`](Self::new), for a ring whose producer may [revoke](super::Producer::revoke)
    /// records.
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

    /// Takes the next record; its bytes replace the content of `bytes`.
    #[inline]
    pub(crate) fn pop(&mut self, bytes: &mut Vec<u8>) -> Result<Option<Header>> {
        bytes.clear();
        self.pop_append(bytes)
    }

    /// Takes the next record and appends its bytes to `bytes`.
    #[inline]
    pub(crate) fn pop_append(&mut self, bytes: &mut Vec<u8>) -> Result<Option<Header>> {
        let start = bytes.len();
        let popped = self.pop_if(|_, body| {
            // The record was revoked while it was read, so the next one is read in its place.
            bytes.truncate(start);
            body.append_to(bytes);
            Some(())
        });
        Ok(popped?.map(|(header, ())| header))
    }

    /// Takes the next record if `read` returns a value for its bytes, and returns that value. Where
    /// records are revoked, `read` may be called more than once.
    #[inline]
    pub(crate) fn pop_if<T>(
        &mut self,
        mut read: impl FnMut(Header, Body<'_>) -> Option<T>,
    ) -> Result<Option<(Header, T)>> {
        if self.position == self.tail {
            self.go_on_from(self.position)?;
        }
        loop {
            let Some((header, body)) = record_at(&self.ring, self.position, self.tail)? else {
                return Ok(None);
            };
            let Some(record) = read(header, body) else { return Ok(None) };
            let claimed = self.claim(self.position + footprint(header.length as usize))?;
            self.ring.words().freed.0.store(self.position, Release);
            if claimed {
                return Ok(Some((header, record)));
            }
        }
    }

    /// Claims the record before `next` and moves on. Returns `false` where the producer has revoked
    /// it; then moves to where the producer goes on.
    #[inline]
    fn claim(&mut self, next: u64) -> Result<bool> {
        if self.revocable {
            let word = &self.ring.words().claimed.0;
            if let Err(now) = word.compare_exchange(self.position, next, AcqRel, Acquire) {
                return self.go_on_from(now).map(|()| false);
            }
        }
        self.position = next;
        Ok(true)
    }

    /// Moves on to `position` after checking that it lies before the producer's tail.
    fn go_on_from(&mut self, position: u64) -> Result<()> {
        let tail = self.ring.words().tail.0.load(Acquire);
        self.ring.check(position, tail)?;
        (self.position, self.tail) = (position, tail);
        Ok(())
    }

    /// Whether the producer waits for room and must be woken.
    #[inline]
    pub(crate) fn starved(&self) -> bool {
        fence(SeqCst);
        wake(&self.ring.words().producer_sleeps.0).is_some()
    }

    /// Announces that the consumer sleeps. `whom`, which is not 0, tells the producer which bell to
    /// ring. Returns `false` when there is something to read by now.
    #[inline]
    pub(crate) fn doze(&self, whom: u32) -> bool {
        self.ring.words().consumer_sleeps.0.store(whom, SeqCst);
        self.ring.words().tail.0.load(SeqCst) == self.position
    }

    /// Announces that the consumer is awake.
    #[inline]
    pub(crate) fn rouse(&self) {
        self.ring.words().consumer_sleeps.0.store(0, Relaxed);
    }
}
