//! The burn control: does each core still compute as fast as before?
//!
//! A fixed computation runs on every allowed core for some tens of milliseconds, before, between
//! and after blocks. It shows what the machine gives without any workload. So it can tell "two
//! workers give no speed-up" from "another process held the second core".
//!
//! A single window may be disturbed by something very short. So a low window is measured once more
//! at once, and a disturbance that did not last does not count.

use std::hint::black_box;
use std::sync::RwLock;
use std::thread;
use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CpuSet, placement};

/// A core counts as disturbed below this share of its best rate, or of the CPU time that it asked
/// for.
pub const BURN_LIMIT: f64 = 0.9;

/// How long a burn takes unless told otherwise: a few time slices of the scheduler, so that one
/// interruption does not decide.
pub const BURN_TIME: Duration = Duration::from_millis(40);

/// Time for an idle core to wake up before its window begins: its clock rises within some
/// milliseconds.
const WARM_UP: Duration = Duration::from_millis(5);

/// Runs burn controls and remembers the best rate of each core.
#[derive(Debug, Clone)]
pub struct Burn {
    cores: Vec<Core>,
}

#[derive(Debug, Clone, Copy)]
struct Core {
    cpu: u32,
    best: f64,
}

/// The result of one burn control.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BurnReport {
    /// The number of the node in the record; `None` for the host of the run itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<usize>,
    /// One entry for each core that could be pinned to, ascending.
    pub cores: Vec<CoreBurn>,
}

/// The result of one core.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CoreBurn {
    /// The CPU.
    pub cpu: u32,
    /// CPU time per wall time, from 0 to 1; less than 1 if something else ran there. `None` if
    /// threads have no clock of their own.
    pub got: Option<f64>,
    /// Steps of the computation per second of wall time.
    pub rate: f64,
    /// That rate relative to the best rate of this core so far, from 0 to 1.
    pub share_of_best: f64,
    /// The rate of a first window that was low and was replaced by this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<f64>,
}

/// The result of one window on one core.
#[derive(Debug, Clone, Copy)]
struct Window {
    /// CPU time per wall time.
    got: Option<f64>,
    /// Steps per second of wall time.
    rate: f64,
}

impl Window {
    /// Whether the core gave less than an undisturbed core; `best` is its best rate so far.
    fn is_low(&self, best: f64) -> bool {
        self.got.is_some_and(|got| got < BURN_LIMIT) || self.rate < BURN_LIMIT * best
    }

    /// The window to keep, and the rate of a dropped one. A low first window is dropped if the
    /// second one was better.
    fn or_better(self, second: Option<Self>, best: f64) -> (Self, Option<f64>) {
        match second.filter(|second| self.is_low(best) && second.rate > self.rate) {
            Some(second) => (second, Some(self.rate)),
            None => (self, None),
        }
    }
}

impl Burn {
    /// A burn control of these CPUs.
    pub fn new(cpus: &CpuSet) -> Self {
        Self { cores: cpus.iter().map(|cpu| Core { cpu, best: 0.0 }).collect() }
    }

    /// Burns on all CPUs at once for `time`, and repeats low windows once.
    ///
    /// All CPUs burn at once because a sweep uses them so, and because it takes no longer for many
    /// cores than for one. A core that can no longer be pinned to is missing in the report.
    pub fn measure(&mut self, time: Duration) -> BurnReport {
        let first = self.windows(time);
        let is_low = |(core, window): (&Core, &Option<Window>)| {
            window.is_some_and(|window| window.is_low(core.best))
        };
        let low = self.cores.iter().zip(&first).any(is_low);
        let second = if low { self.windows(time) } else { first.clone() };
        let mut report = BurnReport::default();
        for (core, windows) in self.cores.iter_mut().zip(first.into_iter().zip(second)) {
            let (Some(first), second) = windows else { continue };
            let (Window { got, rate }, instead_of) = first.or_better(second, core.best);
            core.best = core.best.max(rate);
            let share_of_best = if core.best > 0.0 { rate / core.best } else { 0.0 };
            report.cores.push(CoreBurn { cpu: core.cpu, got, rate, share_of_best, instead_of });
        }
        report
    }

    /// One window on every core; `None` for a core that is gone.
    fn windows(&self, time: Duration) -> Vec<Option<Window>> {
        // A lock, not a barrier: a thread that cannot be started must not block the others for
        // ever.
        let gate = RwLock::new(());
        thread::scope(|scope| {
            let closed = gate.write();
            let gate = &gate;
            let burn = |core: &Core| {
                let cpu = core.cpu;
                thread::Builder::new().name(format!("burn-{cpu}")).spawn_scoped(scope, move || {
                    placement::pin_current_thread(cpu).ok()?;
                    drop(gate.read());
                    spin(WARM_UP);
                    Some(spin(time))
                })
            };
            let threads: Vec<_> = self.cores.iter().map(burn).collect();
            drop(closed);
            threads.into_iter().map(|thread| thread.ok()?.join().ok().flatten()).collect()
        })
    }
}

