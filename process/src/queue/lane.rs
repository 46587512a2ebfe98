//! A lane: the rings of one producer. A living producer holds a lock of the kernel on its lane. The
//! kernel releases the lock when the process ends, and no process ever waits for it. The next
//! producer takes over a lane whose producer is gone, as it stands.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::atomic::Ordering::{Acquire, Release, SeqCst};
use std::sync::atomic::fence;

use rustix::fs::{FallocateFlags, Mode, OFlags, fallocate};

use super::board::Board;
use super::layout::{self, ADMITTED, LANES, PUBLISHED, READING, WRITING};
use super::ring::Ring;
use crate::error::{Error, Result};

/// The writing side of a lane.
#[derive(Debug)]
pub(crate) struct Lane {
    number: usize,
    ring: Ring,
    tail: u64,
    /// Messages put into this lane, ever.
    count: u64,
    views: Views,
    _lock: Lock,
}

/// The kernel's lock on a lane. It is held through an open file of its own, so that closing the
/// file releases it.
#[derive(Debug)]
struct Lock {
    _file: OwnedFd,
}

impl Lock {
    /// Takes the lock on the first free lane of `lanes`.
    fn take(board: &Board, lanes: impl Iterator<Item = usize>) -> Result<Option<(usize, Self)>> {
        let path = format!("/proc/self/fd/{}", board.memory.as_raw_fd());
        let file = rustix::fs::open(path, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())
            .map_err(Error::os("open a queue's memory anew under /proc/self/fd"))?;
        for lane in lanes {
            if try_lock(&file, lane)? {
                return Ok(Some((lane, Self { _file: file })));
            }
        }
        Ok(None)
    }
}

fn try_lock(file: &OwnedFd, lane: usize) -> Result<bool> {
    // SAFETY: an all-zero flock is a valid value of that plain C struct.
    let mut range: libc::flock = unsafe { std::mem::zeroed() };
    range.l_type = libc::F_WRLCK as libc::c_short;
    range.l_whence = libc::SEEK_SET as libc::c_short;
    (range.l_start, range.l_len) = (lane as libc::off_t, 1);
    // SAFETY: the descriptor is open and the struct lives through the call.
    if unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_SETLK, &raw const range) } == 0 {
        return Ok(true);
    }
    let error = std::io::Error::last_os_error();
    match error.raw_os_error() {
        Some(libc::EAGAIN | libc::EACCES) => Ok(false),
        _ => Err(Error::io("lock a lane of a queue")(error)),
    }
}

/// How an attempt to put a message ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Put {
    Done,
    /// The queue is full.
    Full,
}

/// How often to try again while other producers ask for the same last place.
const PATIENCE: usize = 100;

impl Lane {
    /// Takes a lane that has no living producer.
    pub(crate) fn take(board: &Board) -> Result<Self> {
        let Some((number, lock)) = Lock::take(board, 0..LANES)? else {
            return Err(Error::Setting(format!(
                "a queue has {LANES} producers at most at the same time"
            )));
        };
        board.use_lane(number);
        let ring = Ring::map(board, number, board.word(number, WRITING).load(Acquire))?;
        let (tail, count) = settle(board, number, &ring)?;
        Ok(Self { number, ring, tail, count, views: Views::default(), _lock: lock })
    }

    /// Puts a message, unless a bounded queue is full.
    pub(crate) fn put(&mut self, board: &Board, bytes: &[u8]) -> Result<Put> {
        if board.limit != u64::MAX && !self.admit(board)? {
            return Ok(Put::Full);
        }
        loop {
            if let Some(tail) = self.ring.append(self.tail, self.count, bytes)? {
                self.tail = tail;
                self.count += 1;
                board.word(self.number, PUBLISHED).store(self.count, Release);
                return Ok(Put::Done);
            }
            self.grow(board, bytes.len())?;
        }
    }

    /// Starts a larger ring for the next messages. Consumers follow when they have emptied this
    /// one.
    fn grow(&mut self, board: &Board, length: usize) -> Result<()> {
        let mut next = self.ring.number + 1;
        while next < layout::RINGS && !Ring::could_hold(layout::ring_size(next), length) {
            next += 1;
        }
        if next >= layout::RINGS {
            return Err(Error::Setting(
                "a producer's part of a queue has grown beyond 8 GiB".into(),
            ));
        }
        let start = layout::ring_start(self.number, next);
        let size = layout::RING_HEAD + layout::ring_size(next);
        // A lack of memory is an error here. Later, when the memory is touched, it would be a
        // SIGBUS.
        fallocate(board.memory.as_fd(), FallocateFlags::KEEP_SIZE, start, size)
            .map_err(Error::os("get memory for the messages waiting in a queue"))?;
        self.ring = Ring::map(board, self.number, next)?;
        self.tail = 0;
        board.word(self.number, WRITING).store(next, Release);
        Ok(())
    }

