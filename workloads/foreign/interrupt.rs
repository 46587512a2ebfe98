//! The user's interrupt, as a descriptor that whoever waits for a foreign program polls beside it.
//!
//! A signal belongs to the whole process, so this is one pipe for the whole process. Its read end
//! becomes readable with the first interrupt and stays so. Where nobody connected a signal to it,
//! it never does.

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
        // Of two callers at once the first one's pipe stays; the other one's is closed unused.
        let _ = PIPE.set(Ends { read, write });
    }
    Ok(PIPE.get().expect("it was set just now").write.as_fd())
}

/// The end that is readable once the user has interrupted, if anybody connected a signal.
pub fn read_end() -> Option<BorrowedFd<'static>> {
    PIPE.get().map(|ends| ends.read.as_fd())
}