/// Computes for `time`.
fn spin(time: Duration) -> Window {
    /// Steps between two readings of the clock. They take some ten microseconds: long against the
    /// clock's 50 ns, short against the window.
    const STEPS: u32 = 10_000;
    let (cpu, start) = (thread_cpu_time(), Instant::now());
    let mut state = black_box(1_u64);
    let mut steps = 0.0;
    let wall = loop {
        for _ in 0..STEPS {
            // A chain of dependent multiplications (Knuth's MMIX generator) uses neither memory nor
            // a vector unit. The shift keeps the compiler from merging many steps into one.
            state = (state ^ state >> 32)
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
        }
        black_box(state);
        steps += f64::from(STEPS);
        let elapsed = start.elapsed();
        if elapsed >= time {
            break elapsed.as_secs_f64();
        }
    };
    let got = thread_cpu_time().zip(cpu).map(|(after, before)| ((after - before) / wall).min(1.0));
    Window { got, rate: steps / wall }
}

/// CPU seconds of the calling thread.
#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "Elsewhere there is no such clock.")]
fn thread_cpu_time() -> Option<f64> {
    use rustix::time::{ClockId, clock_gettime};
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Some(time.tv_sec as f64 + time.tv_nsec as f64 / 1e9)
}

/// CPU seconds of the calling thread.
#[cfg(not(unix))]
fn thread_cpu_time() -> Option<f64> {
    None
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn every_allowed_core_is_burned_and_compared_with_its_own_best() {
        let allowed = placement::allowed_cpus().unwrap();
        let mut burn = Burn::new(&allowed);
        let first = burn.measure(Duration::from_millis(20));
        assert_eq!(
            first.cores.iter().map(|core| core.cpu).collect::<Vec<_>>(),
            allowed.iter().collect::<Vec<_>>()
        );
        for core in &first.cores {
            assert!(
                core.rate > 0.0 && core.got.is_some_and(|got| got > 0.0 && got <= 1.0),
                "{core:?}"
            );
            assert!((core.share_of_best - 1.0).abs() < 1e-12, "the first is the best so far");
        }
        let second = burn.measure(Duration::from_millis(20));
        let share = |core: &CoreBurn| core.share_of_best > 0.0 && core.share_of_best <= 1.0;
        assert!(second.cores.len() == first.cores.len(), "{second:?}");
        assert!(second.cores.iter().all(share), "{second:?}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_competitor_on_the_same_core_takes_its_share() {
        use std::sync::atomic::{AtomicBool, Ordering};
        let cpu = placement::allowed_cpus().unwrap().first().unwrap();
        let mut burn = Burn::new(&std::iter::once(cpu).collect());
        let (started, done) = (Barrier::new(4), AtomicBool::new(false));
        let report = thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    placement::pin_current_thread(cpu).unwrap();
                    started.wait();
                    while !done.load(Ordering::Relaxed) {
                        std::hint::spin_loop();
                    }
                });
            }
            started.wait();
            let report = burn.measure(Duration::from_millis(200));
            done.store(true, Ordering::Relaxed);
            report
        });
        let got = report.cores[0].got.unwrap();
        assert!(got < 0.6, "three competitors leave a quarter, not {got}");
    }

    #[test]
    fn a_core_that_is_gone_is_left_out_and_nothing_hangs() {
        let mut burn = Burn::new(&[super::super::MAX_CPU].into_iter().collect());
        assert_eq!(burn.measure(Duration::from_millis(1)), BurnReport::default());
    }

    #[test]
    fn what_does_not_last_is_not_held_against_a_core() {
        let window = |got, rate| Window { got: Some(got), rate };
        let counted = |first: Window, second: Window| {
            let (window, instead_of) = first.or_better(Some(second), 100.0);
            (window.rate, instead_of)
        };
        // Interrupted once; held back twice; fine at once.
        assert_eq!(counted(window(0.6, 60.0), window(1.0, 99.0)), (99.0, Some(60.0)));
        assert_eq!(counted(window(1.0, 60.0), window(1.0, 99.0)), (99.0, Some(60.0)));
        assert_eq!(counted(window(0.6, 60.0), window(0.5, 50.0)), (60.0, None));
        assert_eq!(counted(window(0.6, 60.0), window(0.7, 70.0)), (70.0, Some(60.0)));
        assert_eq!(counted(window(1.0, 95.0), window(1.0, 99.0)), (95.0, None));
        let (alone, _) = window(0.6, 60.0).or_better(None, 100.0);
        assert_eq!(alone.rate.to_bits(), 60.0_f64.to_bits());
    }
}
