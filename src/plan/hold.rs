//! Searches the smallest count that holds a rate: which count is measured next?
//!
//! Each count is measured until its windows show with 95 % confidence that it holds the rate, or
//! that it does not; or until more windows would hardly help. The search begins at the count that
//! theory expects. It doubles the count until one holds, and then halves the gap below it until no
//! count is left between. More windows confirm the count that holds and the count below it, because
//! the first windows may have misled.

use std::collections::BTreeMap;

use crate::stats::exceed::{FEW, is_refuted, is_shown};

/// A count holds a rate if this share of the tasks that were due was done.
pub const REACHED: f64 = 0.98;
/// A count cannot keep up if one window does less than this share.
const FAR: f64 = 0.9;
/// A count fails if, in one window, this many times the allowed share of tasks take too long.
const MANY: f64 = 5.0;
/// A count that is not shown to hold within this many windows fails.
const PATIENCE: usize = 12;
/// Windows of the count that holds, before it is the answer.
pub(super) const CONFIRMED: usize = 6;
/// Windows of the count below it, before it is the answer.
const REFUTED: usize = 2;

/// Result of one round of a count.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Seen {
    /// Tasks that were due.
    pub due: f64,
    /// How many of the tasks that were due were done.
    pub done: f64,
    /// For each limit: the share of tasks that may exceed it, and how many did.
    pub exceeding: Vec<(f64, f64)>,
}

/// What is known about a count at a rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// The count holds the rate and the limits, with 95 % confidence.
    Holds,
    /// The count does not hold them, or it was not shown to hold them in time.
    Fails,
    /// Neither is shown yet.
    Open,
}

/// The state of the search.
#[derive(Debug, Clone)]
pub struct Hold {
    first: usize,
    most: usize,
    seen: BTreeMap<usize, Vec<Seen>>,
    broken: Vec<usize>,
}

impl Hold {
    /// A search among the counts up to `most`. It begins at `first`.
    pub fn new(first: usize, most: usize) -> Self {
        let most = most.max(1);
        let (seen, broken) = (BTreeMap::new(), Vec::new());
        Self { first: first.clamp(1, most), most, seen, broken }
    }

    /// Enters the result of a round.
    pub fn tell(&mut self, count: usize, seen: Seen) {
        self.seen.entry(count).or_default().push(seen);
    }

    /// Gives up a count that cannot be measured.
    pub fn tell_broken(&mut self, count: usize) {
        self.broken.push(count);
    }

    /// The smallest count that was shown to hold the rate.
    pub fn holds(&self) -> Option<usize> {
        let mut all = self.seen.iter();
        all.find(|(_, seen)| known(seen) == Known::Holds).map(|(count, _)| *count)
    }

    /// The counts of the next block, ascending, none above `within`. Empty when the search has
    /// ended.
    pub fn next_block(&self, within: usize) -> Vec<usize> {
        let most = self.most.min(within);
        let mut block = self.wanted(most);
        block.retain(|count| (1..=most).contains(count) && !self.broken.contains(count));
        block.sort_unstable();
        block.dedup();
        block
    }

    fn wanted(&self, most: usize) -> Vec<usize> {
        let judged: Vec<(usize, Known, usize)> = self
            .seen
            .range(..=most)
            .filter(|(count, _)| !self.broken.contains(count))
            .map(|(count, seen)| (*count, known(seen), seen.len()))
            .collect();
        let Some(&(largest, ..)) = judged.last() else { return vec![self.unbroken(most)] };
        let open = |from: usize, to: usize| {
            let inside = judged.iter().filter(|(count, ..)| (from + 1..to).contains(count));
            inside.filter(|(_, known, _)| *known == Known::Open).map(|one| one.0).next()
        };
        let holding = judged.iter().find(|(_, known, _)| *known == Known::Holds);
        let edge = holding.map_or(usize::MAX, |(count, ..)| *count);
        let below =
            judged.iter().rev().find(|(count, known, _)| *count < edge && *known == Known::Fails);
        let floor = below.map_or(0, |(count, ..)| *count);
        if let Some(count) = open(floor, edge) {
            return vec![count];
        }
        let Some(&(edge, _, windows)) = holding else {
            // No count holds the rate yet.
            let next = (2 * largest).min(most);
            return if next > largest { vec![next] } else { Vec::new() };
        };
        let middle = floor + (edge - floor) / 2;
        let between = (floor + 1..edge).filter(|count| !self.broken.contains(count));
        if let Some(next) = between.min_by_key(|count| count.abs_diff(middle)) {
            return vec![next];
        }
        let mut both = Vec::new();
        both.extend(below.filter(|(.., had)| *had < REFUTED).map(|(count, ..)| *count));
        both.extend((windows < CONFIRMED).then_some(edge));
        both
    }

    /// Where the search begins: the first count that can be measured.
    fn unbroken(&self, most: usize) -> usize {
        let first = self.first.min(most);
        let works = |count: &usize| !self.broken.contains(count);
        (first..=most).find(works).or_else(|| (1..first).rev().find(works)).unwrap_or(0)
    }
}

