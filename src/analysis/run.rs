//! Analyses a whole run: from its record to its findings.

use std::collections::{BTreeMap, BTreeSet};

use super::at_rate;
use super::axis;
use super::batch;
use super::bound::Evidence;
use super::budget;
use super::doubt;
use super::findings::{
    CeilingShare, CellFailure, Curve, Equivalent, Findings, Point, RateAnswer, Remark, RunSummary,
    SCHEMA_VERSION, TaskLength, Verdict, Warning, WorkloadFindings,
};
use super::function::{self, Runtime};
use super::lengths;
use super::measured::Measured;
use super::outside;
use super::price::{self, Empty};
use super::programs;
use super::queue;
use super::quiet;
use super::round::Rounded;
use super::series::Series;
use super::server;
use super::verdict::verdict;
use crate::mode::helper::Facts;
use crate::plan::{Arrivals, Entry, Mode};
use crate::record::{Record, Survey};
use crate::run::Sample;

/// The workload that does nothing. Its time is the cost of the mode itself.
const EMPTY: &str = "noop";

/// Everything that a record shows. The same record gives the same findings, byte for byte.
pub fn analyse(record: &Record) -> Findings {
    match budget::kept(record) {
        None => findings(record),
        Some((kept, change)) => change.told(findings(&kept)),
    }
}

fn findings(record: &Record) -> Findings {
    let context = Context::of(record);
    let plan = &record.header.plan;
    let mut workloads: Vec<WorkloadFindings> = plan
        .subjects()
        .into_iter()
        .map(|at| {
            let mut found = if plan.entries[at].alternative {
                context.alternatives(&plan.ways(at))
            } else {
                context.with_lengths(at, context.workload(at, &plan.entries[at]))
            };
            doubt::withdraw(record, at, &mut found);
            found
        })
        .collect();
    let axes = axis::axes(record, &workloads);
    let to_settle = doubt::settle(record, &mut workloads, &axes);
    let mut warnings: Vec<Warning> = record
        .warnings
        .iter()
        .map(|advice| Warning {
            code: advice.code.clone(),
            text: advice.text.clone(),
            remedy: advice.remedy.clone(),
        })
        .collect();
    let (quiet, noise) = quiet::quiet(record);
    warnings.extend(noise);
    warnings.extend(quiet::changes(record).into_iter().chain(super::nodes::warnings(record)));
    Findings {
        schema_version: SCHEMA_VERSION,
        run: summary(record),
        axes,
        workloads,
        quiet,
        warnings,
        to_settle,
    }
}

fn summary(record: &Record) -> RunSummary {
    let header = &record.header;
    let last = record.samples.iter().map(|sample| sample.at).fold(0.0, f64::max);
    RunSummary {
        name: header.name.clone(),
        command: command(&header.command),
        knee: header.knee.clone(),
        seed: header.plan.seed,
        started: header.started.clone(),
        wall: record.end.map_or(last, |end| end.wall),
        // A record without an end is from a run that was killed.
        interrupted: record.end.is_none_or(|end| end.interrupted),
        machine: header.machine.summary(),
        usable_cpus: header.machine.budget.usable(),
        tolerance: header.plan.tolerance,
        rounds: record.samples.len() as u64,
        disturbed: record.samples.iter().filter(|sample| sample.is_disturbed()).count() as u64,
    }
}

/// The command line as it can be typed into a shell.
fn command(words: &[String]) -> String {
    shlex::try_join(words.iter().map(String::as_str)).unwrap_or_else(|_| words.join(" "))
}

/// What the analysis of a workload needs from the whole record.
pub(super) struct Context<'r> {
    pub(super) record: &'r Record,
    /// The index of the empty workload.
    empty: Option<usize>,
}

impl<'r> Context<'r> {
    fn of(record: &'r Record) -> Self {
        let plan = &record.header.plan;
        let empty = plan.entries.iter().position(|entry| entry.workload == EMPTY);
        // At a rate, the empty workload does not show the cost of a mode.
        Self { record, empty: empty.filter(|_| plan.arrivals.is_none()) }
    }

