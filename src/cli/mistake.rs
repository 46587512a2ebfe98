//! What a panic in a thread of ours does: it ends the program, with a message.
//!
//! Other threads may wait for one that panicked, and there is no knowing what it has left half
//! done. So nothing goes on; the guard cleans up behind a run. What users' work panics with, and
//! what the threads do that it has started, is caught where it is run and is the failure of a task.

use std::io::Write;
use std::panic;
use std::thread;

use super::exit;

/// How the names of our threads begin. The workers of an async runtime are not among them: users'
/// work may start tasks there that panic for themselves.
const OURS: [&str; 7] =
    ["main", "interrupt", "pool-keeper", "starter-", "serve-", "client-", "burn-"];
/// The members of a pool of threads, by their numbers.
const MEMBER: &str = "knee-";

const MESSAGE: &str = "knee: this is a mistake in knee, and it ends here. What a run has measured \
    is in its directory; `knee run --resume DIR` goes on with it. Please report the lines above.\n";

/// From now on; to be called by the program that users start, not by its workers.
pub(super) fn ends_the_program() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |what| {
        usual(what);
        let thread = thread::current();
        if is_ours(thread.name().unwrap_or_default()) && !crate::mode::is_inside() {
            let _ = std::io::stderr().write_all(MESSAGE.as_bytes());
            std::process::exit(exit::FAILED.into());
        }
    }));
}

fn is_ours(thread: &str) -> bool {
    let number = thread.strip_prefix(MEMBER).unwrap_or_default();
    let is_member = number.starts_with(|first: char| first.is_ascii_digit());
    is_member || OURS.iter().any(|ours| thread.starts_with(ours))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_threads_are_known_by_their_names() {
        for ours in ["main", "knee-0", "knee-511", "pool-keeper", "client-3"] {
            assert!(is_ours(ours), "{ours}");
        }
        for others in ["", "knee-async", "knee-", "tokio-runtime-worker", "their-own"] {
            assert!(!is_ours(others), "{others}");
        }
    }
}
