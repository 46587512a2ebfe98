//! Notices when this whole process stood still: stopped by Ctrl-Z or `kill -STOP`, frozen with its
//! container (`docker pause`), or paused with its virtual machine. Only the first is reported by a
//! signal.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::clock;

/// How often this process stood still and continued.
static TIMES: AtomicUsize = AtomicUsize::new(0);
/// Nanoseconds for which this process stood still.
static LOST: AtomicU64 = AtomicU64::new(0);
/// The time of the last beat, on the clock that all processes share.
static BEAT: AtomicU64 = AtomicU64::new(0);
/// Whether there is a thread that counts beats.
static BEATING: AtomicBool = AtomicBool::new(false);
/// The time between two beats, so long that beats disturb nothing.
const EVERY: Duration = Duration::from_secs(1);
/// If a beat is later than this, there was a pause before it.
const LATE: Duration = Duration::from_millis(500);
/// How often an overdue beat is looked for, and for how long in all. On a busy machine the thread
/// that counts beats may wait for a CPU itself.
const MOMENT: Duration = Duration::from_millis(5);
const MOMENTS: u32 = 100;

/// How often this process stood still and continued, since the first call of this function or of
/// [`stood_still`].
pub(super) fn pauses() -> usize {
    count_all();
    TIMES.load(Ordering::Relaxed)
}

/// How long this process stood still in all, since the first call. A pause of less than 1.5 s is
/// not noticed, and up to a second of a longer one is not counted.
pub(crate) fn stood_still() -> Duration {
    count_all();
    Duration::from_nanos(LOST.load(Ordering::Relaxed))
}

/// Begins to count at the first call, and waits for a beat that is overdue.
fn count_all() {
    static COUNTED: Once = Once::new();
    COUNTED.call_once(|| {
        let count = || {
            TIMES.fetch_add(1, Ordering::Relaxed);
        };
        // SAFETY: an atomic addition is all that the handler does, and that is safe at any moment.
        let registered = unsafe { signal_hook::low_level::register(libc::SIGCONT, count) };
        // If either of the two is refused, such a pause looks like a slow machine.
        drop(registered);
        BEAT.store(clock::shared_nanos(), Ordering::Relaxed);
        let beats = thread::Builder::new().name("heartbeat".into()).spawn(beat).is_ok();
        BEATING.store(beats, Ordering::Relaxed);
    });
    let is_overdue = || {
        let since = clock::shared_nanos().saturating_sub(BEAT.load(Ordering::Relaxed));
        Duration::from_nanos(since) > EVERY + LATE
    };
    for _ in 0..MOMENTS {
        if !is_overdue() || !BEATING.load(Ordering::Relaxed) {
            return;
        }
        thread::sleep(MOMENT);
    }
}

/// Counts beats that are late although this thread did not wait for a CPU.
fn beat() {
    let waits = File::open("/proc/thread-self/schedstat").ok();
    let waited = || waits.as_ref().and_then(waited_for_a_cpu).unwrap_or_default();
    loop {
        let (began, before, told) = (Instant::now(), waited(), TIMES.load(Ordering::Relaxed));
        thread::sleep(EVERY);
        let late = began.elapsed().saturating_sub(EVERY + waited().saturating_sub(before));
        if late > LATE {
            let nanos = u64::try_from(late.as_nanos()).unwrap_or(u64::MAX);
            LOST.fetch_add(nanos, Ordering::Relaxed);
            // The signal of a stop has counted it already.
            let _ = TIMES.compare_exchange(told, told + 1, Ordering::Relaxed, Ordering::Relaxed);
        }
        BEAT.store(clock::shared_nanos(), Ordering::Relaxed);
    }
}

/// How long the thread of this file was ready to run but had no CPU.
fn waited_for_a_cpu(file: &File) -> Option<Duration> {
    let mut bytes = [0; 64];
    let count = file.read_at(&mut bytes, 0).ok()?;
    let text = std::str::from_utf8(&bytes[..count]).ok()?;
    text.split_ascii_whitespace().nth(1)?.parse().ok().map(Duration::from_nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn the_system_tells_how_long_a_thread_waited() {
        let file = File::open("/proc/thread-self/schedstat").expect("there is a scheduler");
        assert!(waited_for_a_cpu(&file).is_some());
    }
}
