//! A queue between many processes. No producer or consumer can block another by dying or stopping.
//!
//! Every producer writes into a [lane] of its own, so producers never meet. Consumers take messages
//! from all lanes, one after the other, each message by a single compare-and-swap. There is no
//! lock, and no step at which a killed or stopped process could hold up another. A message is
//! either put or not, and either taken or not. Messages of one producer are taken in their order;
//! between producers there is no order.

mod board;
mod crossing;
mod lane;
mod layout;
mod ring;

use std::marker::PhantomData;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Acquire};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

use self::board::{Board, Woken, is_alone, sleep, wake};
use self::lane::{Lane, Put, Views, give_back, messages, settle_dead};
use self::layout::{READING, WRITING};
use self::ring::Taken;
use crate::codec;
use crate::error::{Error, Result};
use crate::sys::poll::{Deadline, deadline_after};

/// Messages taken from one lane before the next has its turn.
const TURN: u32 = 64;
/// After so many messages without a sleep, a consumer that finds none naps before it sleeps.
const RUSH: u32 = 16;
/// How many a nap must bring to be worth another.
const GATHERED: u32 = 4;
const NAP: Duration = Duration::from_micros(10);
/// After so many messages each time, a producer checks whether there are consumers.
const LOOK: u32 = 64;

/// Both ends of a queue, for a process that both puts and takes.
///
/// Clone it, or hand clones to processes as arguments. While a process holds one, the queue has a
/// producer and does not close; to see the end of a queue, [split](Queue::split) it and hand out
/// only what each process needs.
pub struct Queue<T> {
    producer: Producer<T>,
    consumer: Consumer<T>,
}

/// The end of a queue that puts messages. Clone it, or hand clones to processes as arguments.
pub struct Producer<T> {
    board: Arc<Board>,
    /// Open as long as there is a producer anywhere.
    alive: Arc<OwnedFd>,
    lane: Option<Lane>,
    scratch: Vec<u8>,
    until_look: u32,
    message: PhantomData<fn(T)>,
}

/// The end of a queue that takes messages. Clone it, or hand clones to processes as arguments.
pub struct Consumer<T> {
    board: Arc<Board>,
    /// Open as long as there is a consumer anywhere.
    alive: Arc<OwnedFd>,
    views: Views,
    lane: usize,
    turn: u32,
    /// How many messages came without a sleep, and whether a nap came before them.
    burst: u32,
    napped: bool,
    bytes: Vec<u8>,
    message: PhantomData<fn() -> T>,
}

impl<T> Queue<T> {
    /// A queue that takes any number of messages: memory is the limit.
    ///
    /// # Errors
    /// [`Error::Io`] when the system refuses memory or descriptors.
    pub fn unbounded() -> Result<Self> {
        Self::with_limit(u64::MAX)
    }

    /// A queue of at most `limit` messages, at least 1; a further put waits.
    ///
    /// # Errors
    /// [`Error::Setting`] for a limit of 0, [`Error::Io`] when the system refuses memory or
    /// descriptors.
    pub fn bounded(limit: usize) -> Result<Self> {
        if limit == 0 {
            return Err(Error::Setting(
                "a queue of at most 0 messages could never be put into".into(),
            ));
        }
        Self::with_limit(limit as u64)
    }

    fn with_limit(limit: u64) -> Result<Self> {
        let board = Arc::new(Board::create(limit)?);
        let flags = rustix::pipe::PipeFlags::CLOEXEC;
        let (consumers, producers) =
            rustix::pipe::pipe_with(flags).map_err(Error::os("create a pipe"))?;
        let producer = Producer::new(Arc::clone(&board), Arc::new(producers));
        Ok(Self { producer, consumer: Consumer::new(board, Arc::new(consumers)) })
    }

    /// Splits the queue into its two ends.
    pub fn split(self) -> (Producer<T>, Consumer<T>) {
        (self.producer, self.consumer)
    }
}

