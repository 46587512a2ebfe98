//! All series of one workload, or of several ways to do the same work, which share blocks: what is
//! measured in the next one, and whether it is enough.

use crate::plan::search::Purse;
use crate::plan::{Candidates, Cell, Mode, Plan, Series};

use super::course::Course;
use super::share::Claim;
use super::standing::{Standing, Way};
use super::turn::{Turn, Wanted};

/// A listed series is done after so many blocks, where its counts can be told apart or do not
/// differ.
const ENOUGH: u32 = 16;
/// A workload is done after so many blocks, whatever is open: more would hardly narrow its
/// intervals.
const MOST_BLOCKS: u32 = 48;
/// As many blocks as an answer wants: short rounds in many blocks tell counts apart better than
/// long rounds in few, since a machine's spells hit the counts of a short block alike.
const WANTED_BLOCKS: f64 = 10.0;
/// With fewer blocks nothing tells the noise: every workload gets so many before any gets more.
pub(super) const LEAST_BLOCKS: u32 = 3;
/// After so many blocks, which are of three launches, an answer may count as settled. Then others
/// come first.
const SETTLED_BLOCKS: u32 = 6;
/// A mode that has lost is measured so many times in all, which gives its own figures an interval;
/// from then on its time is better spent on those that have not.
const ROUNDS_OF_LOST: usize = 5;
/// What is settled claims such a part of what it would claim otherwise.
const SETTLED_CLAIM: f64 = 0.01;

/// All series of one workload, or of several that are ways to do the same work.
#[derive(Debug)]
pub(super) struct Group {
    /// The first one, which stands for all.
    pub(super) entry: usize,
    /// All of them.
    pub(super) entries: Vec<usize>,
    /// The second axis of which it is a value.
    pub(super) axis: Option<usize>,
    pub(super) courses: Vec<(Way, Course)>,
    /// How much it is worth against another that costs the same.
    pub(super) part: f64,
    /// How its modes stand against each other.
    pub(super) standing: Standing,
    /// What the first block of each series may hold: what one block of it costs is reckoned from
    /// these.
    pub(super) first: Vec<Vec<Cell>>,
    /// Whether tasks come by themselves.
    pub(super) at_rate: bool,
    /// Seconds that it has had.
    pub(super) spent: f64,
    /// Blocks begun, where a block of fewer cells than the largest counts as a part.
    pub(super) progress: f64,
    /// Cells of the largest block so far.
    pub(super) width: usize,
    pub(super) blocks: u32,
    /// Whether what is left of the budget cannot pay another comparison of its modes.
    pub(super) exhausted: bool,
}

/// Seconds that a round of a cell takes.
pub(super) type Cost<'c> = &'c dyn Fn(Cell) -> f64;

impl Group {
    pub(super) fn new(
        entries: Vec<usize>,
        plan: &Plan,
        task: &dyn Fn(usize) -> Option<f64>,
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
            let load = rate.map(|rate| rate * task(*entry).unwrap_or(0.0));
            let course = match series.mode {
                _ if most => Course::of_most(series, task(*entry).unwrap_or(1.0)),
                Mode::Serial if load.is_some() && is_searched => Course::of_serial(),
                _ => Course::new(series, plan.seed ^ *entry as u64, load),
            };
            ((*entry, series.mode), course)
        };
        let cells = |&(entry, series): &(usize, &Series)| {
            let counts = series.candidates.first().iter();
            counts.map(|&workers| Cell { entry, mode: series.mode, workers }).collect()
        };
        Self {
            entry: entries.first().copied().unwrap_or(0),
            axis: None,
            part: 1.0,
            courses: all.iter().map(course).collect(),
            standing: Standing::default(),
            first: all.iter().map(cells).collect(),
            entries,
            at_rate: rate.is_some(),
            spent: 0.0,
            progress: 0.0,
            width: 0,
            blocks: 0,
            exhausted: false,
        }
    }

    /// Done when the counts are decided, and which mode is best.
    pub(super) fn is_done(&self) -> bool {
        if self.at_rate {
            return self.exhausted || self.wanted_at_rate().is_empty();
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

    /// Whether its answer would hardly change. The rest of the time is then better spent on others.
    pub(super) fn is_settled(&self) -> bool {
        if self.at_rate {
            return false;
        }
        let ways = self.ways();
        let explores = |(way, course): &(Way, Course)| match course {
            Course::Searched(search) => {
                search.is_exploring() && !self.standing.has_lost(*way, &ways)
            }
            _ => false,
        };
        self.blocks >= SETTLED_BLOCKS
            && !self.courses.iter().any(explores)
            && !self.standing.is_open_anywhere(&ways)
    }

    /// Decided when every series but the serial one is: that one only accompanies the others.
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

    /// How much of the budget the workload is worth: what a block of it costs, so that all get
    /// about as many blocks.
    pub(super) fn weight(&self, least: Cost<'_>) -> f64 {
        // Cells that cost next to nothing are worth a window all the same.
        const WINDOW: f64 = 0.02;
        let block: f64 = self.first.iter().flatten().map(|&cell| WINDOW + least(cell)).sum();
        self.part * block
    }

    /// The lower, the sooner it is its turn.
    pub(super) fn rank(&self, least: Cost<'_>, settled: bool) -> f64 {
        // Blocks come before seconds until everybody has had the least number of them.
        const LATER: f64 = 1e9;
        let settled = u32::from(settled);
        LATER * f64::from(self.blocks.min(LEAST_BLOCKS) + settled) + self.spent / self.weight(least)
    }

    pub(super) fn block_cost(&self, cost: Cost<'_>) -> f64 {
        self.first.iter().flatten().map(|&cell| cost(cell)).sum()
    }

    pub(super) fn claim(&self, cost: Cost<'_>, launch: f64, settled: bool) -> Claim {
        let missing = f64::from(LEAST_BLOCKS.saturating_sub(self.blocks));
        // At least one launch serves them all.
        let launch = if self.blocks == 0 { launch } else { 0.0 };
        let least = missing * self.block_cost(cost) + launch;
        let part = if settled { SETTLED_CLAIM } else { 1.0 };
        Claim { weight: part * self.weight(cost), spent: self.spent, least }
    }

    pub(super) fn wanted_rounds(&self) -> f64 {
        let width = if self.width > 0 { self.width } else { self.first.iter().flatten().count() };
        (WANTED_BLOCKS - self.progress).max(1.0) * width.max(1) as f64
    }

    /// The next block where tasks come by themselves: every count that was listed, and what is
    /// wanted of the first mode that is not decided. One after another, since a count that holds
    /// spares the others all counts that are not smaller.
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
                    // One that is simpler may have as many, and so may another way to do the work.
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

    /// The next block of every series.
    pub(super) fn cells(&mut self, turn: &Turn, cost: Cost<'_>) -> Vec<Wanted> {
        if self.at_rate {
            return self.cells_at_rate(turn, cost);
        }
        let mut cells = Vec::new();
        let of = |first: &[Cell]| first.iter().map(|&cell| cost(cell)).sum::<f64>();
        let all: f64 = self.first.iter().map(|first| of(first)).sum();
        let (decided, ways) = (self.is_decided(), self.ways());
        for ((way, course), first) in self.courses.iter_mut().zip(&self.first) {
            let cell = |workers| Cell { entry: way.0, mode: way.1, workers };
            let price = |workers: usize| cost(cell(workers));
            let purse = Purse { left: turn.share * of(first) / all, cost: &price };
            // A block that can be paid only in part would compare nothing; but the first is better
            // than none.
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
        // The serial cell alone decides nothing, and a part of a comparison neither.
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
