//! One side of a pipe between processes: the shared memory, and the kernel pipes that wake the
//! other side and tell when it is gone.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Instant;

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::SHARED;
use crate::codec::{Handed, Handing};
use crate::error::{Error, Result};
use crate::shm::Mapping;
use crate::sys::poll::{self, Deadline};

/// What both directions of one side have in common.
#[derive(Debug, Clone)]
pub(super) struct End {
    memory: Arc<OwnedFd>,
    pub(super) map: Arc<Mapping>,
    /// A byte written to it wakes the other side. When this side is gone, its closing tells the
    /// other.
    ring: Arc<OwnedFd>,
    hear: Arc<OwnedFd>,
}

impl End {
    pub(super) fn open(memory: OwnedFd, ring: OwnedFd, hear: OwnedFd) -> Result<Self> {
        let map = Arc::new(Mapping::new(memory.as_fd(), 0, SHARED)?);
        Ok(Self { memory: Arc::new(memory), map, ring: Arc::new(ring), hear: Arc::new(hear) })
    }

    /// Wakes the other side.
    pub(super) fn wake(&self) -> Result<()> {
        loop {
            match rustix::io::write(&self.ring, &[1]) {
                // A full pipe wakes the other side too.
                Ok(_) | Err(Errno::AGAIN) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(Errno::PIPE) => return Err(Error::Closed),
                Err(errno) => return Err(Error::os("wake the other side of a pipe")(errno)),
            }
        }
    }

    /// Sleeps until the other side wakes this one. [`Error::Closed`] when the other side is gone;
    /// `false` when the deadline has passed.
    pub(super) fn sleep(&self, deadline: Deadline) -> Result<bool> {
        let mut fds = [PollFd::from_borrowed_fd(self.hear.as_fd(), PollFlags::IN)];
        if !poll::poll(&mut fds, deadline)? {
            return Ok(false);
        }
        let mut heard = [0; 64];
        match rustix::io::read(&self.hear, &mut heard[..]) {
            Ok(0) => Err(Error::Closed),
            _ => Ok(true),
        }
    }

    /// Whether the other side is gone.
    pub(super) fn is_alone(&self) -> bool {
        let mut fds = [PollFd::from_borrowed_fd(self.hear.as_fd(), PollFlags::empty())];
        let seen = poll::poll(&mut fds, Some(Instant::now()));
        seen.is_ok() && fds[0].revents().contains(PollFlags::HUP)
    }
}

impl Serialize for End {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        (Handing(&self.memory), Handing(&self.ring), Handing(&self.hear)).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for End {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let (Handed(memory), Handed(ring), Handed(hear)) = Deserialize::deserialize(deserializer)?;
        Self::open(memory, ring, hear).map_err(serde::de::Error::custom)
    }
}
