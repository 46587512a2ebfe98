//! Tells a process from a forked copy of itself. A task may fork.
//!
//! It uses a page that the system clears in each copy (`MADV_WIPEONFORK`). Reading it is cheaper
//! than asking for the process id, which is a system call.

use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// The mark of the original, to be made there.
#[derive(Debug)]
pub(crate) struct Original {
    pid: u32,
    /// Holds 1 in the original and 0 in a copy; never unmapped.
    mark: Option<NonNull<AtomicU32>>,
}

impl Original {
    pub(crate) fn new() -> Self {
        Self { pid: std::process::id(), mark: mark() }
    }

    /// Whether this process is a copy.
    #[inline]
    pub(crate) fn is_copy(&self) -> bool {
        match self.mark {
            // SAFETY: the page stays mapped for as long as the process lives, in copies too, and is
            // only used as an atomic.
            Some(mark) => unsafe { mark.as_ref() }.load(Relaxed) == 0,
            None => std::process::id() != self.pid,
        }
    }

    /// Ends a copy at once, without the cleaning up at exit, which is up to the original.
    #[inline]
    pub(crate) fn end_copy(&self) {
        if self.is_copy() {
            // SAFETY: it ends this process.
            unsafe { libc::_exit(0) }
        }
    }
}

#[cfg(target_os = "linux")]
fn mark() -> Option<NonNull<AtomicU32>> {
    use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous, munmap};
    const PAGE: usize = 4096;
    let (protection, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE);
    // SAFETY: a new mapping at an address that the kernel chooses touches no existing memory.
    let page = unsafe { mmap_anonymous(null_mut(), PAGE, protection, flags) }.ok()?;
    // SAFETY: it is the mapping just made, which no code uses yet.
    if unsafe { madvise(page, PAGE, Advice::LinuxWipeOnFork) }.is_err() {
        // SAFETY: as above.
        let _ = unsafe { munmap(page, PAGE) };
        return None;
    }
    let mark = NonNull::new(page.cast::<AtomicU32>())?;
    // SAFETY: the page is there, writable, aligned and filled with zeros.
    unsafe { mark.as_ref() }.store(1, Relaxed);
    Some(mark)
}

#[cfg(not(target_os = "linux"))]
fn mark() -> Option<NonNull<AtomicU32>> {
    None
}
