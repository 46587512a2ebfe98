//! Chooses the cells of each block: one workload at a time, all of its modes in one block. Several
//! ways to do the same work are measured together.
//!
//! Modes and counts of one workload are compared with each other, so they share blocks, each block
//! in a random order. Workloads are not compared with each other, so each has blocks of its own.
//! After the first blocks, the workload that is nearest to its answer is next, so that most answers
//! are settled in the end. Settled workloads leave their time to the others.

use crate::plan::climb::Climb;
use crate::plan::search::Pairs;
use crate::plan::{Cell, Limits, Plan};
use crate::stats::student;

use super::Sample;
use super::course::Course;
use super::group::{Alone, Cost, Group, LEAST_BLOCKS};
use super::share::{Claim, divide};
use super::standing::{CONFIDENCE, NEAR_ENOUGH, Way};
use super::turn::{Turn, Wanted};

/// Shorter tasks of a workload only show from what task length on more workers pay. A third of the
/// measured time is enough for that.
const SHORTER_PART: f64 = 1.0 / 3.0;

/// Chooses the cells of each block.
#[derive(Debug)]
pub(super) struct Steer {
    groups: Vec<Group>,
    seed: u64,
    /// Limits that must be kept where tasks arrive at a rate.
    limits: Limits,
}

impl Steer {
    /// Prepares the series of a plan. `alone` gives what is known of one task of an entry; entries
    /// without it do not work here and are not measured.
    pub(super) fn new(plan: &Plan, alone: impl Fn(usize) -> Option<Alone>) -> Self {
        let works = |entry: usize| alone(entry).is_some();
        let mut groups: Vec<Group> = Vec::new();
        for (entry, planned) in plan.entries.iter().enumerate().filter(|(entry, _)| works(*entry)) {
            if groups.iter().any(|group| group.entries.contains(&entry)) {
                continue;
            }
            let company = plan.company(entry).into_iter().filter(|one| works(*one)).collect();
            groups.push(Group {
                axis: planned.also.as_ref().map(|also| also.axis),
                part: if planned.shorter_of.is_some() { SHORTER_PART } else { 1.0 },
                ..Group::new(company, plan, &alone)
            });
        }
        Self { groups, seed: plan.seed, limits: plan.limits }
    }

    /// The workload whose turn it is, with `left` seconds to go; `None` when all is decided. The
    /// shortest useful round of a cell costs `least`, and launching the crews of an entry `launch`.
    /// If the crews of an entry are `at_work`, only its own workload can be returned.
    pub(super) fn turn(
        &self,
        left: f64,
        least: Cost<'_>,
        launch: &dyn Fn(usize) -> f64,
        at_work: Option<usize>,
    ) -> Option<Turn> {
        let alive = self.groups.iter().filter(|group| !group.is_done() && !self.is_beaten(group));
        // Whether a group is settled takes some computing, so each is asked once.
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
        // A workload that is near its answer gets what is missing, whatever it had before.
        let share = share.max(group.missing().min(left));
        Some(Turn {
            entry: group.entry,
            share,
            rounds: group.wanted_rounds(),
            whole: group.spent + share,
            fresh: at_work.is_none(),
            left,
            part: left / open as f64,
        })
    }

    /// Whether another value on the same second axis is certainly notably better. Time is then
    /// better spent on that value.
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

    /// Books seconds that were spent on this workload.
    pub(super) fn spend(&mut self, entry: usize, seconds: f64) {
        if let Some(group) = self.groups.iter_mut().find(|group| group.entries.contains(&entry)) {
            group.spent += seconds;
        }
    }

    /// The fewest seconds with which this workload can say anything.
    pub(super) fn least(&self, entry: usize, cost: Cost<'_>) -> f64 {
        let group = self.groups.iter().find(|group| group.entries.contains(&entry));
        group.map_or(0.0, |group| f64::from(LEAST_BLOCKS) * group.block_cost(cost))
    }

    /// Whether the crews of an entry must be launched anew before its next block.
    pub(super) fn starts_over(&self, entry: usize) -> bool {
        let group = self.groups.iter().find(|group| group.entries.contains(&entry));
        group.and_then(|group| group.joint.as_ref()).is_some_and(Pairs::starts_over)
    }

