//! Signals as this process was given them, and as it needs them.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use knee_workloads::foreign::interrupt;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};

use super::exit;

/// Undoes what a parent's settings would break; to be called first in `main`, by workers too.
pub(super) fn settle() {
    // Where the parent ignored it, the system would reap our children before we could ask how they
    // ended. SAFETY: a default action is no code of ours, and no other thread runs yet.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
    // By default a file that grows beyond `ulimit -f` kills without a word. With a handler the
    // write says so instead; and other than an ignored signal, a handler does not cross to the
    // programs that we start.
    let _ = signal_hook::flag::register(SIGXFSZ, Arc::default());
}

/// Set by the first Ctrl-C, TERM or HUP; a second Ctrl-C or TERM ends at once, and the guard cleans
/// up. What was ignored when we were started (`nohup`, `&` in a script) stays ignored.
pub(super) fn cancel() -> Arc<AtomicBool> {
    let cancel = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        if is_ignored(signal) {
            continue;
        }
        let code = i32::from(exit::INTERRUPTED);
        // A terminal that is closed says so more than once: by its shell, and by the system.
        if signal != SIGHUP {
            let second = Arc::clone(&cancel);
            // Registering fails for forbidden signals only, and these are not.
            let _ = signal_hook::flag::register_conditional_shutdown(signal, code, second);
        }
        let _ = signal_hook::flag::register(signal, Arc::clone(&cancel));
        // Whoever waits for a program is woken.
        if let Ok(end) = interrupt::write_end().and_then(|end| end.try_clone_to_owned()) {
            let _ = signal_hook::low_level::pipe::register(signal, end);
        }
    }
    cancel
}

/// Does as if the system had told us that our terminal is gone.
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

/// Does `work` with all signals kept back, in this thread and in the processes that it starts
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
