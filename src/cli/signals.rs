//! Signal settings: those that this process inherited, and those that it needs.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use knee_workloads::foreign::interrupt;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};

use super::exit;

/// Undoes inherited settings that would break knee. Must be called first in `main`, in workers too.
pub(super) fn settle() {
    // If the parent ignored it, the system would reap children before knee can ask how they ended.
    // SAFETY: a default action is no code of ours, and no other thread runs yet.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
    // By default, a file that grows beyond `ulimit -f` kills the process silently. With a handler,
    // the write reports an error instead. Unlike an ignored signal, a handler is not inherited by
    // programs that we start.
    let _ = signal_hook::flag::register(SIGXFSZ, Arc::default());
}

/// A flag that the first Ctrl-C, TERM or HUP sets. A second Ctrl-C or TERM ends the program at
/// once, and the guard cleans up. Signals that were ignored at the start (`nohup`, `&` in a script)
/// stay ignored.
pub(super) fn cancel() -> Arc<AtomicBool> {
    let cancel = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        if is_ignored(signal) {
            continue;
        }
        let code = i32::from(exit::INTERRUPTED);
        // A closed terminal is reported more than once: by its shell and by the system.
        if signal != SIGHUP {
            let second = Arc::clone(&cancel);
            // Registering fails only for forbidden signals, and these are not forbidden.
            let _ = signal_hook::flag::register_conditional_shutdown(signal, code, second);
        }
        let _ = signal_hook::flag::register(signal, Arc::clone(&cancel));
        // Wakes whoever waits for a program.
        if let Ok(end) = interrupt::write_end().and_then(|end| end.try_clone_to_owned()) {
            let _ = signal_hook::low_level::pipe::register(signal, end);
        }
    }
    cancel
}

/// Acts as if the system had reported that the terminal is gone.
pub(super) fn hang_up() {
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::HUP);
}

fn is_ignored(signal: libc::c_int) -> bool {
    // SAFETY: an all-zero sigaction is a valid value of that plain C struct, and it is valid for
    // the call, which changes nothing.
    unsafe {
        let mut old: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal, std::ptr::null(), &raw mut old) == 0
            && old.sa_sigaction == libc::SIG_IGN
    }
}

/// Runs `work` with all signals blocked, in this thread and in the processes that it starts
/// meanwhile.
pub(super) fn kept_back<T>(work: impl FnOnce() -> T) -> T {
    // SAFETY: both sets are filled before they are read, and a thread's own mask is its own affair.
    unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        let mut before: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before);
        let done = work();
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, std::ptr::null_mut());
        done
    }
}
