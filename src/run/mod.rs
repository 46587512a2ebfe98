//! Measuring: blocks of rounds in random order, within a budget; events for whoever watches.
//!
//! A block measures every cell once, in an order drawn from the seed, so that a machine that drifts treats all alike. Blocks
//! follow one another until every decision is settled or the budget is spent.

mod event;
mod pace;
mod past;
mod sample;
mod share;
mod steer;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::num::NonZeroUsize;
use std::sync::atomic::Ordering;

use crate::clock;
use crate::machine::{BURN_TIME, Burn, Ledger, Machine, Root, Watch, process_cpu_time};
use crate::mode::{self, Job, ModeError, Reference, Round, Site};
use crate::plan::{Cell, Plan};
use crate::units::Quantity;
use pace::Pace;
use sample::Seconds;
use steer::{Steer, Turn, Wanted};

pub use event::{Event, Observer};
pub use past::Past;
pub use sample::{Failure, Latencies, Sample};

/// Seconds between two burn controls: often enough to see a neighbour come, at half a percent of the time.
const BURN_EVERY: f64 = 8.0;

/// Why a run could not be brought to its end.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// What was measured could not be kept.
    #[error("the record cannot be written: {0}")]
    Keep(#[from] io::Error),
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// Seconds from its beginning.
    pub wall: f64,
    /// Whether the user interrupted it.
    pub interrupted: bool,
    /// Rounds that gave a figure.
    pub measured: u32,
    /// Rounds that gave none.
    pub failed: u32,
}

/// What is measured, where, on what.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    /// What.
    pub plan: &'a Plan,
    /// Where crews are launched.
    pub site: &'a Site,
    /// The machine.
    pub machine: &'a Machine,
}

/// Measures everything planned, after what was measured in the `past`.
///
/// # Errors
/// Only that the observer could not keep what was measured. A cell that fails is an event, not an error.
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
        stopped: 0.0,
        references: BTreeMap::new(),
        pace: Pace::new(site.cores as f64),
        failures: BTreeMap::new(),
        told: past.iter().flat_map(|past| &past.samples).map(|sample| sample.cell.entry).collect(),
        before: past.map_or(0.0, |past| past.wall),
        rounds: past.map_or(0, |past| past.rounds),
        outcome: Outcome { wall: 0.0, interrupted: false, measured: 0, failed: 0 },
    };
    run.survey(observer)?;
    let mut steer = Steer::new(plan, |entry| run.references.contains_key(&entry));
    let mut number = past.map_or(0, |past| past.blocks);
    for sample in past.iter().flat_map(|past| &past.samples) {
        steer.observe(sample);
    }
    while !run.interrupted() {
        run.burn_if_due(observer)?;
        let Some(turn) = run.turn(&steer) else { break };
        let window = run.window(&turn);
        let cells = steer.block(&turn, &|cell| run.cost(cell, window));
        // Without cells that workload has come to its end, and it is another one's turn.
        if !cells.is_empty() {
            if !run.block(number, window, cells, &mut steer, observer)? {
                break;
            }
            number += 1;
        }
    }
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
    /// Asks each core whether it still gives what it gave.
    burn: Option<Burn>,
    /// When that was last asked.
    burned: f64,
    /// Rounds that were repeated because they were disturbed.
    repeated: u32,
    start: std::time::Instant,
    /// Seconds that knee itself was stopped (Ctrl-Z) in rounds: they are not of the budget.
    stopped: f64,
    references: BTreeMap<usize, Reference>,
    pace: Pace,
    /// How often a cell failed: it is not tried for ever.
    failures: BTreeMap<Cell, u32>,
    /// Entries of which something was measured, or failed with a reason.
    told: BTreeSet<usize>,
    /// Seconds that the run had taken before it was interrupted and resumed.
    before: f64,
    /// The number of the next round.
    rounds: u32,
    outcome: Outcome,
}

/// One round to be measured.
struct Order {
    wanted: Wanted,
    block: u32,
    window: f64,
    /// The disturbed round that this one repeats.
    repeats: Option<u32>,
}

