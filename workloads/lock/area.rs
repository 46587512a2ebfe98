//! A mutex and the cache lines that it guards, in memory that all workers of a crew map.
//!
//! Source: POSIX.1-2008, `pthread_mutexattr_setpshared` and `pthread_mutexattr_setrobust`.

use std::cell::UnsafeCell;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::mem::MaybeUninit;
use std::path::Path;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::mm::{MapFlags, ProtFlags};

use crate::{Error, Result, mix};

/// The largest number of lines: 256 KiB of them.
pub(super) const MAX_LINES: usize = 2048;

/// One cache line, and the next one, which many processors fetch along with it.
#[repr(C, align(128))]
struct Line {
    /// How often the section has been gone through.
    count: AtomicU64,
    /// The line that is changed after this one. The order is random, so that no prefetcher can
    /// guess it.
    next: AtomicU64,
}

/// What the file holds.
#[repr(C)]
struct Shared {
    mutex: UnsafeCell<libc::pthread_mutex_t>,
    lines: [Line; MAX_LINES],
}

/// One worker's view of the file.
pub(super) struct Area {
    shared: NonNull<Shared>,
    lines: usize,
}

// SAFETY: the mapping belongs to no thread, and its content is reached only through the mutex and
// atomics.
unsafe impl Send for Area {}

impl Area {
    /// Maps the crew's file. The first worker makes it.
    pub(super) fn join(directory: &Path, lines: usize) -> Result<Self> {
        let path = directory.join(format!("lock-{lines}"));
        let cannot =
            |error: io::Error| Error::io(format!("lock: cannot share {}", path.display()), &error);
        let open = || OpenOptions::new().read(true).write(true).open(&path);
        let file = match open() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Self::make(directory, &path, lines).map_err(cannot)?;
                open()
            }
            other => other,
        };
        Ok(Self { shared: map(&file.map_err(cannot)?).map_err(cannot)?, lines })
    }

    /// Makes the file under another name and links it to its own when it is ready, so that no
    /// worker maps a half-made mutex.
    fn make(directory: &Path, path: &Path, lines: usize) -> io::Result<()> {
        let draft = tempfile::NamedTempFile::new_in(directory).map_err(advised)?;
        reserve(draft.as_file(), size_of::<Shared>() as u64)?;
        let area = Self { shared: map(draft.as_file())?, lines };
        area.initialise()?;
        match std::fs::hard_link(draft.path(), path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()), // Another worker was faster, and its file is used.
        }
    }

    fn initialise(&self) -> io::Result<()> {
        let mut attributes = MaybeUninit::uninit();
        let attributes = attributes.as_mut_ptr();
        // SAFETY: the attributes are initialised before they are used and destroyed after, and no
        // other worker knows this file yet.
        unsafe {
            check(libc::pthread_mutexattr_init(attributes))?;
            check(libc::pthread_mutexattr_setpshared(attributes, libc::PTHREAD_PROCESS_SHARED))?;
            check(libc::pthread_mutexattr_setrobust(attributes, libc::PTHREAD_MUTEX_ROBUST))?;
            check(libc::pthread_mutex_init(self.mutex(), attributes))?;
            check(libc::pthread_mutexattr_destroy(attributes))?;
        }
        // Sattolo's algorithm makes a permutation of one cycle, so that every line is visited
        // before any is visited again.
        let mut order: Vec<u64> = (0..self.lines as u64).collect();
        for i in (1..order.len()).rev() {
            order.swap(i, (mix(0, i as u64) % i as u64) as usize);
        }
        for (line, next) in self.shared().lines.iter().zip(order) {
            line.next.store(next, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Does `work` while no other worker of the crew is in the section. After a worker died in the
    /// section, repairs the lines first.
    pub(super) fn locked<T>(&self, work: impl FnOnce(Lines<'_>) -> T) -> Result<T> {
        let locked = self.lock();
        if locked != 0 && locked != libc::EOWNERDEAD {
            return Err(Error::io("lock: cannot lock", &io::Error::from_raw_os_error(locked)));
        }
        let guard = Guard(self);
        let lines = Lines(&self.shared().lines[..self.lines]);
        if locked == libc::EOWNERDEAD {
            lines.repair();
            // SAFETY: we hold the mutex whose owner died.
            check(unsafe { libc::pthread_mutex_consistent(self.mutex()) })
                .map_err(|error| Error::io("lock: cannot go on after a worker's death", &error))?;
        }
        let done = work(lines);
        drop(guard);
        Ok(done)
    }

    /// Spins for some tens of microseconds before it sleeps, as most locks of today do. So a
    /// waiting worker gets the lock before the one that released it can take it again.
    fn lock(&self) -> libc::c_int {
        const TRIES: u32 = 100;
        const PAUSES: u32 = 10;
        for _ in 0..TRIES {
            // SAFETY: `join` maps only files whose mutex is initialised, and the mapping lives as
            // long as `self`.
            let locked = unsafe { libc::pthread_mutex_trylock(self.mutex()) };
            if locked != libc::EBUSY {
                return locked;
            }
            (0..PAUSES).for_each(|_| std::hint::spin_loop());
        }
        // SAFETY: as above.
        unsafe { libc::pthread_mutex_lock(self.mutex()) }
    }

    fn shared(&self) -> &Shared {
        // SAFETY: the mapping has the size of `Shared`, is aligned to a page and lives as long as
        // `self`; every bit pattern is valid for atomics, and the mutex is behind an `UnsafeCell`.
        unsafe { self.shared.as_ref() }
    }

    fn mutex(&self) -> *mut libc::pthread_mutex_t {
        self.shared().mutex.get()
    }
}

impl Drop for Area {
    fn drop(&mut self) {
        // SAFETY: `map` made the mapping with this size, and no reference to it outlives `self`.
        let unmapped =
            unsafe { rustix::mm::munmap(self.shared.as_ptr().cast(), size_of::<Shared>()) };
        debug_assert!(unmapped.is_ok(), "{unmapped:?}");
    }
}

/// Unlocks the mutex, also when the work has panicked.
struct Guard<'a>(&'a Area);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        // SAFETY: a guard is made only by the thread that has locked the mutex, and stays on it.
        let unlocked = unsafe { libc::pthread_mutex_unlock(self.0.mutex()) };
        debug_assert_eq!(unlocked, 0);
    }
}

