//! Which cells are measured next: one workload at a time, every mode of it in one block; and ways
//! to do the same work together.
//!
//! Modes and counts of one workload are compared with each other, so they share blocks, each in a
//! random order of its own. Workloads are not compared with each other, so each may go on at its
//! own pace: all get about as many blocks, and the one that is furthest behind is next. What is
//! settled gives its time to what is not.

use crate::plan::search::Purse;
use crate::plan::{Cell, Mode, Plan, Series};
use crate::stats::student;

use super::Sample;
use super::course::Course;
use super::share::{Claim, divide};
use super::standing::{CONFIDENCE, NEAR_ENOUGH, Standing, Way};
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
const LEAST_BLOCKS: u32 = 3;
/// After so many blocks, which are of three launches, an answer may count as settled. Then others
/// come first.
const SETTLED_BLOCKS: u32 = 6;
/// Shorter tasks of another workload only show from what length on workers pay: a third of the
/// measured time tells that.
const SHORTER_PART: f64 = 1.0 / 3.0;
/// What is settled claims such a part of what it would claim otherwise.
const SETTLED_CLAIM: f64 = 0.01;

/// Chooses the cells of each block.
#[derive(Debug)]
pub(super) struct Steer {
    groups: Vec<Group>,
    seed: u64,
    /// Tasks that come at a rate may take so many seconds.
    max_p99: Option<f64>,
}

/// All series of one workload, or of several that are ways to do the same work.
#[derive(Debug)]
struct Group {
    /// The first one, which stands for all.
    entry: usize,
    /// All of them.
    entries: Vec<usize>,
    /// The second axis of which it is a value.
    axis: Option<usize>,
    courses: Vec<(Way, Course)>,
    /// How much it is worth against another that costs the same.
    part: f64,
    /// How its modes stand against each other.
    standing: Standing,
    /// What the first block of each series may hold: what one block of it costs is reckoned from
    /// these.
    first: Vec<Vec<Cell>>,
    /// Seconds that it has had.
    spent: f64,
    /// Blocks begun, where a block of fewer cells than the largest counts as a part.
    progress: f64,
    /// Cells of the largest block so far.
    width: usize,
    blocks: u32,
    /// Whether what is left of the budget cannot pay another comparison of its modes.
    exhausted: bool,
}

/// Seconds that a round of a cell takes.
type Cost<'c> = &'c dyn Fn(Cell) -> f64;

impl Steer {
    /// The beginning of a plan, of which only the entries that work here are measured.
    pub(super) fn new(plan: &Plan, works: impl Fn(usize) -> bool) -> Self {
        let mut groups: Vec<Group> = Vec::new();
        for (entry, planned) in plan.entries.iter().enumerate().filter(|(entry, _)| works(*entry)) {
            if groups.iter().any(|group| group.entries.contains(&entry)) {
                continue;
            }
            let company = plan.company(entry).into_iter().filter(|one| works(*one)).collect();
            groups.push(Group {
                axis: planned.also.as_ref().map(|also| also.axis),
                part: if planned.shorter_of.is_some() { SHORTER_PART } else { 1.0 },
                ..Group::new(company, plan)
            });
        }
        Self { groups, seed: plan.seed, max_p99: plan.limits.max_p99 }
    }

    /// Whose turn it is with `left` seconds to go, where the shortest useful round of a cell costs
    /// `least` and launching the crews of an entry `launch`; nobody's when all is decided. Where
    /// the crews of an entry are `at_work`, it is that one's turn or nobody's.
    pub(super) fn turn(
        &self,
        left: f64,
        least: Cost<'_>,
        launch: &dyn Fn(usize) -> f64,
        at_work: Option<usize>,
    ) -> Option<Turn> {
        let alive = self.groups.iter().filter(|group| !group.is_done() && !self.is_beaten(group));
        // Who is settled takes some reckoning, so each is asked once.
        let alive: Vec<(&Group, bool)> = alive.map(|group| (group, group.is_settled())).collect();
        let claim =
            |&(group, settled): &(&Group, bool)| group.claim(least, group.launch(launch), settled);
        let claims: Vec<Claim> = alive.iter().map(claim).collect();
        let shares = divide(&claims, left);
        let open = alive.iter().filter(|(_, settled)| !settled).count().max(1);
        let rank = |(group, settled): (&Group, bool)| group.rank(least, settled);
        let ((group, _), share) = alive
            .into_iter()
            .zip(shares)
            .filter(|((group, _), _)| at_work.is_none_or(|entry| group.entries.contains(&entry)))
            .min_by(|(a, _), (b, _)| rank(*a).total_cmp(&rank(*b)))?;
        Some(Turn {
            entry: group.entry,
            share,
            price: group.block_cost(least),
            rounds: group.wanted_rounds(),
            whole: group.spent + share,
            fresh: at_work.is_none(),
            left,
            part: left / open as f64,
        })
    }

