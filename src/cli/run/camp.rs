//! Where crews live while something is measured: a scratch directory, a guard that cleans up behind us, and the user's interrupt.

use std::fs::DirBuilder;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use knee_workloads::mix;

use crate::cli::guard::{Guard, MARK};
use crate::cli::{Failure, exit};
use crate::machine::Machine;
use crate::mode::Site;
use crate::plan::Registry;

/// Everything that must be up before the first crew and down after the last one.
#[derive(Debug)]
pub(crate) struct Camp {
    cancel: Arc<AtomicBool>,
    /// It removes the directory, and what crews left there and elsewhere.
    _guard: Guard,
    scratch: PathBuf,
}

impl Camp {
    /// Starts the guard, makes the directory, marks our future children and listens to signals.
    ///
    /// The guard knows the directory before it is there: whenever we are killed, somebody is left who removes it.
    pub(crate) fn pitch(seed: u64) -> Result<Self, Failure> {
        let unmade = |error: io::Error| {
            Failure::new(exit::FAILED, format!("no temporary directory could be made: {error}"))
        };
        let scratch = unused_path().map_err(unmade)?;
        let guard = guard(&scratch, seed)?;
        DirBuilder::new().mode(0o700).create(&scratch).map_err(unmade)?;
        raise_files();
        Ok(Self { cancel: cancel(), _guard: guard, scratch })
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

    /// Whether the user has interrupted.
    pub(crate) fn is_interrupted(&self) -> bool {
        self.cancel.load(Ordering::Relaxed)
    }
}

/// Where a directory of ours can be made; the name is random, so that nobody else has it or can take it before us.
fn unused_path() -> io::Result<PathBuf> {
    let random = RandomState::new().hash_one(std::process::id());
    std::path::absolute(std::env::temp_dir().join(format!("knee-{random:016x}")))
}

/// Allows ourselves as many open files as we may: each worker process needs a few.
fn raise_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    // Best effort: where it is refused, the first worker that finds no descriptor says so.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}

/// Starts the guard and marks our future children.
fn guard(scratch: &Path, seed: u64) -> Result<Guard, Failure> {
    let mark = format!("{:016x}", mix(u64::from(std::process::id()), seed));
    // SAFETY: no other thread of this program runs yet, so nobody can be reading the environment.
    unsafe { std::env::set_var(MARK, &mark) };
    Guard::start(scratch, &mark)
        .map_err(|error| Failure::new(exit::FAILED, format!("knee cannot start itself: {error}")))
}

/// Set by the first Ctrl-C, TERM or HUP; the second one ends at once, and the guard cleans up.
fn cancel() -> Arc<AtomicBool> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let cancel = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        let code = i32::from(exit::INTERRUPTED);
        // Registering fails for forbidden signals only, and these are not.
        let _ = signal_hook::flag::register_conditional_shutdown(signal, code, Arc::clone(&cancel));
        let _ = signal_hook::flag::register(signal, Arc::clone(&cancel));
        // Whoever waits for a program is woken.
        if let Ok(end) =
            knee_workloads::foreign::interrupt::write_end().and_then(|end| end.try_clone_to_owned())
        {
            let _ = signal_hook::low_level::pipe::register(signal, end);
        }
    }
    cancel
}
