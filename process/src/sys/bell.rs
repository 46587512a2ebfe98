//! A bell: one side sleeps until the other rings. It is an eventfd on Linux, a non-blocking pipe
//! elsewhere.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;

use super::poll::{self, Deadline};
use crate::error::{Error, Result};

/// A descriptor that can be rung, waited for and handed to another process.
///
/// Ringing twice before the bell is heard counts once.
#[derive(Debug)]
pub(crate) struct Bell {
    listen: OwnedFd,
    #[cfg(not(target_os = "linux"))]
    ring: OwnedFd,
}

#[cfg(target_os = "linux")]
impl Bell {
    pub(crate) fn new() -> Result<Self> {
        use rustix::event::{EventfdFlags, eventfd};
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        Ok(Self { listen: eventfd(0, flags).map_err(Error::os("create an eventfd"))? })
    }

    fn ring_fd(&self) -> BorrowedFd<'_> {
        self.listen.as_fd()
    }

    pub(crate) fn into_fds(self) -> Vec<OwnedFd> {
        vec![self.listen]
    }

    pub(crate) fn fd(&self) -> &OwnedFd {
        &self.listen
    }

    pub(crate) fn from_fd(listen: OwnedFd) -> Self {
        Self { listen }
    }

    pub(crate) fn from_fds(fds: &mut impl Iterator<Item = OwnedFd>) -> Option<Self> {
        Some(Self { listen: fds.next()? })
    }

    pub(crate) fn try_clone(&self) -> Result<Self> {
        let clone = |fd: &OwnedFd| fd.try_clone().map_err(Error::io("duplicate an eventfd"));
        Ok(Self { listen: clone(&self.listen)? })
    }
}

#[cfg(not(target_os = "linux"))]
impl Bell {
    pub(crate) fn new() -> Result<Self> {
        let (listen, ring) = rustix::pipe::pipe().map_err(Error::os("create a pipe"))?;
        for fd in [&listen, &ring] {
            rustix::io::fcntl_setfd(fd, rustix::io::FdFlags::CLOEXEC)
                .map_err(Error::os("set up a pipe"))?;
            rustix::io::ioctl_fionbio(fd, true).map_err(Error::os("set up a pipe"))?;
        }
        Ok(Self { listen, ring })
    }

    fn ring_fd(&self) -> BorrowedFd<'_> {
        self.ring.as_fd()
    }

    pub(crate) fn into_fds(self) -> Vec<OwnedFd> {
        vec![self.listen, self.ring]
    }

    pub(crate) fn from_fds(fds: &mut impl Iterator<Item = OwnedFd>) -> Option<Self> {
        Some(Self { listen: fds.next()?, ring: fds.next()? })
    }

    pub(crate) fn try_clone(&self) -> Result<Self> {
        let clone = |fd: &OwnedFd| fd.try_clone().map_err(Error::io("duplicate a pipe"));
        Ok(Self { listen: clone(&self.listen)?, ring: clone(&self.ring)? })
    }
}

impl Bell {
    /// Wakes all that wait, or the next one that waits.
    pub(crate) fn ring(&self) {
        // The only possible failure is a full counter or pipe. Then the bell rings already.
        while rustix::io::write(self.ring_fd(), &1_u64.to_ne_bytes()) == Err(Errno::INTR) {}
    }

    /// Stops the ringing; returns whether it rang.
    pub(crate) fn hush(&self) -> bool {
        let mut bytes = [0_u8; 64];
        rustix::io::read(&self.listen, &mut bytes[..]).is_ok_and(|count| count > 0)
    }

    /// Waits until it rings or the deadline has passed, and stops the ringing.
    pub(crate) fn wait(&self, deadline: Deadline) -> Result<bool> {
        let rang = poll::readable(self.listen.as_fd(), deadline)?;
        if rang {
            self.hush();
        }
        Ok(rang)
    }
}

impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.listen.as_fd()
    }
}