    /// Whether another value of the same second axis is surely better by something that matters:
    /// then its time is better spent there.
    fn is_beaten(&self, group: &Group) -> bool {
        let searches = |(_, course): &(Way, Course)| matches!(course, Course::Searched(_));
        let may_rise = group.courses.iter().any(searches) && group.standing.is_rising();
        let settled = group.blocks >= LEAST_BLOCKS && !may_rise;
        let Some((own, error, df)) = group.standing.level().filter(|_| settled) else {
            return false;
        };
        let same = |other: &&Group| group.axis.is_some() && other.axis == group.axis;
        self.groups.iter().filter(same).filter_map(|other| other.standing.level()).any(
            |(level, beside, other)| {
                let t = student::quantile(CONFIDENCE, df.min(other));
                level - own - t * error.hypot(beside) > NEAR_ENOUGH
            },
        )
    }

    /// So many seconds were spent for this workload.
    pub(super) fn spend(&mut self, entry: usize, seconds: f64) {
        if let Some(group) = self.groups.iter_mut().find(|group| group.entries.contains(&entry))
        {
            group.spent += seconds;
        }
    }

    /// Seconds without which this workload can say nothing.
    pub(super) fn least(&self, entry: usize, cost: Cost<'_>) -> f64 {
        let group = self.groups.iter().find(|group| group.entries.contains(&entry));
        group.map_or(0.0, |group| f64::from(LEAST_BLOCKS) * group.block_cost(cost))
    }

    /// The cells of the next block of `turn`, in the order in which they are to be measured, where
    /// a round of a cell costs `cost`; none when that workload has come to its end.
    pub(super) fn block(&mut self, turn: &Turn, cost: Cost<'_>) -> Vec<Wanted> {
        let Some(group) = self.groups.iter_mut().find(|group| group.entry == turn.entry) else {
            return Vec::new();
        };
        let mut cells = group.cells(turn, cost);
        let salt = (group.entry as u64) << 32 | u64::from(group.blocks);
        let lead = group.entry;
        let place = |cell: Cell| {
            cell.mode.salt() ^ cell.workers as u64 ^ ((cell.entry - lead) as u64) << 32
        };
        cells.sort_by_cached_key(|wanted| {
            knee_workloads::mix(knee_workloads::mix(self.seed, salt), place(wanted.cell))
        });
        cells
    }

    /// What one round gave.
    pub(super) fn observe(&mut self, sample: &Sample) {
        let entry = sample.cell.entry;
        if let Some(group) = self.groups.iter_mut().find(|group| group.entries.contains(&entry)) {
            let made = (sample.crew, sample.confirms);
            group.standing.enter(sample.cell, sample.block, sample.throughput, made);
        }
        let limit = self.max_p99;
        match self.course(sample.cell) {
            Some(Course::Searched(search)) => {
                search.tell(sample.cell.workers, sample.throughput);
            }
            Some(Course::Holding(hold)) => {
                if let Some((due, done, exceeding)) = sample.at_rate(limit) {
                    hold.tell(sample.cell.workers, due, done, exceeding);
                }
            }
            _ => {}
        }
    }

    /// A cell that cannot be measured is not asked for again.
    pub(super) fn fail(&mut self, cell: Cell) {
        match self.course(cell) {
            Some(Course::Searched(search)) => search.tell_broken(cell.workers),
            Some(Course::Holding(hold)) => hold.tell_broken(cell.workers),
            Some(Course::Listed(counts)) => counts.retain(|count| *count != cell.workers),
            _ => {}
        }
    }

    fn course(&mut self, cell: Cell) -> Option<&mut Course> {
        let mut courses = self.groups.iter_mut().flat_map(|group| &mut group.courses);
        courses.find(|(way, _)| *way == (cell.entry, cell.mode)).map(|(_, course)| course)
    }
}

