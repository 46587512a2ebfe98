//! Measures a plan: blocks of rounds in random order, within a budget. It sends events to
//! observers.
//!
//! A block measures every cell once, in an order drawn from the seed, so that slow drift of the
//! machine affects all cells alike. Blocks follow one another until every decision is settled or
//! the budget is spent. The crews of a workload stay alive for several blocks.

mod at_rate;
mod course;
mod crews;
mod event;
mod group;
mod joint;
mod pace;
mod past;
mod round;
mod sample;
mod share;
mod standing;
mod steer;
mod survey;
mod turn;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::clock;
use crate::machine::{BURN_TIME, Burn, BurnReport, Machine, Root, Watch, stood_still};
use crate::mode::{Job, Reference, Site};
use crate::plan::{Cell, Plan, Series};
use crews::Crews;
use group::Alone;
use pace::Pace;
use round::Order;
use steer::Steer;
use turn::{Turn, Wanted};

pub use event::{Event, Observer};
pub use past::Past;
pub(crate) use round::verify;
pub use sample::{Failure, Latencies, Sample};
#[cfg(test)]
pub(crate) use steer::judged;

/// Seconds between two checks of the cores. They notice a new neighbour soon and costs half a
/// percent of the time.
const BURN_EVERY: f64 = 8.0;

/// Why a run ended early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// What was measured could not be kept.
    #[error("the record cannot be written: {0}")]
    Keep(#[from] io::Error),
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// Seconds since its beginning.
    pub wall: f64,
    /// Whether the user interrupted it.
    pub interrupted: bool,
    /// Rounds that gave a result.
    pub measured: u32,
    /// Rounds that gave no result.
    pub failed: u32,
}

/// What a run needs: the plan, the place for its crews, and the machine.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    /// The cells to measure.
    pub plan: &'a Plan,
    /// Where crews are launched.
    pub site: &'a Site,
    /// The machine.
    pub machine: &'a Machine,
}

/// Measures everything planned. `past` is what an interrupted run had measured already.
///
/// # Errors
/// Only that the observer could not keep what was measured. A cell that fails is an event, not an
/// error.
pub fn run(
    setting: &Setting<'_>,
    past: Option<&Past>,
    observer: &mut dyn Observer,
) -> Result<Outcome, RunError> {
    let Setting { plan, site, machine } = *setting;
    let mut run = Run {
        plan,
        site,
        watch: Watch::open(&Root::live(), &machine.budget),
        burn: machine.budget.affinity.as_ref().map(Burn::new),
        burned: f64::NEG_INFINITY,
        repeated: 0,
        start: clock::now(),
        stood_still: stood_still(),
        references: BTreeMap::new(),
        pace: Pace::new(site.cores as f64, plan.arrivals),
        failures: BTreeMap::new(),
        told: past.iter().flat_map(|past| &past.samples).map(|sample| sample.cell).collect(),
        crews: Crews::new(site, plan, past.map_or(0, Past::crews)),
        before: past.map_or(0.0, |past| past.wall),
        rounds: past.map_or(0, |past| past.rounds),
        outcome: Outcome { wall: 0.0, interrupted: false, measured: 0, failed: 0 },
    };
    run.survey(observer)?;
    let mut steer = Steer::new(plan, |entry| run.references.get(&entry).map(Alone::of));
    let mut number = past.map_or(0, |past| past.blocks);
    for sample in past.iter().flat_map(|past| &past.samples) {
        steer.observe(sample);
        steer.spend(sample.cell.entry, sample.warm_up + sample.usage.span);
    }
    while !run.interrupted() {
        run.burn_if_due(observer)?;
        let Some(turn) = run.turn(&steer) else { break };
        if turn.fresh {
            let entry = run.crews.age().map_or(turn.entry, |(entry, _)| entry);
            let took = run.crews.dismiss();
            steer.spend(entry, took.as_secs_f64());
        }
        let launch = |cell: Cell| run.pace.launch(cell, &run.references[&cell.entry]);
        let seconds = turn.share / turn.rounds;
        let cells =
            steer.block(&turn, &|cell| run.cost(cell, run.window((cell, true), seconds)), &launch);
        // An empty block means that this workload is finished; another one is next.
        if !cells.is_empty() {
            if !run.block(number, seconds, cells, &mut steer, observer)? {
                break;
            }
            number += 1;
        }
    }
    run.crews.dismiss();
    run.burned = f64::NEG_INFINITY;
    run.burn_if_due(observer)?;
    run.name_the_unmeasured(&steer, observer)?;
    run.outcome.wall = run.elapsed();
    run.outcome.interrupted = run.interrupted();
    Ok(run.outcome)
}

