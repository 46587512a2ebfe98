//! The guard cleans up after a knee that was killed. It is a small process that waits for knee's
//! end and then removes what knee left.
//!
//! The guard is this binary again. It blocks in a read from a socket whose other end only knee
//! holds. The read ends when knee ends, in whatever way. The guard then ends every process that
//! carries the mark of the run, and removes the scratch directory. It never works while something
//! is measured.
//!
//! The guard has another name than knee and blocks all signals that can be blocked. So a signal to
//! everything called knee (`killall knee`, a closed terminal) does not reach it.

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

/// The first argument of a guard. It does not contain the name of the program, so that `pkill -f
/// knee` does not find it.
pub(super) const MARKER: &str = "__guard";
/// The name that `ps` and `killall` see.
const NAME: &str = "guard";
/// Time for a guard to finish. After that it is stopped or hangs, and knee does its work.
const LIMIT: Duration = Duration::from_secs(2);

/// The guard of one run. It starts its work when it is dismissed or when knee dies.
#[derive(Debug)]
pub(super) struct Guard {
    child: Child,
    line: Option<UnixStream>,
}

impl Guard {
    /// Starts the guard of the directory `scratch`, which need not exist yet.
    ///
    /// # Errors
    /// This binary cannot be started again.
    pub(super) fn start(scratch: &Path) -> io::Result<Self> {
        let (mut line, theirs) = UnixStream::pair()?;
        // The guard can read what it needs from the socket, whatever happens to knee.
        line.write_all(scratch.as_os_str().as_bytes())?;
        let mut command = Command::new(program()?);
        command
            .arg0(NAME)
            .arg(MARKER)
            .env_remove(MARK)
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // A Ctrl-C at the terminal is for knee, not for the guard.
            .process_group(0);
        let child = signals::kept_back(|| command.spawn())?;
        Ok(Self { child, line: Some(line) })
    }

    /// Its process id.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Starts its work, and waits until it is done or the limit has passed.
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

/// The path of this program. It works even if the file was replaced meanwhile or `/proc` is not
/// mounted.
fn program() -> io::Result<PathBuf> {
    let own = Path::new("/proc/self/exe");
    if own.exists() {
        // Started by this path, the guard has its own name from its first moment on.
        return Ok(own.to_owned());
    }
    knee_process::own_program()
}

/// Becomes a guard if this process was started as one. Must be called first in `main`.
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
    // Only the run holds the other end, so this returns when the run is gone.
    let _ = io::stdin().read_to_end(&mut scratch);
    leftovers::clean(Path::new(OsStr::from_bytes(&scratch)));
    std::process::exit(0);
}

/// Whether standard input is a socket whose other end belongs to a process of the same user. A
/// guard removes only scratch directories of that user anyway.
fn is_called_by_ourselves() -> bool {
    let stdin = io::stdin();
    let peer = rustix::net::sockopt::socket_peercred(stdin.as_fd());
    peer.is_ok_and(|peer| peer.uid == rustix::process::geteuid())
}