impl Group {
    fn new(entries: Vec<usize>, plan: &Plan) -> Self {
        let at_rate = plan.arrivals.is_some();
        let of = |entry: &usize| {
            let entry = *entry;
            plan.entries[entry].series.iter().map(move |series| (entry, series))
        };
        let all: Vec<(usize, &Series)> = entries.iter().flat_map(of).collect();
        let course = |(entry, series): &(usize, &Series)| {
            let course = Course::new(series, plan.seed ^ *entry as u64, at_rate);
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
            spent: 0.0,
            progress: 0.0,
            width: 0,
            blocks: 0,
            exhausted: false,
        }
    }

    /// Done when the counts are decided, and which mode is best.
    fn is_done(&self) -> bool {
        let enough = self.exhausted || self.blocks >= MOST_BLOCKS;
        self.is_decided() && (enough || !self.standing.is_open(self.ways().into_iter()))
    }

    fn ways(&self) -> Vec<Way> {
        self.courses.iter().map(|(way, _)| *way).collect()
    }

    /// Seconds that launching the crews of all its entries takes.
    fn launch(&self, of: &dyn Fn(usize) -> f64) -> f64 {
        self.entries.iter().map(|entry| of(*entry)).sum()
    }

    /// Whether its answer would hardly change. The rest of the time is then better spent on others.
    fn is_settled(&self) -> bool {
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
    fn is_decided(&self) -> bool {
        let ways = self.ways();
        let done = |(way, course): &(Way, Course)| match course {
            _ if self.standing.has_lost(*way, &ways) => true,
            Course::Done => true,
            Course::Listed(counts) => {
                let open = counts.len() > 1 && self.standing.is_open_within(*way);
                counts.is_empty() || self.blocks >= if open { MOST_BLOCKS } else { ENOUGH }
            }
            Course::Holding(_) => self.blocks >= ENOUGH,
            Course::Searched(_) => false,
        };
        let mut others = self.courses.iter().filter(|(way, _)| way.1 != Mode::Serial).peekable();
        if others.peek().is_none() { self.courses.iter().all(done) } else { others.all(done) }
    }

    /// How much of the budget the workload is worth: what a block of it costs, so that all get
    /// about as many blocks.
    fn weight(&self, least: Cost<'_>) -> f64 {
        // Cells that cost next to nothing are worth a window all the same.
        const WINDOW: f64 = 0.02;
        let block: f64 = self.first.iter().flatten().map(|&cell| WINDOW + least(cell)).sum();
        self.part * block
    }

    /// The lower, the sooner it is its turn.
    fn rank(&self, least: Cost<'_>, settled: bool) -> f64 {
        // Blocks come before seconds until everybody has had the least number of them.
        const LATER: f64 = 1e9;
        let settled = u32::from(settled);
        LATER * f64::from(self.blocks.min(LEAST_BLOCKS) + settled) + self.spent / self.weight(least)
    }

    fn block_cost(&self, cost: Cost<'_>) -> f64 {
        self.first.iter().flatten().map(|&cell| cost(cell)).sum()
    }

    fn claim(&self, cost: Cost<'_>, launch: f64, settled: bool) -> Claim {
        let missing = f64::from(LEAST_BLOCKS.saturating_sub(self.blocks));
        // At least one launch serves them all.
        let launch = if self.blocks == 0 { launch } else { 0.0 };
        let least = missing * self.block_cost(cost) + launch;
        let part = if settled { SETTLED_CLAIM } else { 1.0 };
        Claim { weight: part * self.weight(cost), spent: self.spent, least }
    }

    fn wanted_rounds(&self) -> f64 {
        let width = if self.width > 0 { self.width } else { self.first.iter().flatten().count() };
        (WANTED_BLOCKS - self.progress).max(1.0) * width.max(1) as f64
    }

    /// The next block of every series.
    fn cells(&mut self, turn: &Turn, cost: Cost<'_>) -> Vec<Wanted> {
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
            let (counts, confirms) = if decided || self.standing.has_lost(*way, &ways) {
                (self.standing.best(*way).into_iter().collect(), true)
            } else {
                course.next([&purse, &more], left)
            };
            cells.extend(counts.into_iter().map(|count| Wanted { cell: cell(count), confirms }));
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
