//! Where a benchmark program keeps its results: under the target directory, with one directory per
//! benchmark.

use std::path::{Path, PathBuf};

use crate::record::{FILE_NAME, Record};
use crate::{cli::Failure, record};

/// The directory of one benchmark of this program: `target/knee/bench/PROGRAM/BENCHMARK`.
pub(super) fn of(name: &str) -> PathBuf {
    home().join("bench").join(safe(&program())).join(safe(name))
}

/// `KNEE_HOME`; or else `knee` in the target directory in which this program was built, or in that
/// of the working directory.
fn home() -> PathBuf {
    if let Some(home) = std::env::var_os("KNEE_HOME").filter(|home| !home.is_empty()) {
        return home.into();
    }
    let own = std::env::current_exe().unwrap_or_default();
    let marked = |path: &&Path| path.join("CACHEDIR.TAG").exists();
    let built_in = own.ancestors().skip(1).find(marked).map(Path::to_owned);
    let told = || std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    built_in.or_else(told).unwrap_or_else(|| "target".into()).join("knee")
}

/// The name of this program without the hash that cargo adds.
fn program() -> String {
    let own = std::env::current_exe().unwrap_or_default();
    let stem = own.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    match stem.rsplit_once('-') {
        Some((name, hash)) if hash.len() == 16 && hash.bytes().all(|b| b.is_ascii_hexdigit()) => {
            name.to_owned()
        }
        _ => stem,
    }
}

/// A name as a file name. Different names stay different.
pub(super) fn safe(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if !name.is_empty() && name.chars().all(plain) && !name.starts_with('.') {
        return name.to_owned();
    }
    let shown: String = name.chars().map(|c| if plain(c) { c } else { '_' }).take(60).collect();
    let hash = name.bytes().fold(0_u64, |hash, byte| knee_workloads::mix(hash, byte.into()));
    format!("{}-{hash:016x}", shown.trim_start_matches('.'))
}

/// An empty directory for the latest results. Results of an earlier call are removed.
pub(super) fn latest(benchmark: &Path) -> Result<PathBuf, Failure> {
    let directory = benchmark.join("latest");
    let refuse = |error: std::io::Error| {
        Failure::usage(format!("{} cannot be written: {error}", directory.display()))
    };
    if directory.join(FILE_NAME).exists() {
        std::fs::remove_dir_all(&directory).map_err(refuse)?;
    }
    std::fs::create_dir_all(&directory).map_err(refuse)?;
    Ok(directory)
}

/// Keeps a record under a name.
pub(super) fn save(benchmark: &Path, name: &str, latest: &Path) -> std::io::Result<()> {
    let directory = benchmark.join("baselines").join(safe(name));
    std::fs::create_dir_all(&directory)?;
    // A baseline is always complete, old or new: the new one is written beside the old one and
    // moved over it.
    let copy = tempfile::NamedTempFile::new_in(&directory)?;
    std::fs::copy(latest.join(FILE_NAME), copy.path())?;
    copy.as_file().sync_all()?;
    copy.persist(directory.join(FILE_NAME))?;
    Ok(())
}

/// The record kept under a name; `None` if there is none.
pub(super) fn load(benchmark: &Path, name: &str) -> Result<Option<Record>, Failure> {
    let directory = benchmark.join("baselines").join(safe(name));
    if !directory.join(FILE_NAME).exists() {
        return Ok(None);
    }
    record::read(&directory).map(Some).map_err(Failure::usage)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_files_within_their_directory() {
        assert_eq!(safe("sum"), "sum");
        for odd in ["", "..", "a/b", "../x", "a::b", "\u{202e}", ".hidden"] {
            let name = safe(odd);
            assert!(
                !name.contains('/') && !name.starts_with('.') && name.len() > 10,
                "{odd}: {name}"
            );
        }
        assert_ne!(safe("a:b"), safe("a/b"));
    }
}
