//! How one series of counts goes on: a list, a search for the best count, or one for the smallest
//! that holds a rate.

use std::collections::BTreeMap;

use crate::plan::climb::Climb;
use crate::plan::hold::Hold;
use crate::plan::search::{Purse, Search, Space, Stage};
use crate::plan::{Candidates, Series};

/// How one series goes on.
#[derive(Debug)]
pub(super) enum Course {
    /// The same counts in every block.
    Listed(Vec<usize>),
    /// What the search asks for.
    Searched(Box<Search>),
    /// What the search for the smallest count asks for that holds a rate.
    Holding(Hold),
    /// For each count, what the search for the highest rate asks for that it can take.
    Climbing(BTreeMap<usize, Climb>),
    /// Decided, or nothing of it works.
    Done,
}

impl Course {
    /// The beginning of a series. Where tasks come by themselves, `load` is how many workers they
    /// would keep busy: it tells where to begin.
    pub(super) fn new(series: &Series, seed: u64, load: Option<f64>) -> Self {
        match (&series.candidates, load) {
            (Candidates::Search { most, .. }, Some(load)) => {
                // By the square-root rule of staffing (Halfin and Whitt).
                Self::Holding(Hold::new((load + load.sqrt()).ceil() as usize, *most))
            }
            (Candidates::Exactly { counts }, _) => Self::Listed(counts.clone()),
            (Candidates::Search { first, most, .. }, None) => {
                let start = first.last().copied().unwrap_or(1);
                let space = Space { max: *most, start, hints: first.clone() };
                Self::Searched(Box::new(Search::new(space, seed ^ series.mode.salt())))
            }
        }
    }

    /// The beginning of a series where the highest rate of each count is looked for: at half of
    /// what it could do if nothing waited, where a task takes `task` seconds.
    pub(super) fn of_most(series: &Series, task: f64) -> Self {
        let climb = |count: &usize| (*count, Climb::new(0.5 * *count as f64 / task.max(1e-6)));
        Self::Climbing(series.candidates.first().iter().map(climb).collect())
    }

    /// As [`Course::new`] for the serial cell beside counts that are searched for: it is given up
    /// as soon as it is known not to hold.
    pub(super) fn of_serial() -> Self {
        Self::Holding(Hold::new(1, 1))
    }

    /// The counts of the next block, and whether they decide. A search has its share in a purse,
    /// and a second one where that does not do; a list goes on while it can be paid of all that is
    /// `left`.
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

    /// What a search leaves to be done: nothing where it has decided, its short list where only the
    /// budget ended it. What others do not need then goes into telling those counts apart.
    fn after(search: &Search) -> Self {
        match search.decision() {
            Some(_) if search.is_exploring() => Self::Listed(search.promising()),
            Some(decision) if !decision.settled => Self::Listed(decision.set),
            _ => Self::Done,
        }
    }
}
