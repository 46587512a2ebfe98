//! A pipe between two processes: messages from one sender to one receiver, or both ways.
//!
//! Each direction is a [ring](crate::ring) in shared memory. Large messages pass through it in
//! parts. The two sides wake each other through a pair of kernel pipes, one each way, which carry
//! nothing else. The kernel closes them with the last process that holds them, so they also tell
//! when the other side is gone, however it ended.

mod crossing;
mod end;
mod halves;

use std::marker::PhantomData;
use std::time::{Duration, Instant};

use rustix::pipe::{PipeFlags, pipe_with};
use serde::Serialize;
use serde::de::DeserializeOwned;

use self::end::End;
use self::halves::{In, Out, SHARED};
use crate::error::{Error, Result};
use crate::shm;
use crate::sys::poll::deadline_after;

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

/// The end of a [`pipe`] that sends.
///
/// It can be handed to a process as an argument, and then belongs to it. When it is dropped or its
/// process dies, the receiver sees the end of the messages.
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

            /// Sends a message if there is room for it within `limit`; returns whether it was sent.
            /// A message that is larger than the pipe is finished once it is begun, however long
            /// the receiver takes.
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

            /// Waits for up to `limit`. Returns whether the next receive will not block, because a
            /// message or the end is there.
            ///
            /// # Errors
            /// [`Error::Io`], [`Error::Damaged`].
            pub fn poll(&mut self, limit: Duration) -> Result<bool> {
                self.inward().poll(deadline_after(limit))
            }

            /// Receives until the sender is gone. Any other error ends the iterator too.
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
