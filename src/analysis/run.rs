//! A whole run: from its record to its findings.

use std::collections::BTreeMap;

use super::batch;
use super::bound::Evidence;
use super::findings::{
    CeilingShare, CellFailure, Curve, Equivalent, Findings, Point, Remark, RunSummary,
    SCHEMA_VERSION, Warning, WorkloadFindings,
};
use super::limits;
use super::price::{self, Empty, Tried};
use super::quiet;
use super::round::Rounded;
use super::series::Series;
use super::verdict::{Contender, verdict};
use crate::plan::{Entry, Mode};
use crate::record::{Record, Survey};

/// The workload that does nothing: what it takes is the mode's own.
const EMPTY: &str = "noop";

/// Everything that a record tells. The same record gives the same findings, byte for byte.
pub fn analyse(record: &Record) -> Findings {
    let context = Context::of(record);
    let entries = record.header.plan.entries.iter().enumerate();
    let mut workloads: Vec<WorkloadFindings> =
        entries.map(|(at, entry)| context.workload(at, entry)).collect();
    context.prices(&mut workloads);
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
    warnings.extend(quiet::changes(record));
    Findings { schema_version: SCHEMA_VERSION, run: summary(record), workloads, quiet, warnings }
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
        // A run without an end was killed.
        interrupted: record.end.is_none_or(|end| end.interrupted),
        machine: header.machine.summary(),
        usable_cpus: header.machine.budget.usable(),
        rounds: record.samples.len() as u64,
        disturbed: record.samples.iter().filter(|sample| sample.is_disturbed()).count() as u64,
    }
}

/// The command line as it can be typed into a shell.
fn command(words: &[String]) -> String {
    shlex::try_join(words.iter().map(String::as_str)).unwrap_or_else(|_| words.join(" "))
}

/// What the analysis of each workload needs of the whole record.
struct Context<'r> {
    record: &'r Record,
    /// The entry of the empty workload.
    empty: Option<usize>,
}

impl<'r> Context<'r> {
    fn of(record: &'r Record) -> Self {
        let mut entries = record.header.plan.entries.iter();
        Self { record, empty: entries.position(|entry| entry.workload == EMPTY) }
    }

