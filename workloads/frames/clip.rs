//! A video in memory, shared by the workers of a process, and the decoding of one group of its
//! pictures.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use rusty_h264_common::YuvFrame;
use rusty_h264_decoder::{DecodeError, Decoder};

use super::picture;
use super::stream::{Group, groups};
use crate::{Error, Result, mix};

/// The clip that comes with knee; see `data/README.md`.
const BUILT_IN: &[u8] = include_bytes!("../data/clip.h264");

/// The hashes of its frames in the order of display, one a line; a test holds them to the published
/// MD5 sums.
const HASHES: &str = include_str!("../data/clip.hashes");

/// The largest stream. Streams are read into memory as a whole, so that no disk is measured. One
/// this long takes minutes anyway.
const MAX_BYTES: u64 = 1 << 30;

/// A stream, its groups of pictures, and the hashes that are known.
#[derive(Debug)]
pub(super) struct Clip {
    name: String,
    stream: Cow<'static, [u8]>,
    groups: Vec<Group>,
    /// How many pictures of a group a task decodes at most.
    limit: usize,
    /// Every frame's hash in the order of display, where they are known beforehand.
    frames: Option<Vec<u64>>,
    /// The hash of each group's pictures when they were decoded first.
    seen: Vec<OnceLock<u64>>,
}

impl Clip {
    pub(super) fn built_in(limit: usize) -> Result<Arc<Self>> {
        shared(PathBuf::new(), limit, || {
            let mut clip = Self::new("knee's own clip".to_owned(), BUILT_IN.into(), limit)?;
            let hashes = HASHES.lines().map(|line| u64::from_str_radix(line, 16).ok());
            clip.frames = hashes.collect();
            Ok(clip)
        })
    }

    /// # Errors
    /// A usage error where the file cannot be read or is no H.264 stream.
    pub(super) fn of_file(path: &Path, limit: usize) -> Result<Arc<Self>> {
        shared(path.to_owned(), limit, || {
            Self::new(path.display().to_string(), read(path)?.into(), limit)
        })
    }

