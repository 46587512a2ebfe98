//! The `mandelbrot` kernel: the picture of 800 x 800 over [-1.5, 0.5] x [-1, 1], at most 200
//! iterations a pixel.

#![expect(clippy::inline_always, reason = "vector code must be compiled within its dispatch")]

use std::hint::black_box;

use fearless_simd::prelude::*;
use fearless_simd::{Level, dispatch};

use crate::{Work, mix};

const SIDE: u64 = 800;
const LIMIT: u32 = 200;
/// The width of a tile in pixels: a multiple of twice every lane count.
const TILE: usize = 80;
const TILES: u64 = SIDE * SIDE / TILE as u64;
/// The step from tile to tile. It is coprime to the number of tiles and near its golden section, so
/// that successive tiles are spread over the picture and tasks cost about the same.
const STRIDE: u64 = 4943;
/// Four multiplications and four additions: |z|^2 and the test take three, the next z five.
const FLOPS: u64 = 8;

/// Tiles per unit of `scale`.
const PER_SCALE: u64 = 4;

/// A task's tiles are the next ones along the stride; tasks that add up to 2000 units of scale
/// cover the picture exactly once.
pub(super) fn run(scale: u64, seed: u64, number: u64) -> Work {
    let tiles = scale * PER_SCALE;
    let first = number % TILES * tiles % TILES;
    let iterations: u64 =
        (0..tiles).map(|i| tile_iterations(black_box((first + i) * STRIDE % TILES))).sum();
    Work { units: FLOPS * iterations, checksum: mix(seed ^ iterations, number) }
}

fn tile_iterations(tile: u64) -> u64 {
    let row = tile / (SIDE / TILE as u64);
    let column = tile % (SIDE / TILE as u64) * TILE as u64;
    let xs: [f64; TILE] =
        std::array::from_fn(|i| -1.5 + 2.0 * (column + i as u64) as f64 / SIDE as f64);
    let y = -1.0 + 2.0 * row as f64 / SIDE as f64;
    dispatch!(Level::new(), simd => in_vectors(simd, &xs, y))
}

#[inline(always)]
fn in_vectors<S: Simd>(simd: S, xs: &[f64; TILE], y: f64) -> u64 {
    simd.vectorize(
        #[inline(always)]
        || {
            let pairs = xs.chunks_exact(2 * S::f64s::LEN);
            pairs.map(|xs| pair(simd, xs, y)).sum()
        },
    )
}

/// Works on two vectors at once, because each step waits for the one before, and the second vector
/// fills the wait.
#[inline(always)]
fn pair<S: Simd>(simd: S, xs: &[f64], y: f64) -> u64 {
    let (left, right) = xs.split_at(S::f64s::LEN);
    let x = [S::f64s::from_slice(simd, left), S::f64s::from_slice(simd, right)];
    let y = S::f64s::splat(simd, y);
    let zero = S::f64s::splat(simd, 0.0);
    let one = S::f64s::splat(simd, 1.0);
    let four = S::f64s::splat(simd, 4.0);
    let (mut re, mut im, mut count) = ([zero; 2], [zero; 2], [zero; 2]);
    // Testing the masks costs as much as an iteration, so they are tested after every four. Lanes
    // that have left no longer count.
    for _ in 0..LIMIT / 4 {
        let before = count;
        for _ in 0..4 {
            for v in 0..2 {
                let (re2, im2) = (re[v] * re[v], im[v] * im[v]);
                let inside = (re2 + im2).simd_le(four);
                count[v] += inside.select(one, zero);
                im[v] = (re[v] + re[v]) * im[v] + y;
                re[v] = re2 - im2 + x[v];
            }
        }
        // The last of the four counts only for lanes that are still inside: |z| never comes back
        // below 2.
        let moved = |v: usize| count[v].simd_gt(before[v] + 3.0).any_true();
        if !moved(0) && !moved(1) {
            break;
        }
    }
    count.iter().flat_map(SimdBase::as_slice).map(|lane| *lane as u64).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same picture, one pixel at a time.
    fn scalar(tile: u64) -> u64 {
        let pixel = |i: u64| {
            let at = tile * TILE as u64 + i;
            let x = -1.5 + 2.0 * (at % SIDE) as f64 / SIDE as f64;
            let y = -1.0 + 2.0 * (at / SIDE) as f64 / SIDE as f64;
            let (mut re, mut im, mut count) = (0.0_f64, 0.0_f64, 0);
            while count < u64::from(LIMIT) && re * re + im * im <= 4.0 {
                (re, im) = (re * re - im * im + x, 2.0 * re * im + y);
                count += 1;
            }
            count
        };
        (0..TILE as u64).map(pixel).sum()
    }

    #[test]
    fn tiles_agree_with_one_pixel_at_a_time() {
        for tile in (0..TILES).step_by(97) {
            assert_eq!(tile_iterations(tile), scalar(tile), "tile {tile}");
        }
    }

    #[test]
    fn a_round_of_tasks_is_the_whole_picture() {
        let total: u64 = (0..20).map(|n| run(100, 1, n).units / FLOPS).sum();
        assert_eq!(total, 52_651_229); // Counted apart from this code by a C program.
    }

    #[test]
    fn tasks_cost_alike() {
        let costs: Vec<u64> = (0..20).map(|n| run(100, 1, n).units).collect();
        let (least, most) = (costs.iter().min().unwrap(), costs.iter().max().unwrap());
        assert!(*most < *least * 5 / 4, "{least} to {most}");
    }
}
