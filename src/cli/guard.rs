//! Cleans up behind a knee that was killed: a small process that waits for our end and then removes
//! what we left.
//!
//! It is this binary again, blocked in a read of a socket whose other end only we hold. The read
//! ends when we end, however we end. It then ends every process that carries this run's mark and
//! removes the scratch directory. Nothing of this is on a measured path.
//!
//! It goes by another name than ours, with every signal kept back that can be: what is meant for
//! all of knee (`killall knee`, a closed terminal) does not reach it.

use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::leftovers::{self, MARK};
use super::signals;

/// The first argument of a guard. It names no program: `pkill -f knee` is not for it.
pub(super) const MARKER: &str = "__guard";
/// What `ps` and `killall` know it by.
const NAME: &str = "guard";
/// A guard that is not done by then is stopped or stuck, and we do its work.
const LIMIT: Duration = Duration::from_secs(2);

/// The guard of one run. Dismissing it, or dying, sets it to work.
#[derive(Debug)]
pub(super) struct Guard {
    child: Child,
    line: Option<UnixStream>,
}

impl Guard {
    /// Starts the guard of `scratch`, a directory that need not be there yet.
    ///
    /// # Errors
    /// This binary cannot be started again.
    pub(super) fn start(scratch: &Path) -> io::Result<Self> {
        let (mut line, theirs) = UnixStream::pair()?;
        // What it needs waits for it there, whatever becomes of us.
        line.write_all(scratch.as_os_str().as_bytes())?;
        let mut command = Command::new(program()?);
        command
            .arg0(NAME)
            .arg(MARKER)
            .env_remove(MARK)
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // A Ctrl-C at the terminal is for us, not for it.
            .process_group(0);
        let child = signals::kept_back(|| command.spawn())?;
        Ok(Self { child, line: Some(line) })
    }

    /// Its process.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sets it to work and waits until it is done, or for a moment.
    pub(super) fn dismiss(&mut self) {
        self.line = None;
        let deadline = Instant::now() + LIMIT;
        while let Ok(None) = self.child.try_wait() {
            if Instant::now() > deadline {
                let _ = self.child.kill();
                let _ = self.child.wait();
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.dismiss();
    }
}

/// This program, also where its file was replaced meanwhile or nothing is mounted on `/proc`.
fn program() -> io::Result<PathBuf> {
    let own = Path::new("/proc/self/exe");
    if own.exists() {
        // Started by this name, it has another one than ours from its first moment on.
        return Ok(own.to_owned());
    }
    knee_process::own_program()
}

/// Turns this process into a guard where it was started as one; to be called first in `main`.
pub(super) fn become_guard_if_asked() {
    if std::env::args_os().nth(1).is_none_or(|first| first != MARKER) {
        return;
    }
    if !is_called_by_ourselves() {
        eprintln!("knee: {MARKER} is for processes that knee starts by itself");
        std::process::exit(super::exit::USAGE.into());
    }
    let _ = rustix::thread::set_name(c"guard");
    let mut scratch = Vec::new();
    // The other end is held by the run alone: this returns when it is gone.
    let _ = io::stdin().read_to_end(&mut scratch);
    leftovers::clean(Path::new(OsStr::from_bytes(&scratch)));
    std::process::exit(0);
}

/// Whether standard input is a socket whose other end a process of our own user holds. A guard
/// removes nothing but scratch directories of that user anyway.
fn is_called_by_ourselves() -> bool {
    let stdin = io::stdin();
    let peer = rustix::net::sockopt::socket_peercred(stdin.as_fd());
    peer.is_ok_and(|peer| peer.uid == rustix::process::geteuid())
}
