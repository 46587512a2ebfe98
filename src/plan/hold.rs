//! Which counts are measured next where the smallest one is looked for that holds a rate.
//!
//! Counts are tried upwards until one holds. The gap below the smallest that holds is halved until
//! nothing lies in it. From then on both sides of that edge are measured, and the next count above,
//! in every block: the rounds so far may have misled, and then the edge moves.

use std::collections::BTreeMap;

/// A count holds where so much of what was due was done.
pub const REACHED: f64 = 0.98;
/// A count holds a limit on the 99th percentile where no larger share took longer.
pub const EXCEEDING: f64 = 0.01;

/// What was seen of a count.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    due: f64,
    done: f64,
    exceeding: f64,
}

impl Seen {
    fn holds(self) -> bool {
        self.done >= REACHED * self.due && self.exceeding <= EXCEEDING * self.due
    }
}

/// The state of such a search.
#[derive(Debug, Clone)]
pub struct Hold {
    first: Vec<usize>,
    most: usize,
    seen: BTreeMap<usize, Seen>,
    broken: Vec<usize>,
}

impl Hold {
    /// A search that begins with the counts of `first` and goes up to `most`.
    pub fn new(first: &[usize], most: usize) -> Self {
        let (seen, broken) = (BTreeMap::new(), Vec::new());
        Self { first: first.to_vec(), most, seen, broken }
    }

    /// What a round gave: how many tasks were due, how many of as many were done, and how many took
    /// longer than they may.
    pub fn tell(&mut self, count: usize, due: u64, done: f64, exceeding: u64) {
        let seen = self.seen.entry(count).or_default();
        seen.due += due as f64;
        seen.done += done;
        seen.exceeding += exceeding as f64;
    }

    /// A count that cannot be measured is not asked for again.
    pub fn tell_broken(&mut self, count: usize) {
        self.broken.push(count);
        self.first.retain(|first| *first != count);
    }

    /// The counts of the next block, ascending; none where there are none.
    pub fn next_block(&self) -> Vec<usize> {
        let mut block = self.wanted();
        block.retain(|count| (1..=self.most).contains(count) && !self.broken.contains(count));
        block.sort_unstable();
        block.dedup();
        block
    }

    fn wanted(&self) -> Vec<usize> {
        let Some(&largest) = self.seen.keys().next_back() else { return self.first.clone() };
        let Some((&edge, _)) = self.seen.iter().find(|(_, seen)| seen.holds()) else {
            // Nothing holds yet. At the top there is nothing to be done but to look again.
            let next = (2 * largest).min(self.most);
            let goes_on = next > largest && !self.broken.contains(&next);
            return if goes_on { vec![next] } else { vec![largest] };
        };
        let below = self.seen.range(..edge).next_back().map_or(0, |(count, _)| *count);
        let middle = below + (edge - below) / 2;
        if edge - below > 1 && middle > 0 && !self.broken.contains(&middle) {
            return vec![middle, edge];
        }
        let above = self.seen.range(edge + 1..).next().map_or(edge + 1, |(count, _)| *count);
        vec![below, edge, above]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Searches where counts from `edge` on hold; the counts of the last block.
    fn search(edge: usize, most: usize) -> (Vec<usize>, usize) {
        let mut hold = Hold::new(&[1, 2, 3, 4], most);
        let mut tried = std::collections::BTreeSet::new();
        for _ in 0..20 {
            for count in hold.next_block() {
                tried.insert(count);
                hold.tell(count, 1000, 1000.0, if count >= edge { 5 } else { 20 });
            }
        }
        (hold.next_block(), tried.len())
    }

    #[test]
    fn the_edge_is_found_and_both_sides_of_it_are_kept() {
        for edge in 2..=64 {
            let (block, tried) = search(edge, 64);
            assert!(block.contains(&edge) && block.contains(&(edge - 1)), "{edge}: {block:?}");
            assert!(tried <= 16, "{edge} took {tried} counts");
        }
        assert_eq!(search(1, 64).0, [1, 2]);
    }

    #[test]
    fn where_nothing_holds_the_most_is_tried_again() {
        assert_eq!(search(100, 64).0, [64]);
        assert_eq!(search(100, 6).0, [6]);
    }

    #[test]
    fn what_was_not_done_does_not_hold_and_what_is_broken_is_left_out() {
        let mut hold = Hold::new(&[1, 2], 8);
        hold.tell(1, 1000, 700.0, 0);
        hold.tell(2, 1000, 700.0, 0);
        assert_eq!(hold.next_block(), [4]);
        hold.tell(4, 1000, 999.0, 0);
        assert_eq!(hold.next_block(), [3, 4]);
        hold.tell_broken(3);
        assert_eq!(hold.next_block(), [2, 4, 5]);
    }

    #[test]
    fn more_rounds_may_move_the_edge() {
        let mut hold = Hold::new(&[1, 2, 3, 4], 8);
        for count in 1..=4 {
            hold.tell(count, 100, 100.0, u64::from(count < 3));
        }
        hold.tell(2, 100, 100.0, 3);
        hold.tell(1, 100, 100.0, 3);
        assert_eq!(hold.next_block(), [2, 3, 4]);
        hold.tell(3, 100, 100.0, 5);
        assert_eq!(hold.next_block(), [3, 4, 5]);
    }
}
