//! Finds and removes what a killed run leaves: a scratch directory, and processes that carry its
//! mark.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions, pidfd_open, pidfd_send_signal};

use super::guard;
use crate::folder::Folder;

/// The mark: an environment variable that child processes inherit. Its value is the random part of
/// the scratch directory's name, so no other run has it, in whatever namespace.
pub(super) const MARK: &str = "KNEE_RUN";
/// The beginning of a scratch directory's name; the mark follows.
const PREFIX: &str = "knee-";
/// A file in each scratch directory. It is locked while the run lives, and shows that knee made the
/// directory.
const LOCK: &str = "knee-lock";
/// The end of the name of a directory that is being removed.
const OVER: &str = "-over";
/// A directory whose lock was never taken is still being made, unless it is older than this.
const BEING_MADE: Duration = Duration::from_secs(60);
/// Killed processes get this many times ten milliseconds to disappear.
const TRIES: u32 = 50;

/// The scratch directory of the run with this mark.
pub(super) fn scratch(mark: &str) -> io::Result<PathBuf> {
    std::path::absolute(std::env::temp_dir().join(format!("{PREFIX}{mark}")))
}

/// The mark in the name of a scratch directory; `None` for other names.
pub(super) fn mark_of(scratch: &Path) -> Option<&str> {
    let mark = scratch.file_name()?.to_str()?.strip_prefix(PREFIX)?;
    (mark.len() == 32 && mark.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(mark)
}

/// Makes a scratch directory that only this user may enter. It counts as in use until the returned
/// lock is closed.
pub(super) fn make(scratch: &Path) -> io::Result<File> {
    fs::DirBuilder::new().mode(0o700).create(scratch)?;
    let held = Folder::hold(scratch)?;
    if !held.is_ours() || !held.is_empty() {
        return Err(io::Error::other("somebody has put another directory in its place"));
    }
    let lock = held.create(LOCK)?;
    // Another run that sweeps may hold the lock for a moment, so we wait for it. If the file system
    // has no locks, the next run takes this directory for one of a dead run, but no earlier.
    let _ = flock(&lock, FlockOperation::LockExclusive);
    // Until now the lock says nothing: see `is_dead`.
    lock.set_len(1)?;
    Ok(lock)
}

/// Ends the processes that carry the mark of a finished run, and removes its directory.
pub(super) fn clean(scratch: &Path) {
    let Some(mark) = mark_of(scratch) else { return };
    for _ in 0..TRIES {
        if kill_marked(mark) == 0 {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    // Under this name, the directory is known to be unused even if this process is killed now.
    let over = over(scratch);
    if is_own_directory(scratch) {
        let renamed = is_made_by_us(scratch) && fs::rename(scratch, &over).is_ok();
        if !renamed {
            remove(scratch);
        }
    }
    if is_own_directory(&over) {
        remove(&over);
    }
}

/// The name of a scratch directory while it is being removed.
fn over(scratch: &Path) -> PathBuf {
    let mut name = scratch.file_name().unwrap_or_default().to_owned();
    name.push(OVER);
    scratch.with_file_name(name)
}

/// Whether a part of a scratch directory still exists.
pub(super) fn is_left(scratch: &Path) -> bool {
    scratch.exists() || over(scratch).exists()
}

/// Removes a directory that knee has made, which its lock shows, or an empty one. The directory is
/// held open while it is checked and emptied: where every user may rename entries, another
/// directory of this user could be given its name at any moment.
fn remove(scratch: &Path) {
    let Ok(held) = Folder::hold(scratch) else { return };
    if held.is_ours() && held.has_file(LOCK) {
        // The lock goes last. If a kill or an error stops this, the next run still recognises the
        // directory.
        if !held.empty(LOCK) {
            return;
        }
        held.remove(LOCK);
    }
    let _ = fs::remove_dir(scratch);
}

fn is_made_by_us(scratch: &Path) -> bool {
    Folder::hold(scratch).is_ok_and(|held| held.is_ours() && held.has_file(LOCK))
}

/// Cleans up after runs of this user whose guard was killed too.
pub(super) fn sweep() {
    sweep_in(&std::env::temp_dir());
}

fn sweep_in(place: &Path) {
    let entries = fs::read_dir(place).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()) {
        if !is_own_directory(&path) {
            continue;
        }
        let name = path.to_string_lossy();
        if name.strip_suffix(OVER).is_some_and(|name| mark_of(Path::new(name)).is_some()) {
            remove(&path);
        } else if mark_of(&path).is_some() && is_dead(&path) {
            clean(&path);
        }
    }
}

/// Whether no living run uses this directory. A run first creates its lock, then takes it, and then
/// makes it longer than nothing. So an empty lock may belong to a run that is about to take it.
fn is_dead(scratch: &Path) -> bool {
    let lock = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NOFOLLOW)
        .open(scratch.join(LOCK));
    match lock {
        Ok(lock) => {
            let is_free = flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok();
            let was_taken = lock.metadata().is_ok_and(|meta| meta.len() > 0);
            is_free && (was_taken || is_old(scratch))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => is_old(scratch),
        Err(_) => false,
    }
}

fn is_old(scratch: &Path) -> bool {
    let changed = fs::symlink_metadata(scratch).and_then(|meta| meta.modified());
    changed.is_ok_and(|changed| changed.elapsed().is_ok_and(|age| age > BEING_MADE))
}

fn is_own_directory(path: &Path) -> bool {
    let own = rustix::process::geteuid().as_raw();
    fs::symlink_metadata(path).is_ok_and(|meta| meta.is_dir() && meta.uid() == own)
}

/// Kills every other process whose environment carries the mark. Returns how many there were.
fn kill_marked(mark: &str) -> usize {
    let needle = [MARK.as_bytes(), b"=", mark.as_bytes()].concat();
    let own = std::process::id().cast_signed();
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| number(&entry.file_name()));
    let mut killed = 0;
    for pid in pids.filter(|pid| *pid != own) {
        // The process is held first, so that the process that is killed is the one that was
        // checked.
        let Some(held) = hold(pid) else { continue };
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        if environment.split(|&byte| byte == 0).any(|entry| entry == needle) {
            killed += usize::from(pidfd_send_signal(&held, Signal::KILL).is_ok());
        }
    }
    killed
}

/// Kills and reaps every child of this process, except `spared` and those that knee-process looks
/// after. These are processes that commands started and left behind: the system made them children
/// of their nearest living relative, which is knee. A guard among them belongs to a node that was
/// killed; it is at work and ends by itself.
pub(super) fn kill_strays(spared: u32) {
    for _ in 0..TRIES {
        let strays: Vec<i32> = children()
            .into_iter()
            .filter(|pid| pid.cast_unsigned() != spared && !is_looked_after(*pid))
            .collect();
        if strays.is_empty() {
            return;
        }
        for pid in strays {
            // A child that is not reaped keeps its number, so this number is that child.
            if let Some(pid) = Pid::from_raw(pid) {
                let _ = rustix::process::kill_process(pid, Signal::KILL);
                let _ = rustix::process::waitpid(Some(pid), WaitOptions::NOHANG);
            }
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The children of all threads of this process.
fn children() -> Vec<i32> {
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    lists
        .flat_map(|list| {
            list.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>()
        })
        .collect()
}

fn is_looked_after(pid: i32) -> bool {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let first = line.split(|&byte| byte == 0).nth(1).unwrap_or_default();
    first == b"__knee-process" || first == guard::MARKER.as_bytes()
}

fn number(name: &OsStr) -> Option<i32> {
    name.to_str()?.parse().ok()
}

fn hold(pid: i32) -> Option<OwnedFd> {
    pidfd_open(Pid::from_raw(pid)?, PidfdFlags::empty()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_scratch_directories_have_a_mark() {
        let mark = "0123456789abcdef0123456789abcdef";
        assert_eq!(mark_of(&scratch(mark).expect("there is a place for it")), Some(mark));
        for other in [
            "/",
            "/home",
            "/tmp/knee-",
            "/tmp/knee-1",
            "/tmp/knee-0123456789abcdef0123456789abcdeg",
        ] {
            assert_eq!(mark_of(Path::new(other)), None, "{other}");
        }
    }

    /// Where every user may rename entries, another user can give the name of a scratch directory
    /// to another directory of this user.
    #[test]
    fn a_directory_that_was_given_our_name_stays() {
        let place = tempfile::tempdir().expect("a directory");
        let ours = place.path().join("knee-0123456789abcdef0123456789abcdef");
        fs::create_dir(&ours).expect("it is ours");
        fs::write(ours.join("dear"), "letters").expect("it is ours");
        clean(&ours);
        assert!(ours.join("dear").exists());
        fs::write(ours.join(LOCK), "").expect("it is ours");
        clean(&ours);
        assert_eq!(fs::read_dir(place.path()).expect("it is there").count(), 0);
    }

    /// Nodes on one host start at the same moment, and each of them sweeps.
    #[test]
    fn what_is_being_made_is_not_swept() {
        let place = tempfile::tempdir().expect("a directory");
        let ours = place.path().join("knee-0123456789abcdef0123456789abcdef");
        fs::create_dir(&ours).expect("it is ours");
        assert!(!is_dead(&ours), "before it has a lock");
        fs::write(ours.join(LOCK), "").expect("it is ours");
        assert!(!is_dead(&ours), "before the lock is taken");
        fs::remove_dir_all(&ours).expect("it is ours");
        let lock = make(&ours).expect("there is a place for it");
        assert!(!is_dead(&ours), "while its run lives");
        drop(lock);
        assert!(is_dead(&ours));
    }

    /// Runs that begin while others sweep keep their directories.
    #[test]
    fn sweeps_and_beginnings_do_not_meet() {
        let place = tempfile::tempdir().expect("a directory");
        let over = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(std::sync::atomic::Ordering::Relaxed) {
                    sweep_in(place.path());
                }
            });
            for number in 0..500_u32 {
                let ours = place.path().join(format!("{PREFIX}{number:032x}"));
                let lock = make(&ours).expect("there is a place for it");
                std::thread::yield_now();
                assert!(ours.join(LOCK).exists(), "number {number} was swept");
                drop(lock);
            }
            over.store(true, std::sync::atomic::Ordering::Relaxed);
        });
    }

    /// A guard was killed in the middle of removing.
    #[test]
    fn what_somebody_began_to_remove_is_removed() {
        let place = tempfile::tempdir().expect("a directory");
        let ours = place.path().join("knee-0123456789abcdef0123456789abcdef");
        fs::create_dir(over(&ours)).expect("it is ours");
        fs::write(over(&ours).join(LOCK), "").expect("it is ours");
        fs::write(over(&ours).join("rest"), "").expect("it is ours");
        assert!(is_left(&ours));
        clean(&ours);
        assert!(!is_left(&ours));
    }

    #[test]
    fn nothing_but_own_scratch_directories_is_removed() {
        let other = tempfile::tempdir().expect("a directory");
        clean(other.path());
        assert!(other.path().exists());
        let link = other.path().join("knee-0123456789abcdef0123456789abcdef");
        let aim = other.path().join("aim");
        fs::create_dir(&aim).expect("it is ours");
        std::os::unix::fs::symlink(&aim, &link).expect("it is ours");
        clean(&link);
        assert!(aim.exists() && link.symlink_metadata().is_ok());
    }
}