    fn survey(&self, entry: usize) -> Option<&'r Survey> {
        self.record.surveys.iter().rfind(|survey| survey.entry == entry)
    }

    /// The seed of one series: its own, so that adding a mode changes nothing else.
    fn seed(&self, entry: usize, mode: Mode) -> u64 {
        knee_workloads::mix(self.record.header.plan.seed, (entry as u64) << 8 | mode as u64)
    }

    fn empty_task(&self, mode: Mode) -> Empty {
        let Some(entry) = self.empty else { return Empty::default() };
        let serial = Series::of(self.record, entry, Mode::Serial);
        let mode = Series::of(self.record, entry, mode);
        Empty::of(Some(&serial), Some(&mode))
    }

    fn evidence(&self, at: usize, entry: &Entry, mode: Mode) -> Evidence {
        let machine = &self.record.header.machine;
        Evidence {
            claimed: Some(entry.kind.name().to_owned()),
            usable_cpus: Some(machine.budget.usable()),
            physical_cores: machine.topology.cores.map(f64::from),
            quota: machine.budget.quota.as_ref().map(|quota| quota.cpus),
            dispatch: self.empty_task(mode).dispatch(),
            task: self.survey(at).map(|survey| survey.task),
            cells: Vec::new(),
        }
    }

    fn workload(&self, at: usize, entry: &Entry) -> WorkloadFindings {
        let serial = Series::of(self.record, at, Mode::Serial);
        let baseline = serial.observations();
        let evidence = |mode| self.evidence(at, entry, mode);
        let serial_point = serial
            .curve(Vec::new(), evidence(Mode::Serial), self.seed(at, Mode::Serial))
            .points
            .into_iter()
            .next();
        let mut contenders: Vec<Contender> =
            Contender::serial(baseline.clone()).into_iter().collect();
        let mut curves = Vec::new();
        for planned in entry.series.iter().filter(|series| series.mode != Mode::Serial) {
            let mode = planned.mode;
            let series = Series::of(self.record, at, mode);
            if series.rounds.is_empty() {
                continue;
            }
            let mut curve = series.curve(baseline.clone(), evidence(mode), self.seed(at, mode));
            curve.limits = limits::choose(&curve, &self.record.header.plan.limits);
            contenders.extend(Contender::of(mode, &curve, &series.observations()));
            curves.push(curve);
        }
        let mut notes = self.notes(at);
        let batch = self.record.header.plan.batch;
        notes.extend(batch.and_then(|n| batch::remark(n, serial_point.as_ref(), &curves)));
        let best = best_throughput(serial_point.as_ref(), &curves);
        WorkloadFindings {
            label: entry.label.clone(),
            workload: entry.workload.clone(),
            params: params(entry),
            kind: entry.kind.name().to_owned(),
            unit_one: entry.unit_one.clone(),
            unit_many: entry.unit_many.clone(),
            serial: serial_point,
            verdict: verdict(&entry.label, &contenders),
            curves,
            equivalent: best.zip(entry.equivalent.as_ref()).map(|(best, (name, per_second))| {
                Equivalent { name: name.clone(), count: (best / per_second).rounded() }
            }),
            ceiling: self.ceiling(at, best),
            textbook_optimum: entry.textbook_optimum,
            notes,
            failures: self.failures(at),
        }
    }

    /// The best throughput against what the usable cores can do by design.
    fn ceiling(&self, at: usize, best: Option<f64>) -> Option<CeilingShare> {
        let ceiling = self.survey(at)?.ceiling.as_ref()?;
        let machine = &self.record.header.machine;
        // Two hardware threads of one core share its arithmetic.
        let cores = machine.topology.cores.map_or(f64::INFINITY, f64::from);
        let all = ceiling.units_per_second * machine.budget.usable().min(cores);
        Some(CeilingShare {
            units_per_second: all.rounded(),
            share: (best? / all).rounded(),
            source: ceiling.source.clone(),
        })
    }

    fn notes(&self, at: usize) -> Vec<Remark> {
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

    /// Each reason once per cell.
    fn failures(&self, at: usize) -> Vec<CellFailure> {
        let mut out: Vec<CellFailure> = Vec::new();
        for failure in self.record.failures.iter().filter(|failure| failure.entry == at) {
            let failure = CellFailure {
                mode: failure.cell.map_or("all modes", |cell| cell.mode.name()).to_owned(),
                workers: failure.cell.map_or(0.0, |cell| cell.workers as f64),
                reason: failure.reason.clone(),
            };
            if !out.contains(&failure) {
                out.push(failure);
            }
        }
        out
    }

    /// What each mode costs, and from which task length it pays: from a sweep of lengths where the plan holds one, else from the empty task.
    fn prices(&self, workloads: &mut [WorkloadFindings]) {
        let mut tried: BTreeMap<(String, String), Vec<Tried>> = BTreeMap::new();
        for (at, workload) in workloads.iter().enumerate() {
            let Some(survey) = self.survey(at) else { continue };
            for curve in &workload.curves {
                let Some(ratio) = speedup_at_knee(curve) else { continue };
                let key = (workload.workload.clone(), curve.name.clone());
                tried.entry(key).or_default().push((survey.task, ratio));
            }
        }
        let usable = self.record.header.machine.budget.usable();
        for (at, workload) in workloads.iter_mut().enumerate() {
            for curve in &mut workload.curves {
                let Ok(mode) = curve.name.parse::<Mode>() else { continue };
                let launch = Series::of(self.record, at, mode).median_of(1.0, |s| Some(s.launch));
                let lengths = &tried.get(&(workload.workload.clone(), curve.name.clone()));
                let knee = curve.knee.map_or(1.0, |knee| knee.workers);
                let lengths = lengths.map_or(&[][..], Vec::as_slice);
                let empty = self.empty_task(mode);
                curve.price = price::price(&empty, launch, lengths, knee.min(usable));
            }
        }
    }
}

fn params(entry: &Entry) -> BTreeMap<String, String> {
    entry.params.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn speedup_at_knee(curve: &Curve) -> Option<f64> {
    let knee = curve.knee?.workers;
    let at = |point: &&Point| (point.workers - knee).abs() < 1e-9;
    Some(curve.points.iter().find(at)?.speedup?.median)
}

fn best_throughput(serial: Option<&Point>, curves: &[Curve]) -> Option<f64> {
    let points = curves.iter().flat_map(|curve| &curve.points).chain(serial);
    points.map(|point| point.throughput.median).reduce(f64::max)
}
