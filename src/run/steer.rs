//! Which cells are measured next: one workload at a time, every mode of it in one block.
//!
//! Modes and counts of one workload are compared with each other, so they share blocks, each in a random order of its own.
//! Workloads are not compared with each other, so each may go on as it needs: the one whose block is least far along is next.

use crate::plan::search::{Purse, Search, Space, Stage};
use crate::plan::{Candidates, Cell, Mode, Plan, Series};

use super::Sample;

/// A listed series is done after so many blocks: more would hardly narrow its intervals.
const ENOUGH: u32 = 16;

/// Chooses the cells of each block.
#[derive(Debug)]
pub(super) struct Steer {
    groups: Vec<Group>,
    seed: u64,
}

/// All series of one workload.
#[derive(Debug)]
struct Group {
    entry: usize,
    courses: Vec<(Mode, Course)>,
    /// Cells of the first block of each series, and by how much more rounds a series wants than one that is measured whole.
    wants: Vec<(Cell, f64)>,
    /// Blocks begun, where a block of fewer cells than the first counts as a part.
    progress: f64,
    /// Cells of the first block.
    width: usize,
    blocks: u32,
}

/// How one series goes on.
#[derive(Debug)]
enum Course {
    /// The same counts in every block.
    Listed(Vec<usize>),
    /// What the search asks for.
    Searched(Box<Search>),
    /// Decided, or nothing of it works.
    Done,
}

/// A cell to be measured once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) cell: Cell,
    /// Whether it is measured to decide, among counts already chosen, rather than to choose them.
    pub(super) confirms: bool,
}

/// What the steering must know of money.
pub(super) struct Means<'m> {
    /// Seconds left of the budget.
    pub(super) left: f64,
    /// Seconds that a round of a cell takes.
    pub(super) cost: &'m dyn Fn(Cell) -> f64,
}

impl Steer {
    /// The beginning of a plan, of which only the entries that work here are measured.
    pub(super) fn new(plan: &Plan, works: impl Fn(usize) -> bool) -> Self {
        let groups = plan.entries.iter().enumerate().filter(|(entry, _)| works(*entry));
        let groups = groups.map(|(entry, planned)| Group {
            entry,
            courses: planned
                .series
                .iter()
                .map(|series| (series.mode, Course::new(series, plan.seed ^ entry as u64)))
                .collect(),
            wants: planned.series.iter().map(|series| wants(entry, series)).collect(),
            progress: 0.0,
            width: 0,
            blocks: 0,
        });
        Self { groups: groups.collect(), seed: plan.seed }
    }

    /// The cells of the next block in the order in which they are to be measured; none when everything is decided or
    /// nothing more can be paid.
    pub(super) fn block(&mut self, means: &Means<'_>) -> Vec<Wanted> {
        loop {
            let alive = self.groups.iter().filter(|group| !group.is_done());
            let all: f64 = alive.map(|group| group.weight(means)).sum();
            let alive = self.groups.iter_mut().filter(|group| !group.is_done());
            let Some(group) = alive.min_by(|a, b| a.progress.total_cmp(&b.progress)) else {
                return Vec::new();
            };
            let mut cells = group.cells(means, means.left / all.max(f64::MIN_POSITIVE));
            if cells.is_empty() {
                continue;
            }
            let salt = (group.entry as u64) << 32 | u64::from(group.blocks);
            let place = |cell: Cell| (cell.mode as u64) << 32 | cell.workers as u64;
            cells.sort_by_cached_key(|wanted| {
                knee_workloads::mix(knee_workloads::mix(self.seed, salt), place(wanted.cell))
            });
            return cells;
        }
    }

    /// What one round gave.
    pub(super) fn observe(&mut self, sample: &Sample) {
        if let Some(Course::Searched(search)) = self.course(sample.cell) {
            search.tell(sample.cell.workers, sample.throughput);
        }
    }

    /// A cell that cannot be measured is not asked for again.
    pub(super) fn fail(&mut self, cell: Cell) {
        match self.course(cell) {
            Some(Course::Searched(search)) => search.tell_broken(cell.workers),
            Some(Course::Listed(counts)) => counts.retain(|count| *count != cell.workers),
            _ => {}
        }
    }

