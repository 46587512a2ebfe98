//! Finds the best pair of a worker count and a value that multiplies with it (such as threads in
//! each process), without trying the whole grid.
//!
//! 1. **Look**: every value is tried at one count, that of the cores.
//! 2. **Climb**: the neighbours of two pairs are tried. Those of the best pair are: twice the
//!    count, the next value, and the pairs with the same product. Those of the pair to recommend
//!    are the smaller ones. The best pair is measured beside them as an anchor. This goes on until
//!    no neighbour is new.
//! 3. **Narrow**: one count halfway below the recommended one is tried.
//! 4. **Confirm**: the short list is started anew and measured in complete blocks, as for counts.
//!
//! *No pair does more per worker in all than any pair seen so far*: a smaller neighbour that would
//! have to is not tried.

use std::collections::BTreeSet;

use super::book::{Book, Level};
use super::{FEWEST, RESERVED, SHORT_LIST, Stage};
use crate::rng::Rng;
use crate::stats::knee::{Known, first_within};

/// A worker count, and the index of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pair {
    /// Index of the value.
    pub value: usize,
    /// The worker count.
    pub workers: usize,
}

/// What may still be spent, in seconds.
pub struct Wallet<'c> {
    /// What is left.
    pub left: f64,
    /// Price of one round of a pair that is already started.
    pub round: &'c dyn Fn(Pair) -> f64,
    /// Price of starting a pair.
    pub start: &'c dyn Fn(Pair) -> f64,
}

impl std::fmt::Debug for Wallet<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wallet").field("left", &self.left).finish_non_exhaustive()
    }
}

/// The share of throughput that a user would not miss.
const TOLERANCE: f64 = 0.05;
/// A pair with fewer workers is tried only if it may reach this share of the best.
const HOPE: f64 = 0.9;
/// The most values of the first look.
const VALUES: usize = 6;
/// The most of the wallet that the first look may spend, as a share.
const LOOK: f64 = 0.5;

/// The search. Ask for the [next block](Pairs::next_block), [tell](Pairs::tell) the result of each
/// of its pairs, and repeat until there is no next block.
#[derive(Debug, Clone)]
pub struct Pairs {
    /// Every pair that may be tried, the preferred one first: the fewest workers in all, then the
    /// smallest count. The book knows pairs by their index here.
    all: Vec<Pair>,
    /// Indices of the values, sorted by their factor.
    order: Vec<usize>,
    factors: Vec<usize>,
    most: usize,
    /// The worker count of the first look.
    middle: usize,
    rng: Rng,
    book: Book,
    phase: Phase,
    broken: BTreeSet<usize>,
    /// Pairs started since all were last started anew.
    started: BTreeSet<usize>,
}

#[derive(Debug, Clone)]
enum Phase {
    Look,
    Climb,
    Narrow,
    Confirm { list: Vec<usize>, passes: u32 },
    Done,
}

impl Pairs {
    /// A search over values with these `factors` and counts up to `most`, on a machine with
    /// `cores`. The random orders come from `seed`.
    pub fn new(factors: &[usize], most: usize, cores: usize, seed: u64) -> Self {
        let most = most.max(1);
        let mut counts: Vec<usize> = powers(most);
        counts.extend(powers(most).iter().map(|count| 3 * count / 2).filter(|one| *one < most));
        counts.sort_unstable();
        counts.dedup();
        let mut pairs: Vec<Pair> = (0..factors.len())
            .flat_map(|value| counts.iter().map(move |&workers| Pair { value, workers }))
            .collect();
        pairs.sort_by_key(|pair| (pair.workers * factors[pair.value], pair.workers, pair.value));
        let mut order: Vec<usize> = (0..factors.len()).collect();
        order.sort_by_key(|value| factors[*value]);
        let middle = powers(most).into_iter().rfind(|count| *count <= cores.max(1)).unwrap_or(1);
        Self {
            all: pairs,
            order,
            factors: factors.to_vec(),
            most,
            middle,
            rng: Rng::labelled(seed, "pairs"),
            book: Book::default(),
            phase: Phase::Look,
            broken: BTreeSet::new(),
            started: BTreeSet::new(),
        }
    }

