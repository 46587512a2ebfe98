//! All series of one workload, or of several ways to do the same work. They share blocks. A group
//! chooses the cells of its next block and knows when it has measured enough.

use std::cell::OnceCell;
use std::collections::BTreeSet;

use crate::mode::Reference;
use crate::plan::search::{Pairs, Purse};
use crate::plan::{Candidates, Cell, Mode, Plan, Series};

use super::course::Course;
use super::share::Claim;
use super::standing::{SETTLED, Standing, Way};
use super::turn::{Turn, Wanted};

/// A listed series ends after this many blocks if its counts are told apart or do not differ.
pub(super) const ENOUGH: u32 = 16;
/// A workload ends after this many blocks in any case: more would hardly narrow its intervals.
const MOST_BLOCKS: u32 = 144;
/// Blocks that an answer needs. Many short rounds tell counts apart better than a few long ones,
/// because a disturbance then hits all counts of a short block alike: with `pi` on a shared host,
/// two counts differ by chance by 2.6 % after 4 s in rounds of 30 ms, and by 3.8 % in rounds of
/// 70 ms.
const WANTED_BLOCKS: f64 = 20.0;
/// Fewer blocks say nothing about the noise. Every workload gets this many before any gets more.
pub(super) const LEAST_BLOCKS: u32 = 3;
/// After this many blocks, which hold enough launches, an answer may count as settled. Other
/// workloads then come first.
const SETTLED_BLOCKS: u32 = 6;
/// So many launches are enough.
const SETTLED_LAUNCHES: usize = 3;
/// After this many blocks it may, however few launches they hold: crews that are expensive to
/// launch stay.
const SETTLED_BLOCKS_OF_FEW_LAUNCHES: u32 = 12;
/// A mode that has lost is measured this often in all, so that its own figures get an interval.
/// After that, its time is better spent on the other modes.
const ROUNDS_OF_LOST: usize = 5;
/// A settled workload claims this part of its usual share of the budget.
const SETTLED_CLAIM: f64 = 0.01;

/// All series of one workload, or of several ways to do the same work.
#[derive(Debug)]
pub(super) struct Group {
    /// The first entry. It stands for all of them.
    pub(super) entry: usize,
    /// All entries of the group.
    pub(super) entries: Vec<usize>,
    /// The second axis, if these entries are values on one.
    pub(super) axis: Option<usize>,
    pub(super) courses: Vec<(Way, Course)>,
    /// A single search for the best pair over all entries, instead of one search per entry.
    pub(super) joint: Option<Pairs>,
    /// Its weight in the budget against another group whose blocks cost the same.
    pub(super) part: f64,
    /// How its modes stand against each other.
    pub(super) standing: Standing,
    /// Cells that the first block of each series may hold. The cost of a block is estimated from
    /// them.
    pub(super) first: Vec<Vec<Cell>>,
    /// Whether tasks arrive at a rate.
    pub(super) at_rate: bool,
    /// Seconds spent on this group so far.
    pub(super) spent: f64,
    /// Seconds that the last block takes, about.
    pub(super) price: f64,
    /// Blocks begun so far. A block with fewer cells than the largest one counts as a fraction.
    pub(super) progress: f64,
    /// How many cells the largest block so far had.
    pub(super) width: usize,
    pub(super) blocks: u32,
    /// Whether the rest of the budget cannot pay for another comparison of its modes.
    pub(super) exhausted: bool,
    /// How much better than its answer something else may be. It takes some computing, so it is
    /// kept until something changes.
    pub(super) regret: OnceCell<Option<f64>>,
}

/// Seconds that a round of a cell takes.
pub(super) type Cost<'c> = &'c dyn Fn(Cell) -> f64;

/// What is known of one task of an entry, running alone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Alone {
    /// Seconds that it takes.
    pub(super) task: f64,
    /// Whether it computes all the time.
    pub(super) computes: bool,
}

impl Alone {
    /// A task that uses this share of a CPU, or more, computes all the time.
    pub(super) const COMPUTES: f64 = 0.8;

    pub(super) fn of(reference: &Reference) -> Self {
        Self { task: reference.task, computes: reference.busy >= Self::COMPUTES }
    }
}

