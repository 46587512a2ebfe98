//! Prepares a place for crews: a scratch directory, a guard that cleans up, and the handling of the
//! user's interrupt.

use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, IsTerminal};
use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use knee_workloads::foreign::interrupt;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::cli::guard::Guard;
use crate::cli::leftovers::{self, MARK};
use crate::cli::{Failure, Output, exit, signals};
use crate::machine::Machine;
use crate::mode::Site;
use crate::plan::Registry;

/// After an interrupt, running work gets this long. Then it is abandoned, and the results so far
/// are written.
const GRACE: Duration = Duration::from_millis(1500);

/// Everything that must be ready before the first crew, and end after the last one.
#[derive(Debug)]
pub(crate) struct Camp {
    cancel: Arc<AtomicBool>,
    /// The guard. It removes the directory and what crews left. Taken once.
    guard: Mutex<Option<Guard>>,
    /// Held while the directory is in use.
    _lock: File,
    scratch: PathBuf,
}

impl Camp {
    /// Cleans up after killed runs, starts the guard, makes the directory, sets the mark for child
    /// processes and listens to signals.
    ///
    /// The guard knows the directory before it exists. So whenever knee is killed, the guard can
    /// remove it.
    pub(crate) fn pitch(output: Output) -> Result<Self, Failure> {
        leftovers::sweep();
        let parent = std::env::temp_dir();
        let unmade = |error: io::Error| {
            let what = format!(
                "no temporary directory could be made in {}: {error}; name another one in TMPDIR",
                parent.display()
            );
            Failure::new(exit::FAILED, what)
        };
        if is_open_to_all(&parent) {
            output.remark(&format!(
                "knee: every user may rename files in {}, so another user could redirect what this \
                 run writes; give it mode 1777, or name another one in TMPDIR",
                parent.display()
            ));
        }
        let mark = mark();
        let scratch = leftovers::scratch(&mark).map_err(unmade)?;
        let guard = Guard::start(&scratch).inspect_err(|error| {
            output.remark(&format!(
                "knee: no guard could be started ({error}): if knee is killed, its files in {} \
                 stay until the next run",
                scratch.display()
            ));
        });
        let lock = leftovers::make(&scratch).map_err(unmade)?;
        // SAFETY: no other thread of this program runs yet, so nobody can be reading the
        // environment.
        unsafe { std::env::set_var(MARK, &mark) };
        // Processes that a command leaves behind become children of knee, whatever they did to
        // detach.
        let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
        raise_files();
        let guard = Mutex::new(guard.ok());
        Ok(Self { cancel: signals::cancel(), guard, _lock: lock, scratch })
    }

    /// Where crews are launched.
    pub(crate) fn site(
        &self,
        registry: Registry,
        machine: &Machine,
        placement: Vec<usize>,
    ) -> Site {
        Site {
            cancel: Arc::clone(&self.cancel),
            cores: (machine.budget.usable().ceil() as usize).max(1),
            placement,
            ..Site::new(registry, &self.scratch)
        }
    }

    /// The directory for files of started processes. It is removed in the end.
    pub(crate) fn scratch(&self) -> &Path {
        &self.scratch
    }

    /// A flag that becomes true when the user interrupts.
    pub(crate) fn cancel(&self) -> &Arc<AtomicBool> {
        &self.cancel
    }

    /// Whether the user has interrupted.
    pub(crate) fn is_interrupted(&self) -> bool {
        self.cancel.load(Ordering::Relaxed)
    }

