//! The user's interrupt, as a descriptor that can be polled while waiting for a foreign program.
//!
//! A signal belongs to the whole process, so this is one pipe for the whole process. Its read end
//! becomes readable at the first interrupt and stays readable. If no signal handler was connected,
//! it never becomes readable.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::OnceLock;

use rustix::pipe::{PipeFlags, pipe_with};

struct Ends {
    read: OwnedFd,
    write: OwnedFd,
}

static PIPE: OnceLock<Ends> = OnceLock::new();

/// The end that a signal handler writes a byte to; made at the first call.
///
/// # Errors
/// No descriptors are left.
pub fn write_end() -> io::Result<BorrowedFd<'static>> {
    if PIPE.get().is_none() {
        let (read, write) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        // If two threads call this at once, the first one's pipe is kept and the other one's is
        // closed.
        let _ = PIPE.set(Ends { read, write });
    }
    Ok(PIPE.get().expect("it was set just now").write.as_fd())
}

/// The end that is readable once the user has interrupted; `None` if no signal handler was
/// connected.
pub fn read_end() -> Option<BorrowedFd<'static>> {
    PIPE.get().map(|ends| ends.read.as_fd())
}
