//! A file without a name, used block after block, round and round.

use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use rustix::fs::{Advice, OFlags};

use crate::{Error, Params, Result, Work, mix};

/// What a task does with its block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Op {
    Sync,
    Write,
    Read,
}

impl Op {
    pub(super) fn of(params: &Params) -> Self {
        match params.text("op") {
            "read" => Self::Read,
            "write" => Self::Write,
            _ => Self::Sync,
        }
    }
}

/// `O_DIRECT` wants addresses and sizes to be multiples of this. It is also the page size of the
/// cache and of every known disk.
const ALIGNMENT: usize = 4096;
/// The smallest unit that a disk or a file system may compare with others, to store equal ones
/// once.
const SECTOR: usize = 512;

pub(super) struct Ring {
    file: std::fs::File,
    directory: String,
    op: Op,
    /// Whether blocks that were read must be dropped from the page cache.
    drop_cache: bool,
    size: usize,
    blocks: u64,
    next: u64,
    seed: u64,
    buffer: Vec<u8>,
    /// Where the buffer's aligned part begins.
    offset: usize,
}

impl Ring {
    pub(super) fn open(params: &Params, seed: u64) -> Result<Self> {
        let size = params.size("size") as usize;
        let (op, direct) = (Op::of(params), params.flag("direct"));
        if direct && !size.is_multiple_of(ALIGNMENT) {
            return Err(Error::usage(format!(
                "file: direct=true moves whole blocks of 4k, and size={} is not a multiple of it",
                params.text("size")
            )));
        }
        let directory = directory(params).to_owned();
        let file =
            tempfile::tempfile_in(&directory).map_err(|error| unusable(&directory, &error))?;
        if direct {
            bypass_cache(&file, &directory)?;
        }
        let mut buffer = vec![0; size + ALIGNMENT];
        fill_with_noise(&mut buffer, seed);
        let offset = buffer.as_ptr().align_offset(ALIGNMENT);
        let drop_cache = op == Op::Read && !direct && !params.flag("cached");
        let blocks = (params.size("span") / size as u64).max(1);
        Ok(Self { file, directory, op, drop_cache, size, blocks, next: 0, seed, buffer, offset })
    }

    /// Writes every block once and waits for the disk.
    pub(super) fn fill(&self) -> Result<()> {
        let mut copy = vec![0; self.size + ALIGNMENT];
        let offset = copy.as_ptr().align_offset(ALIGNMENT);
        let block = &mut copy[offset..offset + self.size];
        block.copy_from_slice(self.block());
        for index in 0..self.blocks {
            label(block, self.seed, index);
            self.file
                .write_all_at(block, index * self.size as u64)
                .map_err(|error| self.failed("fill", &error))?;
        }
        self.file.sync_all().map_err(|error| self.failed("sync", &error))?;
        self.forget()
    }

    /// One task: the next block of the ring.
    pub(super) fn turn(&mut self, number: u64) -> Result<Work> {
        let index = self.next;
        self.next = (index + 1) % self.blocks;
        if index == 0 {
            self.forget()?;
        }
        let at = index * self.size as u64;
        let block = &mut self.buffer[self.offset..self.offset + self.size];
        let (what, done) = match self.op {
            Op::Read => ("read", self.file.read_exact_at(block, at)),
            Op::Write | Op::Sync => {
                label(block, self.seed, number);
                ("write", self.file.write_all_at(block, at))
            }
        };
        done.map_err(|error| self.failed(what, &error))?;
        match self.op {
            Op::Read => check(self.block(), self.seed, index)?,
            Op::Sync => self.file.sync_data().map_err(|error| self.failed("sync", &error))?,
            Op::Write => {}
        }
        Ok(Work { units: self.size as u64, checksum: mix(self.seed, number) })
    }

    /// Drops the file from the page cache, where reads must come from the disk, and stops the
    /// kernel from reading ahead of them.
    fn forget(&self) -> Result<()> {
        if !self.drop_cache {
            return Ok(());
        }
        for advice in [Advice::Random, Advice::DontNeed] {
            rustix::fs::fadvise(&self.file, 0, None, advice)
                .map_err(|error| self.failed("drop the cache of", &error.into()))?;
        }
        Ok(())
    }

    /// The share of the file that the page cache holds, from a sample of its pages; `None` where
    /// the kernel cannot tell.
    pub(super) fn cached_share(&self) -> Option<f64> {
        let sample = self.blocks.min(64);
        let mut byte = [0_u8; 1];
        let mut cached = 0;
        for index in 0..sample {
            let mut buffers = [io::IoSliceMut::new(&mut byte)];
            let at = index * self.size as u64;
            match rustix::io::preadv2(
                &self.file,
                &mut buffers,
                at,
                rustix::io::ReadWriteFlags::NOWAIT,
            ) {
                Ok(_) => cached += 1,
                Err(rustix::io::Errno::AGAIN) => {}
                Err(_) => return None,
            }
        }
        Some(f64::from(cached) / sample as f64)
    }

    fn block(&self) -> &[u8] {
        &self.buffer[self.offset..self.offset + self.size]
    }

    fn failed(&self, what: &str, error: &io::Error) -> Error {
        if error.kind() == io::ErrorKind::StorageFull {
            return Error::failed(format!(
                "file: no space left in {}: each worker needs {} bytes there; lower span or choose \
                 another dir",
                self.directory,
                self.blocks * self.size as u64
            ));
        }
        Error::io(format!("file: cannot {what} a file in {}", self.directory), error)
    }
}

/// The directory of the file; the current one where none is given.
pub(super) fn directory(params: &Params) -> &str {
    match params.text("dir") {
        "" => ".",
        given => given,
    }
}