impl Group {
    pub(super) fn new(
        entries: Vec<usize>,
        plan: &Plan,
        alone: &dyn Fn(usize) -> Option<Alone>,
    ) -> Self {
        let rate = plan.arrivals.map(|arrivals| arrivals.rate);
        let most = plan.arrivals.is_some_and(|arrivals| arrivals.most);
        let of = |entry: &usize| {
            let entry = *entry;
            plan.entries[entry].series.iter().map(move |series| (entry, series))
        };
        let all: Vec<(usize, &Series)> = entries.iter().flat_map(of).collect();
        let is_searched =
            all.iter().any(|(_, series)| matches!(series.candidates, Candidates::Search { .. }));
        let course = |(entry, series): &(usize, &Series)| {
            let known = alone(*entry);
            let task = known.map(|known| known.task);
            let load = rate.map(|rate| rate * task.unwrap_or(0.0));
            let course = match series.mode {
                _ if most => Course::of_most(series, task.unwrap_or(1.0)),
                Mode::Serial if load.is_some() && is_searched => Course::of_serial(),
                _ => {
                    let computes = known.is_some_and(|known| known.computes);
                    Course::new(series, plan.seed ^ *entry as u64, load, computes)
                }
            };
            ((*entry, series.mode), course)
        };
        let mut standing = Standing::default();
        for (entry, series) in &all {
            let computes = alone(*entry).is_some_and(|known| known.computes);
            if let Some(cores) = super::course::cores(series).filter(|_| computes) {
                standing.crowded_beyond((*entry, series.mode), cores);
            }
        }
        let cells = |&(entry, series): &(usize, &Series)| {
            let counts = series.candidates.first().iter();
            counts.map(|&workers| Cell { entry, mode: series.mode, workers }).collect()
        };
        Self {
            entry: entries.first().copied().unwrap_or(0),
            axis: None,
            part: 1.0,
            courses: all.iter().map(course).collect(),
            standing,
            first: all.iter().map(cells).collect(),
            joint: super::joint::of(&entries, plan),
            entries,
            at_rate: rate.is_some(),
            spent: 0.0,
            price: 0.0,
            progress: 0.0,
            width: 0,
            blocks: 0,
            exhausted: false,
            regret: OnceCell::new(),
        }
    }

    /// Whether the counts are decided, and the best mode too.
    pub(super) fn is_done(&self) -> bool {
        if self.at_rate {
            return self.exhausted || self.wanted_at_rate().is_empty();
        }
        if let Some(joint) = &self.joint {
            return self.exhausted || joint.is_done();
        }
        let enough = self.exhausted || self.blocks >= MOST_BLOCKS;
        self.is_decided() && (enough || !self.is_open())
    }

    /// Whether something else may still be notably better than the answer.
    fn is_open(&self) -> bool {
        let ways = self.ways();
        let alive = ways.iter().copied().filter(|way| !self.has_enough_of(*way, &ways));
        self.regret().is_some_and(|regret| regret > SETTLED) || self.standing.is_open(alive)
    }

    pub(super) fn ways(&self) -> Vec<Way> {
        self.courses.iter().map(|(way, _)| *way).collect()
    }

    /// Seconds that launching the crews of all its entries takes.
    pub(super) fn launch(&self, of: &dyn Fn(usize) -> f64) -> f64 {
        self.entries.iter().map(|entry| of(*entry)).sum()
    }

    /// Whether more rounds would hardly change its answer. Time is then better spent on others.
    pub(super) fn is_settled(&self) -> bool {
        self.is_certain() && self.has_looked() && self.joint.is_none()
    }

    /// Whether nothing else may be notably better than the answer so far.
    fn is_certain(&self) -> bool {
        self.regret().is_some_and(|regret| regret <= SETTLED)
    }

    pub(super) fn regret(&self) -> Option<f64> {
        *self.regret.get_or_init(|| self.standing.regret(&self.ways()))
    }

    /// Forgets the regret: a round was measured or chosen, or a cell was given up.
    pub(super) fn changed(&mut self) {
        self.regret.take();
    }

    /// Whether it knows which counts to compare, and has compared them a few times.
    fn has_looked(&self) -> bool {
        !self.at_rate && !self.explores() && self.blocks >= self.needed()
    }

    /// Whether it still looks for the counts to compare.
    fn explores(&self) -> bool {
        let ways = self.ways();
        let mut searching = self.courses.iter().filter(|(_, course)| course.is_exploring());
        searching.any(|(way, _)| !self.standing.has_lost(*way, &ways))
    }

