//! A small set of worker numbers that finds its next member quickly.

/// Numbers below a fixed limit.
#[derive(Debug)]
pub(crate) struct Bits(Vec<u64>);

impl Bits {
    pub(crate) fn new(limit: usize) -> Self {
        Self(vec![0; limit.div_ceil(64).max(1)])
    }

    #[inline]
    pub(crate) fn set(&mut self, number: usize, member: bool) {
        let (word, bit) = (&mut self.0[number / 64], 1 << (number % 64));
        if member { *word |= bit } else { *word &= !bit }
    }

    /// The first member from `from` on; after the end the search goes on at 0.
    #[inline]
    pub(crate) fn next(&self, from: usize) -> Option<usize> {
        if let [word] = *self.0.as_slice() {
            let ahead = if from < 64 { word & (u64::MAX << from) } else { 0 };
            let first = if ahead != 0 { ahead } else { word }.trailing_zeros();
            return (word != 0).then_some(first as usize);
        }
        self.next_of_many(from)
    }

    fn next_of_many(&self, from: usize) -> Option<usize> {
        let words = self.0.len();
        let (start, shift) = if from / 64 < words { (from / 64, from % 64) } else { (0, 0) };
        let ahead = self.0[start] & (u64::MAX << shift);
        if ahead != 0 {
            return Some(start * 64 + ahead.trailing_zeros() as usize);
        }
        let around = (1..=words).map(|step| (start + step) % words);
        around
            .map(|at| (at, self.0[at]))
            .find(|(_, word)| *word != 0)
            .map(|(at, word)| at * 64 + word.trailing_zeros() as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_member_of_a_few_is_found_around_the_end() {
        let mut bits = Bits::new(64);
        assert_eq!(bits.next(0), None);
        bits.set(3, true);
        bits.set(63, true);
        assert_eq!(
            (bits.next(0), bits.next(4), bits.next(63), bits.next(64), bits.next(500)),
            (Some(3), Some(63), Some(63), Some(3), Some(3))
        );
        bits.set(3, false);
        assert_eq!(bits.next(0), Some(63));
    }

    #[test]
    fn the_next_member_is_found_around_the_end() {
        let mut bits = Bits::new(130);
        assert_eq!(bits.next(0), None);
        bits.set(3, true);
        bits.set(129, true);
        assert_eq!(
            (bits.next(0), bits.next(4), bits.next(130), bits.next(500)),
            (Some(3), Some(129), Some(3), Some(3))
        );
        bits.set(3, false);
        assert_eq!(bits.next(0), Some(129));
    }
}