    pub(super) fn survey(&self, entry: usize) -> Option<&'r Survey> {
        self.record.surveys.iter().rfind(|survey| survey.entry == entry)
    }

    fn facts(&self, entry: usize) -> Option<&'r Facts> {
        self.survey(entry)?.function.as_ref()
    }

    /// The seed of one series. Each series has its own, so that adding a mode changes no other.
    pub(super) fn seed(&self, entry: usize, mode: Mode) -> u64 {
        knee_workloads::mix(self.record.header.plan.seed, entry as u64 ^ mode.salt())
    }

    fn empty_task(&self, at: usize, mode: Mode) -> Empty {
        if let Some(known) = function::empty_task(&Series::of(self.record, at, mode)) {
            return known;
        }
        let Some(entry) = self.empty else { return Empty::default() };
        let serial = Series::of(self.record, entry, Mode::Serial);
        let mode = Series::of(self.record, entry, mode);
        Empty::of(Some(&serial), Some(&mode))
    }

    pub(super) fn evidence(&self, at: usize, entry: &Entry, series: &Series<'_>) -> Evidence {
        let (machine, mode) = (&self.record.header.machine, series.mode);
        Evidence {
            claimed: Some(entry.kind.name().to_owned()),
            usable_cpus: Some(machine.budget.usable()),
            physical_cores: machine.topology.cores.map(f64::from),
            quota: machine.budget.quota.as_ref().map(|quota| quota.cpus),
            dispatch: self.empty_task(at, mode).dispatch(),
            task: self.survey(at).map(|survey| survey.task),
            runtime: Runtime::of(entry, mode, self.facts(at)),
            swept: programs::swept(entry).is_some() && mode != Mode::Server,
            printed: programs::prints(entry),
            cells: series.witnesses(),
        }
    }

    fn workload(&self, at: usize, entry: &Entry) -> WorkloadFindings {
        let Measured { serial: mut serial_point, mut curves, contenders } =
            self.measured(at, entry);
        let tolerance = self.record.header.plan.tolerance;
        let mut notes = self.notes(at);
        let batch = self.record.header.plan.batch;
        notes.extend(batch.and_then(|n| batch::remark(n, serial_point.as_ref(), &curves)));
        notes.extend(server::remarks(self.record, at, &curves));
        notes.extend(outside::remark(self.record, at, &curves));
        let best = best_throughput(serial_point.as_ref(), &curves);
        let mut verdict = verdict(&entry.label, &contenders, tolerance);
        let at_rate = self.record.header.plan.arrivals.map(|asked| {
            let (answer, found) =
                self.at_rate(at, entry, asked, (serial_point.as_mut(), &mut curves));
            verdict = found;
            answer
        });
        if let Some(answer) = &at_rate {
            notes.extend(self.theory(answer, serial_point.as_ref(), &curves));
        } else if let Some(verdict) = &mut verdict {
            let usable = self.record.header.machine.budget.usable();
            verdict.asides.extend(programs::crowding(
                entry,
                &curves,
                serial_point.as_ref(),
                usable,
            ));
        }
        WorkloadFindings {
            label: entry.label.clone(),
            workload: entry.workload.clone(),
            params: params(entry),
            kind: entry.kind.name().to_owned(),
            unit_one: entry.unit_one.clone(),
            unit_many: entry.unit_many.clone(),
            serial: serial_point,
            alternatives: Vec::new(),
            verdict,
            in_pairs: self.record.header.plan.is_searched_in_pairs(at),
            at_rate,
            curves,
            equivalent: best.zip(entry.equivalent.as_ref()).map(|(best, (name, per_second))| {
                Equivalent { name: name.clone(), count: (best / per_second).rounded() }
            }),
            ceiling: self.ceiling(at, best),
            textbook_optimum: entry.textbook_optimum,
            lengths: Vec::new(),
            notes,
            failures: self.failures(at),
        }
    }

    /// Which count holds the rate at which tasks arrived. The cells are judged in place.
    fn at_rate(
        &self,
        at: usize,
        entry: &Entry,
        asked: Arrivals,
        (serial, curves): (Option<&mut Point>, &mut [Curve]),
    ) -> (RateAnswer, Option<Verdict>) {
        let limits = &self.record.header.plan.limits;
        let alone = self.alone(at);
        for curve in curves.iter_mut() {
            at_rate::judge(curve, asked, limits, alone);
        }
        let serial = serial.map(|point| {
            at_rate::judge_point(point, asked, limits, alone);
            &*point
        });
        let searched = entry.is_searched();
        at_rate::answer(&entry.label, serial, curves, (asked, searched), limits)
    }

    /// How long a task takes while no other waits with it, where knee does not see inside. Requests
    /// also wait inside a server; sent one after another, they do not.
    pub(super) fn alone(&self, at: usize) -> Option<f64> {
        let entry = &self.record.header.plan.entries[at];
        let is_server = entry.series.iter().any(|series| series.mode == Mode::Server);
        self.survey(at).filter(|_| is_server).map(|survey| survey.task)
    }

    /// Queueing theory for the cell that an answer is about.
    pub(super) fn theory(
        &self,
        answer: &RateAnswer,
        serial: Option<&Point>,
        curves: &[Curve],
    ) -> Option<Remark> {
        let cell = answer.found.as_ref().or(answer.most.as_ref())?;
        let own = curves.iter().find(|curve| curve.name == cell.mode);
        let mut points = own.map_or(&[][..], |curve| &curve.points).iter().chain(serial);
        let point = points.find(|point| (point.workers - cell.workers).abs() < 1e-9)?;
        queue::remark(point, self.record.header.plan.arrivals?.at(point.at_rate?.came))
    }

    /// The best throughput as a share of what the usable cores could do by their design.
    fn ceiling(&self, at: usize, best: Option<f64>) -> Option<CeilingShare> {
        let ceiling = self.survey(at)?.ceiling.as_ref()?;
        let machine = &self.record.header.machine;
        // Two hardware threads of a core share its arithmetic units.
        let cores = machine.topology.cores.map_or(f64::INFINITY, f64::from);
        let all = ceiling.units_per_second * machine.budget.usable().min(cores);
        Some(CeilingShare {
            units_per_second: all.rounded(),
            share: (best? / all).rounded(),
            source: ceiling.source.clone(),
        })
    }

    pub(super) fn notes(&self, at: usize) -> Vec<Remark> {
        let notes = self.survey(at).map_or(&[][..], |survey| &survey.notes);
        let mut remarks: Vec<Remark> = notes
            .iter()
            .map(|note| Remark {
                warning: note.warning,
                text: note.text.clone(),
                remedy: note.remedy.clone(),
            })
            .collect();
        remarks.dedup();
        remarks
    }

    /// The failures of an entry, each reason once per cell.
    pub(super) fn failures(&self, at: usize) -> Vec<CellFailure> {
        // A set, because a record can hold any number of failures.
        let (mut seen, mut out) = (BTreeSet::new(), Vec::new());
        for failure in self.record.failures.iter().filter(|failure| failure.entry == at) {
            let failure = CellFailure {
                mode: failure.cell.map_or("all modes", |cell| cell.mode.name()).to_owned(),
                workers: failure.cell.map_or(0.0, |cell| cell.workers as f64),
                reason: in_one_line(&failure.reason),
            };
            let workers = failure.workers.to_bits();
            if seen.insert((failure.mode.clone(), workers, failure.reason.clone())) {
                out.push(failure);
            }
        }
        out
    }

    /// Adds to the findings of a workload the task lengths that were tried, what each mode costs,
    /// and from what length on it pays.
    fn with_lengths(&self, at: usize, mut workload: WorkloadFindings) -> WorkloadFindings {
        let entries = self.record.header.plan.entries.iter().enumerate();
        let shorter = entries.filter(|(_, entry)| entry.shorter_of == Some(at));
        let shorter = shorter.map(|(other, entry)| (other, self.workload(other, entry)));
        let mut lengths: Vec<TaskLength> = std::iter::once((at, workload.clone()))
            .chain(shorter)
            .filter_map(|(at, found)| lengths::length(&found, self.survey(at)?.task))
            .collect();
        lengths.sort_by(|a, b| a.task.total_cmp(&b.task));
        if lengths.len() > 1 {
            workload.lengths = lengths;
        }
        let usable = self.record.header.machine.budget.usable();
        let entry = &self.record.header.plan.entries[at];
        for curve in &mut workload.curves {
            let Ok(mode) = curve.name.parse::<Mode>() else { continue };
            let launch = Series::of(self.record, at, mode).median(Sample::launch_per_worker);
            let crossing = lengths::crossing(&workload.lengths, &curve.name).rounded();
            let knee = curve.knee.as_ref().map_or(1.0, |knee| knee.workers);
            curve.price =
                price::price(&self.empty_task(at, mode), launch, crossing, knee.min(usable));
        }
        let task = self.survey(at).map(|survey| survey.task);
        let verdict = workload.verdict.as_ref();
        let more = function::remarks(entry, self.facts(at), task, &workload.curves, verdict);
        workload.notes.extend(more);
        workload
    }
}