struct Run<'a> {
    plan: &'a Plan,
    site: &'a Site,
    /// Looks at the machine before and after each round.
    watch: Watch,
    /// Measures whether each core still computes as fast as before.
    burn: Option<Burn>,
    /// When the cores were last checked.
    burned: f64,
    /// Rounds that were repeated because they were disturbed.
    repeated: u32,
    start: std::time::Instant,
    /// How long knee had stood still before the run began (Ctrl-Z, `docker pause`). Such time does
    /// not count towards the budget.
    stood_still: Duration,
    references: BTreeMap<usize, Reference>,
    pace: Pace,
    /// How often each cell has failed. After two failures it is given up.
    failures: BTreeMap<Cell, u32>,
    /// Cells that were measured, or whose failure was reported.
    told: BTreeSet<Cell>,
    /// The living crews of the current workload.
    crews: Crews<'a>,
    /// Seconds that the run took before it was interrupted and resumed.
    before: f64,
    /// The number of the next round.
    rounds: u32,
    outcome: Outcome,
}

impl Run<'_> {
    fn elapsed(&self) -> f64 {
        let stood_still = stood_still().saturating_sub(self.stood_still);
        self.before + clock::since(self.start).saturating_sub(stood_still).as_secs_f64()
    }

    fn interrupted(&self) -> bool {
        self.site.cancel.load(Ordering::Relaxed)
    }

    fn job(&self, entry: usize) -> Job {
        let planned = &self.plan.entries[entry];
        Job {
            nodes: planned.nodes,
            workload: planned.workload.clone(),
            params: planned.params.clone(),
            seed: self.plan.seed,
            checked: self.references.get(&entry).map_or(0, |known| known.checksums.len() as u64),
        }
    }

    /// Checks the cores before the first block, now and then between blocks, and after the last.
    fn burn_if_due(&mut self, observer: &mut dyn Observer) -> Result<(), RunError> {
        let due = self.elapsed() - self.burned >= BURN_EVERY && !self.interrupted();
        if let Some(cluster) = self.site.cluster.as_ref().filter(|_| due) {
            for (node, report) in cluster.burn() {
                observer.observe(&Event::Burned(&BurnReport { node: Some(node), ..report }))?;
            }
            self.burned = self.elapsed();
        } else if let Some(burn) = self.burn.as_mut().filter(|_| due) {
            let report = burn.measure(BURN_TIME);
            observer.observe(&Event::Burned(&report))?;
            self.burned = self.elapsed();
        }
        Ok(())
    }

    /// Seconds that a round of this cell takes with a window of `window` seconds, without the
    /// launch of its crew.
    fn cost(&self, cell: Cell, window: f64) -> f64 {
        self.pace.cost(cell, &self.references[&cell.entry], window)
    }

    /// Seconds that launching the crews of an entry takes.
    fn launch_cost(&self, entry: usize) -> f64 {
        let largest = |series: &Series| {
            let workers = series.candidates.first().last().copied().unwrap_or(1);
            self.pace.launch(Cell { entry, mode: series.mode, workers }, &self.references[&entry])
        };
        self.plan.entries[entry].series.iter().map(largest).sum()
    }

    /// Chooses the workload of the next block. The workload whose crews are alive goes on at least
    /// until the crews have been used long enough for their launch.
    fn turn(&self, steer: &Steer) -> Option<Turn> {
        let left = self.plan.budget - self.elapsed();
        let cost: &dyn Fn(Cell) -> f64 = &|cell| self.cost(cell, self.pace.shortest());
        let launch: &dyn Fn(usize) -> f64 = &|entry| self.launch_cost(entry);
        let next = steer.turn(left, cost, launch, None)?;
        let at_work = self.crews.age().and_then(|(entry, age)| {
            let turn = steer.turn(left, cost, launch, Some(entry))?;
            let goes_on = next.entry == entry || !age.may_end();
            let is_due = age.is_due(turn.whole) || steer.starts_over(entry);
            (goes_on && !is_due).then_some(turn)
        });
        Some(at_work.unwrap_or(next))
    }

    /// The window of a round of this cell, where the workload's share of the budget pays for
    /// `seconds` per round.
    fn window(&self, (cell, confirms): (Cell, bool), seconds: f64) -> f64 {
        self.pace.window((cell, confirms), &self.references[&cell.entry], seconds)
    }

    /// The window of a round of the next block. Where tasks arrive at a rate, the rate decides.
    fn window_of(&self, wanted: Wanted, seconds: f64) -> f64 {
        let timed = || self.window((wanted.cell, wanted.confirms), seconds);
        wanted.rate.map_or_else(timed, pace::open)
    }

    /// Launches the crews that a block needs, each at the largest count wanted. If that fails, the
    /// next smaller count is tried.
    fn launch(
        &mut self,
        number: u32,
        cells: &mut Vec<Wanted>,
        steer: &mut Steer,
        observer: &mut dyn Observer,
    ) -> Result<(), RunError> {
        let mut order: Vec<Cell> = cells.iter().map(|wanted| wanted.cell).collect();
        order.sort_by_key(|cell| (cell.mode, std::cmp::Reverse(cell.workers)));
        for cell in order {
            if self.interrupted() {
                return Ok(());
            }
            let job = self.job(cell.entry);
            let guess = self.pace.launch(cell, &self.references[&cell.entry]);
            if !self.crews.serve(cell, &job) && self.elapsed() + guess > self.plan.budget {
                cells.retain(|wanted| wanted.cell != cell);
                continue;
            }
            let began = self.elapsed();
            match self.crews.launch(cell, &job) {
                Ok(None) => {}
                Ok(Some(seconds)) => {
                    self.pace.learn_launch(cell, seconds);
                    steer.spend(cell.entry, self.elapsed() - began);
                }
                Err(error) => {
                    cells.retain(|wanted| wanted.cell != cell);
                    self.fail(cell, number, &error, steer, observer)?;
                }
            }
        }
        Ok(())
    }

    /// Measures one block, where each round may take `seconds`. Returns false once the budget is
    /// spent.
    fn block(
        &mut self,
        number: u32,
        seconds: f64,
        mut cells: Vec<Wanted>,
        steer: &mut Steer,
        observer: &mut dyn Observer,
    ) -> Result<bool, RunError> {
        cells.retain(|one| self.failures.get(&one.cell).is_none_or(|&times| times < 2));
        observer.observe(&Event::Block { number, rounds: cells.len() })?;
        self.launch(number, &mut cells, steer, observer)?;
        let mut queue: VecDeque<_> = cells.into_iter().map(|wanted| (wanted, None)).collect();
        while let Some((wanted, repeats)) = queue.pop_front() {
            let cell = wanted.cell;
            if self.interrupted() {
                return Ok(false);
            }
            let spent = self.elapsed();
            let window = self.window_of(wanted, seconds);
            let cost = self.cost(cell, window);
            if spent + cost > self.plan.budget {
                continue;
            }
            observer.observe(&Event::Round { cell, spent: spent / self.plan.budget })?;
            let order = Order { wanted, block: number, window, repeats };
            let disturbed = self.round(&order, steer, observer)?;
            // On a machine that is never quiet repeating helps nobody, so disturbed rounds are only
            // marked.
            if let Some(round) = disturbed.filter(|_| repeats.is_none() && self.may_repeat()) {
                self.repeated += 1;
                queue.push_back((wanted, Some(round)));
            }
        }
        Ok(self.elapsed() < self.plan.budget * 0.99)
    }

    /// Whether another round may be repeated: one in five may.
    fn may_repeat(&self) -> bool {
        self.repeated * 5 <= self.outcome.measured
    }
}