    /// The fewest blocks after which its answer may count as settled.
    fn needed(&self) -> u32 {
        if self.standing.launches() >= SETTLED_LAUNCHES {
            SETTLED_BLOCKS
        } else {
            SETTLED_BLOCKS_OF_FEW_LAUNCHES
        }
    }

    /// About how many more seconds would settle its answer: doubt shrinks with the root of the
    /// number of rounds. A group that still looks for what to compare may need as much again, and
    /// then the blocks that compare.
    pub(super) fn missing(&self) -> f64 {
        // The first rounds say little about the noise, so they may not put a group off for long.
        const MOST: f64 = 0.2;
        if self.at_rate {
            return 0.0;
        }
        if self.explores() {
            return self.spent + f64::from(SETTLED_BLOCKS) * self.price;
        }
        let leader = self.standing.leader(&self.ways());
        let best = leader.and_then(|way| Some((way, self.standing.best(way)?)));
        let rounds = best.map_or(0, |(way, count)| self.standing.rounds(way, count));
        let regret = self.regret().unwrap_or(MOST).clamp(SETTLED, MOST);
        let factor = (regret.ln_1p() / SETTLED.ln_1p()).powi(2) - 1.0;
        let blocks = (factor * rounds as f64)
            .max(f64::from(SETTLED_BLOCKS - self.blocks.min(SETTLED_BLOCKS)));
        blocks * self.price
    }

    /// Whether every series is decided, except the serial one: it only accompanies the others.
    pub(super) fn is_decided(&self) -> bool {
        let ways = self.ways();
        let done = |(way, course): &(Way, Course)| match course {
            _ if self.standing.has_lost(*way, &ways) => true,
            Course::Done => true,
            Course::Listed(counts) => {
                let open = counts.len() > 1 && self.standing.is_open_within(*way);
                counts.is_empty() || self.blocks >= if open { MOST_BLOCKS } else { ENOUGH }
            }
            Course::Holding(_) | Course::Climbing(_) | Course::Searched(_) => false,
        };
        let mut others = self.courses.iter().filter(|(way, _)| way.1 != Mode::Serial).peekable();
        if others.peek().is_none() { self.courses.iter().all(done) } else { others.all(done) }
    }

    /// The group's weight when the budget is divided. It grows with the cost of a block, so that
    /// all groups get about as many blocks.
    pub(super) fn weight(&self, least: Cost<'_>) -> f64 {
        // Cells that cost next to nothing still get a window.
        const WINDOW: f64 = 0.02;
        let block: f64 = self.first.iter().flatten().map(|&cell| WINDOW + least(cell)).sum();
        self.part * block
    }

    /// The group with the lowest rank is next. Every group gets the least number of blocks first.
    /// From then on, the one that is nearest to its answer is next: so most answers are settled in
    /// the end. Settled ones come last.
    pub(super) fn rank(&self, least: Cost<'_>, settled: bool) -> f64 {
        const LATER: f64 = 1e9;
        let phase = self.blocks.min(LEAST_BLOCKS) + u32::from(settled);
        let is_measured = self.blocks >= LEAST_BLOCKS && !settled && !self.at_rate;
        let order = if is_measured { self.missing() } else { self.spent / self.weight(least) };
        LATER * f64::from(phase) + order
    }

    pub(super) fn block_cost(&self, cost: Cost<'_>) -> f64 {
        self.first.iter().flatten().map(|&cell| cost(cell)).sum()
    }

    pub(super) fn claim(&self, cost: Cost<'_>, launch: f64, settled: bool) -> Claim {
        let missing = f64::from(LEAST_BLOCKS.saturating_sub(self.blocks));
        // One launch at least serves all cells of the first block.
        let launch = if self.blocks == 0 { launch } else { 0.0 };
        let least = missing * self.block_cost(cost) + launch;
        let part = if settled { SETTLED_CLAIM } else { 1.0 };
        Claim { weight: part * self.weight(cost), spent: self.spent, least }
    }

    pub(super) fn wanted_rounds(&self) -> f64 {
        if self.joint.is_some() {
            return (WANTED_BLOCKS - self.progress).max(1.0) * super::joint::WIDTH;
        }
        let width = if self.width > 0 { self.width } else { self.first.iter().flatten().count() };
        (WANTED_BLOCKS - self.progress).max(1.0) * width.max(1) as f64
    }

