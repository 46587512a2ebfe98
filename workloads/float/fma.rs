//! The `fma` kernel: as many multiply-adds as the machine's pipes take, in chains that do not wait
//! for one another.

#![expect(clippy::inline_always, reason = "vector code must be compiled within its dispatch")]

use std::hint::black_box;
use std::time::Instant;

use fearless_simd::prelude::*;
use fearless_simd::{Level, dispatch};

use crate::support::clock::cycles_per_second;
use crate::{Ceiling, Error, Result, Work, mix};

/// Scalar multiply-adds per unit of `scale`. It is a multiple of every lane count times every
/// number of chains used here.
const PER_SCALE: u64 = 384 * 2048;

/// Every chain starts at a different number. Otherwise the compiler would merge them into one.
const START: f64 = (1_u64 << 50) as f64;

pub(super) fn run(scale: u64, seed: u64, number: u64) -> Result<Work> {
    let multiply_adds = scale * PER_SCALE;
    // The step is odd and has twenty bits. So every sum stays a whole number below 2^53, and
    // nothing is ever rounded, fused or not.
    let step = (mix(seed, number) >> 44) | 1;
    let gained = chains(multiply_adds, step as f64);
    let expected = u128::from(multiply_adds) * u128::from(step);
    if gained != expected {
        return Err(Error::wrong(format!("the chains gained {gained} instead of {expected}")));
    }
    Ok(Work { units: 2 * multiply_adds, checksum: mix(expected as u64, number) })
}

/// Adds `step` to the lanes of all chains, `multiply_adds` times in all, and returns by how much
/// they have grown together.
fn chains(multiply_adds: u64, step: f64) -> u128 {
    dispatch!(Level::new(), simd => in_vectors(simd, multiply_adds, step))
}

#[inline(always)]
fn in_vectors<S: Simd>(simd: S, multiply_adds: u64, step: f64) -> u128 {
    // The number of chains is at least latency times pipes (4 x 2 on x86, up to 4 x 4 on Arm), and
    // at most the number of registers (16 or 32).
    if S::f64s::LEN == 8 || cfg!(target_arch = "aarch64") {
        simd.vectorize(
            #[inline(always)]
            || race::<S, 16>(simd, multiply_adds, step),
        )
    } else {
        simd.vectorize(
            #[inline(always)]
            || race::<S, 12>(simd, multiply_adds, step),
        )
    }
}

#[inline(always)]
fn race<S: Simd, const CHAINS: usize>(simd: S, multiply_adds: u64, step: f64) -> u128 {
    // The factor is hidden from the compiler, which can then neither drop the multiplication nor
    // move it out of the loop.
    let one = S::f64s::splat(simd, black_box(1.0));
    let step = S::f64s::splat(simd, black_box(step));
    let starts: [f64; CHAINS] = black_box(std::array::from_fn(|i| START + i as f64));
    let mut chains = starts.map(|start| S::f64s::splat(simd, start));
    for _ in 0..multiply_adds / (CHAINS * S::f64s::LEN) as u64 {
        for chain in &mut chains {
            *chain = chain.mul_add(one, step);
        }
    }
    let grown = |(chain, start): (&S::f64s, &f64)| {
        chain.as_slice().iter().map(|lane| (lane - start) as u128).sum::<u128>()
    };
    chains.iter().zip(&starts).map(grown).sum()
}

/// The name of this machine's vector instructions.
pub(super) fn level_name() -> &'static str {
    match Level::new() {
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        Level::Avx512(_) => "AVX-512",
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        Level::Avx2(_) => "AVX2",
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        Level::Sse4_2(_) => "SSE4.2",
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        Level::Sse2(_) => "SSE2",
        #[cfg(target_arch = "aarch64")]
        Level::Neon(_) => "NEON",
        _ => "scalar",
    }
}

/// The peak of one core: flops per cycle by its design, times the clock that it has under this
/// load.
///
/// Cores of one instruction set differ in how many pipes take a multiply-add of full width. So a
/// short race finds that number: the median rate per cycle, rounded up to a whole number of pipes.
/// The clock is measured right after each race, while the core still runs at the lower clock that
/// wide vectors may cause. The best reading counts, because a disturbance only makes a reading
/// slower.
pub(super) fn peak() -> Option<Ceiling> {
    const RACES: usize = 15;
    const LENGTH: u64 = 32 * PER_SCALE; // Longer than a core takes to power up its widest vectors.
    let (mut hertz, mut per_cycle) = (0.0_f64, Vec::with_capacity(RACES));
    for _ in 0..RACES {
        let start = Instant::now();
        chains(LENGTH, 3.0);
        let rate = 2.0 * LENGTH as f64 / start.elapsed().as_secs_f64();
        let clock = cycles_per_second()?;
        per_cycle.push(rate / clock);
        hertz = hertz.max(clock);
    }
    per_cycle.sort_by(f64::total_cmp);
    let lanes = dispatch!(Level::new(), simd => lanes_of(simd));
    let flops_per_pipe = 2.0 * lanes as f64;
    // The 0.15 allows for a clock that reads a little low, which must not add a pipe. Rounding up
    // allows for a race a little below the peak.
    let pipes = (per_cycle[RACES / 2] / flops_per_pipe - 0.15).ceil().max(1.0);
    let flops_per_cycle = pipes * flops_per_pipe;
    Some(Ceiling {
        units_per_second: flops_per_cycle * hertz,
        source: format!(
            "{flops_per_cycle} flop/cycle ({}: {lanes} lanes, {pipes} pipes, 2 flops) x {:.2} GHz, \
             calibrated",
            level_name(),
            hertz / 1e9
        ),
    })
}

#[inline(always)]
fn lanes_of<S: Simd>(_simd: S) -> usize {
    S::f64s::LEN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_of_the_machine_gains_the_same() {
        let level = Level::new();
        let best = chains(PER_SCALE, 12_345.0);
        assert_eq!(best, u128::from(PER_SCALE) * 12_345);
        #[cfg(target_arch = "x86_64")]
        {
            if let Some(simd) = level.as_avx2() {
                assert_eq!(in_vectors(simd, PER_SCALE, 12_345.0), best);
            }
            if let Some(simd) = level.as_sse2() {
                assert_eq!(in_vectors(simd, PER_SCALE, 12_345.0), best);
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = level;
    }

    #[test]
    fn the_largest_scale_is_still_exact() {
        // The level with the fewest lanes and chains takes the most steps.
        let steps = 100_000 * PER_SCALE / (2 * 12);
        let end = u128::from(steps) * ((1 << 20) - 1) + (1 << 50) + 16;
        assert!(end < 1 << 53, "{end}");
    }

    #[test]
    fn the_peak_has_a_source() {
        if let Some(peak) = peak() {
            assert!(peak.units_per_second > 1e8, "{peak:?}");
            assert!(peak.source.contains("flop/cycle") && peak.source.contains("GHz"), "{peak:?}");
        }
    }
}
