//! How far a node's clock is from ours, and the error of that estimate.
//!
//! This works as in NTP. A question is stamped when it leaves and when it arrives, and so is the
//! answer. The exchange with the shortest round trip says most: its error is at most half of that
//! time. A constant difference between the two directions cannot be seen.

/// The best of this many exchanges is kept.
pub(super) const EXCHANGES: usize = 16;
/// Clocks of two machines drift apart by no more than this share.
const DRIFT: f64 = 50e-6;

/// One question and its answer, in nanoseconds. Our times are by our clock, the node's by its own.
#[derive(Debug, Clone, Copy)]
pub(super) struct Exchange {
    pub(super) asked: u64,
    pub(super) heard: u64,
    pub(super) answered: u64,
    pub(super) back: u64,
}

/// The estimate from the best exchange so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Offset {
    best: Option<Known>,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    /// The node's clock minus ours, in nanoseconds.
    offset: i128,
    /// The round trip, in nanoseconds.
    way: u64,
    /// When it was measured, on our clock.
    at: u64,
}

impl Exchange {
    /// The round trip, in nanoseconds.
    fn way(&self) -> u64 {
        self.back
            .saturating_sub(self.asked)
            .saturating_sub(self.answered.saturating_sub(self.heard))
    }
}

impl Offset {
    /// Learns from one more exchange.
    pub(super) fn learn(&mut self, exchange: Exchange) {
        let way = exchange.way();
        let there = i128::from(exchange.heard) - i128::from(exchange.asked);
        let back = i128::from(exchange.answered) - i128::from(exchange.back);
        let known = Known { offset: i128::midpoint(there, back), way, at: exchange.back };
        if self.best.is_none_or(|best| way as f64 * 0.5 <= best.error(known.at)) {
            self.best = Some(known);
        }
    }

    /// Converts a moment of our clock to the node's clock; `None` before the first exchange.
    pub(super) fn there(&self, ours: u64) -> Option<u64> {
        u64::try_from(i128::from(ours) + self.best?.offset).ok()
    }

    /// The possible error of that conversion at this moment of our clock, in nanoseconds.
    pub(super) fn error(&self, now: u64) -> f64 {
        self.best.map_or(f64::INFINITY, |best| best.error(now))
    }

    /// The shortest round trip, in nanoseconds.
    pub(super) fn way(&self) -> u64 {
        self.best.map_or(0, |best| best.way)
    }
}

impl Known {
    fn error(&self, now: u64) -> f64 {
        self.way as f64 * 0.5 + now.saturating_sub(self.at) as f64 * DRIFT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The exchange with a node whose clock is `offset` ahead. It is asked at `at`, and the two
    /// directions take `there` and `back`.
    fn exchange(at: u64, offset: i64, there: u64, back: u64) -> Exchange {
        let theirs = |ours: u64| ours.saturating_add_signed(offset);
        let heard = at + there;
        Exchange {
            asked: at,
            heard: theirs(heard),
            answered: theirs(heard + 500),
            back: heard + 500 + back,
        }
    }

    #[test]
    fn the_shortest_way_decides_and_bounds_the_error() {
        for planted in [-7_000_000_000_i64, 0, 12_345_678_901] {
            let mut offset = Offset::default();
            for (number, jitter) in [900_000, 40_000, 7_000, 300_000].into_iter().enumerate() {
                let at = 20_000_000_000 + number as u64 * 1_000_000;
                offset.learn(exchange(at, planted, 15_000 + jitter, 15_000));
            }
            let moment = 20_010_000_000_u64;
            let there = offset.there(moment).expect("it is known");
            let wrong = there.abs_diff(moment.saturating_add_signed(planted));
            assert_eq!(wrong, 3_500, "half of the best one's unequal way");
            assert!(f64::from(wrong as u32) <= offset.error(moment));
            assert!(offset.error(moment) < 20_000.0, "{}", offset.error(moment));
            assert_eq!(offset.way(), 37_000);
        }
    }

    #[test]
    fn what_is_unequal_by_nature_shows_as_half_and_lies_within_the_bound() {
        let mut offset = Offset::default();
        offset.learn(exchange(1_000_000_000, 0, 5_000_000, 1_000_000));
        let moment = 1_010_000_000;
        let there = offset.there(moment).expect("it is known");
        assert_eq!(there - moment, 2_000_000);
        assert!(offset.error(moment) >= 2_000_000.0);
    }

    #[test]
    fn what_is_known_grows_old() {
        let mut offset = Offset::default();
        offset.learn(exchange(1_000_000_000, 0, 20_000, 20_000));
        let later = 61_000_000_000;
        assert!(offset.error(later) > 2_000_000.0);
        offset.learn(exchange(later, 3_000, 200_000, 200_000));
        assert_eq!(offset.there(later), Some(later + 3_000));
    }
}