impl<T: Serialize> Queue<T> {
    /// See [`Producer::put`].
    ///
    /// # Errors
    /// As there.
    pub fn put(&mut self, message: &T) -> Result<()> {
        self.producer.put(message)
    }
}

impl<T: DeserializeOwned> Queue<T> {
    /// See [`Consumer::get`].
    ///
    /// # Errors
    /// As there.
    pub fn get(&mut self) -> Result<T> {
        self.consumer.get()
    }

    /// See [`Consumer::get_within`].
    ///
    /// # Errors
    /// As there.
    pub fn get_within(&mut self, limit: Duration) -> Result<T> {
        self.consumer.get_within(limit)
    }
}

impl<T> Producer<T> {
    fn new(board: Arc<Board>, alive: Arc<OwnedFd>) -> Self {
        let message = PhantomData;
        Self { board, alive, lane: None, scratch: Vec::new(), until_look: 0, message }
    }

    fn put_bytes(&mut self, deadline: Deadline) -> Result<bool> {
        if self.until_look == 0 {
            self.until_look = LOOK;
            if is_alone(self.alive.as_fd()) {
                return Err(Error::Closed);
            }
        }
        self.until_look -= 1;
        let lane = match &mut self.lane {
            Some(lane) => lane,
            None => self.lane.insert(Lane::take(&self.board)?),
        };
        while lane.put(&self.board, &self.scratch)? == Put::Full {
            if deadline.is_some_and(|at| Instant::now() >= at) {
                return Ok(false);
            }
            settle_dead(&self.board)?;
            let (flag, bell) = (self.board.producers_sleep(), &self.board.space);
            let look = || lane.has_place(&self.board);
            if sleep(flag, bell, self.alive.as_fd(), deadline, look)? == Woken::Alone {
                return Err(Error::Closed);
            }
        }
        wake(self.board.consumers_sleep(), &self.board.items);
        Ok(true)
    }
}

impl<T: Serialize> Producer<T> {
    /// Puts a message; waits while a bounded queue is full.
    ///
    /// # Errors
    /// [`Error::Closed`] once it is known that there is no consumer any more; [`Error::Encode`];
    /// [`Error::Setting`] when there are too many producers; [`Error::Io`] when the system has no
    /// memory for it.
    pub fn put(&mut self, message: &T) -> Result<()> {
        self.put_until(message, None).map(drop)
    }

    /// Puts a message if there is room for it within `limit`; returns whether it was put.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    pub fn put_within(&mut self, message: &T, limit: Duration) -> Result<bool> {
        self.put_until(message, deadline_after(limit))
    }

    /// Puts a message if there is room for it now; returns whether it was put.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    pub fn try_put(&mut self, message: &T) -> Result<bool> {
        self.put_until(message, Some(Instant::now()))
    }

    fn put_until(&mut self, message: &T, deadline: Deadline) -> Result<bool> {
        self.scratch.clear();
        codec::encode(message, &mut self.scratch)?;
        self.put_bytes(deadline)
    }
}

impl<T> Consumer<T> {
    fn new(board: Arc<Board>, alive: Arc<OwnedFd>) -> Self {
        let (views, bytes, message) = (Views::default(), Vec::new(), PhantomData);
        Self { board, alive, views, lane: 0, turn: 0, burst: 0, napped: false, bytes, message }
    }

    /// How many messages are in the queue, at some moment during the call.
    pub fn len(&self) -> usize {
        let mut views = Views::default();
        let counts = (0..self.board.lanes()).map(|lane| messages(&self.board, &mut views, lane));
        counts.sum::<Result<u64>>().unwrap_or(0) as usize
    }