impl Run<'_> {
    fn elapsed(&self) -> f64 {
        self.before + clock::since(self.start).as_secs_f64() - self.stopped
    }

    fn interrupted(&self) -> bool {
        self.site.cancel.load(Ordering::Relaxed)
    }

    fn job(&self, entry: usize) -> Job {
        let planned = &self.plan.entries[entry];
        Job {
            workload: planned.workload.clone(),
            params: planned.params.clone(),
            seed: self.plan.seed,
            checked: self.references.get(&entry).map_or(0, |known| known.checksums.len() as u64),
        }
    }

    /// Runs each workload serially once.
    fn survey(&mut self, observer: &mut dyn Observer) -> Result<(), RunError> {
        for entry in 0..self.plan.entries.len() {
            if self.interrupted() {
                break;
            }
            match mode::reference(self.site, &self.job(entry)) {
                Ok(reference) => {
                    observer.observe(&Event::Surveyed { entry, reference: &reference })?;
                    self.references.insert(entry, reference);
                }
                Err(_) if self.interrupted() => break,
                Err(error) => {
                    let reason = error.to_string();
                    self.outcome.failed += 1;
                    let failure = Failure { cell: None, entry, block: 0, reason };
                    observer.observe(&Event::Failed(&failure))?;
                }
            }
        }
        Ok(())
    }

    /// A workload for which the budget was too small says so, instead of being silently absent.
    fn name_the_unmeasured(
        &mut self,
        steer: &Steer,
        observer: &mut dyn Observer,
    ) -> Result<(), RunError> {
        if self.interrupted() {
            return Ok(());
        }
        for (&entry, reference) in &self.references {
            if self.told.contains(&entry) {
                continue;
            }
            let least = steer.least(entry, &|cell| self.cost(cell, pace::SHORTEST));
            let seconds = |value: f64| Quantity::Duration.text(value);
            let reason = format!(
                "a task takes {}, and nothing of it fitted into the budget; measuring it takes about {}: give a larger --budget, fewer --workers or --modes",
                seconds(reference.task),
                seconds(least)
            );
            self.outcome.failed += 1;
            observer.observe(&Event::Failed(&Failure { cell: None, entry, block: 0, reason }))?;
        }
        Ok(())
    }

    /// Asks before the first block, between blocks from time to time, and after the last one.
    fn burn_if_due(&mut self, observer: &mut dyn Observer) -> Result<(), RunError> {
        let due = self.elapsed() - self.burned >= BURN_EVERY && !self.interrupted();
        if let Some(burn) = self.burn.as_mut().filter(|_| due) {
            let report = burn.measure(BURN_TIME);
            observer.observe(&Event::Burned(&report))?;
            self.burned = self.elapsed();
        }
        Ok(())
    }

    /// Seconds that a round of this cell takes with a window of `window` seconds.
    fn cost(&self, cell: Cell, window: f64) -> f64 {
        self.pace.cost(cell, &self.references[&cell.entry], window)
    }

    fn turn(&self, steer: &Steer) -> Option<Turn> {
        let left = self.plan.budget - self.elapsed();
        steer.turn(left, &|cell| self.cost(cell, pace::SHORTEST))
    }

    /// The window with which the workload whose turn it is gets the rounds that it wants in its share of the budget.
    fn window(&self, turn: &Turn) -> f64 {
        let reference = &self.references[&turn.entry];
        self.pace.window(turn.entry, reference, turn.share / turn.rounds)
    }

    /// Measures one block; false when the budget is spent.
    fn block(
        &mut self,
        number: u32,
        window: f64,
        mut cells: Vec<Wanted>,
        steer: &mut Steer,
        observer: &mut dyn Observer,
    ) -> Result<bool, RunError> {
        cells.retain(|one| self.failures.get(&one.cell).is_none_or(|&times| times < 2));
        observer.observe(&Event::Block { number, rounds: cells.len() })?;
        let mut queue: VecDeque<_> = cells.into_iter().map(|wanted| (wanted, None)).collect();
        while let Some((wanted, repeats)) = queue.pop_front() {
            let cell = wanted.cell;
            if self.interrupted() {
                return Ok(false);
            }
            let spent = self.elapsed();
            let cost = self.cost(cell, window);
            if spent + cost > self.plan.budget {
                continue;
            }
            observer.observe(&Event::Round { cell, spent: spent / self.plan.budget })?;
            let order = Order { wanted, block: number, window, repeats };
            let disturbed = self.round(&order, steer, observer)?;
            // On a machine that is never quiet, repeating helps nobody: then rounds are only marked.
            if let Some(round) = disturbed.filter(|_| repeats.is_none() && self.may_repeat()) {
                self.repeated += 1;
                queue.push_back((wanted, Some(round)));
            }
        }
        Ok(self.elapsed() < self.plan.budget * 0.98)
    }

    /// One round in five may be a repetition.
    fn may_repeat(&self) -> bool {
        self.repeated * 5 <= self.outcome.measured
    }

    /// Measures one cell once; the number of the round where it was disturbed.
    fn round(
        &mut self,
        order: &Order,
        steer: &mut Steer,
        observer: &mut dyn Observer,
    ) -> Result<Option<u32>, RunError> {
        let (cell, began) = (order.wanted.cell, self.elapsed());
        let expected = self.cost(cell, order.window);
        let result = self.watched(order);
        let took = self.elapsed() - began;
        // Nor does such a round say what the next one will take: it would never be tried again.
        if result.as_ref().is_ok_and(Sample::was_stopped) {
            self.stopped += (took - expected).max(0.0);
        } else {
            self.pace.learn(cell, took, order.window);
        }
        self.told.insert(cell.entry);
        match result {
            Ok(sample) => {
                steer.observe(&sample);
                self.outcome.measured += 1;
                self.rounds += 1;
                observer.observe(&Event::Measured(&sample))?;
                Ok(sample.is_disturbed().then_some(sample.round))
            }
            // A task that was cut short by the interrupt has not failed.
            Err(_) if self.interrupted() => Ok(None),
            Err(ModeError::Interrupted) => Ok(None),
            Err(error) => {
                let times = self.failures.entry(cell).or_default();
                *times += 1;
                if *times > 1 {
                    steer.fail(cell);
                }
                self.outcome.failed += 1;
                let (entry, block, reason) = (cell.entry, order.block, error.to_string());
                observer.observe(&Event::Failed(&Failure {
                    cell: Some(cell),
                    entry,
                    block,
                    reason,
                }))?;
                Ok(None)
            }
        }
    }

    /// Measures with a look at the machine before and after. All workers are reaped in between, so that their CPU time
    /// is ours.
    fn watched(&mut self, order: &Order) -> Result<Sample, ModeError> {
        let (before, own) = (self.watch.snapshot(), process_cpu_time().ok());
        let mut sample = self.measure(order)?;
        let used = process_cpu_time().ok().zip(own).map(|(after, before)| after - before);
        let after = self.watch.snapshot();
        sample.ledger = used.map(|used| Ledger::between(&before, &after, used));
        Ok(sample)
    }

    fn measure(&self, order: &Order) -> Result<Sample, ModeError> {
        let Order { wanted: Wanted { cell, confirms }, block, window, repeats } = *order;
        let reference = &self.references[&cell.entry];
        let shape = pace::shape(self.plan.batch, reference, window);
        let workers = NonZeroUsize::new(cell.workers).unwrap_or(NonZeroUsize::MIN);
        let at = self.elapsed();
        let (mut crew, launch) =
            mode::launch(cell.mode, self.site, &self.job(cell.entry), workers)?;
        let round = crew.round(shape);
        let dismissing = clock::now();
        let dismissed = crew.dismiss();
        let dismiss = clock::since(dismissing).as_secs_f64();
        let round = round?;
        dismissed?;
        verify(&round, reference)?;
        let seconds = Seconds {
            block,
            round: self.rounds,
            at,
            launch: launch.as_secs_f64(),
            dismiss,
            repeats,
            confirms,
        };
        Ok(Sample::new(cell, shape, &round, seconds))
    }
}

/// Every mode must return what serial returned, or the cell is void.
pub(crate) fn verify(round: &Round, reference: &Reference) -> Result<(), ModeError> {
    for lap in &round.laps {
        for &(number, checksum) in &lap.checks {
            if reference.checksums.get(number as usize) != Some(&checksum) {
                let reason = "its checksum is not the one that serial returned".to_owned();
                return Err(ModeError::Task { number, reason });
            }
        }
    }
    Ok(())
}
