//! What all ends of a queue share in one process: the memory, its header, and the bells.
//!
//! **Sleeping.** A consumer that finds nothing sets a flag, looks again, and sleeps on a bell. A
//! producer publishes, then reads the flag, then rings. Both have a sequentially consistent fence
//! between their two steps. The bell wakes all sleepers. A process can be killed between publishing
//! and ringing, or between waking and taking. Then the others would sleep although there is a
//! message. So no process sleeps longer than [`DOZE`] without looking again.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, SeqCst};
use std::sync::atomic::{AtomicU32, fence};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};

use super::layout::{self, FORMAT, HEADER, LANES, LIMIT, MAGIC};
use crate::error::{Error, Result};
use crate::shm::{self, Mapping};
use crate::sys::bell::Bell;
use crate::sys::poll::{self, Deadline};

/// The longest sleep without a look. The death of another process can cost this much time.
const DOZE: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(crate) struct Board {
    pub(crate) memory: OwnedFd,
    header: Mapping,
    /// Rings when there is something to take.
    pub(crate) items: Bell,
    /// Rings when there is room, in a bounded queue.
    pub(crate) space: Bell,
    /// The largest number of messages at the same time; `u64::MAX` is no limit.
    pub(crate) limit: u64,
}

impl Board {
    pub(crate) fn create(limit: u64) -> Result<Self> {
        let memory = shm::create("knee-queue", layout::TOTAL)?;
        let header = Mapping::new(memory.as_fd(), 0, HEADER)?;
        header.word(LIMIT).store(limit, Relaxed);
        header.word(MAGIC).store(FORMAT, Relaxed);
        Ok(Self { memory, header, items: Bell::new()?, space: Bell::new()?, limit })
    }

    pub(crate) fn open(memory: OwnedFd, items: Bell, space: Bell) -> Result<Self> {
        let header = Mapping::new(memory.as_fd(), 0, HEADER)?;
        if header.word(MAGIC).load(Relaxed) != FORMAT {
            return Err(Error::Damaged("it is not a queue"));
        }
        let limit = header.word(LIMIT).load(Relaxed);
        Ok(Self { memory, header, items, space, limit })
    }

    /// A word of a lane.
    #[inline]
    pub(crate) fn word(&self, lane: usize, which: usize) -> &std::sync::atomic::AtomicU64 {
        self.header.word(layout::lane(lane) + which)
    }

    /// How many lanes were ever used.
    #[inline]
    pub(crate) fn lanes(&self) -> usize {
        (self.header.word(layout::LANES_USED).load(Acquire) as usize).min(LANES)
    }

    pub(crate) fn use_lane(&self, lane: usize) {
        self.header.word(layout::LANES_USED).fetch_max(lane as u64 + 1, AcqRel);
    }

    pub(crate) fn consumers_sleep(&self) -> &AtomicU32 {
        self.header.flag(layout::CONSUMERS_SLEEP)
    }

    pub(crate) fn producers_sleep(&self) -> &AtomicU32 {
        self.header.flag(layout::PRODUCERS_SLEEP)
    }
}

/// Wakes all sleepers on `bell`, if there are any.
#[inline]
pub(crate) fn wake(flag: &AtomicU32, bell: &Bell) {
    fence(SeqCst);
    if flag.load(Relaxed) != 0 && flag.swap(0, AcqRel) != 0 {
        bell.ring();
    }
}

/// Why a sleep ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Woken {
    /// Look again.
    Look,
    /// The other side has no member left.
    Alone,
    /// The deadline has passed.
    Late,
}

/// Sleeps until the bell rings, unless `look` finds something after the flag is set.
pub(crate) fn sleep(
    flag: &AtomicU32,
    bell: &Bell,
    others: BorrowedFd<'_>,
    deadline: Deadline,
    look: impl FnOnce() -> Result<bool>,
) -> Result<Woken> {
    bell.hush();
    flag.store(1, Relaxed);
    fence(SeqCst);
    if look()? {
        // Other processes may sleep on the same bell, which this one has silenced. So it is rung
        // again for them.
        wake(flag, bell);
        return Ok(Woken::Look);
    }
    let soon = Instant::now() + DOZE;
    let until = deadline.map_or(soon, |at| at.min(soon));
    let mut fds =
        [PollFd::new(bell, PollFlags::IN), PollFd::from_borrowed_fd(others, PollFlags::empty())];
    let ready = poll::poll(&mut fds, Some(until))?;
    if ready && fds[1].revents().intersects(PollFlags::HUP | PollFlags::ERR) {
        return Ok(Woken::Alone);
    }
    let late = !ready && deadline.is_some_and(|at| Instant::now() >= at);
    Ok(if late { Woken::Late } else { Woken::Look })
}

/// Whether the pipe that the other side holds open is closed.
pub(crate) fn is_alone(others: BorrowedFd<'_>) -> bool {
    let mut fds = [PollFd::from_borrowed_fd(others, PollFlags::empty())];
    let seen = poll::poll(&mut fds, Some(Instant::now()));
    seen.is_ok() && fds[0].revents().intersects(PollFlags::HUP | PollFlags::ERR)
}
