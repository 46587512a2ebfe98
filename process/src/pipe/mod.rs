//! A pipe between two processes: messages from one sender to one receiver, or both ways.
//!
//! Each direction is a [ring] in shared memory; large messages pass through it in parts. The two
//! sides wake each other through a pair of kernel pipes, one each way, that carry nothing else.
//! They also tell when the other side is gone, however it went: the kernel closes them with the
//! last process that holds them.

mod crossing;
mod end;

use std::marker::PhantomData;
use std::time::{Duration, Instant};

use rustix::pipe::{PipeFlags, pipe_with};
use serde::Serialize;
use serde::de::DeserializeOwned;

use self::end::End;
use crate::codec::{self, MAX_MESSAGE};
use crate::error::{Error, Result};
use crate::ring::{self, CONTROL};
use crate::shm;
use crate::sys::poll::{Deadline, deadline_after};

/// Bytes on their way in each direction: what fits the second-level cache of a core.
const RING: usize = 1 << 20;
const SHARED: usize = 2 * (CONTROL + RING);

/// Kinds of records: a whole message, or a part of one with more to come.
const WHOLE: u8 = 1;
const PART: u8 = 2;

/// After so many messages in one go it is worth a nap, in place of sleep, when there is none, or no
/// room: the other side then need not wake us for each.
const RUSH: u32 = 16;
const NAP: Duration = Duration::from_micros(10);

/// Every so many messages the sender looks whether the receiver is still there.
const LOOK: u32 = 64;

/// A pipe of one direction: its sender and its receiver.
///
/// # Errors
/// [`Error::Io`] when the system refuses memory or descriptors.
pub fn pipe<T>() -> Result<(Sender<T>, Receiver<T>)> {
    let (one, other) = ends()?;
    Ok((Sender(Out::new(one, 0)?, PhantomData), Receiver(In::new(other, 0)?, PhantomData)))
}

/// A pipe of both directions: two ends, each of which sends what the other receives.
///
/// # Errors
/// [`Error::Io`] when the system refuses memory or descriptors.
pub fn duplex<A, B>() -> Result<(Duplex<A, B>, Duplex<B, A>)> {
    let (one, other) = ends()?;
    Ok((Duplex::new(one, 0)?, Duplex::new(other, 1)?))
}

fn ends() -> Result<(End, End)> {
    let memory = shm::create("knee-pipe", SHARED as u64)?;
    let pipe =
        || pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK).map_err(Error::os("create a pipe"));
    let ((hear_a, ring_b), (hear_b, ring_a)) = (pipe()?, pipe()?);
    let copy = memory.try_clone().map_err(Error::io("duplicate a descriptor"))?;
    Ok((End::open(memory, ring_a, hear_a)?, End::open(copy, ring_b, hear_b)?))
}

/// Where the ring of direction 0 or 1 lies.
fn place(direction: usize) -> usize {
    direction * (CONTROL + RING)
}

/// The sending half of an end.
#[derive(Debug)]
struct Out {
    end: End,
    ring: ring::Producer,
    scratch: Vec<u8>,
    until_look: u32,
    /// Messages since the last wait for room.
    burst: u32,
}

impl Out {
    fn new(end: End, direction: usize) -> Result<Self> {
        let ring = ring::Producer::resume(&end.map, place(direction), RING)?;
        Ok(Self { end, ring, scratch: Vec::new(), until_look: 0, burst: 0 })
    }

    fn send<T: Serialize>(&mut self, message: &T, deadline: Deadline) -> Result<bool> {
        let mut bytes = std::mem::take(&mut self.scratch);
        bytes.clear();
        let sent =
            codec::encode(message, &mut bytes).and_then(|()| self.send_bytes(&bytes, deadline));
        self.scratch = bytes;
        sent
    }

