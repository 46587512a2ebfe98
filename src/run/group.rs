//! All series of one workload, or of several ways to do the same work. They share blocks. A group
//! chooses the cells of its next block and knows when it has measured enough.

use std::cell::OnceCell;

use crate::mode::Reference;
use crate::plan::search::{Pairs, Purse};
use crate::plan::{Candidates, Cell, Mode, Plan, Series};

use super::course::Course;
use super::share::Claim;
use super::standing::{Standing, Way};
use super::turn::{Turn, Wanted};

/// A listed series ends after this many blocks if its counts are told apart or do not differ.
const ENOUGH: u32 = 16;
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
    /// Blocks begun so far. A block with fewer cells than the largest one counts as a fraction.
    pub(super) progress: f64,
    /// How many cells the largest block so far had.
    pub(super) width: usize,
    pub(super) blocks: u32,
    /// Whether the rest of the budget cannot pay for another comparison of its modes.
    pub(super) exhausted: bool,
    /// Whether it is settled. It takes some computing, so the answer is kept until something
    /// changes.
    pub(super) settled: OnceCell<bool>,
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
    const COMPUTES: f64 = 0.8;

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
            progress: 0.0,
            width: 0,
            blocks: 0,
            exhausted: false,
            settled: OnceCell::new(),
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
        self.is_decided() && (enough || !self.standing.is_open(self.ways().into_iter()))
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
        *self.settled.get_or_init(|| self.has_enough())
    }

    /// Forgets whether it was settled: a round was measured or chosen, or a cell was given up.
    pub(super) fn changed(&mut self) {
        self.settled.take();
    }

    fn has_enough(&self) -> bool {
        if self.at_rate || self.joint.is_some() {
            return false;
        }
        let ways = self.ways();
        let explores = |(way, course): &(Way, Course)| match course {
            Course::Searched(search) => {
                search.is_exploring() && !self.standing.has_lost(*way, &ways)
            }
            _ => false,
        };
        let needed = if self.standing.launches() >= SETTLED_LAUNCHES {
            SETTLED_BLOCKS
        } else {
            SETTLED_BLOCKS_OF_FEW_LAUNCHES
        };
        self.blocks >= needed
            && !self.courses.iter().any(explores)
            && !self.standing.is_open_anywhere(&ways)
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

    /// The group with the lowest rank is next.
    pub(super) fn rank(&self, least: Cost<'_>, settled: bool) -> f64 {
        // Every group gets the least number of blocks first. Only then do seconds count.
        const LATER: f64 = 1e9;
        let settled = u32::from(settled);
        LATER * f64::from(self.blocks.min(LEAST_BLOCKS) + settled) + self.spent / self.weight(least)
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

    /// The next block where tasks arrive at a rate: every listed count, and the counts that the
    /// first undecided mode asks for. Modes go one after another, because a count that holds the
    /// rate spares later modes all counts of that size and above.
    pub(super) fn wanted_at_rate(&self) -> Vec<Wanted> {
        let rank = |way: &Way| way.1.description().rank;
        let holds = self.courses.iter().filter_map(|(way, course)| match course {
            Course::Holding(hold) => Some((hold.holds()?, rank(way), *way)),
            _ => None,
        });
        let best = holds.min();
        let mut cells = Vec::new();
        let mut is_busy = false;
        for (way, course) in &self.courses {
            let counts = match course {
                Course::Listed(counts) if self.blocks < ENOUGH => counts.clone(),
                Course::Holding(hold) if !is_busy => hold.next_block(match best {
                    Some((_, _, leading)) if leading == *way => usize::MAX,
                    // A simpler mode may use as many workers, and so may another way to do the
                    // work.
                    Some((count, beside, leading)) => {
                        count - usize::from(way.0 == leading.0 && rank(way) >= beside)
                    }
                    None => usize::MAX,
                }),
                _ => Vec::new(),
            };
            is_busy |= matches!(course, Course::Holding(_)) && !counts.is_empty();
            let wanted = |workers, rate| {
                let cell = Cell { entry: way.0, mode: way.1, workers };
                Wanted { cell, confirms: true, rate }
            };
            cells.extend(counts.into_iter().map(|count| wanted(count, None)));
            if let Course::Climbing(climbs) = course {
                let rates = climbs.iter().filter_map(|(n, climb)| Some((*n, climb.next_rate()?)));
                cells.extend(rates.map(|(count, rate)| wanted(count, Some(rate))));
            }
        }
        cells
    }

    pub(super) fn cells_at_rate(&mut self, turn: &Turn, cost: Cost<'_>) -> Vec<Wanted> {
        let cells = self.wanted_at_rate();
        let price: f64 = cells.iter().map(|wanted| cost(wanted.cell)).sum();
        self.exhausted = self.blocks > 0 && price > turn.left;
        if cells.is_empty() || self.exhausted {
            return Vec::new();
        }
        self.blocks += 1;
        cells
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
        let mut cells = Vec::new();
        let of = |first: &[Cell]| first.iter().map(|&cell| cost(cell)).sum::<f64>();
        let all: f64 = self.first.iter().map(|first| of(first)).sum();
        let (decided, ways) = (self.is_decided(), self.ways());
        for ((way, course), first) in self.courses.iter_mut().zip(&self.first) {
            let cell = |workers| Cell { entry: way.0, mode: way.1, workers };
            let price = |workers: usize| cost(cell(workers));
            let purse = Purse { left: turn.share * of(first) / all, cost: &price };
            // A block that can be paid only in part would compare nothing. The first block is the
            // exception: a part of it is better than nothing.
            let left = if self.blocks == 0 { f64::INFINITY } else { turn.left };
            let more = Purse { left: turn.part * of(first) / all, cost: &price };
            let has_lost = self.standing.has_lost(*way, &ways);
            let best = self.standing.best(*way);
            let rounds = best.map_or(0, |count| self.standing.rounds(*way, count));
            let (counts, confirms) = if has_lost && rounds >= ROUNDS_OF_LOST {
                (Vec::new(), true)
            } else if decided || has_lost {
                (best.into_iter().collect(), true)
            } else {
                course.next([&purse, &more], left)
            };
            cells.extend(counts.into_iter().map(|count| {
                let cell = cell(count);
                Wanted { cell, confirms, rate: None }
            }));
        }
        // Neither the serial cell alone nor a part of a comparison decides anything.
        let price: f64 = cells.iter().map(|wanted| cost(wanted.cell)).sum();
        self.exhausted = decided && (cells.is_empty() || price > turn.left);
        if self.is_done() || self.is_decided() != decided {
            return Vec::new();
        }
        self.width = self.width.max(cells.len());
        self.progress += cells.len() as f64 / self.width.max(1) as f64;
        self.blocks += 1;
        cells
    }
}