/// What the rounds of a count at one rate show.
pub fn known(seen: &[Seen]) -> Known {
    let due: f64 = seen.iter().map(|one| one.due).sum();
    let done: f64 = seen.iter().map(|one| one.done).sum();
    let enough = seen.len() >= FEW;
    if done < FAR * due || (enough && done < REACHED * due) {
        return Known::Fails;
    }
    let limits = seen.first().map_or(0, |one| one.exceeding.len());
    let (mut all_shown, mut any_refuted) = (enough, false);
    for limit in 0..limits {
        let windows: Vec<(f64, f64)> =
            seen.iter().filter_map(|one| Some((one.exceeding.get(limit)?.1, one.due))).collect();
        let allowed = seen[0].exceeding[limit].0;
        let exceeding: f64 = windows.iter().map(|(exceeding, _)| exceeding).sum();
        let far = (MANY * allowed).min(f64::midpoint(1.0, allowed));
        all_shown &= is_shown(&windows, allowed);
        any_refuted |= is_refuted(&windows, allowed) || exceeding > far * due;
    }
    match (all_shown, any_refuted) {
        (_, true) => Known::Fails,
        (true, false) => Known::Holds,
        _ if seen.len() >= PATIENCE => Known::Fails,
        _ => Known::Open,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(exceeding: f64) -> Seen {
        Seen { due: 300.0, done: 300.0, exceeding: vec![(0.01, exceeding)] }
    }

    /// Searches where counts from `edge` on hold. Returns the count found, how many rounds that
    /// took, and how many of the rounds were of counts away from the edge.
    fn search(edge: usize, first: usize, most: usize) -> (Option<usize>, usize, usize) {
        let mut hold = Hold::new(first, most);
        let (mut rounds, mut others) = (0, 0);
        loop {
            let block = hold.next_block(most);
            if block.is_empty() || rounds > 200 {
                return (hold.holds(), rounds, others);
            }
            for count in block {
                rounds += 1;
                others += usize::from(count != edge && count + 1 != edge);
                hold.tell(count, window(if count >= edge { 0.0 } else { 40.0 }));
            }
        }
    }

    #[test]
    fn the_edge_is_found_and_both_sides_of_it_are_confirmed() {
        for edge in 1..=64 {
            for first in [1, 3, edge, 64] {
                let (found, rounds, others) = search(edge, first, 64);
                assert_eq!(found, Some(edge), "from {first}");
                assert!(rounds <= 8 + 3 * 12, "{edge} from {first} took {rounds} rounds");
                assert!(others <= 3 * 12, "{edge} from {first} took {others} beside it");
            }
        }
        assert_eq!(search(4, 4, 64), (Some(4), 9, 1), "where theory was right: 2, 3, 3, 4 x 6");
    }

    #[test]
    fn where_nothing_holds_the_search_ends_at_the_top() {
        let (found, rounds, _) = search(100, 4, 64);
        assert_eq!((found, rounds), (None, 5), "4, 8, 16, 32, 64");
    }

    #[test]
    fn what_is_near_the_limit_is_measured_again_and_given_up_in_the_end() {
        let mut hold = Hold::new(2, 2);
        for had in 0..PATIENCE {
            assert_eq!(hold.next_block(2), [2], "after {had}");
            hold.tell(2, window(if had % 2 == 0 { 1.0 } else { 6.0 }));
        }
        assert!(hold.next_block(2).is_empty() && hold.holds().is_none());
    }

    #[test]
    fn one_window_does_not_move_the_edge_up() {
        let mut hold = Hold::new(3, 8);
        hold.tell(3, window(5.0));
        assert_eq!(hold.next_block(8), [3], "5 of 300 may be chance");
        (0..7).for_each(|_| hold.tell(3, window(0.0)));
        assert_eq!(hold.holds(), Some(3), "5 of 2400");
    }

    #[test]
    fn what_was_not_done_does_not_hold_and_what_is_broken_is_left_out() {
        let mut hold = Hold::new(2, 8);
        hold.tell(2, Seen { done: 200.0, ..window(0.0) });
        assert_eq!(hold.next_block(8), [4]);
        (0..6).for_each(|_| hold.tell(4, window(0.0)));
        assert_eq!(hold.next_block(8), [3]);
        hold.tell_broken(3);
        assert_eq!(hold.next_block(8), [2], "the other side of the edge once more");
        let mut broken = Hold::new(4, 8);
        broken.tell_broken(4);
        assert_eq!(broken.next_block(8), [5]);
    }

    #[test]
    fn only_counts_that_are_of_use_are_asked_for() {
        let mut hold = Hold::new(6, 64);
        assert_eq!(hold.next_block(3), [3]);
        hold.tell(3, window(40.0));
        assert!(hold.next_block(3).is_empty());
        assert!(hold.next_block(0).is_empty());
    }

    proptest::proptest! {
        #[test]
        fn a_search_ends(
            rounds in proptest::collection::vec((0.0..40.0f64, 200.0..310.0f64), 1..400),
            most in 1usize..40,
        ) {
            let mut hold = Hold::new(3, most);
            let mut asked = 0;
            for (exceeding, done) in rounds.iter().cycle() {
                let block = hold.next_block(most);
                if block.is_empty() {
                    break;
                }
                asked += 1;
                proptest::prop_assert!(asked < 40 * (PATIENCE + CONFIRMED + 2));
                for count in block {
                    hold.tell(count, Seen { done: *done, ..window(exceeding.round()) });
                }
            }
        }
    }
}
