//! Computing for a given time. The work is counted in steps, not timed while it runs, and its
//! result is checked.

use std::hint::black_box;
use std::sync::OnceLock;

use crate::support::clock::thread_cpu;
use crate::{Context, Error, Host, Result};

/// How many steps a microsecond takes, on this machine at this moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spin {
    steps_per_us: f64,
}

const MULTIPLIER: u64 = 0xD134_2543_DE82_EF95;
/// The multiplier's inverse modulo 2^64: it undoes a step.
const INVERSE: u64 = inverse(MULTIPLIER);
const INCREMENT: u64 = 0x9E37_79B9_7F4A_7C15;

impl Spin {
    /// The calibration of this process, made once: the best of several short runs by the thread's
    /// CPU clock.
    ///
    /// That clock does not count other threads or a late wake-up, and the best run is the least
    /// disturbed. So workers that all prepare at once on fewer cores still find the right figure.
    pub(crate) fn calibrated() -> Self {
        static ONCE: OnceLock<Spin> = OnceLock::new();
        *ONCE.get_or_init(|| {
            const STEPS: u64 = 50_000;
            let run = || {
                let start = thread_cpu();
                black_box(there_and_back(black_box(1), STEPS));
                thread_cpu() - start
            };
            let best = (0..15).map(|_| run()).fold(f64::INFINITY, f64::min);
            // If the clock is too coarse to see the run, its resolution is taken as the time.
            Self { steps_per_us: STEPS as f64 / best.max(1e-7) / 1e6 }
        })
    }

    /// One calibration for all workers of a crew, in whichever process they are, so that all modes
    /// do the same work.
    pub(crate) fn host() -> Host {
        Host { address: Self::calibrated().steps_per_us.to_string(), keep: Box::new(()) }
    }

    /// The crew's calibration, or this process's own where the crew has none.
    pub(crate) fn of(context: &Context<'_>) -> Result<Self> {
        let Some(text) = context.host else { return Ok(Self::calibrated()) };
        match text.parse() {
            Ok(steps_per_us) if steps_per_us > 0.0 && f64::is_finite(steps_per_us) => {
                Ok(Self { steps_per_us })
            }
            _ => Err(Error::failed(format!("the crew's calibration reads {text:?}, not a rate"))),
        }
    }

    /// How many steps take `us` microseconds.
    pub(crate) fn steps(self, us: f64) -> u64 {
        (us * self.steps_per_us).round() as u64
    }
}

/// Takes half of `steps` forward through a permutation of the 64-bit numbers and the other half
/// back. Returns the number at the end.
///
/// That number is `start` again, whatever the number of steps. So the result proves that the work
/// was done, and does not depend on the calibration.
#[inline(never)]
pub(crate) fn there_and_back(start: u64, steps: u64) -> u64 {
    // The compiler must not see that the second half undoes the first.
    let (multiplier, inverse) = (black_box(MULTIPLIER), black_box(INVERSE));
    let mut x = start;
    for _ in 0..steps.div_ceil(2) {
        x = x.wrapping_mul(multiplier).wrapping_add(INCREMENT);
    }
    for _ in 0..steps.div_ceil(2) {
        x = x.wrapping_sub(INCREMENT).wrapping_mul(inverse);
    }
    x
}

/// Computes for `steps` steps. An error if the result is not `start`.
pub(crate) fn compute(start: u64, steps: u64) -> Result<u64> {
    let end = there_and_back(black_box(start), steps);
    if end == start {
        Ok(end)
    } else {
        Err(Error::wrong(format!("{steps} steps there and back from {start} ended at {end}")))
    }
}

/// The inverse of an odd number modulo 2^64. Newton's iteration starts with three right bits and
/// doubles their number each time.
const fn inverse(odd: u64) -> u64 {
    let mut x = odd;
    let mut right_bits = 3;
    while right_bits < 64 {
        x = x.wrapping_mul(2_u64.wrapping_sub(odd.wrapping_mul(x)));
        right_bits *= 2;
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inverse_undoes_the_multiplier() {
        assert_eq!(MULTIPLIER.wrapping_mul(INVERSE), 1);
    }

    #[test]
    fn half_the_way_is_not_home() {
        let half = 5_u64.wrapping_mul(MULTIPLIER).wrapping_add(INCREMENT);
        assert_ne!(half, 5);
        assert_eq!(there_and_back(5, 2), 5);
        assert_eq!(there_and_back(5, 10_001), 5);
    }

    #[test]
    fn twice_the_time_is_twice_the_steps() {
        let spin = Spin { steps_per_us: 700.5 };
        assert_eq!(spin.steps(10.0), 7005);
        assert_eq!(spin.steps(0.0), 0);
    }

    #[test]
    fn a_calibrated_millisecond_is_about_one() {
        let spin = Spin::calibrated();
        let best = (0..20)
            .map(|_| {
                let start = thread_cpu();
                compute(7, spin.steps(1000.0)).unwrap();
                thread_cpu() - start
            })
            .fold(f64::INFINITY, f64::min);
        assert!((0.0005..0.002).contains(&best), "a millisecond took {best} s");
    }
}