    /// The cells of the next block of `turn`, in the order of measurement: one mode after another,
    /// in a random order, and the counts of each in a random order. The counts of a mode are
    /// compared with each other, and rounds that are close in time differ less. A round of a cell
    /// costs `cost`, and launching its crew `launch`. Empty when the workload is finished.
    pub(super) fn block(&mut self, turn: &Turn, cost: Cost<'_>, launch: Cost<'_>) -> Vec<Wanted> {
        let Some(group) = self.groups.iter_mut().find(|group| group.entry == turn.entry) else {
            return Vec::new();
        };
        let mut cells = group.cells(turn, cost, launch);
        group.changed();
        let salt = (group.entry as u64) << 32 | u64::from(group.blocks);
        let order = |place: u64| knee_workloads::mix(knee_workloads::mix(self.seed, salt), place);
        let lead = group.entry;
        let way = |cell: Cell| cell.mode.salt() ^ ((cell.entry - lead) as u64) << 32;
        cells.sort_by_cached_key(|Wanted { cell, .. }| {
            let way = way(*cell);
            (order(way), order(way ^ cell.workers as u64))
        });
        cells
    }

    /// Learns the result of one round.
    pub(super) fn observe(&mut self, sample: &Sample) {
        let entry = sample.cell.entry;
        if let Some(group) = self.groups.iter_mut().find(|group| group.entries.contains(&entry)) {
            group.changed();
            let made = (sample.crew, sample.confirms);
            group.standing.enter(sample.cell, sample.block, sample.throughput, made);
            let pair = group.pair_of(sample.cell);
            if let Some((joint, pair)) = group.joint.as_mut().zip(pair) {
                joint.tell(pair, sample.throughput);
            }
        }
        let limits = self.limits;
        match self.course(sample.cell) {
            Some(Course::Searched(search)) => {
                search.tell(sample.cell.workers, sample.throughput);
            }
            Some(Course::Holding(hold)) => {
                if let Some(seen) = sample.at_rate(&limits) {
                    hold.tell(sample.cell.workers, seen);
                }
            }
            Some(Course::Climbing(climbs)) => {
                if let Some((seen, arrived)) = sample.at_rate(&limits).zip(sample.arrived)
                    && let Some(climb) = climbs.get_mut(&sample.cell.workers)
                {
                    climb.tell(arrived.asked.rate, seen);
                }
            }
            _ => {}
        }
    }

    /// Gives up a cell that cannot be measured.
    pub(super) fn fail(&mut self, cell: Cell) {
        for group in &mut self.groups {
            group.changed();
            let pair = group.pair_of(cell);
            if let Some((joint, pair)) = group.joint.as_mut().zip(pair) {
                joint.tell_broken(pair);
            }
        }
        match self.course(cell) {
            Some(Course::Searched(search)) => search.tell_broken(cell.workers),
            Some(Course::Holding(hold)) => hold.tell_broken(cell.workers),
            Some(Course::Climbing(climbs)) => {
                climbs.entry(cell.workers).and_modify(Climb::tell_broken);
            }
            Some(Course::Listed(counts)) => counts.retain(|count| *count != cell.workers),
            _ => {}
        }
    }

    fn course(&mut self, cell: Cell) -> Option<&mut Course> {
        let mut courses = self.groups.iter_mut().flat_map(|group| &mut group.courses);
        courses.find(|(way, _)| *way == (cell.entry, cell.mode)).map(|(_, course)| course)
    }
}

/// For each workload, its first entry, and how much better than its answer something else may be,
/// as the run judges it after these rounds. `busy` is the share of a CPU that a task of an entry
/// uses.
#[cfg(test)]
pub(crate) fn judged(
    plan: &Plan,
    samples: &[Sample],
    busy: &dyn Fn(usize) -> f64,
) -> Vec<(usize, Option<f64>)> {
    let alone = |entry| Some(Alone { task: 1e-3, computes: busy(entry) >= Alone::COMPUTES });
    let mut steer = Steer::new(plan, alone);
    for sample in samples {
        steer.observe(sample);
    }
    steer.groups.iter().map(|group| (group.entry, group.regret())).collect()
}