    /// Asks for a place in a bounded queue.
    ///
    /// Every producer first announces one message, then counts all messages, announced ones
    /// included. The last one to announce sees all the others, so the limit is never exceeded. When
    /// several producers ask for too few places, the one with the lowest lane keeps asking and the
    /// others withdraw.
    fn admit(&mut self, board: &Board) -> Result<bool> {
        for _ in 0..PATIENCE {
            board.word(self.number, ADMITTED).store(self.count + 1, SeqCst);
            let (total, before, behind) = self.survey(board)?;
            if total <= board.limit {
                return Ok(true);
            }
            if before || !behind {
                board.word(self.number, ADMITTED).store(self.count, SeqCst);
            }
            if !before && !behind {
                return Ok(false);
            }
            std::thread::yield_now();
        }
        board.word(self.number, ADMITTED).store(self.count, SeqCst);
        Ok(false)
    }

    /// Whether a bounded queue seems to have a free place.
    pub(crate) fn has_place(&mut self, board: &Board) -> Result<bool> {
        Ok(self.survey(board)?.0 < board.limit)
    }

    /// All messages put or announced, and whether lanes before or behind this one have announced
    /// one.
    fn survey(&mut self, board: &Board) -> Result<(u64, bool, bool)> {
        fence(SeqCst);
        let (mut total, mut before, mut behind) = (0, false, false);
        for lane in 0..board.lanes() {
            let (waiting, asks) = load(board, &mut self.views, lane)?;
            total += waiting;
            before |= asks && lane < self.number;
            behind |= asks && lane > self.number;
        }
        Ok((total, before, behind))
    }
}

/// The ring of each other lane that this process has looked into last.
#[derive(Debug, Default)]
pub(crate) struct Views(Vec<Option<Ring>>);

impl Views {
    /// A ring of a lane.
    #[inline]
    pub(crate) fn get(&mut self, board: &Board, lane: usize, number: u64) -> Result<&mut Ring> {
        if self.0.len() <= lane {
            self.0.resize_with(lane + 1, || None);
        }
        let view = &mut self.0[lane];
        if view.as_ref().is_none_or(|ring| ring.number != number) {
            *view = None;
        }
        match view {
            Some(ring) => Ok(ring),
            None => Ok(view.insert(Ring::map(board, lane, number)?)),
        }
    }
}

/// How many messages a lane holds or has announced, and whether one is announced. The count may be
/// too high but never too low.
fn load(board: &Board, views: &mut Views, lane: usize) -> Result<(u64, bool)> {
    // The order matters: the count of taken messages may be old, the count of put ones may not.
    let (published, taken) = counts(board, views, lane)?;
    let admitted = board.word(lane, ADMITTED).load(SeqCst);
    Ok((admitted.max(published).saturating_sub(taken), admitted > published))
}

/// How many messages a lane holds.
pub(crate) fn messages(board: &Board, views: &mut Views, lane: usize) -> Result<u64> {
    let (published, taken) = counts(board, views, lane)?;
    Ok(published.saturating_sub(taken))
}

/// How many messages were put into a lane and how many were taken from it.
fn counts(board: &Board, views: &mut Views, lane: usize) -> Result<(u64, u64)> {
    let published = board.word(lane, PUBLISHED).load(SeqCst);
    let reading = board.word(lane, READING).load(SeqCst);
    let writing = board.word(lane, WRITING).load(SeqCst);
    let mut taken = published;
    for number in reading..=writing.min(layout::RINGS - 1) {
        if let Some(next) = views.get(board, lane, number)?.next_number() {
            taken = next.min(published);
            break;
        }
    }
    Ok((published, taken))
}

/// Repairs a lane whose producer may have died between any two of its steps. Returns the end of its
/// last ring, and how many messages were ever put.
fn settle(board: &Board, number: usize, ring: &Ring) -> Result<(u64, u64)> {
    let published = board.word(number, PUBLISHED).load(Acquire);
    let admitted = board.word(number, ADMITTED).load(Acquire);
    let (tail, last) = ring.last()?;
    // An empty ring does not show whether an announced message was put and taken, or never put. So
    // its number is left out, which does no harm; giving a number twice would.
    let count = last.map_or(admitted, |last| last + 1).max(published);
    board.word(number, PUBLISHED).store(count, SeqCst);
    board.word(number, ADMITTED).store(count, SeqCst);
    Ok((tail, count))
}

/// Repairs the lanes whose producers died while they asked for a place, so that the place is not
/// lost.
pub(crate) fn settle_dead(board: &Board) -> Result<()> {
    for lane in 0..board.lanes() {
        let asks =
            board.word(lane, ADMITTED).load(Acquire) != board.word(lane, PUBLISHED).load(Acquire);
        if asks && let Some((number, _lock)) = Lock::take(board, std::iter::once(lane))? {
            let ring = Ring::map(board, number, board.word(number, WRITING).load(Acquire))?;
            settle(board, number, &ring)?;
        }
    }
    Ok(())
}

/// Gives back the memory of a ring that all consumers have left behind. The head page stays,
/// because a consumer that was stopped long ago must find there that it is too late.
pub(crate) fn give_back(board: &Board, lane: usize, ring: u64) {
    let start = layout::ring_start(lane, ring) + layout::RING_HEAD;
    let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    // If this fails, the memory is given back with the whole queue.
    let _ = fallocate(board.memory.as_fd(), flags, start, layout::ring_size(ring));
}