/// The lines, as the one worker in the section sees them.
pub(super) struct Lines<'a>(&'a [Line]);

impl Lines<'_> {
    /// Adds 1 in every line. Each line is found only through the one before. All counts must be
    /// equal.
    pub(super) fn change(&self) -> Result<()> {
        let Some(first) = self.0.first() else { return Ok(()) };
        let count = first.count.load(Ordering::Relaxed);
        let mut at = 0;
        for _ in self.0 {
            let line = &self.0[at];
            let found = line.count.load(Ordering::Relaxed);
            if found != count {
                return Err(Error::wrong(format!(
                    "lock: one line counts {found} sections and another {count}: two workers were \
                     in at once"
                )));
            }
            line.count.store(count + 1, Ordering::Relaxed);
            at = line.next.load(Ordering::Relaxed) as usize;
        }
        Ok(())
    }

    /// Makes all counts equal after a worker died between two lines.
    fn repair(&self) {
        let latest = self.0.iter().map(|line| line.count.load(Ordering::Relaxed)).max();
        for line in self.0 {
            line.count.store(latest.unwrap_or(0), Ordering::Relaxed);
        }
    }
}

/// Gives the file its full length and reserves disk space for all of it. Without the space,
/// touching a mapped page would kill the process by a signal.
fn reserve(file: &File, length: u64) -> io::Result<()> {
    use rustix::fs::{FallocateFlags, fallocate};
    use rustix::io::Errno;
    match fallocate(file, FallocateFlags::empty(), 0, length) {
        // Such a file system reserves space only for written data, so zeros are written.
        Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {
            io::copy(&mut io::repeat(0).take(length), &mut &*file).map(drop)
        }
        Err(error) => Err(advised(error.into())),
        Ok(()) => Ok(()),
    }
}

/// An error of the disk, with advice.
fn advised(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => io::Error::new(
            error.kind(),
            format!("{error}; free some space there, or name another place in TMPDIR"),
        ),
        io::ErrorKind::FileTooLarge => {
            io::Error::new(error.kind(), format!("{error}; see ulimit -f"))
        }
        _ => error,
    }
}

fn map(file: &File) -> io::Result<NonNull<Shared>> {
    let size = size_of::<Shared>();
    if file.metadata()?.len() != size as u64 {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "it is not a lock of this version of knee",
        ));
    }
    // SAFETY: a new mapping at an address that the kernel chooses, and the file is as long as the
    // mapping.
    let address = unsafe {
        rustix::mm::mmap(
            std::ptr::null_mut(),
            size,
            ProtFlags::READ | ProtFlags::WRITE,
            MapFlags::SHARED,
            file,
            0,
        )?
    };
    NonNull::new(address.cast()).ok_or_else(|| io::Error::other("mapped at address 0"))
}

/// The pthread functions return their error instead of setting `errno`.
fn check(returned: libc::c_int) -> io::Result<()> {
    if returned == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(returned)) }
}

#[cfg(test)]
#[path = "area_tests.rs"]
mod tests;
