//! The memory of a ring: where its words and its records lie, and safe ways to read and write them.

use std::ptr::NonNull;
use std::sync::Arc;

use super::{CONTROL, HEADER, Header, LARGEST, Words, footprint};
use crate::error::{Error, Result};
use crate::shm::Mapping;

/// Up to so many words are copied one by one, which is faster than calling a function that copies.
const FEW: usize = 8;

/// Where a ring lies, and how large its data part is.
#[derive(Debug, Clone)]
pub(super) struct Region {
    words: NonNull<Words>,
    /// `size` bytes, from a multiple of 8 on.
    data: NonNull<u8>,
    pub(super) size: u64,
    /// Keeps both where they are.
    _memory: Arc<Mapping>,
}

// SAFETY: the pointers lead into the mapping, which may be used from any thread. The words are
// atomics, and they decide which side may touch which part of the data.
unsafe impl Send for Region {}

impl Region {
    pub(super) fn new(memory: &Arc<Mapping>, offset: usize, size: usize) -> Result<Self> {
        let end = offset.checked_add(CONTROL).and_then(|start| start.checked_add(size));
        let possible = size.is_power_of_two() && (4096..=LARGEST).contains(&size);
        if !possible || end.is_none_or(|end| end > memory.length()) {
            return Err(Error::Setting(format!(
                "a ring cannot be {size} bytes large: a power of two from 4096 to {LARGEST}"
            )));
        }
        if !offset.is_multiple_of(CONTROL) {
            return Err(Error::Setting(format!("a ring cannot begin at {offset}")));
        }
        let words = memory.at(offset, CONTROL).cast();
        let data = memory.at(offset + CONTROL, size);
        Ok(Self { words, data, size: size as u64, _memory: Arc::clone(memory) })
    }

    #[inline]
    pub(super) fn words(&self) -> &Words {
        const { assert!(size_of::<Words>() <= CONTROL) };
        const { assert!(CONTROL.is_multiple_of(align_of::<Words>())) };
        // SAFETY: CONTROL bytes lie there, aligned because mappings start at a page; they are only
        // ever used as these atomics, and live as long as `self`.
        unsafe { self.words.as_ref() }
    }

    /// Checks that records may lie from `position` to `tail`: not more bytes than the ring holds,
    /// and both at words. This stays true while the position moves on by whole records.
    #[inline]
    pub(super) fn check(&self, position: u64, tail: u64) -> Result<()> {
        if tail.wrapping_sub(position) > self.size || !(position | tail).is_multiple_of(HEADER) {
            return Err(Error::Damaged("the positions of a ring do not fit each other"));
        }
        Ok(())
    }

    /// The address of a position, and how many bytes follow before the ring wraps.
    #[inline]
    fn place(&self, position: u64) -> (NonNull<u8>, usize) {
        let offset = (position & (self.size - 1)) as usize;
        // SAFETY: the size is a power of two, so the offset lies inside the ring.
        (unsafe { self.data.add(offset) }, self.size as usize - offset)
    }

    /// The address of the word in which a position lies.
    #[inline]
    fn word(&self, position: u64) -> NonNull<u64> {
        self.place(position & !(HEADER - 1)).0.cast()
    }

    /// Writes a record's bytes.
    ///
    /// # Safety
    /// The consumer must not read here, and there may not be more bytes than the ring is large.
    #[inline]
    pub(super) unsafe fn write(&self, position: u64, bytes: &[u8]) {
        let (to, straight) = self.place(position);
        // For the smallest records, calling a function that copies would cost more than all the
        // rest.
        if bytes.len() <= size_of::<u64>() {
            if !bytes.is_empty() {
                // SAFETY: a record begins at a word, and the ring is whole words.
                unsafe { to.cast::<u64>().write(word_of(bytes)) };
            }
            return;
        }
        let straight = straight.min(bytes.len());
        // SAFETY: `straight` bytes lie before the ring wraps; `bytes` is private memory, so nothing
        // overlaps.
        unsafe { to.as_ptr().copy_from_nonoverlapping(bytes.as_ptr(), straight) };
        if straight < bytes.len() {
            let rest = &bytes[straight..];
            // SAFETY: what is left goes to the beginning of the ring, which is at least as large.
            unsafe { self.data.as_ptr().copy_from_nonoverlapping(rest.as_ptr(), rest.len()) };
        }
    }

