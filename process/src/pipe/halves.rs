//! The two halves of an end: one that sends into a ring, and one that receives from another.

use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::end::End;
use crate::codec::{self, MAX_MESSAGE};
use crate::error::{Error, Result};
use crate::ring::{self, CONTROL};
use crate::sys::poll::Deadline;

/// Bytes of the ring of each direction. It fits the second-level cache of a core.
const RING: usize = 1 << 20;
/// The memory of both directions.
pub(super) const SHARED: usize = 2 * (CONTROL + RING);

/// Kinds of records: a whole message, or a part of one with more to come.
const WHOLE: u8 = 1;
const PART: u8 = 2;

/// After so many messages without a sleep, a side that finds no message, or no room, naps before it
/// sleeps. Then the other side need not wake it for each message.
const RUSH: u32 = 16;
const NAP: Duration = Duration::from_micros(10);

/// After so many messages each time, the sender checks whether the receiver is still there.
const LOOK: u32 = 64;

/// Where the ring of direction 0 or 1 lies.
fn place(direction: usize) -> usize {
    direction * (CONTROL + RING)
}

/// The sending half of an end.
#[derive(Debug)]
pub(super) struct Out {
    pub(super) end: End,
    ring: ring::Producer,
    scratch: Vec<u8>,
    until_look: u32,
    /// Messages since the last wait for room.
    burst: u32,
}

impl Out {
    pub(super) fn new(end: End, direction: usize) -> Result<Self> {
        let ring = ring::Producer::resume(&end.map, place(direction), RING)?;
        Ok(Self { end, ring, scratch: Vec::new(), until_look: 0, burst: 0 })
    }

    pub(super) fn send<T: Serialize>(&mut self, message: &T, deadline: Deadline) -> Result<bool> {
        let mut bytes = std::mem::take(&mut self.scratch);
        bytes.clear();
        let sent =
            codec::encode(message, &mut bytes).and_then(|()| self.send_bytes(&bytes, deadline));
        self.scratch = bytes;
        sent
    }

    /// Sends a message; returns `false` when there was no room before the deadline. A message that
    /// was begun is finished.
    pub(super) fn send_bytes(&mut self, bytes: &[u8], deadline: Deadline) -> Result<bool> {
        if bytes.len() > MAX_MESSAGE {
            return Err(Error::TooLarge { size: bytes.len(), limit: MAX_MESSAGE });
        }
        if self.until_look == 0 {
            self.until_look = LOOK;
            if self.end.is_alone() {
                return Err(Error::Closed);
            }
        }
        self.until_look -= 1;
        let (mut rest, mut limit) = (bytes, deadline);
        while rest.len() > self.ring.largest() {
            let (part, more) = rest.split_at(self.ring.largest());
            if !self.push(PART, part, limit)? {
                return Ok(false);
            }
            (rest, limit) = (more, None);
        }
        self.push(WHOLE, rest, limit)
    }

    fn push(&mut self, kind: u8, bytes: &[u8], deadline: Deadline) -> Result<bool> {
        while !self.ring.push(kind, 0, bytes)? {
            if std::mem::take(&mut self.burst) >= RUSH && may_nap(deadline) {
                std::thread::sleep(NAP);
                continue;
            }
            if self.ring.doze(bytes.len()) && !self.end.sleep(deadline)? {
                return Ok(false);
            }
        }
        self.burst += 1;
        if self.ring.sleeper().is_some() {
            self.end.wake()?;
        }
        Ok(true)
    }
}

/// Whether the deadline is far enough away for a nap.
fn may_nap(deadline: Deadline) -> bool {
    deadline.is_none_or(|at| at > Instant::now() + 10 * NAP)
}

/// The receiving half of an end.
#[derive(Debug)]
pub(super) struct In {
    pub(super) end: End,
    ring: ring::Consumer,
    message: Vec<u8>,
    /// Whether `message` holds the first parts of a message.
    partial: bool,
    /// Messages since the last sleep.
    burst: u32,
}

impl In {
    pub(super) fn new(end: End, direction: usize) -> Result<Self> {
        let ring = ring::Consumer::resume(&end.map, place(direction), RING)?;
        Ok(Self { end, ring, message: Vec::new(), partial: false, burst: 0 })
    }

    /// Puts the next message into `message`; returns `false` when the deadline passed first.
    fn fetch(&mut self, deadline: Deadline) -> Result<bool> {
        let mut gone = false;
        loop {
            while let Some(kind) = self.take()? {
                if kind == WHOLE {
                    return Ok(true);
                }
            }
            if gone {
                // A message that was cut off by the sender's death counts as never sent.
                return Err(Error::Closed);
            }
            match self.sleep(deadline) {
                Ok(true) => {}
                // What was sent before the end is still there to be read.
                Err(Error::Closed) => gone = true,
                passed_or_failed => return passed_or_failed,
            }
        }
    }

    /// Takes one record, and lets the sender go on if it waits for room.
    fn take(&mut self) -> Result<Option<u8>> {
        if !self.partial {
            self.message.clear();
        }
        let Some(header) = self.ring.pop_append(&mut self.message)? else { return Ok(None) };
        self.partial = header.kind == PART;
        self.burst += 1;
        if self.message.len() > MAX_MESSAGE + RING {
            return Err(Error::Damaged("a message does not end"));
        }
        if self.ring.starved() {
            // A sender that has left needs no room.
            let _ = self.end.wake();
        }
        Ok(Some(header.kind))
    }

    /// Sleeps until there is something to read; `false` when the deadline has passed.
    fn sleep(&mut self, deadline: Deadline) -> Result<bool> {
        let burst = std::mem::take(&mut self.burst);
        if burst >= RUSH && may_nap(deadline) {
            std::thread::sleep(NAP);
            if !self.ring.is_empty() {
                return Ok(true);
            }
        }
        let awake = if self.ring.doze(1) { self.end.sleep(deadline) } else { Ok(true) };
        self.ring.rouse();
        awake
    }

    pub(super) fn receive<T: DeserializeOwned>(&mut self, deadline: Deadline) -> Result<Option<T>> {
        if !self.fetch(deadline)? {
            return Ok(None);
        }
        codec::decode(&self.message).map(Some)
    }

    pub(super) fn receive_bytes(&mut self, bytes: &mut Vec<u8>) -> Result<()> {
        // Swapping keeps the memory of both: a large message costs no allocation from the second
        // on.
        std::mem::swap(&mut self.message, bytes);
        let fetched = self.fetch(None);
        std::mem::swap(&mut self.message, bytes);
        fetched.map(drop)
    }

    /// Whether a message, or the end, is there before the deadline.
    pub(super) fn poll(&mut self, deadline: Deadline) -> Result<bool> {
        loop {
            if !self.ring.is_empty() || self.end.is_alone() {
                return Ok(true);
            }
            match self.sleep(deadline) {
                Ok(true) => {}
                Err(Error::Closed) => return Ok(true),
                passed_or_failed => return passed_or_failed,
            }
        }
    }
}