    fn new(name: String, stream: Cow<'static, [u8]>, limit: usize) -> Result<Self> {
        let groups = groups(&stream);
        if groups.is_empty() {
            return Err(Error::usage(format!(
                "frames: {name} is no H.264 stream in Annex B format with an IDR picture; \
                 make one with: ffmpeg -i IN -c:v copy -bsf:v h264_mp4toannexb OUT.h264"
            )));
        }
        let seen = groups.iter().map(|_| OnceLock::new()).collect();
        Ok(Self { name, stream, groups, limit, frames: None, seen })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn groups(&self) -> usize {
        self.groups.len()
    }

    pub(super) fn pictures(&self) -> usize {
        self.groups.iter().map(|group| group.pictures).sum()
    }

    /// The width and height of the first picture, in pixels.
    pub(super) fn first_picture(&self) -> Result<(usize, usize)> {
        let mut size = (0, 0);
        self.each_picture(0, 1, &[], |_, picture| {
            size = (picture.width, picture.height);
            Ok(())
        })?;
        Ok(size)
    }

    /// Whether the stream ends where its last slice does.
    ///
    /// The arithmetic decoder of a slice that was cut off reads zeros beyond the end and does not
    /// notice. So the end is decoded twice, once with other bytes behind it. If that makes another
    /// picture, the slice needed bytes beyond the end. Where tasks stop before the last slice,
    /// nothing is decoded.
    pub(super) fn check_end(&self) -> Result<()> {
        let last = self.groups.len() - 1;
        if self.limit < self.groups[last].pictures {
            return Ok(());
        }
        let end = |tail: &[u8]| {
            let mut hash = 0;
            self.each_picture(last, self.limit, tail, |_, picture| {
                hash = picture::hash(picture);
                Ok(())
            })?;
            Ok(hash)
        };
        if end(&[])? == end(&[0xA5; 256])? {
            return Ok(());
        }
        Err(Error::failed(format!("frames: {}: the last picture is cut short", self.name)))
    }

    /// Decodes the group with a fresh decoder; returns how many pictures that were and their common
    /// hash.
    pub(super) fn decode(&self, group: usize) -> Result<(usize, u64)> {
        let mut common = 0_u64;
        let pictures = self.each_picture(group, self.limit, &[], |order, picture| {
            let hash = picture::hash(picture);
            self.check(order, hash)?;
            // The common hash is a sum, because pictures come in the order of decoding. Each is
            // mixed with its place, so that swapped pictures change the sum.
            common = common.wrapping_add(mix(hash, order as u64));
            Ok(())
        })?;
        let first = *self.seen[group].get_or_init(|| common);
        if first != common {
            return Err(Error::wrong(format!(
                "frames: group {group} of {} decodes to {common:016x}, and to {first:016x} before",
                self.name
            )));
        }
        Ok((pictures, common))
    }

    /// Compares a picture's hash with the known one. In the clip that comes with knee, picture
    /// orders go up by two a frame.
    fn check(&self, order: i32, hash: u64) -> Result<()> {
        let Some(frames) = &self.frames else { return Ok(()) };
        let known = usize::try_from(order / 2).ok().and_then(|index| frames.get(index));
        if known == Some(&hash) {
            return Ok(());
        }
        Err(Error::wrong(format!(
            "frames: the frame at picture order {order} has hash {hash:016x}"
        )))
    }

    /// Calls back for at most `limit` pictures of a group as they are decoded, each with its place
    /// in the order of display. The `tail` follows the last slice.
    pub(super) fn each_picture(
        &self,
        group: usize,
        limit: usize,
        tail: &[u8],
        mut see: impl FnMut(i32, &YuvFrame) -> Result<()>,
    ) -> Result<usize> {
        let Group { headers, slices, pictures } = &self.groups[group];
        let damaged = |slice: usize, error: &DecodeError| {
            Error::failed(format!("frames: {}: slice {slice} of group {group}: {error}", self.name))
        };
        let mut decoder = Decoder::new();
        for header in headers {
            decoder.decode(&self.stream[header.clone()]).map_err(|error| damaged(0, &error))?;
        }
        let wanted = limit.min(*pictures);
        let mut decoded = 0;
        for (index, slice) in slices.iter().enumerate() {
            if decoded == wanted {
                break;
            }
            let mut bytes = Cow::from(&self.stream[slice.clone()]);
            if index + 1 == slices.len() && !tail.is_empty() {
                bytes.to_mut().extend_from_slice(tail);
            }
            let picture = decoder.decode(&bytes);
            if let Some(picture) = picture.map_err(|error| damaged(index, &error))? {
                see(decoder.last_poc(), &picture)?;
                decoded += 1;
            }
        }
        if decoded < wanted {
            return Err(Error::failed(format!(
                "frames: {}: group {group} is cut short: {decoded} of {wanted} pictures are whole",
                self.name
            )));
        }
        Ok(decoded)
    }
}

/// Returns the process's one copy of a clip, and makes it if no worker has it.
fn shared(path: PathBuf, limit: usize, make: impl FnOnce() -> Result<Clip>) -> Result<Arc<Clip>> {
    static CLIPS: Mutex<BTreeMap<(PathBuf, usize), Weak<Clip>>> = Mutex::new(BTreeMap::new());
    // A panic while the lock was held left at most a clip missing.
    let mut clips = CLIPS.lock().unwrap_or_else(PoisonError::into_inner);
    let key = (path, limit);
    if let Some(clip) = clips.get(&key).and_then(Weak::upgrade) {
        return Ok(clip);
    }
    let clip = Arc::new(make()?);
    clips.insert(key, Arc::downgrade(&clip));
    Ok(clip)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let unusable = |what: &str| Error::usage(format!("frames: file={}: {what}", path.display()));
    let mut file = File::open(path).map_err(|error| unusable(&error.to_string()))?;
    let meta = file.metadata().map_err(|error| unusable(&error.to_string()))?;
    if !meta.is_file() {
        return Err(unusable("it is not a regular file"));
    }
    if meta.len() == 0 {
        return Err(unusable("it is empty"));
    }
    if meta.len() > MAX_BYTES {
        return Err(unusable("it is larger than 1 GiB; cut a piece out of it"));
    }
    let mut stream = Vec::with_capacity(meta.len() as usize);
    file.read_to_end(&mut stream).map_err(|error| unusable(&error.to_string()))?;
    Ok(stream)
}

#[cfg(test)]
#[path = "clip_tests.rs"]
mod tests;