    /// The next block: cells of every series. `cost` is the price of a round, and `launch` that of
    /// launching a crew.
    pub(super) fn cells(&mut self, turn: &Turn, cost: Cost<'_>, launch: Cost<'_>) -> Vec<Wanted> {
        if self.at_rate {
            return self.cells_at_rate(turn, cost);
        }
        if self.joint.is_some() {
            return self.pairs(turn, cost, launch);
        }
        let decided = self.is_decided();
        let cells = if decided { self.deciding() } else { self.asked(turn, cost) };
        // Neither a cell alone nor a part of a comparison decides anything.
        let price: f64 = cells.iter().map(|wanted| cost(wanted.cell)).sum();
        self.exhausted = decided && (cells.len() < 2 || price > turn.left);
        if self.is_done() || self.is_decided() != decided {
            return Vec::new();
        }
        self.price = price;
        self.width = self.width.max(cells.len());
        self.progress += cells.len() as f64 / self.width.max(1) as f64;
        self.blocks += 1;
        cells
    }

    /// The cells on which the answer depends, once every series is decided: the best one of each
    /// mode, and all that may still be notably better.
    fn deciding(&self) -> Vec<Wanted> {
        let ways = self.ways();
        let leader = self.standing.leader(&ways).filter(|_| !self.is_certain());
        let rivals = leader.map_or_else(Vec::new, |_| self.standing.rivals(&ways));
        let mut cells: BTreeSet<(Way, usize)> = rivals.into_iter().collect();
        let contenders =
            |way: Way| self.standing.contenders(way).into_iter().map(move |n| (way, n));
        cells.extend(leader.into_iter().flat_map(contenders));
        let others = ways.iter().filter(|way| leader != Some(**way));
        let alive = others.filter(|way| !self.has_enough_of(**way, &ways));
        cells.extend(alive.filter_map(|way| Some((*way, self.standing.best(*way)?))));
        cells.into_iter().map(|(way, count)| confirming(way, count)).collect()
    }

    /// The cells that the series ask for.
    fn asked(&mut self, turn: &Turn, cost: Cost<'_>) -> Vec<Wanted> {
        let of = |first: &[Cell]| first.iter().map(|&cell| cost(cell)).sum::<f64>();
        let all: f64 = self.first.iter().map(|first| of(first)).sum();
        let ways = self.ways();
        let lost: Vec<bool> = ways.iter().map(|way| self.standing.has_lost(*way, &ways)).collect();
        let enough: Vec<bool> = ways.iter().map(|way| self.has_enough_of(*way, &ways)).collect();
        let open = || self.courses.iter().zip(&lost).filter(|(_, lost)| !**lost);
        let explores = open().any(|((_, course), _)| course.is_exploring());
        let (mut cells, mut known) = (Vec::new(), Vec::new());
        for (at, ((way, course), first)) in self.courses.iter_mut().zip(&self.first).enumerate() {
            let price = |workers| cost(Cell { entry: way.0, mode: way.1, workers });
            let purse = Purse { left: turn.share * of(first) / all, cost: &price };
            // A block that can be paid only in part would compare nothing. The first block is the
            // exception: a part of it is better than nothing.
            let left = if self.blocks == 0 { f64::INFINITY } else { turn.left };
            let more = Purse { left: turn.part * of(first) / all, cost: &price };
            let best = self.standing.best(*way).map(|count| confirming(*way, count));
            // A mode that knows its counts waits for the others, so that they are compared in the
            // same blocks.
            if enough[at] || explores && course.is_confirming() {
                continue;
            }
            if lost[at] {
                cells.extend(best);
                continue;
            }
            let (counts, confirms) = course.next([&purse, &more], left);
            let wanted = |count| Wanted { confirms, ..confirming(*way, count) };
            cells.extend(counts.into_iter().map(wanted));
            if matches!(course, Course::Done) {
                known.extend(best);
            }
        }
        // The others are compared with the modes whose counts are known.
        if cells.iter().any(|wanted| wanted.cell.mode != Mode::Serial) {
            cells.extend(known);
        }
        cells
    }

    /// Whether a mode has lost and its own figures have an interval.
    fn has_enough_of(&self, way: Way, ways: &[Way]) -> bool {
        let best = self.standing.best(way);
        let rounds = best.map_or(0, |count| self.standing.rounds(way, count));
        rounds >= ROUNDS_OF_LOST && self.standing.has_lost(way, ways)
    }
}

/// A round of this cell that is measured to decide.
fn confirming((entry, mode): Way, workers: usize) -> Wanted {
    Wanted { cell: Cell { entry, mode, workers }, confirms: true, rate: None }
}
