//! Where the results of a run go. The directory is made and tested before anything is measured.

use std::io;
use std::path::{Path, PathBuf};

use crate::cli::Failure;
use crate::clock;
use crate::record::FILE_NAME;

/// The directory of a new run.
pub(super) fn new(out: Option<&Path>) -> Result<PathBuf, Failure> {
    let directory = match out {
        Some(directory) => directory.to_owned(),
        None => unused_in_target(""),
    };
    if directory.join(FILE_NAME).exists() {
        return Err(taken(&directory));
    }
    prove_writable(&directory)?;
    Ok(directory)
}

/// The failure for a directory that already holds a run, perhaps since a moment ago.
pub(super) fn taken(directory: &Path) -> Failure {
    Failure::usage(format!(
        "{0} holds a run already; choose another directory, or go on with it by --resume {0}",
        directory.display()
    ))
}

/// Makes the directory if it is missing, and tries to write in it.
pub(super) fn prove_writable(directory: &Path) -> Result<(), Failure> {
    let refuse = |error: io::Error| Failure::unwritten(directory, &error);
    std::fs::create_dir_all(directory).map_err(refuse)?;
    tempfile::tempfile_in(directory).map_err(refuse)?;
    Ok(())
}

/// A new directory for results, named after the current time: below `target/knee`, or in
/// `knee-results` outside of a Cargo project.
pub(crate) fn unused_in_target(prefix: &str) -> PathBuf {
    let parent = target().map_or_else(|| "knee-results".into(), |target| target.join("knee"));
    unused(&parent, prefix)
}

/// A new directory, named after the current time.
fn unused(parent: &Path, prefix: &str) -> PathBuf {
    let moment = format!("{prefix}{}", clock::utc().replace(':', "-"));
    let names = std::iter::once(moment.clone()).chain((2..).map(|n| format!("{moment}-{n}")));
    names.map(|name| parent.join(name)).find(|path| !path.exists()).expect("the names never end")
}

/// Where Cargo keeps what it builds, so that results lie beside it, as with criterion. `None`
/// outside of Cargo projects.
fn target() -> Option<PathBuf> {
    if let Some(directory) = std::env::var_os("CARGO_TARGET_DIR") {
        return Some(directory.into());
    }
    // A binary below a Cargo target directory was built there, whatever the working directory is
    // now.
    let own = std::env::current_exe().unwrap_or_default();
    let here = std::env::current_dir().unwrap_or_default();
    let marked = |path: &&Path| path.join("CACHEDIR.TAG").exists();
    let inside = here.join("target").exists();
    let project = here.ancestors().any(|folder| folder.join("Cargo.toml").exists());
    match own.ancestors().skip(1).find(marked) {
        Some(directory) if !inside => Some(directory.to_owned()),
        _ => (inside || project).then(|| "target".into()),
    }
}
