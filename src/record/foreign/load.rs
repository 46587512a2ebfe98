//! Files and standard input, with limits: whatever a path names, there is one clear line and no waiting for ever.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use super::{ForeignError, Result};

/// Larger inputs are not measurements of worker counts.
const LARGEST: u64 = 64 << 20;

/// The bytes of a file, or of standard input for `-`.
///
/// # Errors
/// It is not there, not a plain file, too large or not readable.
pub fn load(path: &Path) -> Result<Vec<u8>> {
    if path.as_os_str() == "-" {
        return limited(io::stdin().lock(), "standard input");
    }
    let failed = |error: io::Error| ForeignError::new(format!("it cannot be read: {error}"));
    let meta = fs::metadata(path).map_err(failed)?;
    if meta.is_dir() {
        return Err(ForeignError::new("it is a directory; name a file in it"));
    }
    if !meta.is_file() {
        return Err(ForeignError::new("it is not a plain file; redirect it and use -"));
    }
    if meta.len() > LARGEST {
        return Err(too_large("it"));
    }
    limited(File::open(path).map_err(failed)?, "it")
}

fn limited(reader: impl Read, what: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader
        .take(LARGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| ForeignError::new(format!("{what} cannot be read: {error}")))?;
    if bytes.len() as u64 > LARGEST {
        return Err(too_large(what));
    }
    Ok(bytes)
}

fn too_large(what: &str) -> ForeignError {
    ForeignError::new(format!("{what} is larger than {} MiB", LARGEST >> 20))
}

/// Takes a gzip wrapping off, where there is one.
pub(super) fn unpack(bytes: &[u8]) -> Result<Vec<u8>> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(bytes.to_vec());
    }
    limited(flate2::read::MultiGzDecoder::new(bytes), "its gzip stream")
}
