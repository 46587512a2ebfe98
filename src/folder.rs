//! A directory that is held open. Files in it are made and removed through the open directory, not
//! by its path: where others may rename directories, a path may lead elsewhere at any moment.

use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};

/// A directory that is held open.
#[derive(Debug)]
pub struct Folder(OwnedFd);

impl Folder {
    /// Opens a directory; a link to a directory is an error.
    pub fn hold(path: &Path) -> io::Result<Self> {
        Ok(Self(rustix::fs::open(path, AS_A_DIRECTORY, Mode::empty())?))
    }

    /// Whether it belongs to the user of this process.
    pub fn is_ours(&self) -> bool {
        let own = rustix::process::geteuid().as_raw();
        rustix::fs::fstat(&self.0).is_ok_and(|stat| stat.st_uid == own)
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        let is_self = |name: &CStr| [c".", c".."].contains(&name);
        Dir::read_from(&self.0)
            .is_ok_and(|entries| entries.flatten().all(|entry| is_self(entry.file_name())))
    }

    /// Whether it has a plain file with this name.
    pub fn has_file(&self, name: &str) -> bool {
        let stat = rustix::fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW);
        stat.is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile)
    }

    /// Makes a new file; an existing one is an error.
    pub fn create(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::CLOEXEC;
        let usual = Mode::from_raw_mode(0o666);
        Ok(File::from(rustix::fs::openat(&self.0, name, flags, usual)?))
    }

    /// Makes a new directory that only this user may enter; an existing one is an error.
    pub fn make(&self, name: &str) -> io::Result<()> {
        Ok(rustix::fs::mkdirat(&self.0, name, Mode::RWXU)?)
    }

    /// Removes everything in it except `spared`. Returns whether nothing else is left.
    pub fn empty(&self, spared: &str) -> bool {
        empty(&self.0, spared).unwrap_or(false)
    }

    /// Removes the file or directory with this name and everything in it. Returns whether it is
    /// gone.
    pub fn remove(&self, name: &str) -> bool {
        std::ffi::CString::new(name).is_ok_and(|name| remove(&self.0, &name))
    }
}

const AS_A_DIRECTORY: OFlags =
    OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC).union(OFlags::RDONLY);

fn empty(directory: impl AsFd, spared: &str) -> io::Result<bool> {
    let mut all = true;
    for entry in Dir::read_from(&directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let stays: [&[u8]; 3] = [b".", b"..", spared.as_bytes()];
        if !stays.contains(&name.to_bytes()) {
            all &= remove(&directory, name);
        }
    }
    Ok(all)
}

fn remove(directory: impl AsFd, name: &CStr) -> bool {
    if rustix::fs::unlinkat(&directory, name, AtFlags::empty()).is_ok() {
        return true;
    }
    // Nearly everything is a file. A directory may be empty, and this user may not be allowed to
    // enter it.
    if let Ok(below) = rustix::fs::openat(&directory, name, AS_A_DIRECTORY, Mode::empty()) {
        let _ = empty(below, "");
    }
    rustix::fs::unlinkat(&directory, name, AtFlags::REMOVEDIR).is_ok()
}

/// A directory inside another one. When dropped, it is removed with everything in it.
#[derive(Debug)]
pub struct Nest {
    around: Folder,
    name: String,
    path: PathBuf,
}

impl Nest {
    /// Makes such a directory with a name that begins with `prefix`.
    pub fn make_in(around: &Path, prefix: &str) -> io::Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let folder = Folder::hold(around)?;
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let name = format!("{prefix}{}-{number}", std::process::id());
            match folder.make(&name) {
                Ok(()) => return Ok(Self { path: around.join(&name), around: folder, name }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Nest {
    fn drop(&mut self) {
        // What cannot be removed now is removed with the outer directory.
        self.around.remove(&self.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_nest_goes_with_all_that_is_in_it_and_nothing_that_took_its_place() {
        let place = tempfile::tempdir().unwrap();
        let (around, dear) = (place.path().join("around"), place.path().join("dear"));
        fs::create_dir_all(around.join("other")).unwrap();
        fs::create_dir(&dear).unwrap();
        fs::write(dear.join("letters"), "dear").unwrap();
        let nest = Nest::make_in(&around, "crew-").unwrap();
        let second = Nest::make_in(&around, "crew-").unwrap();
        fs::create_dir_all(nest.path().join("deep/deeper")).unwrap();
        fs::write(nest.path().join("deep/file"), "").unwrap();
        std::os::unix::fs::symlink(&dear, nest.path().join("link")).unwrap();
        // Another user gives the name of the outer directory to another directory of ours.
        let name = nest.path().file_name().unwrap().to_owned();
        fs::rename(&around, place.path().join("away")).unwrap();
        fs::create_dir(&around).unwrap();
        fs::rename(&dear, around.join(&name)).unwrap();
        drop((nest, second));
        let rest = |path| fs::read_dir(path).unwrap().count();
        assert_eq!(fs::read_to_string(around.join(&name).join("letters")).unwrap(), "dear");
        assert_eq!(rest(place.path().join("away")), 1, "what was there before");
        let link = place.path().join("link");
        std::os::unix::fs::symlink(&around, &link).unwrap();
        assert!(Folder::hold(&link).is_err() && Nest::make_in(&link, "crew-").is_err());
    }
}
