//! Measuring: blocks of rounds in random order, within a budget; events for whoever watches.
//!
//! A block measures every cell once, in an order drawn from the seed, so that a machine that drifts treats all alike. Blocks
//! follow one another until every decision is settled or the budget is spent.

mod event;
mod pace;
mod sample;
mod steer;

use std::collections::BTreeMap;
use std::io;
use std::num::NonZeroUsize;
use std::sync::atomic::Ordering;

use crate::clock;
use crate::mode::{self, Job, ModeError, Reference, Round, Site};
use crate::plan::{Cell, Plan};
use pace::Pace;
use sample::Seconds;
use steer::{Means, Steer};

pub use event::{Event, Observer};
pub use sample::{Failure, Latencies, Sample};

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

/// Measures everything planned, after what was measured in the `past`.
///
/// # Errors
/// Only that the observer could not keep what was measured. A cell that fails is an event, not an error.
pub fn run(
    plan: &Plan,
    site: &Site,
    past: Option<&Past>,
    observer: &mut dyn Observer,
) -> Result<Outcome, RunError> {
    let mut run = Run {
        plan,
        site,
        start: clock::now(),
        references: BTreeMap::new(),
        pace: Pace::new(site.cores as f64),
        failures: BTreeMap::new(),
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
        let window = run.window(&steer);
        let cost = |cell: Cell| run.pace.cost(cell, &run.references[&cell.entry], window);
        let cells = steer.block(&Means { left: plan.budget - run.elapsed(), cost: &cost });
        if cells.is_empty() || !run.block(number, window, cells, &mut steer, observer)? {
            break;
        }
        number += 1;
    }
    run.outcome.wall = run.elapsed();
    run.outcome.interrupted = run.interrupted();
    Ok(run.outcome)
}

struct Run<'a> {
    plan: &'a Plan,
    site: &'a Site,
    start: std::time::Instant,
    references: BTreeMap<usize, Reference>,
    pace: Pace,
    /// How often a cell failed: it is not tried for ever.
    failures: BTreeMap<Cell, u32>,
    /// Seconds that the run had taken before it was interrupted and resumed.
    before: f64,
    /// The number of the next round.
    rounds: u32,
    outcome: Outcome,
}

/// What an interrupted run had done before.
#[derive(Debug, Clone, PartialEq)]
pub struct Past {
    samples: Vec<Sample>,
    wall: f64,
    blocks: u32,
    rounds: u32,
}

impl Past {
    /// What these samples tell.
    pub fn of(samples: &[Sample]) -> Self {
        Self {
            samples: samples.to_vec(),
            wall: samples.iter().map(|sample| sample.at).fold(0.0, f64::max),
            blocks: samples.iter().map(|sample| sample.block + 1).max().unwrap_or(0),
            rounds: samples.iter().map(|sample| sample.round + 1).max().unwrap_or(0),
        }
    }
}

impl Run<'_> {
    fn elapsed(&self) -> f64 {
        self.before + clock::since(self.start).as_secs_f64()
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

    /// The window with which every workload gets its blocks within what is left of the budget.
    fn window(&self, steer: &Steer) -> f64 {
        let (mut fixed, mut rounds) = (0.0, 0.0);
        for (entry, wanted) in steer.outlook(pace::BLOCKS) {
            fixed += wanted * self.pace.overhead(entry, &self.references[&entry]);
            rounds += wanted;
        }
        pace::window((self.plan.budget - self.elapsed() - fixed) / f64::max(rounds, 1.0))
    }

    /// Measures one block; false when the budget is spent.
    fn block(
        &mut self,
        number: u32,
        window: f64,
        mut cells: Vec<Cell>,
        steer: &mut Steer,
        observer: &mut dyn Observer,
    ) -> Result<bool, RunError> {
        cells.retain(|cell| self.failures.get(cell).is_none_or(|&times| times < 2));
        observer.observe(&Event::Block { number, rounds: cells.len() })?;
        for cell in cells {
            if self.interrupted() {
                return Ok(false);
            }
            let spent = self.elapsed();
            let cost = self.pace.cost(cell, &self.references[&cell.entry], window);
            if spent + cost > self.plan.budget {
                continue;
            }
            observer.observe(&Event::Round { cell, spent: spent / self.plan.budget })?;
            self.round(cell, number, window, steer, observer)?;
        }
        Ok(self.elapsed() < self.plan.budget * 0.98)
    }

    /// Measures one cell once.
    fn round(
        &mut self,
        cell: Cell,
        block: u32,
        window: f64,
        steer: &mut Steer,
        observer: &mut dyn Observer,
    ) -> Result<(), RunError> {
        let began = self.elapsed();
        let result = self.measure(cell, block, window);
        self.pace.learn(cell, self.elapsed() - began, window);
        match result {
            Ok(sample) => {
                steer.observe(&sample);
                self.outcome.measured += 1;
                self.rounds += 1;
                observer.observe(&Event::Measured(&sample))?;
            }
            Err(ModeError::Interrupted) => {}
            Err(error) => {
                let times = self.failures.entry(cell).or_default();
                *times += 1;
                if *times > 1 {
                    steer.fail(cell);
                }
                self.outcome.failed += 1;
                let reason = error.to_string();
                let failure = Failure { cell: Some(cell), entry: cell.entry, block, reason };
                observer.observe(&Event::Failed(&failure))?;
            }
        }
        Ok(())
    }

    fn measure(&self, cell: Cell, block: u32, window: f64) -> Result<Sample, ModeError> {
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
            round: self.outcome.measured,
            at,
            launch: launch.as_secs_f64(),
            dismiss,
        };
        Ok(Sample::new(cell, shape, &round, seconds))
    }
}

/// Every mode must return what serial returned, or the cell is void.
fn verify(round: &Round, reference: &Reference) -> Result<(), ModeError> {
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