    /// The next block in random order; `None` when it is decided or the wallet cannot pay for more.
    pub fn next_block(&mut self, wallet: &Wallet<'_>) -> Option<(Vec<Pair>, Stage)> {
        loop {
            match self.phase.clone() {
                Phase::Look => {
                    self.phase = Phase::Climb;
                    let first = self.first_look(wallet);
                    return self.block(first, Stage::Explore, wallet);
                }
                Phase::Climb => {
                    let new = self.affordable(self.neighbours(), wallet);
                    if let Some(block) = self.with_anchor(new, wallet) {
                        return Some(block);
                    }
                    self.phase = Phase::Narrow;
                }
                Phase::Narrow => {
                    let between = self.affordable(self.between(), wallet);
                    let block = self.with_anchor(between, wallet);
                    let list = self.short_list(wallet);
                    self.phase = Phase::Confirm { list, passes: 0 };
                    if block.is_some() {
                        self.phase = Phase::Climb;
                        return block;
                    }
                }
                Phase::Confirm { list, passes } => {
                    if passes == 0 {
                        self.started.clear();
                    }
                    let Some(list) = self.book.undecided(list, passes, None) else {
                        self.phase = Phase::Done;
                        return None;
                    };
                    self.phase = Phase::Confirm { list: list.clone(), passes: passes + 1 };
                    return self.block(list, Stage::Confirm, wallet);
                }
                Phase::Done => return None,
            }
        }
    }

    /// Enters the result of one round, in units per second.
    pub fn tell(&mut self, pair: Pair, throughput: f64) {
        if let Some(at) = self.place(pair) {
            self.book.enter(at, throughput);
        }
    }

    /// Gives up a pair that cannot be run.
    pub fn tell_broken(&mut self, pair: Pair) {
        self.broken.extend(self.place(pair));
    }

    /// Whether the next block starts its pairs anew and no other pairs are needed any more.
    pub fn starts_over(&self) -> bool {
        matches!(self.phase, Phase::Confirm { passes: 0, .. })
    }

    /// Whether nothing is left to be measured.
    pub fn is_done(&self) -> bool {
        matches!(self.phase, Phase::Done)
    }

    fn place(&self, pair: Pair) -> Option<usize> {
        self.all.iter().position(|one| *one == pair)
    }

    fn in_all(&self, at: usize) -> usize {
        self.all[at].workers * self.factors[self.all[at].value]
    }

    /// Opens a block of those pairs for which the wallet can pay.
    fn block(
        &mut self,
        mut places: Vec<usize>,
        stage: Stage,
        wallet: &Wallet<'_>,
    ) -> Option<(Vec<Pair>, Stage)> {
        places.retain(|place| !self.broken.contains(place));
        if places.is_empty() || self.price(&places, 1, wallet) > wallet.left {
            self.phase = Phase::Done;
            return None;
        }
        self.started.extend(&places);
        self.rng.shuffle(&mut places);
        self.book.open(stage);
        Some((places.into_iter().map(|place| self.all[place]).collect(), stage))
    }

    /// Price of some rounds of each of these pairs, including the start of pairs that do not run
    /// yet.
    fn price(&self, places: &[usize], rounds: u32, wallet: &Wallet<'_>) -> f64 {
        let of = |place: &usize| {
            let pair = self.all[*place];
            let fresh = !self.started.contains(place);
            let start = if fresh { (wallet.start)(pair) } else { 0.0 };
            f64::from(rounds) * (wallet.round)(pair) + start
        };
        places.iter().map(of).sum()
    }

    /// Price of deciding among these pairs, each started anew.
    fn reserve(&self, list: &[usize], wallet: &Wallet<'_>) -> f64 {
        let of = |place: &usize| {
            let pair = self.all[*place];
            f64::from(RESERVED) * (wallet.round)(pair) + (wallet.start)(pair)
        };
        list.iter().map(of).sum()
    }

    /// The values at the count of the cores. If there are too many, a selection spread over all.
    fn first_look(&self, wallet: &Wallet<'_>) -> Vec<usize> {
        let mut values = self.order.clone();
        let at = |value: &usize| self.place(Pair { value: *value, workers: self.middle });
        let places = |values: &[usize]| values.iter().filter_map(at).collect::<Vec<usize>>();
        let dear = |values: &[usize]| self.price(&places(values), 1, wallet) > LOOK * wallet.left;
        while values.len() > VALUES || (values.len() > 2 && dear(&values)) {
            // Every second value is dropped, never the first or the last.
            let (mut number, last) = (0, values.len());
            values.retain(|_| {
                number += 1;
                number % 2 == 1 || number == last
            });
            if values.len() == last {
                values.remove(1);
            }
        }
        places(&values)
    }

    /// The index of the best pair so far, and that of the pair to recommend.
    fn standing(levels: &[Level]) -> Option<(usize, usize)> {
        let best = levels.iter().max_by(|a, b| a.log.total_cmp(&b.log))?;
        let known: Vec<Known> =
            levels.iter().map(|level| Known { log: level.log, error: level.error }).collect();
        let knee = first_within(&known, TOLERANCE)?;
        Some((best.workers, levels[knee].workers))
    }

