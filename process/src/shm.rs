//! Anonymous memory that several processes map: it has no name and goes away with its last user.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64};

use rustix::fs::{fstat, ftruncate};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

use crate::error::{Error, Result};

/// A range of shared memory in this process's address space.
#[derive(Debug)]
pub(crate) struct Mapping {
    start: NonNull<u8>,
    length: usize,
}

// SAFETY: the memory is valid from any thread until the mapping is dropped. The users of `start`
// agree, by the atomics inside, which of them may touch which part.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps `length` bytes of `memory` from `offset` on, a multiple of the page size.
    pub(crate) fn new(memory: BorrowedFd<'_>, offset: u64, length: usize) -> Result<Self> {
        // Touching a mapping beyond the end of its file would be a SIGBUS.
        let size = fstat(memory).map_err(Error::os("look at shared memory"))?.st_size as u64;
        if offset.checked_add(length as u64).is_none_or(|end| end > size) || length == 0 {
            return Err(Error::Damaged("it is smaller than it should be"));
        }
        let (protection, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED);
        // SAFETY: a new mapping at an address that the kernel chooses touches no existing memory.
        let start =
            unsafe { mmap(std::ptr::null_mut(), length, protection, flags, memory, offset) };
        let start = start.map_err(Error::os("map shared memory"))?;
        let start =
            NonNull::new(start.cast()).ok_or(Error::Damaged("it was mapped at address zero"))?;
        Ok(Self { start, length })
    }

    pub(crate) fn length(&self) -> usize {
        self.length
    }

    /// The address of a byte inside the mapping.
    ///
    /// # Panics
    /// When `length` bytes at `offset` do not lie inside.
    #[inline]
    pub(crate) fn at(&self, offset: usize, length: usize) -> NonNull<u8> {
        assert!(
            offset.checked_add(length).is_some_and(|end| end <= self.length),
            "outside of the mapping"
        );
        // SAFETY: the offset lies inside the mapping, as just checked.
        unsafe { self.start.add(offset) }
    }

    /// A counter inside the mapping, at a multiple of 8.
    #[inline]
    pub(crate) fn word(&self, offset: usize) -> &AtomicU64 {
        assert!(offset.is_multiple_of(8), "not aligned");
        // SAFETY: inside, aligned (mappings start at a page), alive as long as `self`, and only
        // ever used as an atomic.
        unsafe { self.at(offset, 8).cast().as_ref() }
    }

    /// A flag inside the mapping, at a multiple of 4.
    #[inline]
    pub(crate) fn flag(&self, offset: usize) -> &AtomicU32 {
        assert!(offset.is_multiple_of(4), "not aligned");
        // SAFETY: as in `word`.
        unsafe { self.at(offset, 4).cast().as_ref() }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: this very range was mapped by `new`, and nothing borrowed from `self` is left.
        let _ = unsafe { munmap(self.start.as_ptr().cast(), self.length) };
    }
}

/// New shared memory of `size` bytes, all zero; on Linux it can neither shrink nor grow.
pub(crate) fn create(name: &str, size: u64) -> Result<OwnedFd> {
    allowed(size)?;
    let memory = anonymous(name)?;
    ftruncate(&memory, size).map_err(Error::os("create shared memory"))?;
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{SealFlags, fcntl_add_seals};
        let seals = SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL;
        fcntl_add_seals(&memory, seals).map_err(Error::os("seal shared memory"))?;
    }
    Ok(memory)
}

/// Refuses a size beyond the limit on the size of files, which counts for this memory too. Without
/// this check the system would kill the process with a signal.
fn allowed(size: u64) -> Result<()> {
    use rustix::process::{Resource, getrlimit};
    match getrlimit(Resource::Fsize).current {
        Some(limit) if size > limit => {
            let what =
                format!("{size} bytes are needed, and files may have {limit}: see ulimit -f");
            let source = std::io::Error::new(std::io::ErrorKind::FileTooLarge, what);
            Err(Error::Io { what: "create shared memory", source })
        }
        _ => Ok(()),
    }
}

#[cfg(target_os = "linux")]
fn anonymous(name: &str) -> Result<OwnedFd> {
    use rustix::fs::{MemfdFlags, memfd_create};
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    memfd_create(name, flags).map_err(Error::os("create shared memory"))
}

/// Elsewhere the memory has a name between two system calls.
#[cfg(not(target_os = "linux"))]
fn anonymous(name: &str) -> Result<OwnedFd> {
    use std::sync::atomic::AtomicU32;

    use rustix::shm::{Mode, OFlags, open, unlink};
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let path = format!("/{name}-{}-{count}", std::process::id());
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR;
    let memory =
        open(&path, flags, Mode::RUSR | Mode::WUSR).map_err(Error::os("create shared memory"))?;
    unlink(&path).map_err(Error::os("create shared memory"))?;
    Ok(memory)
}

/// New shared memory that holds `bytes`, to be handed to one reader.
pub(crate) fn parcel(bytes: &[u8]) -> Result<OwnedFd> {
    allowed(bytes.len() as u64)?;
    let memory = anonymous("knee-parcel")?;
    let mut rest = bytes;
    while !rest.is_empty() {
        let count = rustix::io::write(&memory, rest).map_err(Error::os("fill shared memory"))?;
        rest = &rest[count..];
    }
    Ok(memory)
}

/// Reads what [`parcel`] has packed.
pub(crate) fn unpack(memory: &OwnedFd, limit: usize) -> Result<Vec<u8>> {
    let size = fstat(memory.as_fd()).map_err(Error::os("look at shared memory"))?.st_size as usize;
    if size > limit {
        return Err(Error::TooLarge { size, limit });
    }
    let mut bytes = vec![0; size];
    let mut filled = 0;
    while filled < size {
        match rustix::io::pread(memory, &mut bytes[filled..], filled as u64)
            .map_err(Error::os("read shared memory"))?
        {
            0 => return Err(Error::Damaged("it shrank while it was read")),
            count => filled += count,
        }
    }
    Ok(bytes)
}