    /// Sends a message; `false` when there was no room before the deadline. Once begun, a message
    /// is finished.
    fn send_bytes(&mut self, bytes: &[u8], deadline: Deadline) -> Result<bool> {
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
struct In {
    end: End,
    ring: ring::Consumer,
    message: Vec<u8>,
    /// Whether `message` holds the first parts of a message.
    partial: bool,
    /// Messages since the last sleep.
    burst: u32,
}

impl In {
    fn new(end: End, direction: usize) -> Result<Self> {
        let ring = ring::Consumer::resume(&end.map, place(direction), RING)?;
        Ok(Self { end, ring, message: Vec::new(), partial: false, burst: 0 })
    }

    /// Has the next message in `message`; `false` when the deadline passed first.
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

    fn receive<T: DeserializeOwned>(&mut self, deadline: Deadline) -> Result<Option<T>> {
        if !self.fetch(deadline)? {
            return Ok(None);
        }
        codec::decode(&self.message).map(Some)
    }

    fn receive_bytes(&mut self, bytes: &mut Vec<u8>) -> Result<()> {
        // Swapping keeps the memory of both: a large message costs no allocation from the second
        // on.
        std::mem::swap(&mut self.message, bytes);
        let fetched = self.fetch(None);
        std::mem::swap(&mut self.message, bytes);
        fetched.map(drop)
    }

    /// Whether a message, or the end, is there before the deadline.
    fn poll(&mut self, deadline: Deadline) -> Result<bool> {
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

/// The end of a [`pipe`] that sends.
///
/// It can be handed to a process as an argument, and then belongs to it. Dropping it, or the death
/// of its process, is the end of file for the receiver.
pub struct Sender<T>(Out, PhantomData<fn(T)>);

/// The end of a [`pipe`] that receives. It can be handed to a process as an argument, and then
/// belongs to it.
pub struct Receiver<T>(In, PhantomData<fn() -> T>);

/// An end of a [`duplex`] pipe: sends `S` and receives `R`. It can be handed to a process as an
/// argument.
pub struct Duplex<S, R> {
    out: Out,
    inward: In,
    side: usize,
    messages: PhantomData<fn(S) -> R>,
}

impl<S, R> Duplex<S, R> {
    fn new(end: End, side: usize) -> Result<Self> {
        let inward = In::new(end.clone(), 1 - side)?;
        Ok(Self { out: Out::new(end, side)?, inward, side, messages: PhantomData })
    }
}

macro_rules! sending {
    ($($head:tt)*) => {
        $($head)* {
            /// Sends a message; waits while the pipe is full.
            ///
            /// # Errors
            /// [`Error::Closed`] once it is known that the receiver is gone, [`Error::Encode`].
            pub fn send(&mut self, message: &M) -> Result<()>
            where
                M: Serialize,
            {
                self.out().send(message, None).map(drop)
            }

            /// Sends a message if there is room for it within `limit`; says whether it did. One
            /// that is larger than the pipe is finished once it is begun, however long the receiver
            /// takes.
            ///
            /// # Errors
            /// As [`send`](Self::send).
            pub fn send_within(&mut self, message: &M, limit: Duration) -> Result<bool>
            where
                M: Serialize,
            {
                self.out().send(message, deadline_after(limit))
            }

            /// Sends plain bytes as one message, to be read with `recv_bytes`; the fastest way for
            /// large ones.
            ///
            /// # Errors
            /// As [`send`](Self::send), and [`Error::TooLarge`].
            pub fn send_bytes(&mut self, bytes: &[u8]) -> Result<()> {
                self.out().send_bytes(bytes, None).map(drop)
            }
        }
    };
}

macro_rules! receiving {
    ($($head:tt)*) => {
        $($head)* {
            /// Waits for the next message.
            ///
            /// # Errors
            /// [`Error::Closed`] when the sender is gone and all messages were read,
            /// [`Error::Decode`].
            pub fn recv(&mut self) -> Result<M>
            where
                M: DeserializeOwned,
            {
                self.inward().receive(None)?.ok_or(Error::Closed)
            }

            /// Waits for the next message, but no longer than `limit`.
            ///
            /// # Errors
            /// As [`recv`](Self::recv), and [`Error::TimedOut`].
            pub fn recv_within(&mut self, limit: Duration) -> Result<M>
            where
                M: DeserializeOwned,
            {
                self.inward().receive(deadline_after(limit))?.ok_or(Error::TimedOut(limit))
            }

            /// The next message, if it is there.
            ///
            /// # Errors
            /// As [`recv`](Self::recv).
            pub fn try_recv(&mut self) -> Result<Option<M>>
            where
                M: DeserializeOwned,
            {
                self.inward().receive(Some(Instant::now()))
            }

            /// Waits for a message of plain bytes; they replace what `bytes` holds.
            ///
            /// # Errors
            /// [`Error::Closed`] as for [`recv`](Self::recv).
            pub fn recv_bytes(&mut self, bytes: &mut Vec<u8>) -> Result<()> {
                self.inward().receive_bytes(bytes)
            }

            /// Whether receiving would not have to wait, within `limit`: a message is there, or the
            /// end.
            ///
            /// # Errors
            /// [`Error::Io`], [`Error::Damaged`].
            pub fn poll(&mut self, limit: Duration) -> Result<bool> {
                self.inward().poll(deadline_after(limit))
            }

            /// Receives until the sender is gone; another error ends it too.
            pub fn iter(&mut self) -> impl Iterator<Item = M> + '_
            where
                M: DeserializeOwned,
            {
                std::iter::from_fn(|| self.recv().ok())
            }
        }
    };
}

impl<T> Sender<T> {
    fn out(&mut self) -> &mut Out {
        &mut self.0
    }
}

impl<T> Receiver<T> {
    fn inward(&mut self) -> &mut In {
        &mut self.0
    }
}

impl<S, R> Duplex<S, R> {
    fn out(&mut self) -> &mut Out {
        &mut self.out
    }

    fn inward(&mut self) -> &mut In {
        &mut self.inward
    }
}

sending!(impl<M> Sender<M>);
sending!(impl<M, R> Duplex<M, R>);
receiving!(impl<M> Receiver<M>);
receiving!(impl<S, M> Duplex<S, M>);