pub(super) fn params(entry: &Entry) -> BTreeMap<String, String> {
    entry.params.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn best_throughput(serial: Option<&Point>, curves: &[Curve]) -> Option<f64> {
    let points = curves.iter().flat_map(|curve| &curve.points).chain(serial);
    points.map(|point| point.throughput.median).reduce(f64::max)
}

impl CellFailure {
    /// The cell and the reason in one line: `2 workers, threads: task 7 failed`.
    pub fn told(&self) -> String {
        if self.workers > 0.0 {
            format!("{}, {}: {}", crate::units::workers(self.workers), self.mode, self.reason)
        } else {
            self.reason.clone()
        }
    }
}

/// A reason in one line. Of a program's output only the first and the last lines are kept; the
/// record holds more.
fn in_one_line(reason: &str) -> String {
    const ENDS: usize = 3;
    let mut lines: Vec<&str> = reason.lines().map(str::trim).collect();
    if lines.len() > 2 * ENDS + 1 {
        lines.splice(ENDS..lines.len() - ENDS, ["[..]"]);
    }
    lines.join(" ")
}

#[test]
fn a_reason_of_many_lines_becomes_one() {
    assert_eq!(
        in_one_line("it ended; it printed:\n    | 1\n    | 2"),
        "it ended; it printed: | 1 | 2"
    );
    let many = (1..100).fold("it printed:".to_owned(), |text, n| format!("{text}\n    | {n}"));
    assert_eq!(in_one_line(&many), "it printed: | 1 | 2 [..] | 97 | 98 | 99");
}