    /// Appends `length` bytes from `position` on to `bytes`.
    ///
    /// If a damaged process writes there meanwhile, the copy holds nonsense, which decoding
    /// refuses.
    ///
    /// # Safety
    /// `length` may not be larger than the ring.
    #[inline]
    pub(super) unsafe fn read(&self, position: u64, length: usize, bytes: &mut Vec<u8>) {
        if length == 0 {
            return;
        }
        let (from, straight) = self.place(position);
        let words = length.div_ceil(size_of::<u64>());
        bytes.reserve(words * size_of::<u64>());
        let end = bytes.len();
        // SAFETY: the vector has room for all, and so has each part of the ring: records begin at
        // words, and so does what is behind the last byte of one.
        unsafe {
            let to = bytes.as_mut_ptr().add(end);
            let copy_word = |at: usize| {
                let word = from.add(at).cast::<u64>().read_unaligned();
                to.add(at).cast::<u64>().write_unaligned(word);
            };
            if words == 1 {
                copy_word(0);
                bytes.set_len(end + length);
                return;
            }
            if words <= FEW && words * size_of::<u64>() <= straight {
                (0..words).for_each(|word| copy_word(word * size_of::<u64>()));
                bytes.set_len(end + length);
                return;
            }
            let straight = straight.min(length);
            to.copy_from_nonoverlapping(from.as_ptr(), straight);
            if straight < length {
                to.add(straight).copy_from_nonoverlapping(self.data.as_ptr(), length - straight);
            }
            bytes.set_len(end + length);
        }
    }

    #[inline]
    pub(super) fn write_header(&self, position: u64, header: Header) {
        // SAFETY: the ring's size is a multiple of 8 too, so 8 aligned bytes lie here.
        unsafe { self.word(position).write(header.to_word()) };
    }

    #[inline]
    fn read_word(&self, position: u64) -> u64 {
        // SAFETY: as in `write_header`.
        unsafe { self.word(position).read() }
    }
}

/// 1 to 8 bytes as the first bytes of a word. They are read as two halves that may overlap.
#[inline]
pub(crate) fn word_of(bytes: &[u8]) -> u64 {
    let fours = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>());
    let pairs = (bytes.first_chunk::<2>(), bytes.last_chunk::<2>());
    let shift = |half: usize| 8 * (bytes.len() - half);
    let word = if let (Some(first), Some(last)) = fours {
        u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << shift(4)
    } else if let (Some(first), Some(last)) = pairs {
        u64::from(u16::from_le_bytes(*first)) | u64::from(u16::from_le_bytes(*last)) << shift(2)
    } else {
        bytes.first().copied().unwrap_or_default().into()
    };
    word.to_le()
}

/// The bytes of a record that lies whole in a ring. Another process can write them, so each is read
/// at most once.
#[derive(Debug)]
pub(crate) struct Body<'a> {
    ring: &'a Region,
    position: u64,
    length: usize,
}

impl Body<'_> {
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// The eight bytes from `at` on, a multiple of 8, as a word. Bytes beyond the record may be
    /// anything.
    #[inline]
    pub(crate) fn word(&self, at: usize) -> u64 {
        self.ring.read_word(self.position + at as u64)
    }

    /// Appends the bytes to `bytes`.
    #[inline]
    pub(crate) fn append_to(&self, bytes: &mut Vec<u8>) {
        // SAFETY: the record lies in the ring, so it is not larger.
        unsafe { self.ring.read(self.position, self.length, bytes) };
    }
}

/// The record at `position`, if it lies whole before `tail`. Both must [fit](Region::check) each
/// other.
#[inline]
pub(super) fn record_at(
    ring: &Region,
    position: u64,
    tail: u64,
) -> Result<Option<(Header, Body<'_>)>> {
    let available = tail.wrapping_sub(position);
    if available == 0 {
        return Ok(None);
    }
    let header = Header::from_word(ring.read_word(position));
    let length = header.length as usize;
    if footprint(length) > available {
        return Err(Error::Damaged("a record is longer than what was written"));
    }
    Ok(Some((header, Body { ring, position: position + HEADER, length })))
}
