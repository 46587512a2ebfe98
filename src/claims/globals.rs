//! Processes share no globals: a change in one is not seen in another.

use std::sync::atomic::{AtomicU64, Ordering};

use knee_process::{Entry, Process, function};

use super::figures::{Figure, picture};
use super::{Experiment, Measured, Place, Verdict};

pub(super) const EXPERIMENT: Experiment = Experiment {
    id: "globals",
    claim: "Processes share no global variables; threads do",
    bent_by_load: false,
    run,
};

/// The value of the global when the program starts, and the value that we set.
const FIRST: u64 = 1;
const OURS: u64 = 7;
/// What a change adds to the global.
const ADDED: u64 = 41;

static GLOBAL: AtomicU64 = AtomicU64::new(FIRST);

pub(super) fn entries() -> Vec<Entry> {
    vec![function(change)]
}

/// Changes the global. Returns its value before.
fn change() -> u64 {
    GLOBAL.fetch_add(ADDED, Ordering::SeqCst)
}

fn run(_: &Place) -> Result<Measured, String> {
    GLOBAL.store(OURS, Ordering::SeqCst);
    let thread_saw = std::thread::spawn(change).join().map_err(|_| "a thread panicked")?;
    let after_thread = GLOBAL.load(Ordering::SeqCst);
    GLOBAL.store(OURS, Ordering::SeqCst);
    let child = Process::new(change, ()).start().map_err(|error| error.to_string())?;
    let process_saw = child.outcome().map_err(|error| error.to_string())?;
    let after_process = GLOBAL.load(Ordering::SeqCst);
    let threads_share = thread_saw == OURS && after_thread == OURS + ADDED;
    let processes_share = process_saw == OURS || after_process != OURS;
    let figures = vec![
        Figure::exactly("ours, after a thread added 41", after_thread as f64),
        Figure::exactly("ours, after a process added 41", after_process as f64),
    ];
    Ok(Measured {
        verdict: Verdict::of(Some(threads_share && !processes_share)),
        evidence: format!(
            "a global was set to {OURS}; a thread saw {thread_saw} and its change made ours \
             {after_thread}; a process saw {process_saw}, the value that a program starts with, \
             and after its change ours was {after_process}"
        ),
        picture: picture(
            "A global variable after a change",
            &figures,
            Some(("before", OURS as f64)),
        ),
        figures,
    })
}
