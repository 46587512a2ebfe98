//! Three arrays in large pages, and the triad over one slice of them after another.

use fearless_simd::{Level, Simd, dispatch};

use crate::{Error, Result, Work, mix};

/// Elements of each array that one task works on: 16 MiB.
const SLICE: usize = (16 << 20) / size_of::<f64>();
/// Elements of the smallest page that a machine has: 4 KiB.
const SMALL_PAGE: usize = 4096 / size_of::<f64>();
/// How many elements are checked after each task: enough to find a task that did nothing or half,
/// too few to take measurable time.
const SAMPLES: u64 = 64;

pub(super) struct Arrays {
    a: Vec<f64>,
    b: Vec<f64>,
    c: Vec<f64>,
}

impl Arrays {
    /// Three arrays of `length` elements, every page of them touched.
    pub(super) fn new(length: usize) -> Self {
        let mut arrays = Self { a: large(length), b: large(length), c: large(length) };
        for page in arrays.a.chunks_mut(SMALL_PAGE) {
            page[0] = 0.0; // Makes the kernel provide the page, filled with zeros.
        }
        repeat(&mut arrays.b, &std::array::from_fn(b_at));
        repeat(&mut arrays.c, &std::array::from_fn(c_at));
        arrays
    }

    /// Computes the triad over the slice of task `number`.
    pub(super) fn triad(&mut self, seed: u64, number: u64) -> Result<Work> {
        let length = self.a.len();
        let slices = (length / SLICE).max(1);
        let each = length / slices;
        let from = (number % slices as u64) as usize * each;
        let slice = from..from + each;
        let scale = scale(seed, number);
        let (a, b, c) = (&mut self.a[slice.clone()], &self.b[slice.clone()], &self.c[slice]);
        dispatch!(Level::new(), simd => simd.vectorize(#[inline(always)] || triad(a, b, c, scale)));
        let checksum = self.check(seed, number, from, each)?;
        Ok(Work { units: 3 * (each * size_of::<f64>()) as u64, checksum })
    }

    /// Compares a sample of the results with what they must be; returns a hash of the sample.
    fn check(&self, seed: u64, number: u64, from: usize, each: usize) -> Result<u64> {
        let scale = scale(seed, number);
        let mut hash = mix(seed, number);
        for sample in 0..SAMPLES {
            let at = from + (mix(hash, sample) % each as u64) as usize;
            let (found, expected) = (self.a[at], b_at(at) + scale * c_at(at));
            // All numbers are whole and below 2^53, so nothing is rounded.
            if found.to_bits() != expected.to_bits() {
                return Err(Error::wrong(format!(
                    "memory: element {at} is {found} instead of {expected}"
                )));
            }
            hash = mix(hash, found.to_bits());
        }
        Ok(hash)
    }
}

#[expect(clippy::inline_always, reason = "vector code must be compiled within its dispatch")]
#[inline(always)]
fn triad(a: &mut [f64], b: &[f64], c: &[f64], scale: f64) {
    for ((a, b), c) in a.iter_mut().zip(b).zip(c) {
        *a = b + scale * c;
    }
}

/// The factor of a task. Every task has another one, so that no task finds its results already
/// there.
fn scale(seed: u64, number: u64) -> f64 {
    (1 + mix(seed, number) % 1_000_000) as f64
}

/// `b` and `c` repeat after so many elements.
const PERIOD: usize = 4096;

fn b_at(i: usize) -> f64 {
    (i % PERIOD) as f64
}

fn c_at(i: usize) -> f64 {
    (PERIOD - i % PERIOD) as f64
}

/// Fills `array` with copies of `pattern`. Copying is fast, and a crew may have many gigabytes to
/// fill before its clock starts.
fn repeat(array: &mut [f64], pattern: &[f64; PERIOD]) {
    for piece in array.chunks_mut(PERIOD) {
        piece.copy_from_slice(&pattern[..piece.len()]);
    }
}

/// Zeros in pages of 2 MiB where the machine has them. That saves page faults before the clock
/// starts, and TLB misses after.
fn large(length: usize) -> Vec<f64> {
    const LARGE_PAGE: usize = 2 << 20;
    let mut array = vec![0.0_f64; length];
    let bytes = length * size_of::<f64>();
    let start = array.as_mut_ptr().cast::<u8>();
    let skip = start.align_offset(LARGE_PAGE);
    let whole = bytes.saturating_sub(skip) / LARGE_PAGE * LARGE_PAGE;
    if whole > 0 {
        // SAFETY: the range lies within the array, and the advice changes neither its content nor
        // its validity.
        let advised = unsafe {
            rustix::mm::madvise(start.add(skip).cast(), whole, rustix::mm::Advice::LinuxHugepage)
        };
        // A kernel without large pages uses small ones, which are slower and do as well.
        let _ = advised;
    }
    array
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_of_a_slice_is_the_closed_form() {
        let mut arrays = Arrays::new(5000);
        for number in 0..3 {
            let work = arrays.triad(7, number).unwrap();
            assert_eq!(work.units, 24 * 5000);
            let sum: f64 = arrays.a.iter().sum();
            // The sums of 0, 1, .. 4095 and of 4096, 4095, .. 1, then the sums of the first 904 of
            // each.
            let b = 4095 * 4096 / 2 + 903 * 904 / 2;
            let c = 4096 * 4097 / 2 + 904 * 4096 - 903 * 904 / 2;
            assert_eq!(sum.to_bits(), (f64::from(b) + scale(7, number) * f64::from(c)).to_bits());
        }
    }

    #[test]
    fn tasks_go_round_over_all_slices() {
        let mut arrays = Arrays::new(2 * SLICE + 10);
        let work = arrays.triad(7, 1).unwrap();
        assert_eq!(work.units, 24 * (SLICE as u64 + 5));
        assert!(arrays.a[..SLICE + 5].iter().all(|a| a.to_bits() == 0));
        assert!(arrays.a[SLICE + 5..].iter().all(|a| *a > 0.0));
        arrays.triad(7, 2).unwrap();
        assert!(arrays.a.iter().all(|a| *a > 0.0));
    }

    #[test]
    fn work_that_was_not_done_is_told() {
        let mut arrays = Arrays::new(5000);
        arrays.triad(7, 1).unwrap();
        assert!(arrays.check(7, 1, 0, 5000).is_ok());
        assert!(arrays.check(7, 2, 0, 5000).is_err());
    }
}