    /// The pair whose value is `step` places further, with `numerator / denominator` times the
    /// workers.
    fn beside(&self, place: usize, step: isize, ratio: (usize, usize)) -> Option<usize> {
        let Pair { value, workers } = self.all[place];
        let rank = self.order.iter().position(|one| *one == value)?;
        let value = *self.order.get(rank.checked_add_signed(step)?)?;
        let workers = workers * ratio.0;
        let whole = workers.is_multiple_of(ratio.1) && workers / ratio.1 <= self.most;
        whole.then(|| self.place(Pair { value, workers: workers / ratio.1 }))?
    }

    /// New neighbours that may be better than the best pair, or smaller than the pair to recommend.
    /// The most promising come first.
    fn neighbours(&self) -> Vec<usize> {
        let levels = self.book.levels();
        let Some((best, knee)) = Self::standing(&levels) else { return Vec::new() };
        let up = [(0, (2, 1)), (1, (1, 1)), (-1, (2, 1)), (1, (1, 2))]
            .map(|(step, ratio)| self.beside(best, step, ratio));
        let down = [(0, (1, 2)), (-1, (1, 1)), (1, (1, 2))]
            .map(|(step, ratio)| self.beside(knee, step, ratio));
        let hopeful = down.into_iter().flatten().filter(|at| self.may_do(*at, &levels));
        self.new_ones(up.into_iter().flatten().chain(hopeful), &levels)
    }

    /// A count halfway below the recommended one, if it may do as well.
    fn between(&self) -> Vec<usize> {
        let levels = self.book.levels();
        let Some((_, knee)) = Self::standing(&levels) else { return Vec::new() };
        let middle = self.beside(knee, 0, (3, 4)).filter(|at| self.may_do(*at, &levels));
        self.new_ones(middle.into_iter(), &levels)
    }

    fn new_ones(&self, places: impl Iterator<Item = usize>, levels: &[Level]) -> Vec<usize> {
        let mut new: Vec<usize> = Vec::new();
        for place in places {
            let is_known = levels.iter().any(|level| level.workers == place);
            if !is_known && !self.broken.contains(&place) && !new.contains(&place) {
                new.push(place);
            }
        }
        new
    }

    /// Whether a pair can come near the best without doing more per worker in all than any pair
    /// has.
    fn may_do(&self, place: usize, levels: &[Level]) -> bool {
        let each = |level: &Level| level.log - (self.in_all(level.workers) as f64).ln();
        let most = levels.iter().map(each).fold(f64::NEG_INFINITY, f64::max);
        let best = levels.iter().map(|level| level.log).fold(f64::NEG_INFINITY, f64::max);
        most + (self.in_all(place) as f64).ln() >= best + HOPE.ln()
    }

    /// As many of these pairs as the wallet can pay for beside the decision.
    fn affordable(&self, places: Vec<usize>, wallet: &Wallet<'_>) -> Vec<usize> {
        let reserve = self.reserve(&self.book.short_list(FEWEST, &[]), wallet);
        let mut left = wallet.left - reserve;
        let mut taken = Vec::new();
        for place in places {
            let price = self.price(&[place], 1, wallet);
            if price <= left {
                left -= price;
                taken.push(place);
            }
        }
        taken
    }

    /// A block of new pairs with the best pair, which makes them comparable with earlier blocks.
    fn with_anchor(
        &mut self,
        mut new: Vec<usize>,
        wallet: &Wallet<'_>,
    ) -> Option<(Vec<Pair>, Stage)> {
        if new.is_empty() {
            return None;
        }
        new.extend(Self::standing(&self.book.levels()).map(|(best, _)| best));
        self.block(new, Stage::Explore, wallet)
    }

    /// As many promising pairs as the wallet can compare often enough.
    fn short_list(&self, wallet: &Wallet<'_>) -> Vec<usize> {
        let mut lists = (FEWEST..=SHORT_LIST).rev().map(|most| self.book.short_list(most, &[]));
        let fits = |list: &Vec<usize>| self.reserve(list, wallet) <= wallet.left;
        lists.clone().find(fits).or_else(|| lists.next_back()).unwrap_or_default()
    }
}

/// 1, 2, 4 and so on, up to `most`.
fn powers(most: usize) -> Vec<usize> {
    std::iter::successors(Some(1_usize), |count| count.checked_mul(2))
        .take_while(|count| *count <= most)
        .collect()
}

#[cfg(test)]
mod tests;
