//! One run, from its first record line to its last.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::camp::Camp;
use super::first::First;
use crate::analysis::NEIGHBOUR;
use crate::cli::progress::Progress;
use crate::cli::{Failure, Output, exit};
use crate::clock;
use crate::machine::neighbour::{self, Neighbours};
use crate::machine::{Busiest, Machine, Others, Placement, Warning};
use crate::mode::node::Cluster;
use crate::plan::{Plan, Registry};
use crate::plot::label::visible;
use crate::record::{Advice, End, Header, Line, Writer};
use crate::run::{self, Event, Observer, Outcome, Past, Setting};
use crate::units::Quantity;

/// What a session needs.
pub(crate) struct Session<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) machine: &'a Machine,
    pub(crate) directory: &'a Path,
    pub(crate) registry: Registry,
    pub(crate) output: Output,
    /// Whether the record names the commands without their arguments.
    pub(crate) hide_command: bool,
    /// The nodes over which crews are spread, if any.
    pub(crate) cluster: Option<Arc<Cluster>>,
    /// Shows the results if an interrupt ends the program in the middle of a task. Returns the exit
    /// code.
    pub(crate) show: &'a (dyn Fn() -> u8 + Sync),
}

/// The record that a session continues.
pub(crate) type Resumed<'p> = (Writer, &'p Past);

impl Session<'_> {
    /// Measures the plan and records the results. Continues an earlier record, if there is one.
    pub(crate) fn measure(
        &self,
        camp: Camp,
        resumed: Option<Resumed<'_>>,
    ) -> Result<Outcome, Failure> {
        let mut site = camp.site(self.registry, self.machine, self.placement()?);
        site.cluster.clone_from(&self.cluster);
        let (writer, past) = match resumed {
            Some((writer, past)) => (writer, Some(past)),
            None => (self.begun()?, None),
        };
        // Held until the run ends, so that other runs notice it.
        let neighbours = neighbour::enter();
        let kept = Mutex::new(Some(writer));
        let progress = Progress::new(self.plan, self.output);
        let mut keeper = Keeper {
            writer: &kept,
            first: past.map_or_else(|| First::of(self.header()), |_| First::said()),
            neighbours,
            warned: false,
            progress,
            others: Others::watch(),
            rounds: 0,
            disturbed: 0,
        };
        for advice in self.warnings() {
            keeper.warn(advice, self.output).map_err(|error| self.unwritten(&error))?;
        }
        let start = clock::now();
        let before = past.map_or(0.0, Past::wall);
        // An interrupt in the middle of a task also ends the record properly.
        let rest = || {
            let Some(mut writer) = held(&kept).take() else { return exit::INTERRUPTED };
            let wall = before + clock::since(start).as_secs_f64();
            let end = Line::End(End { wall, interrupted: true });
            match writer.append(&end).and_then(|()| writer.sync()) {
                Ok(()) => (self.show)(),
                Err(_) => exit::UNWRITTEN,
            }
        };
        let setting = Setting { plan: self.plan, site: &site, machine: self.machine };
        let result = camp.interruptible(|| run::run(&setting, past, &mut keeper), rest);
        keeper.progress.finish();
        let outcome = result.map_err(|run::RunError::Keep(error)| self.unwritten(&error))?;
        let end = End { wall: outcome.wall, interrupted: outcome.interrupted };
        if let Some(advice) = keeper.neighbour(self.machine.budget.usable()) {
            keeper.append(&Line::Warning(advice)).map_err(|error| self.unwritten(&error))?;
        }
        let mut writer = taken(&kept);
        let ended = writer.append(&Line::End(end)).and_then(|()| writer.sync());
        ended.map_err(|error| self.unwritten(&error))?;
        if let Some(cluster) = &self.cluster {
            cluster.end();
        }
        // Processes that commands left behind end before the report is made, which takes a while.
        drop(camp);
        Ok(outcome)
    }

    /// A new record, with its header.
    fn begun(&self) -> Result<Writer, Failure> {
        let writer = Writer::create(self.directory, self.header().readers());
        let mut writer = writer.map_err(|error| match error.kind() {
            // Another run has just taken the directory.
            io::ErrorKind::AlreadyExists | io::ErrorKind::ResourceBusy => {
                super::place::taken(self.directory)
            }
            _ => self.unwritten(&error),
        })?;
        writer.append(&Line::Header(self.header())).map_err(|error| self.unwritten(&error))?;
        Ok(writer)
    }

    fn unwritten(&self, error: &io::Error) -> Failure {
        Failure::unwritten(self.directory, error)
    }

    /// The CPU of each worker, if workers are bound to CPUs.
    fn placement(&self) -> Result<Vec<usize>, Failure> {
        let allowed = self.machine.budget.affinity.as_ref().filter(|_| self.plan.pin);
        let Some(allowed) = allowed else { return Ok(Vec::new()) };
        let placement = Placement::new(&self.machine.topology, allowed)
            .map_err(|error| Failure::new(exit::FAILED, error))?;
        Ok(placement.cpus().iter().map(|cpu| *cpu as usize).collect())
    }

    /// Conditions that distort figures, as known before the first round.
    fn warnings(&self) -> Vec<Advice> {
        if let Some(cluster) = &self.cluster {
            return super::nodes::warnings(cluster, self.plan);
        }
        let mut warnings = self.machine.warnings();
        let nice = rustix::process::getpriority_process(None).unwrap_or(0);
        warnings.extend((nice > 0).then_some(Warning::Nice(nice)));
        let most = self.plan.cells().iter().map(|cell| cell.workers).max().unwrap_or(1);
        warnings.extend(self.machine.plan_warnings(most as u64, 2 << 20, 3));
        let mut all: Vec<Advice> = warnings.iter().map(Advice::from).collect();
        all.extend(super::serve::warnings(self.plan));
        all
    }

    fn header(&self) -> Header {
        let name = self.directory.file_name().unwrap_or(self.directory.as_os_str());
        let mut header = Header::new(&name.to_string_lossy(), self.plan, self.machine);
        header.nodes = self.cluster.iter().flat_map(|nodes| nodes.nodes().to_vec()).collect();
        if self.hide_command {
            header.plan.entries.iter_mut().for_each(super::own::hide);
            header.command.truncate(2);
            header.command.push("[hidden]".to_owned());
        }
        header
    }
}

