//! Ends the program with a message when one of knee's own threads panics.
//!
//! Other threads may wait for a thread that panicked, and nobody knows what it left half done. So
//! the whole program ends, and the guard cleans up. A panic in the user's work, or in threads that
//! it started, is different: it is caught where the work runs, and is the failure of a task.

use std::io::Write;
use std::panic;
use std::thread;

use super::exit;

/// The beginnings of the names of knee's own threads. The workers of an async runtime are not among
/// them, because users' work may start tasks there that panic by themselves.
const OURS: [&str; 7] =
    ["main", "interrupt", "pool-keeper", "starter-", "serve-", "client-", "burn-"];
/// The beginning of the names of a thread pool's members; a number follows.
const MEMBER: &str = "knee-";

const MESSAGE: &str = "knee: this is a bug in knee, and knee ends here. What a run has measured is \
    in its directory; `knee run --resume DIR` continues it. Please report the lines above.\n";

/// Installs the rule. Only for the program that users start, not for its workers.
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
