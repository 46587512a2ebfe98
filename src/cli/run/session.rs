//! One run from its first line to its last, kept in its record.

use std::io;
use std::path::Path;

use super::camp::Camp;
use crate::analysis::NEIGHBOUR;
use crate::cli::progress::Progress;
use crate::cli::{Failure, Output, exit};
use crate::clock;
use crate::machine::neighbour::{self, Neighbourhood};
use crate::machine::{Busiest, Machine, Others, Placement, Warning};
use crate::plan::{Plan, Registry};
use crate::plot::label::visible;
use crate::record::{Advice, End, Header, Line, SCHEMA_VERSION, Writer};
use crate::run::{Event, Observer, Outcome, Past, Setting};
use crate::units::Quantity;

/// What a session needs.
pub(crate) struct Session<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) machine: &'a Machine,
    pub(crate) directory: &'a Path,
    pub(crate) registry: Registry,
    pub(crate) output: Output,
}

impl Session<'_> {
    /// Measures the plan and keeps what is measured; goes on after `past`, if there is one.
    pub(crate) fn measure(&self, past: Option<&Past>) -> Result<Outcome, Failure> {
        let camp = Camp::pitch(self.plan.seed)?;
        let site = camp.site(self.registry, self.machine, self.placement()?);
        let unwritten = |error: io::Error| {
            let what = format!("{} cannot be written: {error}", self.directory.display());
            Failure::new(exit::UNWRITTEN, what)
        };
        let writer = match past {
            None => Writer::create(self.directory),
            Some(_) => Writer::resume(self.directory),
        };
        let progress = Progress::new(self.plan, self.output);
        let (writer, others) = (writer.map_err(unwritten)?, Others::watch());
        let mut keeper = Keeper { writer, progress, others, rounds: 0, disturbed: 0 };
        if past.is_none() {
            keeper.writer.append(&Line::Header(self.header())).map_err(unwritten)?;
        }
        // Held until the run ends, so that another one sees it.
        let neighbourhood = neighbour::enter();
        for warning in self.warnings(&neighbourhood) {
            let advice = Advice::from(&warning);
            self.output.remark(&format!("knee: {}; {}", advice.text, advice.remedy));
            keeper.writer.append(&Line::Warning(advice)).map_err(unwritten)?;
        }
        let setting = Setting { plan: self.plan, site: &site, machine: self.machine };
        let result = crate::run::run(&setting, past, &mut keeper);
        keeper.progress.finish();
        let outcome = result.map_err(|error| Failure::new(exit::UNWRITTEN, error))?;
        if let Some(advice) = keeper.neighbour(self.machine.budget.usable()) {
            keeper.writer.append(&Line::Warning(advice)).map_err(unwritten)?;
        }
        let end = Line::End(End { wall: outcome.wall, interrupted: outcome.interrupted });
        keeper.writer.append(&end).and_then(|()| keeper.writer.sync()).map_err(unwritten)?;
        Ok(outcome)
    }

    /// The CPU of each worker, where they are to be bound.
    fn placement(&self) -> Result<Vec<usize>, Failure> {
        let allowed = self.machine.budget.affinity.as_ref().filter(|_| self.plan.pin);
        let Some(allowed) = allowed else { return Ok(Vec::new()) };
        let placement = Placement::new(&self.machine.topology, allowed)
            .map_err(|error| Failure::new(exit::FAILED, error))?;
        Ok(placement.cpus().iter().map(|cpu| *cpu as usize).collect())
    }

    /// What bends figures and is known before the first one.
    fn warnings(&self, neighbourhood: &Neighbourhood) -> Vec<Warning> {
        let mut warnings = self.machine.warnings();
        if matches!(neighbourhood, Neighbourhood::Shared) {
            warnings.push(Warning::OtherRun);
        }
        let most = self.plan.cells().iter().map(|cell| cell.workers).max().unwrap_or(1);
        warnings.extend(self.machine.plan_warnings(most as u64, 2 << 20, 3));
        warnings
    }

    fn header(&self) -> Header {
        let name = self.directory.file_name().unwrap_or(self.directory.as_os_str());
        Header {
            schema_version: SCHEMA_VERSION,
            name: name.to_string_lossy().into_owned(),
            knee: env!("CARGO_PKG_VERSION").into(),
            optimised: !cfg!(debug_assertions),
            command: std::env::args_os().map(|arg| arg.to_string_lossy().into_owned()).collect(),
            started: clock::utc(),
            machine: self.machine.clone(),
            plan: self.plan.clone(),
        }
    }
}

/// Keeps what is measured, then shows that it was.
struct Keeper<'p> {
    writer: Writer,
    progress: Progress<'p>,
    others: Others,
    rounds: usize,
    disturbed: usize,
}

impl Keeper<'_> {
    /// Who disturbed the run, where it was disturbed and somebody is seen who may have done it.
    fn neighbour(&mut self, cpus: f64) -> Option<Advice> {
        const OFTEN: f64 = 0.2;
        const MUCH: f64 = 0.05;
        if self.disturbed as f64 <= OFTEN * self.rounds as f64 {
            return None;
        }
        let Busiest { name, pid, share } = self.others.busiest(cpus)?;
        (share >= MUCH).then(|| Advice {
            code: NEIGHBOUR.to_owned(),
            text: format!(
                "{} (process {pid}) used {} of the CPUs",
                visible(&name),
                Quantity::Share.text(share)
            ),
            remedy: "stop it, or keep to CPUs that it does not use with --cpus".to_owned(),
        })
    }
}

impl Observer for Keeper<'_> {
    fn observe(&mut self, event: &Event<'_>) -> io::Result<()> {
        match event {
            Event::Surveyed { entry, reference } => {
                let survey = crate::record::Survey::new(*entry, reference);
                self.writer.append(&Line::Survey(survey))?;
            }
            Event::Measured(sample) => {
                self.rounds += 1;
                if sample.is_disturbed() {
                    self.disturbed += 1;
                    self.others.look();
                }
                self.writer.append(&Line::Sample((*sample).clone()))?;
            }
            Event::Failed(failure) => self.writer.append(&Line::Failure((*failure).clone()))?,
            Event::Burned(report) => self.writer.append(&Line::Burn((*report).clone()))?,
            Event::Block { .. } | Event::Round { .. } => {}
        }
        self.progress.observe(event)
    }
}
