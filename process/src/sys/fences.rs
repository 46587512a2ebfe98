//! Fences of two weights: a light one that costs nothing, and a heavy one that pays for both.
//!
//! Two threads each write a word of their own and then read the word of the other (Dekker's
//! protocol). At least one of them must see what the other wrote. For that, each needs a full fence
//! between its write and its read. On a hot path such a fence costs as much as all the rest.
//!
//! On Linux one side can pay for both. The system call `membarrier` makes all threads of the
//! process pass a full fence, wherever they are. Then the other side, the *light* one, only has to
//! keep the compiler from reordering its two steps. On other systems, and until the system call has
//! agreed, both fences are full ones.
//!
//! The promise: if one thread passes [`light`] and the other [`heavy`] between write and read, at
//! least one of them sees what the other wrote.

use std::sync::atomic::Ordering::{Relaxed, Release, SeqCst};
use std::sync::atomic::{AtomicBool, compiler_fence, fence};
use std::time::Duration;

/// Whether all threads may rely on `membarrier`; it never changes back.
static AGREED: AtomicBool = AtomicBool::new(false);

/// Whether light fences cost nothing by now.
#[inline]
pub(crate) fn are_light() -> bool {
    AGREED.load(Relaxed)
}

/// The fence of the side that passes often.
#[inline]
pub(crate) fn light() {
    if are_light() { compiler_fence(SeqCst) } else { fence(SeqCst) }
}

/// The fence of the side that seldom passes: some microseconds where other threads run.
pub(crate) fn heavy() {
    // This fence puts our own write before the read of `AGREED` below. A thread that reads `true`
    // relies on us to call `membarrier`. If we read `false`, that thread saw `true` only later, and
    // the system made all threads pass a fence before that: so it sees our write without our help.
    fence(SeqCst);
    let are_light = are_light();
    if !system::heavy() && are_light {
        // The system has taken back what it had agreed to, as a sandbox may that was entered since.
        // What a thread has written is seen by others in less than a microsecond on any machine, if
        // not by any promise.
        std::thread::sleep(Duration::from_millis(1));
    }
    fence(SeqCst);
}

/// Waits while another thread is between its two steps: less than a microsecond, unless it has lost
/// its core.
pub(crate) fn wait_while(is_between: impl Fn() -> bool) {
    let mut looks = 0_u32;
    while is_between() {
        looks += 1;
        if looks < 64 {
            std::hint::spin_loop();
        } else {
            std::thread::sleep(Duration::from_micros(20));
        }
    }
}

/// Makes fences light, if the system can, a little later: to ask takes it some milliseconds where a
/// process has several threads.
pub(crate) fn lighten() {
    static ASKED: AtomicBool = AtomicBool::new(false);
    if !ASKED.load(Relaxed) && !ASKED.swap(true, Relaxed) {
        // Without a thread for it, fences stay as they are.
        let _ = std::thread::Builder::new().name("pool-fences".into()).spawn(agree);
    }
}

/// Makes fences light at once, if the system can.
#[cfg(test)]
pub(crate) fn make_light() {
    agree();
}

fn agree() {
    if system::register() {
        AGREED.store(true, Release);
    }
}

#[cfg(target_os = "linux")]
mod system {
    use libc::{MEMBARRIER_CMD_PRIVATE_EXPEDITED, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED};

    fn membarrier(command: libc::c_int) -> bool {
        // SAFETY: the call takes numbers only, and has no effect on memory but its order.
        unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
    }

    /// Asks the system to let this process use [`heavy`].
    pub(super) fn register() -> bool {
        membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED)
    }

    /// Lets all threads of the process pass a full fence; `false` where the system refuses.
    pub(super) fn heavy() -> bool {
        membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED)
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    pub(super) fn register() -> bool {
        false
    }

    pub(super) fn heavy() -> bool {
        false
    }
}