    /// Whether there was no message at some moment during the call.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes a message from any lane into `bytes`.
    fn take(&mut self) -> Result<bool> {
        let lanes = self.board.lanes();
        if self.turn == TURN {
            (self.turn, self.lane) = (0, self.lane + 1);
        }
        for _ in 0..lanes {
            if self.lane >= lanes {
                self.lane = 0;
            }
            if self.take_from(self.lane)? {
                self.turn += 1;
                self.burst += 1;
                if self.board.limit != u64::MAX {
                    wake(self.board.producers_sleep(), &self.board.space);
                }
                return Ok(true);
            }
            (self.turn, self.lane) = (0, self.lane + 1);
        }
        Ok(false)
    }

    fn take_from(&mut self, lane: usize) -> Result<bool> {
        loop {
            let reading = self.board.word(lane, READING).load(Acquire);
            let ring = self.views.get(&self.board, lane, reading)?;
            if ring.take(&mut self.bytes)? == Taken::Message {
                return Ok(true);
            }
            if reading >= self.board.word(lane, WRITING).load(Acquire) {
                return Ok(false);
            }
            // The producer has moved on to another ring. Only now an empty ring stays empty, so
            // look once more.
            if ring.take(&mut self.bytes)? == Taken::Message {
                return Ok(true);
            }
            let word = self.board.word(lane, READING);
            if word.compare_exchange(reading, reading + 1, AcqRel, Acquire).is_ok() {
                give_back(&self.board, lane, reading);
            }
        }
    }

    /// Puts a message into `bytes`; returns `false` when the deadline passed first.
    fn fetch(&mut self, deadline: Deadline) -> Result<bool> {
        let mut alone = false;
        while !self.take()? {
            if alone {
                return Err(Error::Closed);
            }
            let enough = if self.napped { GATHERED } else { RUSH };
            self.napped = std::mem::take(&mut self.burst) >= enough
                && deadline.is_none_or(|at| at > Instant::now() + 10 * NAP);
            if self.napped {
                std::thread::sleep(NAP);
                continue;
            }
            let board = Arc::clone(&self.board);
            let mut found = false;
            let alive = Arc::clone(&self.alive);
            let woken =
                sleep(board.consumers_sleep(), &board.items, alive.as_fd(), deadline, || {
                    found = self.take()?;
                    Ok(found)
                })?;
            match woken {
                _ if found => return Ok(true),
                Woken::Look => {}
                // Messages that were put before the last producer ended are still there.
                Woken::Alone => alone = true,
                Woken::Late => return self.take(),
            }
        }
        Ok(true)
    }
}

impl<T: DeserializeOwned> Consumer<T> {
    /// Waits for a message.
    ///
    /// # Errors
    /// [`Error::Closed`] when the last producer is gone and all messages were taken;
    /// [`Error::Decode`].
    pub fn get(&mut self) -> Result<T> {
        self.get_until(None)?.ok_or(Error::Closed)
    }

    /// Waits for a message, but no longer than `limit`.
    ///
    /// # Errors
    /// As [`get`](Self::get), and [`Error::TimedOut`].
    pub fn get_within(&mut self, limit: Duration) -> Result<T> {
        self.get_until(deadline_after(limit))?.ok_or(Error::TimedOut(limit))
    }

    /// A message, if there is one now.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn try_get(&mut self) -> Result<Option<T>> {
        self.get_until(Some(Instant::now()))
    }

    /// Takes messages until the last producer is gone. Any other error ends the iterator too.
    pub fn iter(&mut self) -> impl Iterator<Item = T> + '_ {
        std::iter::from_fn(|| self.get().ok())
    }

    fn get_until(&mut self, deadline: Deadline) -> Result<Option<T>> {
        if !self.fetch(deadline)? {
            return Ok(None);
        }
        codec::decode(&self.bytes).map(Some)
    }
}

impl<T> Clone for Producer<T> {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.board), Arc::clone(&self.alive))
    }
}

impl<T> Clone for Consumer<T> {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.board), Arc::clone(&self.alive))
    }
}

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Self { producer: self.producer.clone(), consumer: self.consumer.clone() }
    }
}
