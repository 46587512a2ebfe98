//! Opens what the user named: a file, the directory of a record, or standard input, plain or
//! compressed. The size is limited.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::{Fault, ImportError};
use crate::record::FILE_NAME;

/// Larger files are refused, also if they are larger after decompression.
pub(super) const LARGEST: u64 = 256 << 20;
/// The limit for JSON, which takes many times its size in memory while it is read.
pub(super) const LARGEST_JSON: usize = 64 << 20;
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// A file as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Document {
    /// Its name, as the user gave it.
    pub(super) name: String,
    /// Its name without directory and endings.
    pub(super) stem: String,
    pub(super) text: String,
    /// A remark on how it was turned into text, if one is needed.
    pub(super) remark: Option<String>,
}

/// Reads a file, the record in a directory, or standard input (`-`).
pub(super) fn open(path: &Path, encoding: Option<&str>) -> Result<Document, ImportError> {
    let fail = |what: String| ImportError { file: name(path), fault: Fault::whole(what) };
    let bytes = if path.as_os_str() == "-" {
        bounded(io::stdin().lock())
    } else if is_descriptor(path) {
        // A shell passes <(command) as a pipe whose writer is running, so waiting for it is right.
        File::open(path).map_err(|error| error.to_string()).and_then(bounded)
    } else {
        regular(path).and_then(bounded)
    };
    document(path, bytes.map_err(fail)?, encoding)
}

/// The text of a file's bytes.
pub(super) fn document(
    path: &Path,
    bytes: Vec<u8>,
    encoding: Option<&str>,
) -> Result<Document, ImportError> {
    let fail = |what| ImportError { file: name(path), fault: Fault::whole(what) };
    let (text, remark) = text(bytes, encoding).map_err(fail)?;
    Ok(Document { name: name(path), stem: stem(path), text, remark })
}

fn name(path: &Path) -> String {
    if path.as_os_str() == "-" { "standard input".to_owned() } else { path.display().to_string() }
}

/// The subject of a file: `lock` for `results/lock.json.gz`.
fn stem(path: &Path) -> String {
    if path.as_os_str() == "-" || is_descriptor(path) {
        return "standard input".to_owned();
    }
    let known = ["json", "csv", "tsv", "txt", "dat", "gz", "jsonl", "md", "log", "out", "tex"];
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut stem: &str = &name;
    while let Some((rest, ending)) = stem.rsplit_once('.') {
        if rest.is_empty() || !known.contains(&ending.to_ascii_lowercase().as_str()) {
            break;
        }
        stem = rest;
    }
    if stem.is_empty() { "measurements".to_owned() } else { stem.to_owned() }
}

pub(super) fn is_descriptor(path: &Path) -> bool {
    path == Path::new("/dev/stdin")
        || path.starts_with("/dev/fd")
        || path.starts_with("/proc/self/fd")
}

/// Opens a regular file. Never waits for the other end of a pipe.
fn regular(path: &Path) -> Result<File, String> {
    let inside = path.join(FILE_NAME);
    let path = if path.is_dir() && inside.is_file() { &inside } else { path };
    let words = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "may not be read by you".to_owned(),
        _ => format!("cannot be read: {error}"),
    };
    let mut options = OpenOptions::new();
    let file = options.read(true).custom_flags(libc::O_NONBLOCK).open(path).map_err(words)?;
    let meta = file.metadata().map_err(words)?;
    if meta.is_dir() {
        return Err(format!("is a directory without a {FILE_NAME}; name the files in it"));
    }
    if !meta.is_file() {
        return Err("is not a regular file; to read a pipe, give - and redirect it".to_owned());
    }
    Ok(file)
}

/// All bytes, up to the limit.
fn bounded(reader: impl Read) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let read = reader.take(LARGEST + 1).read_to_end(&mut bytes);
    read.map_err(|error| format!("cannot be read: {error}"))?;
    if bytes.len() as u64 > LARGEST {
        return Err(format!("is larger than {} MiB, too large for measurements", LARGEST >> 20));
    }
    Ok(bytes)
}

/// The decompressed and decoded text, with a remark if one is needed.
fn text(bytes: Vec<u8>, encoding: Option<&str>) -> Result<(String, Option<String>), String> {
    if bytes.starts_with(&GZIP) {
        let plain = bounded(flate2::read::MultiGzDecoder::new(bytes.as_slice()));
        let plain = plain.map_err(|error| error.replace("cannot be read", "cannot be unpacked"))?;
        return decode(plain, encoding);
    }
    decode(bytes, encoding)
}

/// Decodes UTF-8, UTF-16 with a byte order mark (as spreadsheets write it), or the encoding that
/// the user named.
fn decode(bytes: Vec<u8>, encoding: Option<&str>) -> Result<(String, Option<String>), String> {
    let mut remark = None;
    let mut text = match bytes.as_slice() {
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes)?,
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes)?,
        _ if bytes.contains(&0) => return Err("is binary, not text".to_owned()),
        _ => match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let (at, bytes) = (error.utf8_error().valid_up_to(), error.into_bytes());
                let Some(label) = encoding else {
                    return Err(format!(
                        "is not text in UTF-8 (byte {at} is not part of any character); if it is \
                         Windows-1252 or Latin-1, say so with --encoding windows-1252"
                    ));
                };
                let known = encoding_rs::Encoding::for_label(label.trim().as_bytes());
                let known = known.ok_or_else(|| {
                    format!("--encoding {label:?} is not known; windows-1252 or shift_jis would be")
                })?;
                remark = Some(format!("the file is not UTF-8; it is read as {}", known.name()));
                known.decode(&bytes).0.into_owned()
            }
        },
    };
    if text.starts_with('\u{feff}') {
        text.drain(..'\u{feff}'.len_utf8());
    }
    if text.trim().is_empty() {
        return Err("is empty".to_owned());
    }
    Ok((text, remark))
}

fn wide(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, String> {
    let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
    let text = String::from_utf16(&units).map_err(|_| "is not text in UTF-16".to_owned())?;
    if text.contains('\0') { Err("is binary, not text".to_owned()) } else { Ok(text) }
}
