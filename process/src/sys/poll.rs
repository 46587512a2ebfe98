//! Waiting for descriptors up to a point in time.

use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;

use crate::error::{Error, Result};

/// A point in time after which to give up; `None` is never.
pub(crate) type Deadline = Option<Instant>;

/// The deadline that lies `limit` from now; `None` for one too far away to be represented.
pub(crate) fn deadline_after(limit: Duration) -> Deadline {
    Instant::now().checked_add(limit)
}

/// Waits until one of `fds` is ready or the deadline has passed; returns whether one is ready.
pub(crate) fn poll(fds: &mut [PollFd<'_>], deadline: Deadline) -> Result<bool> {
    loop {
        let timeout = deadline.map(|at| timespec(at.saturating_duration_since(Instant::now())));
        match rustix::event::poll(fds, timeout.as_ref()) {
            Ok(ready) => return Ok(ready > 0),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(Error::os("wait for a descriptor")(errno)),
        }
    }
}

/// Waits until `fd` can be read or its other side is gone.
pub(crate) fn readable(fd: BorrowedFd<'_>, deadline: Deadline) -> Result<bool> {
    poll(&mut [PollFd::from_borrowed_fd(fd, PollFlags::IN)], deadline)
}

/// Waits until `fd` can be written or its other side is gone.
pub(crate) fn writable(fd: BorrowedFd<'_>, deadline: Deadline) -> Result<bool> {
    poll(&mut [PollFd::from_borrowed_fd(fd, PollFlags::OUT)], deadline)
}

pub(crate) fn timespec(duration: Duration) -> Timespec {
    // A duration too long for the system means for ever.
    Timespec::try_from(duration).unwrap_or(Timespec { tv_sec: i64::MAX, tv_nsec: 0 })
}
