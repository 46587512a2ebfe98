//! Where everything lies in the shared memory of a queue.
//!
//! The memory is one sparse file: a header, then for each of [`LANES`] lanes a series of rings,
//! each twice as large as the one before. A page that was never touched takes no memory, and a
//! process maps only the rings that it reads or writes.

/// The largest number of producers at the same time.
pub(crate) const LANES: usize = 256;
/// Rings that a lane may grow through; the last has 8 GiB.
pub(crate) const RINGS: u64 = 18;
/// Bytes of a lane's first ring.
const FIRST: u64 = 64 << 10;
/// Bytes of a ring's own words: one page, which stays when the memory of the data is given back.
pub(crate) const RING_HEAD: u64 = 4096;
/// Bytes of address space for all rings of a lane.
const LANE_STRIDE: u64 = 32 << 30;
const LANES_START: u64 = 1 << 20;

/// The words of the header: each on cache lines of its own.
pub(crate) const MAGIC: usize = 0;
pub(crate) const LIMIT: usize = 8;
pub(crate) const LANES_USED: usize = 128;
pub(crate) const CONSUMERS_SLEEP: usize = 256;
pub(crate) const PRODUCERS_SLEEP: usize = 384;

/// The words of a lane, grouped by cache line: the one that its producer writes now and then, those
/// that it writes for every message, and the one that consumers write.
const LANE_WORDS: usize = 512;
pub(crate) const WRITING: usize = 0;
pub(crate) const PUBLISHED: usize = 128;
pub(crate) const ADMITTED: usize = 136;
pub(crate) const READING: usize = 256;

/// The words of a ring.
pub(crate) const TAIL: usize = 0;
pub(crate) const HEAD: usize = 256;

/// Bytes of the header.
pub(crate) const HEADER: usize = 4096 + LANES * LANE_WORDS;
/// Bytes of the file, nearly all of them holes.
pub(crate) const TOTAL: u64 = LANES_START + LANES as u64 * LANE_STRIDE;
/// What `MAGIC` holds.
pub(crate) const FORMAT: u64 = u64::from_le_bytes(*b"kneeq\0\0\x01");

/// Where the words of a lane begin.
pub(crate) fn lane(lane: usize) -> usize {
    4096 + lane * LANE_WORDS
}

/// Bytes of a ring's data.
pub(crate) fn ring_size(ring: u64) -> u64 {
    FIRST << ring
}

/// Where a ring begins: its head, then its data.
pub(crate) fn ring_start(lane: usize, ring: u64) -> u64 {
    let before = ring * RING_HEAD + FIRST * ((1 << ring) - 1);
    LANES_START + lane as u64 * LANE_STRIDE + before
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rings_lie_one_behind_the_other_and_inside_their_lane() {
        for ring in 0..RINGS {
            let end = ring_start(3, ring) + RING_HEAD + ring_size(ring);
            let limit = if ring + 1 < RINGS { ring_start(3, ring + 1) } else { ring_start(4, 0) };
            assert!(end <= limit && ring_start(3, ring).is_multiple_of(4096), "ring {ring}");
        }
        assert!(HEADER as u64 <= LANES_START && HEADER.is_multiple_of(4096));
    }
}