    /// Runs `work`, which should end soon after the user has interrupted. If it does not, because a
    /// task takes longer, it is abandoned: `rest` finishes what is left to do, and the program ends
    /// with its code.
    pub(crate) fn interruptible<T>(
        &self,
        work: impl FnOnce() -> T,
        rest: impl FnOnce() -> u8 + Send,
    ) -> T {
        let Ok((seen, done)) = std::os::unix::net::UnixStream::pair() else { return work() };
        // The terminal is opened now, because a terminal that is gone no longer says that it is
        // one.
        let terminal = terminal();
        thread::scope(|scope| {
            let watch = move || {
                let Some(interrupted) = interrupt::read_end() else { return };
                if terminal.as_ref().is_some_and(|end| is_cut_off(&seen, interrupted, end)) {
                    signals::hang_up();
                }
                wait(&mut [readable(&seen), readable(&interrupted)], None);
                // Both are ready as soon as the work is over.
                if is_over(&seen) || wait(&mut [readable(&seen)], Some(GRACE)) {
                    return;
                }
                let code = rest();
                self.strike();
                std::process::exit(code.into());
            };
            // If no thread can be started, an interrupt waits for the task.
            let _ = thread::Builder::new().name("interrupt".into()).spawn_scoped(scope, watch);
            let result = work();
            // Not by closing it alone: if closing failed, the thread would wait for ever.
            let _ = done.shutdown(Shutdown::Both);
            result
        })
    }

    /// Ends everything that this program has started, and then the program.
    pub(crate) fn leave(&self, code: u8) -> ! {
        self.strike();
        std::process::exit(code.into());
    }

    /// Ends what commands left behind and removes the directory. Several threads of a node may call
    /// this at once: one does it and the others wait, because whoever returns first ends the
    /// program.
    fn strike(&self) {
        let mut guard = self.guard.lock().unwrap_or_else(PoisonError::into_inner);
        leftovers::kill_strays(guard.as_ref().map_or(0, Guard::id));
        drop(guard.take());
        // There was no guard, or it could not do its work.
        if leftovers::is_left(&self.scratch) {
            leftovers::clean(&self.scratch);
        }
    }
}

impl Drop for Camp {
    fn drop(&mut self) {
        self.strike();
    }
}

/// Whether every user may rename and remove entries of a directory.
fn is_open_to_all(directory: &Path) -> bool {
    const STICKY: u32 = 0o1000;
    const OTHERS_WRITE: u32 = 0o002;
    let mode = std::fs::metadata(directory).map_or(0, |meta| meta.permissions().mode());
    mode & (STICKY | OTHERS_WRITE) == OTHERS_WRITE
}

/// The terminal that knee writes to, if any.
fn terminal() -> Option<OwnedFd> {
    let (stdout, stderr) = (io::stdout(), io::stderr());
    let ours = [stdout.as_fd(), stderr.as_fd()].into_iter().find(IsTerminal::is_terminal);
    ours.and_then(|terminal| terminal.try_clone_to_owned().ok())
}

/// Waits until the work is over, it is interrupted, or the terminal is gone. Returns whether the
/// terminal is gone.
///
/// The system tells this only to the leader of the terminal's session, and a script that survives
/// the message does not pass it on.
fn is_cut_off(seen: &impl AsFd, interrupted: impl AsFd, terminal: &OwnedFd) -> bool {
    // Input is not for knee. The end of the other side is reported without asking for events.
    let other_end = PollFd::new(terminal, PollFlags::empty());
    let mut watched = [readable(seen), readable(&interrupted), other_end];
    wait(&mut watched, None) && watched[..2].iter().all(|one| one.revents().is_empty())
}

/// Waits until one of these is ready. Returns whether that happened within `limit`.
fn wait(watched: &mut [PollFd<'_>], limit: Option<Duration>) -> bool {
    let limit = limit.and_then(|limit| Timespec::try_from(limit).ok());
    loop {
        match poll(watched, limit.as_ref()) {
            Err(rustix::io::Errno::INTR) => {}
            ready => return ready.is_ok_and(|ready| ready > 0),
        }
    }
}

fn readable(one: &impl AsFd) -> PollFd<'_> {
    PollFd::new(one, PollFlags::IN)
}

fn is_over(seen: &impl AsFd) -> bool {
    wait(&mut [readable(seen)], Some(Duration::ZERO))
}

/// Identifies this run: 128 bits from the system's random source.
fn mark() -> String {
    let random = RandomState::new();
    format!("{:016x}{:016x}", random.hash_one(0), random.hash_one(1))
}

/// Raises the limit on open files as far as allowed: each worker process needs a few.
fn raise_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    // If it is refused, the first worker that finds no descriptor reports it.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}
