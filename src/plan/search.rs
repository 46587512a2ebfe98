#![doc = include_str!("search/README.md")]

mod book;
mod grid;
mod pairs;
mod refine;
#[cfg(test)]
mod simulated;
#[cfg(test)]
mod tests;

use crate::rng::Rng;
use book::Book;

pub use pairs::{Pair, Pairs, Wallet};

/// Which worker counts there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Space {
    /// The largest count that may be tried.
    pub max: usize,
    /// How far the first look reaches; beyond it counts are tried only while they gain. At most
    /// `max`.
    pub start: usize,
    /// Counts at which a machine is likely to bend: physical cores, hardware threads, allowed CPUs,
    /// the quota rounded up, cores of a node.
    pub hints: Vec<usize>,
}

/// What may still be spent, and what a round costs, in the same unit (seconds, or rounds at a cost
/// of 1).
pub struct Purse<'c> {
    /// What is left.
    pub left: f64,
    /// What one round of a count costs.
    pub cost: &'c dyn Fn(usize) -> f64,
}

impl std::fmt::Debug for Purse<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Purse").field("left", &self.left).finish_non_exhaustive()
    }
}

impl Purse<'_> {
    /// What one round of each of these counts costs.
    pub fn cost_of(&self, counts: &[usize]) -> f64 {
        counts.iter().map(|&count| (self.cost)(count)).sum()
    }

    fn covers(&self, counts: &[usize]) -> bool {
        self.cost_of(counts) <= self.left
    }
}

/// Why a block is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// To see the shape, or to look where the optimum may still hide.
    Explore,
    /// To decide: fresh and complete blocks of the short list, which the choice of that list cannot
    /// have flattered.
    Confirm,
}

/// Counts to be measured once each, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The counts, in random order.
    pub counts: Vec<usize>,
    /// What for.
    pub stage: Stage,
}

/// What the search has come to.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The count with the highest throughput.
    pub best: usize,
    /// The counts of the short list that cannot be told apart from it, ascending.
    pub set: Vec<usize>,
    /// With 95 % confidence no other count is more than this share better.
    pub bound: f64,
    /// Whether more rounds would change nothing that matters.
    pub settled: bool,
}

/// The difference in throughput that is not worth further rounds, as a share.
pub const TOLERANCE: f64 = 0.02;
/// Rounds that are enough to see the shape of a space, per doubling of its size.
const ROUNDS_PER_OCTAVE: f64 = 20.0;
/// The first look takes so many passes.
const LOOKS: u32 = 2;
/// A look that takes more than this share of the purse is dear.
const DEAR: f64 = 0.25;
/// A new count is probed so many times before it is judged.
const PROBES: u32 = 3;
/// The short list is decided after at least and at most so many blocks.
const CONFIRM: std::ops::RangeInclusive<u32> = 8..=16;
/// So many counts are compared in the end.
const SHORT_LIST: usize = 5;
/// So many, and the smallest that will do, where the purse is small.
const FEWEST: usize = 2;
/// So many blocks of the short list are kept in the purse before anything else is bought: a count
/// that is not confirmed is worth nothing.
const RESERVED: u32 = *CONFIRM.start();

/// A search for the best count, one block after another.
///
/// Ask for the [next block](Search::next_block), [tell](Search::tell) what each of its counts gave,
/// and repeat until there is none.
#[derive(Debug, Clone)]
pub struct Search {
    space: Space,
    rng: Rng,
    book: Book,
    phase: Phase,
    /// Counts that could not be run at all.
    broken: Vec<usize>,
    explored: usize,
}

#[derive(Debug, Clone)]
enum Phase {
    Start,
    Look { counts: Vec<usize>, passes: u32 },
    Probe { counts: Vec<usize>, passes: u32 },
    Confirm { list: Vec<usize>, passes: u32 },
    Done,
}

impl Search {
    /// A search over `space`, whose orders come from `seed`.
    pub fn new(mut space: Space, seed: u64) -> Self {
        space.max = space.max.max(1);
        space.start = space.start.clamp(1, space.max);
        let rng = Rng::labelled(seed, "search");
        Self {
            space,
            rng,
            book: Book::default(),
            phase: Phase::Start,
            broken: Vec::new(),
            explored: 0,
        }
    }

