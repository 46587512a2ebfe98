//! The clock rate of a core, and the CPU time of this thread.

use std::time::Instant;

use rustix::time::{ClockId, clock_gettime};

/// The CPU time of this thread in seconds. It does not grow while others have the core.
pub(crate) fn thread_cpu() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Cycles per second of the current core, measured with a chain of dependent instructions of known
/// latency.
///
/// The kernel's figure is the nominal clock, which may be wrong in a virtual machine. The chain
/// runs at the same clock as the work. `None` on an architecture whose latencies are not known
/// here.
pub(crate) fn cycles_per_second() -> Option<f64> {
    const LINKS: u64 = 2_000;
    let cycles = CYCLES_PER_LINK? * LINKS;
    let start = Instant::now();
    chain(LINKS);
    Some(cycles as f64 / start.elapsed().as_secs_f64())
}

/// Ten multiplications of three cycles each, on every x86-64 core since Nehalem and Zen. Source:
/// Fog, "Instruction tables", 2022, IMUL r64,r64.
#[cfg(target_arch = "x86_64")]
const CYCLES_PER_LINK: Option<u64> = Some(30);
/// Ten additions of one cycle each, on every 64-bit Arm core. Source: Arm, "Cortex-A76 Software
/// Optimization Guide", and its successors.
#[cfg(target_arch = "aarch64")]
const CYCLES_PER_LINK: Option<u64> = Some(10);
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const CYCLES_PER_LINK: Option<u64> = None;

/// Runs `links` groups of ten dependent multiplications.
#[cfg(target_arch = "x86_64")]
fn chain(links: u64) {
    // SAFETY: the block changes only the two registers that it declares, and flags, which are
    // clobbered by default.
    unsafe {
        std::arch::asm!(
            "2:",
            "imul {x}, {x}", "imul {x}, {x}", "imul {x}, {x}", "imul {x}, {x}", "imul {x}, {x}",
            "imul {x}, {x}", "imul {x}, {x}", "imul {x}, {x}", "imul {x}, {x}", "imul {x}, {x}",
            "dec {n}",
            "jnz 2b",
            x = inout(reg) 3_u64 => _,
            n = inout(reg) links => _,
            options(nomem, nostack),
        );
    }
}

/// Runs `links` groups of ten dependent additions.
#[cfg(target_arch = "aarch64")]
fn chain(links: u64) {
    // SAFETY: the block changes only the two registers that it declares, and flags, which are
    // clobbered by default.
    unsafe {
        std::arch::asm!(
            "2:",
            "add {x}, {x}, {y}", "add {x}, {x}, {y}", "add {x}, {x}, {y}", "add {x}, {x}, {y}",
            "add {x}, {x}, {y}",
            "add {x}, {x}, {y}", "add {x}, {x}, {y}", "add {x}, {x}, {y}", "add {x}, {x}, {y}",
            "add {x}, {x}, {y}",
            "subs {n}, {n}, #1",
            "b.ne 2b",
            x = inout(reg) 3_u64 => _,
            y = in(reg) 5_u64,
            n = inout(reg) links => _,
            options(nomem, nostack),
        );
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn chain(_links: u64) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_core_ticks_between_a_tenth_and_ten_gigahertz() {
        // The best of several runs, because a disturbance only makes a run slower.
        let best = (0..20).filter_map(|_| cycles_per_second()).fold(0.0, f64::max);
        if cfg!(any(target_arch = "x86_64", target_arch = "aarch64")) {
            assert!((1e8..1e10).contains(&best), "{best} Hz");
        }
    }

    #[test]
    fn the_cpu_time_of_a_sleeping_thread_stands_still() {
        let before = thread_cpu();
        std::thread::sleep(std::time::Duration::from_millis(50));
        assert!(thread_cpu() - before < 0.04);
    }
}
