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

/// The worker counts that a search may try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Space {
    /// The largest count that may be tried.
    pub max: usize,
    /// The first look tries counts up to this one. Larger counts are tried only while throughput
    /// gains. At most `max`.
    pub start: usize,
    /// Counts at which a machine's curve is likely to bend: physical cores, hardware threads,
    /// allowed CPUs, the quota rounded up, cores of a NUMA node.
    pub hints: Vec<usize>,
    /// From this count on the curve is expected to be flat, so only `max` is tried beyond it.
    pub flat: Option<usize>,
}

impl Space {
    /// All counts that may be tried.
    fn counts(&self) -> impl Iterator<Item = usize> {
        (1..=self.max).filter(|count| self.allows(*count))
    }

    fn allows(&self, count: usize) -> bool {
        self.flat.is_none_or(|flat| count <= flat || count == self.max)
    }
}

/// What the search may still spend, and what a round costs. Both are in the same unit: seconds, or
/// rounds that cost 1 each.
pub struct Purse<'c> {
    /// What is left to spend.
    pub left: f64,
    /// Price of one round of a count.
    pub cost: &'c dyn Fn(usize) -> f64,
}

impl std::fmt::Debug for Purse<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Purse").field("left", &self.left).finish_non_exhaustive()
    }
}

impl Purse<'_> {
    /// Price of one round of each of these counts.
    pub fn cost_of(&self, counts: &[usize]) -> f64 {
        counts.iter().map(|&count| (self.cost)(count)).sum()
    }

    fn covers(&self, counts: &[usize]) -> bool {
        self.cost_of(counts) <= self.left
    }
}

/// The purpose of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// To see the shape of the curve, or to look where the optimum may still hide.
    Explore,
    /// To decide among the short list. The blocks are new and complete, so that the choice of the
    /// list cannot bias them.
    Confirm,
}

/// Counts to be measured once each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The counts, in random order.
    pub counts: Vec<usize>,
    /// The purpose of the block.
    pub stage: Stage,
}

/// The result of a search.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The count with the highest throughput.
    pub best: usize,
    /// The counts of the short list that cannot be told apart from the best, ascending.
    pub set: Vec<usize>,
    /// No other count is better by more than this share, with 95 % confidence.
    pub bound: f64,
    /// Whether more rounds would change nothing that matters.
    pub settled: bool,
}

/// A difference in throughput, as a share, that is not worth more rounds.
pub const TOLERANCE: f64 = 0.02;
/// Rounds, per doubling of the size of a space, that suffice to see its shape.
const ROUNDS_PER_OCTAVE: f64 = 20.0;
/// Passes of the first look.
const LOOKS: u32 = 2;
/// Further looks at the last octave, where it is in doubt whether it gained.
const AGAIN: u32 = 2;
/// How often a new count is probed before it is judged.
const PROBES: u32 = 3;
/// The fewest and the most blocks that decide the short list.
const CONFIRM: std::ops::RangeInclusive<u32> = 8..=16;
/// The most counts on the short list, besides the smallest that is good enough.
const SHORT_LIST: usize = 5;
/// The same where the purse is small.
const FEWEST: usize = 2;
/// Price of this many blocks of the short list is kept back in the purse before other rounds are
/// bought: a count that is not confirmed is worth nothing.
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
    /// How many further looks the last octave has had.
    again: u32,
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
    /// A search over `space`. The random orders come from `seed`.
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
            again: 0,
        }
    }

    /// The next block. `None` when the decision is settled or the purse cannot pay for a block;
    /// with a larger purse the search goes on.
    pub fn next_block(&mut self, purse: &Purse<'_>) -> Option<Block> {
        let before = (self.phase.clone(), self.again);
        loop {
            let (counts, stage) = match self.phase.clone() {
                Phase::Start => {
                    self.phase = self.first_look(purse);
                    continue;
                }
                Phase::Look { counts, passes: 0 } => {
                    self.phase = self.go_on(&counts).unwrap_or_else(|| self.refine(purse));
                    continue;
                }
                // A second look at counts far below the top tells little. Its price is better spent
                // on the way to the top.
                Phase::Look { counts, passes }
                    if passes < LOOKS && grid::is_far_below(&self.space, &self.book, &counts) =>
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
                    let Some(list) = self.book.undecided(list, passes, self.space.flat) else {
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
                (self.phase, self.again) = before;
            }
            return block;
        }
    }

    /// Enters the result of one round of the current block, in units per second.
    pub fn tell(&mut self, workers: usize, throughput: f64) {
        self.book.enter(workers, throughput);
    }

    /// Gives up a count that cannot be run.
    pub fn tell_broken(&mut self, workers: usize) {
        self.broken.push(workers);
    }

    /// Whether nothing is left to measure, however large the purse.
    pub fn is_done(&self) -> bool {
        matches!(self.phase, Phase::Done)
    }

    /// Whether it is still looking for the counts to compare.
    pub fn is_exploring(&self) -> bool {
        !matches!(self.phase, Phase::Confirm { .. } | Phase::Done)
    }

    /// The counts worth comparing, as far as is known.
    pub fn promising(&self) -> Vec<usize> {
        self.book.short_list(FEWEST, &self.space.hints)
    }

    /// The decision from all rounds so far; `None` before the first round.
    pub fn decision(&self) -> Option<Decision> {
        self.book.decision(self.space.flat)
    }

    /// Opens a block of those counts for which the purse can pay.
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

    /// The counts of the first look, as many as the purse allows. A small space is measured whole
    /// and needs no exploring: every block of it decides.
    fn first_look(&mut self, purse: &Purse<'_>) -> Phase {
        let counts = grid::first(&self.space, purse);
        let whole = counts.len() == self.space.counts().count();
        if whole {
            return Phase::Confirm { list: counts, passes: 0 };
        }
        Phase::Look { counts, passes: LOOKS }
    }

    /// Another look at the last octave if its gain is in doubt; the next octave if it gained.
    fn go_on(&mut self, counts: &[usize]) -> Option<Phase> {
        let doubtful = grid::doubtful(&self.space, &self.book, counts);
        if let Some(counts) = doubtful.filter(|_| self.again < AGAIN) {
            self.again += 1;
            return Some(Phase::Look { counts, passes: 1 });
        }
        self.again = 0;
        let next = grid::extension(&self.space, &self.book, counts)?;
        Some(Phase::Look { counts: next, passes: LOOKS })
    }

    /// Probes where the optimum may still hide; if it cannot hide anywhere, the short list.
    fn refine(&mut self, purse: &Purse<'_>) -> Phase {
        let octaves = (self.space.max as f64).log2().max(1.0);
        let short = self.short_list(purse);
        let reserve = f64::from(RESERVED) * purse.cost_of(&short);
        if (self.explored as f64) < ROUNDS_PER_OCTAVE * octaves {
            let counts = refine::probes(&self.space, &self.book, &self.broken);
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
            let list = self.book.short_list(most, &self.space.hints);
            let price = f64::from(*CONFIRM.start()) * purse.cost_of(&list);
            if price <= purse.left || most <= FEWEST {
                return list;
            }
            most -= 1;
        }
    }
}
