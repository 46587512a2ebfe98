//! The hash of a picture: fast enough to be taken of every pixel, inside the timed region.

use fearless_simd::{Level, Simd, dispatch};
use rusty_h264_common::YuvFrame;

use crate::mix;

/// Two running sums of 32 bits per lane: plain additions, which become vectors on every machine.
const LANES: usize = 16;
const CHUNK: usize = LANES * 4;

/// A hash of the size and all planes.
///
/// Each lane keeps Fletcher's pair of sums of its words. The second sum depends on their order.
/// Source: Fletcher, "An arithmetic checksum for serial transmissions", IEEE Trans. Comm. 30, 1982,
/// here modulo 2^32.
pub(super) fn hash(picture: &YuvFrame) -> u64 {
    let size = (picture.width as u64) << 32 | picture.height as u64;
    [&picture.y, &picture.u, &picture.v].into_iter().fold(size, |hash, plane| add(hash, plane))
}

fn add(hash: u64, plane: &[u8]) -> u64 {
    let (sums, orders) =
        dispatch!(Level::new(), simd => simd.vectorize(#[inline(always)] || sums(plane)));
    sums.into_iter().zip(orders).fold(mix(hash, plane.len() as u64), |hash, (sum, order)| {
        mix(hash, u64::from(order) << 32 | u64::from(sum))
    })
}

#[expect(clippy::inline_always, reason = "vector code must be compiled within its dispatch")]
#[inline(always)]
fn sums(plane: &[u8]) -> ([u32; LANES], [u32; LANES]) {
    let (mut sums, mut orders) = ([0_u32; LANES], [0_u32; LANES]);
    let (chunks, rest) = plane.as_chunks::<CHUNK>();
    let mut last = [0; CHUNK];
    last[..rest.len()].copy_from_slice(rest);
    for chunk in chunks.iter().chain([&last]) {
        let words = chunk.as_chunks::<4>().0;
        for ((sum, order), word) in sums.iter_mut().zip(&mut orders).zip(words) {
            *sum = sum.wrapping_add(u32::from_le_bytes(*word));
            *order = order.wrapping_add(*sum);
        }
    }
    (sums, orders)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture() -> YuvFrame {
        let plane =
            |length: usize, salt: u64| (0..length).map(|i| mix(salt, i as u64) as u8).collect();
        YuvFrame { width: 50, height: 30, y: plane(1500, 1), u: plane(375, 2), v: plane(375, 3) }
    }

    #[test]
    fn any_changed_pixel_changes_the_hash() {
        let whole = hash(&picture());
        for at in 0..1500 {
            let mut broken = picture();
            broken.y[at] ^= 1 << (at % 8);
            assert_ne!(hash(&broken), whole, "pixel {at}");
        }
        let mut broken = picture();
        broken.v[374] ^= 128;
        assert_ne!(hash(&broken), whole);
    }

    #[test]
    fn moved_pixels_change_the_hash() {
        let whole = hash(&picture());
        for distance in [1, 4, CHUNK, 3 * CHUNK] {
            let mut moved = picture();
            moved.y.swap(7, 7 + distance);
            assert_ne!(hash(&moved), whole, "by {distance}");
        }
        let mut swapped = picture();
        std::mem::swap(&mut swapped.u, &mut swapped.v);
        assert_ne!(hash(&swapped), whole);
        let mut turned = picture();
        std::mem::swap(&mut turned.width, &mut turned.height);
        assert_ne!(hash(&turned), whole);
    }
}
