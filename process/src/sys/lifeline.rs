//! A lifeline ties a child to its parent: whatever ends the parent, kill -9 included, ends the
//! child.
//!
//! The parent keeps the write end of a pipe that is never written to. The child asks the kernel to
//! send SIGKILL to its whole process group when the pipe's other side is gone (`F_SETOWN`,
//! `F_SETSIG`, `O_ASYNC`; fcntl(2)). Unlike `PR_SET_PDEATHSIG` this does not depend on which
//! *thread* of the parent started the child. It works through a fork server, it reaches the child's
//! own commands, and it ends a busy or stopped child without the child's help.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags};

use super::poll;
use crate::error::{Error, Result};

/// The parent's end: dropping it kills the child.
#[derive(Debug)]
pub(crate) struct Lifeline {
    _alive: OwnedFd,
}

/// A lifeline, and the descriptor that the child must [`attach`] itself to.
pub(crate) fn new() -> Result<(Lifeline, OwnedFd)> {
    #[cfg(target_os = "linux")]
    let pipe = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC);
    #[cfg(not(target_os = "linux"))]
    let pipe = rustix::pipe::pipe();
    let (child, alive) = pipe.map_err(Error::os("create a pipe"))?;
    #[cfg(not(target_os = "linux"))]
    for fd in [&child, &alive] {
        rustix::io::fcntl_setfd(fd, rustix::io::FdFlags::CLOEXEC)
            .map_err(Error::os("set up a pipe"))?;
    }
    Ok((Lifeline { _alive: alive }, child))
}

/// Ties this process, and its process group when it leads one, to the parent that holds the other
/// end.
pub(crate) fn attach(line: OwnedFd) -> Result<()> {
    arm(line.as_fd())?;
    if is_cut(line.as_fd())? {
        // The parent went away before the line was armed.
        std::process::exit(1);
    }
    // The line stays open for as long as the process lives.
    std::mem::forget(line);
    Ok(())
}

fn is_cut(line: BorrowedFd<'_>) -> Result<bool> {
    let mut fds = [PollFd::from_borrowed_fd(line, PollFlags::IN)];
    poll::poll(&mut fds, Some(std::time::Instant::now()))
}

/// `F_SETSIG` of fcntl.h, which libc does not export for every Linux target.
#[cfg(target_os = "linux")]
const F_SETSIG: libc::c_int = 10;

#[cfg(target_os = "linux")]
fn arm(line: BorrowedFd<'_>) -> Result<()> {
    use std::os::fd::AsRawFd;
    let own = rustix::process::getpid();
    let leads = super::group::leads_its_group(own);
    let owner = if leads { -own.as_raw_nonzero().get() } else { own.as_raw_nonzero().get() };
    let raw = line.as_raw_fd();
    let failed = |result: libc::c_int| {
        if result < 0 {
            Err(Error::io("tie a child to its parent")(std::io::Error::last_os_error()))
        } else {
            Ok(result)
        }
    };
    // SAFETY: fcntl on a descriptor that is open, with integer arguments only.
    unsafe {
        failed(libc::fcntl(raw, libc::F_SETOWN, owner))?;
        failed(libc::fcntl(raw, F_SETSIG, libc::SIGKILL))?;
        let flags = failed(libc::fcntl(raw, libc::F_GETFL))?;
        failed(libc::fcntl(raw, libc::F_SETFL, flags | libc::O_ASYNC))?;
    }
    Ok(())
}

/// On other systems a thread waits for the end of the line, for the whole life of the process.
#[cfg(not(target_os = "linux"))]
fn arm(line: BorrowedFd<'_>) -> Result<()> {
    let watched = line.try_clone_to_owned().map_err(Error::io("duplicate a pipe"))?;
    let watch = move || {
        let _ = poll::readable(watched.as_fd(), None);
        let _ = rustix::process::kill_current_process_group(rustix::process::Signal::KILL);
    };
    std::thread::Builder::new()
        .name("lifeline".into())
        .spawn(watch)
        .map_err(Error::io("start a thread"))?;
    Ok(())
}