    /// The next block, or `None` when the decision is settled or the purse does not cover one. With
    /// a larger purse it goes on.
    pub fn next_block(&mut self, purse: &Purse<'_>) -> Option<Block> {
        let before = self.phase.clone();
        loop {
            let (counts, stage) = match self.phase.clone() {
                Phase::Start => {
                    self.phase = self.first_look(purse);
                    continue;
                }
                Phase::Look { counts, passes: 0 } => {
                    self.phase = self.extend(&counts).unwrap_or_else(|| self.refine(purse));
                    continue;
                }
                // A second look at counts far below the top tells little. It must not cost the
                // means to go there.
                Phase::Look { counts, passes }
                    if passes < LOOKS
                        && purse.cost_of(&counts) > DEAR * purse.left
                        && grid::is_far_below(&self.space, &self.book, &counts) =>
                {
                    self.phase = Phase::Look { counts, passes: 0 };
                    continue;
                }
                Phase::Probe { passes: 0, .. } => {
                    self.phase = self.refine(purse);
                    continue;
                }
                Phase::Look { counts, passes } => {
                    self.phase = Phase::Look { counts: counts.clone(), passes: passes - 1 };
                    let first = passes == LOOKS;
                    (if first { counts } else { self.book.worth_a_look(counts) }, Stage::Explore)
                }
                Phase::Probe { counts, passes } => {
                    self.phase = Phase::Probe { counts: counts.clone(), passes: passes - 1 };
                    (counts, Stage::Explore)
                }
                Phase::Confirm { list, passes } => {
                    let Some(list) = self.book.undecided(list, passes) else {
                        self.phase = Phase::Done;
                        continue;
                    };
                    self.phase = Phase::Confirm { list: list.clone(), passes: passes + 1 };
                    (list, Stage::Confirm)
                }
                Phase::Done => return None,
            };
            let block = self.block(counts, stage, purse);
            if block.is_none() && !self.is_done() {
                self.phase = before;
            }
            return block;
        }
    }

    /// What one round of the current block gave, in units per second.
    pub fn tell(&mut self, workers: usize, throughput: f64) {
        self.book.enter(workers, throughput);
    }

    /// That a count cannot be run; it is not asked for again.
    pub fn tell_broken(&mut self, workers: usize) {
        self.broken.push(workers);
    }

    /// Whether nothing is left to be measured, whatever the purse.
    pub fn is_done(&self) -> bool {
        matches!(self.phase, Phase::Done)
    }

    /// Whether it still looks for the counts that are to be compared.
    pub fn is_exploring(&self) -> bool {
        !matches!(self.phase, Phase::Confirm { .. } | Phase::Done)
    }

    /// The counts worth comparing, as far as is known.
    pub fn promising(&self) -> Vec<usize> {
        self.book.short_list(FEWEST)
    }

    /// What the rounds so far say; `None` before the first.
    pub fn decision(&self) -> Option<Decision> {
        self.book.decision()
    }

    /// Opens a block in the book, as far as the purse covers it.
    fn block(&mut self, mut counts: Vec<usize>, stage: Stage, purse: &Purse<'_>) -> Option<Block> {
        counts.retain(|count| !self.broken.contains(count));
        if counts.is_empty() {
            self.phase = Phase::Done;
        }
        if counts.is_empty() || !purse.covers(&counts) {
            return None;
        }
        if stage == Stage::Explore {
            self.explored += counts.len();
        }
        self.rng.shuffle(&mut counts);
        self.book.open(stage);
        Some(Block { counts, stage })
    }

    /// The grid that the purse allows. A space that is measured whole needs no exploring: every
    /// block decides.
    fn first_look(&mut self, purse: &Purse<'_>) -> Phase {
        let counts = grid::first(&self.space, purse);
        let whole = counts.len() == self.space.max;
        if whole {
            return Phase::Confirm { list: counts, passes: 0 };
        }
        Phase::Look { counts, passes: LOOKS }
    }

    /// The next octave, while the last one still gained.
    fn extend(&self, counts: &[usize]) -> Option<Phase> {
        let next = grid::extension(&self.space, &self.book, counts)?;
        Some(Phase::Look { counts: next, passes: LOOKS })
    }

    /// Probes where the optimum may still hide, or the short list where it cannot.
    fn refine(&mut self, purse: &Purse<'_>) -> Phase {
        let octaves = (self.space.max as f64).log2().max(1.0);
        let short = self.short_list(purse);
        let reserve = f64::from(RESERVED) * purse.cost_of(&short);
        if (self.explored as f64) < ROUNDS_PER_OCTAVE * octaves {
            let counts = refine::probes(&self.book, &self.broken);
            let price = f64::from(PROBES) * purse.cost_of(&counts);
            if !counts.is_empty() && price + reserve <= purse.left {
                return Phase::Probe { counts, passes: PROBES };
            }
        }
        Phase::Confirm { list: short, passes: 0 }
    }

    /// As many promising counts as the purse can compare often enough.
    fn short_list(&self, purse: &Purse<'_>) -> Vec<usize> {
        let mut most = SHORT_LIST;
        loop {
            let list = self.book.short_list(most);
            let price = f64::from(*CONFIRM.start()) * purse.cost_of(&list);
            if price <= purse.left || most <= FEWEST {
                return list;
            }
            most -= 1;
        }
    }
}
