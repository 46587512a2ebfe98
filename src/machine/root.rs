//! Where the machine is read from: the live machine, or a tree of files captured from another one.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The most bytes that are read from a file. `/proc/cpuinfo` of a thousand CPUs has 1.5 MB.
const MAX_FILE: u64 = 16 << 20;

/// The directory below which `/proc`, `/sys` and `/etc` are looked up.
///
/// Everything that files say about a machine is read through this, so that tests can show knee a
/// laptop, a server or a board. Facts that come only from system calls are asked for on the live
/// root alone. A captured tree has the same facts in `/proc/self/status` and `/proc/self/limits`.
#[derive(Debug, Clone)]
pub struct Root {
    path: PathBuf,
    live: bool,
}

impl Root {
    /// The machine this program runs on.
    pub fn live() -> Self {
        Self { path: PathBuf::from("/"), live: true }
    }

    /// A captured tree: a directory that holds `proc`, `sys` and `etc` of some machine.
    pub fn captured(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), live: false }
    }

    /// Whether system calls speak about the same machine as the files.
    pub fn is_live(&self) -> bool {
        self.live
    }

    /// The real path of a file of the machine.
    pub(super) fn resolve(&self, file: impl AsRef<Path>) -> PathBuf {
        let file = file.as_ref();
        self.path.join(file.strip_prefix("/").unwrap_or(file))
    }

    /// The text of a file without surrounding white space; `None` if it cannot be read or is empty.
    ///
    /// Bytes that are not UTF-8 are replaced, because names on a machine can hold any bytes.
    pub(super) fn text(&self, file: impl AsRef<Path>) -> Option<String> {
        let mut bytes = Vec::new();
        File::open(self.resolve(file)).ok()?.take(MAX_FILE).read_to_end(&mut bytes).ok()?;
        // Device-tree strings end with NUL.
        let text = String::from_utf8_lossy(&bytes);
        let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// The text of a file as a value; `None` if it is not one.
    pub(super) fn value<T: FromStr>(&self, file: impl AsRef<Path>) -> Option<T> {
        self.text(file)?.parse().ok()
    }

    /// The names in a directory, sorted; empty if it cannot be read.
    pub(super) fn names(&self, directory: impl AsRef<Path>) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.resolve(directory)) else { return Vec::new() };
        let mut names: Vec<String> =
            entries.flatten().map(|entry| entry.file_name().to_string_lossy().into()).collect();
        names.sort_unstable();
        names
    }

    /// Whether this file exists.
    pub(super) fn has(&self, file: impl AsRef<Path>) -> bool {
        self.resolve(file).exists()
    }
}