fn held(kept: &Mutex<Option<Writer>>) -> MutexGuard<'_, Option<Writer>> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes the writer, for the last line. If an interrupt has taken it, this thread waits for the end
/// of the program.
fn taken(kept: &Mutex<Option<Writer>>) -> Writer {
    let taken = held(kept).take();
    taken.unwrap_or_else(|| {
        loop {
            std::thread::park();
        }
    })
}

/// Records what is measured, and then shows progress.
struct Keeper<'p, 'k> {
    /// `None` once the record has its last line.
    writer: &'k Mutex<Option<Writer>>,
    first: First,
    neighbours: Neighbours,
    /// Whether another run was noticed.
    warned: bool,
    progress: Progress<'p>,
    others: Others,
    rounds: usize,
    disturbed: usize,
}

impl Keeper<'_, '_> {
    /// Advice about the program that probably disturbed the run, if there is one.
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

impl Keeper<'_, '_> {
    fn append(&self, line: &Line) -> io::Result<()> {
        held(self.writer).as_mut().map_or(Ok(()), |writer| writer.append(line))
    }

    fn warn(&self, advice: Advice, output: Output) -> io::Result<()> {
        if !output.quiet {
            self.progress.say(&format!("knee: {}; {}", advice.text, advice.remedy));
        }
        self.append(&Line::Warning(advice))
    }

    /// Another run may start at any time.
    fn look_for_others(&mut self) -> io::Result<()> {
        if !self.warned && self.neighbours.is_company() {
            self.warned = true;
            self.warn(Advice::from(&Warning::OtherRun), self.progress.output())?;
        }
        Ok(())
    }
}

impl Observer for Keeper<'_, '_> {
    fn observe(&mut self, event: &Event<'_>) -> io::Result<()> {
        match event {
            Event::Round { .. } => self.look_for_others()?,
            Event::Measured(sample) => {
                self.rounds += 1;
                // Programs on other hosts cannot be seen from here.
                if sample.nodes.is_empty() && sample.is_disturbed() {
                    self.disturbed += 1;
                    self.others.look();
                }
            }
            _ => {}
        }
        let kept = Line::of(event).map_or(Ok(()), |line| self.append(&line));
        match (event, kept) {
            // An impossible value would make the whole record unreadable.
            (Event::Measured(sample), Err(error)) if error.kind() == io::ErrorKind::InvalidData => {
                let failure = run::Failure {
                    cell: Some(sample.cell),
                    entry: sample.cell.entry,
                    block: sample.block,
                    reason: format!("its figures cannot be true: {error}"),
                };
                return self.observe(&Event::Failed(&failure));
            }
            (_, kept) => kept?,
        }
        if let Some(answer) = self.first.heard(event) {
            self.progress.say(&answer);
        }
        self.progress.observe(event)
    }
}