fn unusable(directory: &str, error: &io::Error) -> Error {
    let wrong = match error.kind() {
        io::ErrorKind::NotFound if Path::new(directory).is_dir() => "no file can be made there",
        io::ErrorKind::NotFound => "there is no such directory",
        io::ErrorKind::NotADirectory => "it is not a directory",
        io::ErrorKind::PermissionDenied => "you may not write there",
        io::ErrorKind::ReadOnlyFilesystem => "the file system is read-only",
        _ if !Path::new(directory).is_dir() => "it is not a directory",
        _ => return Error::io(format!("file: cannot make a file in dir={directory}"), error),
    };
    Error::usage(format!("file: dir={directory}: {wrong}; choose another with dir=PATH"))
}

fn bypass_cache(file: &std::fs::File, directory: &str) -> Result<()> {
    rustix::fs::fcntl_getfl(file)
        .and_then(|flags| rustix::fs::fcntl_setfl(file, flags | OFlags::DIRECT))
        .map_err(|error| {
            Error::unsupported(format!(
                "file: the file system of {directory} has no O_DIRECT ({error}); leave out \
                 direct=true"
            ))
        })
}

/// Bytes that no compressor makes smaller.
fn fill_with_noise(buffer: &mut [u8], seed: u64) {
    for (index, bytes) in buffer.chunks_mut(8).enumerate() {
        bytes.copy_from_slice(&mix(seed, index as u64).to_le_bytes()[..bytes.len()]);
    }
}

/// Writes a label into the head of every sector that no other sector of any block has, so that no
/// two can be stored as one.
fn label(block: &mut [u8], seed: u64, block_name: u64) {
    for (sector, bytes) in block.chunks_exact_mut(SECTOR).enumerate() {
        bytes[..8].copy_from_slice(&mix(seed ^ sector as u64, block_name).to_le_bytes());
    }
}

/// Whether every sector has the head that [`label`] gave it.
fn check(block: &[u8], seed: u64, block_name: u64) -> Result<()> {
    for (sector, bytes) in block.chunks_exact(SECTOR).enumerate() {
        if bytes[..8] != mix(seed ^ sector as u64, block_name).to_le_bytes() {
            return Err(Error::wrong(format!(
                "file: sector {sector} of block {block_name} is not what was written"
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Workload;

    fn params(given: &[(&str, &str)]) -> Params {
        Params::resolve("file", crate::File.meta().params, given.iter().copied()).unwrap()
    }

    fn filled(given: &[(&str, &str)]) -> Ring {
        let ring = Ring::open(&params(given), 9).unwrap();
        ring.fill().unwrap();
        ring
    }

    #[test]
    fn blocks_go_round_and_stay_within_the_span() {
        let mut ring = filled(&[("size", "4k"), ("span", "16k"), ("op", "sync")]);
        for number in 0..6 {
            assert_eq!(ring.turn(number).unwrap().units, 4096);
        }
        assert_eq!(ring.file.metadata().unwrap().len(), 16 << 10);
        let mut block = vec![0; 4096];
        for (index, number) in [(0, 4), (1, 5), (2, 2), (3, 3)] {
            ring.file.read_exact_at(&mut block, index * 4096).unwrap();
            check(&block, 9, number).unwrap();
        }
    }

    #[test]
    fn a_file_without_a_name_leaves_nothing_behind() {
        let directory = tempfile::tempdir().unwrap();
        let mut ring = filled(&[("dir", directory.path().to_str().unwrap()), ("span", "64k")]);
        ring.turn(0).unwrap();
        // There is no name even while the file is used, so that no end of the process can leave the
        // file behind.
        assert_eq!(directory.path().read_dir().unwrap().count(), 0);
    }

    #[test]
    fn a_damaged_block_is_told() {
        let mut ring = filled(&[("size", "4k"), ("span", "16k"), ("op", "read")]);
        for number in 0..8 {
            ring.turn(number).unwrap();
        }
        ring.file.write_all_at(b"x", 4096 + 512).unwrap();
        ring.turn(0).unwrap();
        let error = ring.turn(1).unwrap_err().to_string();
        assert!(error.contains("sector 1 of block 1"), "{error}");
    }

    #[test]
    fn noise_does_not_compress() {
        // Every byte value occurs about equally often, so a compressor gains nothing.
        let mut noise = vec![0; 1 << 16];
        fill_with_noise(&mut noise, 3);
        let mut counts = [0_u32; 256];
        for byte in noise {
            counts[usize::from(byte)] += 1;
        }
        assert!(counts.iter().all(|count| (150..370).contains(count)), "{counts:?}");
    }

    #[test]
    fn a_full_disk_says_what_to_do() {
        let ring = Ring::open(&params(&[("span", "8M")]), 0).unwrap();
        let error = ring.failed("fill", &io::ErrorKind::StorageFull.into()).to_string();
        assert!(error.contains("8388608 bytes") && error.contains("lower span"), "{error}");
    }

    #[test]
    fn bad_directories_are_named() {
        let error = |dir: &str| match Ring::open(&params(&[("dir", dir)]), 0) {
            Ok(_) => panic!("dir={dir} was taken"),
            Err(error) => {
                assert!(error.is_usage());
                error.to_string()
            }
        };
        assert!(error("/nonexistent/here").contains("no such directory"));
        // It exists, but no file can be made in it.
        assert!(!error("/proc").contains("no such directory"));
        assert!(error("Cargo.toml").contains("not a directory"));
    }

    #[test]
    fn direct_needs_whole_blocks() {
        let error = Ring::open(&params(&[("direct", "true"), ("size", "1000")]), 0);
        assert!(error.is_err_and(|error| error.to_string().contains("multiple")));
        let mut ring = filled(&[("direct", "true"), ("size", "8k"), ("span", "32k")]);
        for number in 0..5 {
            ring.turn(number).unwrap();
        }
    }
}
