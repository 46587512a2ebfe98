//! How a series chooses the counts of its next block: from a list, by a search for the best count,
//! or by a search for the smallest count that holds a rate.

use std::collections::BTreeMap;

use crate::plan::climb::Climb;
use crate::plan::hold::Hold;
use crate::plan::search::{Purse, Search, Space, Stage};
use crate::plan::{Candidates, Series};

/// How a series chooses its counts.
#[derive(Debug)]
pub(super) enum Course {
    /// The same counts in every block.
    Listed(Vec<usize>),
    /// A search for the best count.
    Searched(Box<Search>),
    /// A search for the smallest count that holds a rate.
    Holding(Hold),
    /// For each count, a search for the highest rate that the count can take.
    Climbing(BTreeMap<usize, Climb>),
    /// Nothing is left to measure: the answer is decided, or no count works.
    Done,
}

/// The CPUs for which a searched series is planned: its first look ends at twice as many.
pub(super) fn cores(series: &Series) -> Option<usize> {
    match &series.candidates {
        Candidates::Search { first, .. } => first.last().map(|start| start / 2),
        Candidates::Exactly { .. } => None,
    }
}

impl Course {
    /// Begins a series. Where tasks arrive at a rate, `load` is how many workers they would keep
    /// busy on average; the search begins near that count. If a task `computes` all the time, more
    /// workers than cores cannot gain. The largest count of the first look, twice the cores, shows
    /// whether they lose; no other count beyond the cores is tried.
    pub(super) fn new(series: &Series, seed: u64, load: Option<f64>, computes: bool) -> Self {
        match (&series.candidates, load) {
            (Candidates::Search { most, .. }, Some(load)) => {
                // By the square-root rule of staffing (Halfin and Whitt).
                Self::Holding(Hold::new((load + load.sqrt()).ceil() as usize, *most))
            }
            (Candidates::Exactly { counts }, _) => Self::Listed(counts.clone()),
            (Candidates::Search { first, most, .. }, None) => {
                let start = first.last().copied().unwrap_or(1);
                let max = if computes { start } else { *most };
                let flat = cores(series).filter(|_| computes);
                let space = Space { max, start, hints: first.clone(), flat };
                Self::Searched(Box::new(Search::new(space, seed ^ series.mode.salt())))
            }
        }
    }

    /// Begins a series that looks for the highest rate of each count. A task takes `task` seconds.
    /// The first rate tried is half of what the count could do if no task waited.
    pub(super) fn of_most(series: &Series, task: f64) -> Self {
        let climb = |count: &usize| (*count, Climb::new(0.5 * *count as f64 / task.max(1e-6)));
        Self::Climbing(series.candidates.first().iter().map(climb).collect())
    }

    /// Begins the serial series that accompanies searched counts. It ends as soon as serial is
    /// known not to hold the rate.
    pub(super) fn of_serial() -> Self {
        Self::Holding(Hold::new(1, 1))
    }

    /// Whether it searches, and still looks for the counts to compare.
    pub(super) fn is_exploring(&self) -> bool {
        matches!(self, Self::Searched(search) if search.is_exploring())
    }

    /// Whether it searches, and knows the counts to compare.
    pub(super) fn is_confirming(&self) -> bool {
        matches!(self, Self::Searched(search) if !search.is_exploring())
    }

    /// The counts of the next block, and whether the block decides. A search spends from the first
    /// purse, and from the second one if the first does not suffice. A list goes on as long as
    /// `left` pays for it.
    pub(super) fn next(&mut self, purses: [&Purse<'_>; 2], left: f64) -> (Vec<usize>, bool) {
        match self {
            Self::Listed(counts) if purses[0].cost_of(counts) <= left => {
                return (counts.clone(), true);
            }
            Self::Listed(_) | Self::Holding(_) | Self::Climbing(_) | Self::Done => {
                *self = Self::Done;
            }
            Self::Searched(search) => {
                if let Some(block) = purses.iter().find_map(|purse| search.next_block(purse)) {
                    return (block.counts, block.stage == Stage::Confirm);
                }
                *self = Self::after(search);
            }
        }
        (Vec::new(), false)
    }

    /// What remains after a search: nothing if it has decided, its short list if only the budget
    /// ended it. Time that other series leave over is then spent on comparing those counts.
    fn after(search: &Search) -> Self {
        match search.decision() {
            Some(_) if search.is_exploring() => Self::Listed(search.promising()),
            Some(decision) if !decision.settled => Self::Listed(decision.set),
            _ => Self::Done,
        }
    }
}

#[test]
fn work_that_computes_is_tried_up_to_the_cores_and_at_twice_the_cores() {
    let candidates = Candidates::Search { first: vec![1, 2, 3, 4], most: 512, open: true };
    let series = Series { mode: crate::plan::Mode::ProcessPool, candidates };
    for (computes, wanted) in [(true, vec![1, 2, 4]), (false, vec![1, 2, 3, 4, 8])] {
        let mut course = Course::new(&series, 1, None, computes);
        let purse = Purse { left: f64::INFINITY, cost: &|_| 1.0 };
        let mut tried = std::collections::BTreeSet::new();
        for _ in 0..6 {
            let (counts, _) = course.next([&purse, &purse], 1.0);
            tried.extend(&counts);
            if let Course::Searched(search) = &mut course {
                for count in counts {
                    search.tell(count, count as f64);
                }
            }
        }
        let first: Vec<usize> = tried.into_iter().take(wanted.len()).collect();
        assert_eq!(first, wanted, "{computes}");
    }
}