    /// How many rounds are still wanted until every workload has had `blocks` blocks, by workload: entry, rounds.
    pub(super) fn outlook(&self, blocks: f64) -> impl Iterator<Item = (usize, f64)> {
        let alive = self.groups.iter().filter(|group| !group.is_done());
        alive.map(move |group| {
            let width = if group.width > 0 { group.width } else { group.first_width() };
            (group.entry, (blocks - group.progress).max(1.0) * width as f64)
        })
    }

    fn course(&mut self, cell: Cell) -> Option<&mut Course> {
        let group = self.groups.iter_mut().find(|group| group.entry == cell.entry)?;
        group.courses.iter_mut().find(|(mode, _)| *mode == cell.mode).map(|(_, course)| course)
    }
}

impl Group {
    /// Done when every series but the serial one is: that one only accompanies the others.
    fn is_done(&self) -> bool {
        let done = |(_, course): &(Mode, Course)| match course {
            Course::Done => true,
            Course::Listed(counts) => counts.is_empty() || self.blocks >= ENOUGH,
            Course::Searched(_) => false,
        };
        let mut others = self.courses.iter().filter(|(mode, _)| *mode != Mode::Serial).peekable();
        if others.peek().is_none() { self.courses.iter().all(done) } else { others.all(done) }
    }

    fn first_width(&self) -> usize {
        self.courses.iter().map(|(_, course)| course.width()).sum()
    }

    /// What a block of all its series costs, in seconds, more where a search wants more rounds.
    fn weight(&self, means: &Means<'_>) -> f64 {
        self.wants.iter().map(|(cell, rounds)| rounds * (means.cost)(*cell)).sum()
    }

    /// The next block of every series, with so many seconds of the budget for each second of weight.
    fn cells(&mut self, means: &Means<'_>, rate: f64) -> Vec<Wanted> {
        let (entry, mut cells) = (self.entry, Vec::new());
        for ((mode, course), (typical, rounds)) in self.courses.iter_mut().zip(&self.wants) {
            let cell = |workers| Cell { entry, mode: *mode, workers };
            let (counts, confirms) = match course {
                Course::Done => (Vec::new(), false),
                Course::Listed(counts) => (counts.clone(), true),
                Course::Searched(search) => {
                    let cost = |workers| (means.cost)(cell(workers));
                    let left = (rate * rounds * (means.cost)(*typical)).min(means.left);
                    if let Some(block) = search.next_block(&Purse { left, cost: &cost }) {
                        (block.counts, block.stage == Stage::Confirm)
                    } else {
                        *course = Course::after(search);
                        (Vec::new(), false)
                    }
                }
            };
            cells.extend(counts.into_iter().map(|count| Wanted { cell: cell(count), confirms }));
        }
        // The serial cell alone decides nothing.
        if self.is_done() {
            return Vec::new();
        }
        self.width = self.width.max(cells.len());
        self.progress += cells.len() as f64 / self.width.max(1) as f64;
        self.blocks += 1;
        cells
    }
}

/// A typical cell of a series, and how many rounds of it the series is worth per block.
fn wants(entry: usize, series: &Series) -> (Cell, f64) {
    let first = series.candidates.first();
    let workers = first.get(first.len() / 2).copied().unwrap_or(1);
    let searching = match &series.candidates {
        Candidates::Search { open: true, .. } => 2.5,
        _ => 1.0,
    };
    (Cell { entry, mode: series.mode, workers }, first.len() as f64 * searching)
}

impl Course {
    fn new(series: &Series, seed: u64) -> Self {
        match &series.candidates {
            Candidates::Exactly { counts } => Self::Listed(counts.clone()),
            Candidates::Search { first, most, .. } => {
                let start = first.last().copied().unwrap_or(1);
                let space = Space { max: *most, start, hints: first.clone() };
                Self::Searched(Box::new(Search::new(space, seed ^ (series.mode as u64) << 48)))
            }
        }
    }

    /// What a search leaves to be done: nothing where it has decided, its short list where only its share of the budget
    /// ended it. What others do not need then goes into telling those counts apart.
    fn after(search: &Search) -> Self {
        match search.decision() {
            Some(decision) if !decision.settled => Self::Listed(decision.set),
            _ => Self::Done,
        }
    }

    fn width(&self) -> usize {
        match self {
            Self::Listed(counts) => counts.len(),
            // The first look of a search is a handful of counts.
            Self::Searched(_) => 5,
            Self::Done => 0,
        }
    }
}
