//! Turns one series of a record, which is a workload in one mode, into a curve.

use std::collections::BTreeMap;

use super::at_rate;
use super::batch;
use super::bound::{Evidence, Witness};
use super::curve::{Input, analyse};
use super::findings::{Curve, Latency, Point};
use super::observation::Observation;
use super::round::Rounded;
use crate::machine::{GpuUse, Ledger};
use crate::plan::hold::{Known, Seen, known};
use crate::plan::{Limits, Mode};
use crate::record::Record;
use crate::run::{Latencies, Sample};
use crate::stats::median::median;

/// The rounds of one series that count, in order of time.
#[derive(Debug, Clone)]
pub(super) struct Series<'r> {
    pub(super) mode: Mode,
    pub(super) rounds: Vec<Round<'r>>,
}

/// One round, with its index in the record.
#[derive(Debug, Clone, Copy)]
pub(super) struct Round<'r> {
    pub(super) place: usize,
    pub(super) sample: &'r Sample,
}

impl<'r> Series<'r> {
    /// A disturbed round that was repeated does not count. It stays in the record.
    pub(super) fn of(record: &'r Record, entry: usize, mode: Mode) -> Self {
        let replaced: Vec<u32> =
            record.samples.iter().filter_map(|sample| sample.repeats).collect();
        let rounds = record
            .samples
            .iter()
            .enumerate()
            .filter(|(_, sample)| sample.cell.entry == entry && sample.cell.mode == mode)
            .filter(|(_, sample)| !replaced.contains(&sample.round))
            .map(|(place, sample)| Round { place, sample })
            .collect();
        let mut series = Self { mode, rounds };
        if record.header.plan.arrivals.is_some_and(|arrivals| arrivals.most) {
            series.keep_highest(&record.header.plan.limits);
        }
        series
    }

    /// For each count, keeps the rounds at the highest rate that it was shown to hold. If it holds
    /// none, keeps those at the lowest rate tried.
    fn keep_highest(&mut self, limits: &Limits) {
        let mut by_rate: BTreeMap<(usize, u64), Vec<Seen>> = BTreeMap::new();
        for sample in self.rounds.iter().map(|round| round.sample) {
            if let Some((arrived, seen)) = sample.arrived.zip(sample.at_rate(limits)) {
                // Rates are positive, so their bits sort like the rates themselves.
                let key = (sample.cell.workers, arrived.asked.rate.to_bits());
                by_rate.entry(key).or_default().push(seen);
            }
        }
        let mut chosen: BTreeMap<usize, (u64, bool)> = BTreeMap::new();
        for ((count, rate), seen) in &by_rate {
            let holds = known(seen) == Known::Holds;
            let slot = chosen.entry(*count).or_insert((*rate, holds));
            if holds {
                *slot = (*rate, true);
            }
        }
        self.rounds.retain(|round| {
            let rate = round.sample.arrived.map(|arrived| arrived.asked.rate.to_bits());
            let own = chosen.get(&round.sample.cell.workers).map(|(rate, _)| *rate);
            rate == own
        });
    }

    pub(super) fn observations(&self) -> Vec<Observation> {
        self.rounds.iter().map(|round| observation(round.sample)).collect()
    }

    fn samples(&self, workers: f64) -> Vec<&'r Sample> {
        let same = |round: &&Round<'r>| (round.sample.cell.workers as f64 - workers).abs() < 1e-9;
        self.rounds.iter().filter(same).map(|round| round.sample).collect()
    }

    /// The median of a figure over the rounds of one count, where known.
    pub(super) fn median_of(
        &self,
        workers: f64,
        figure: impl Fn(&Sample) -> Option<f64>,
    ) -> Option<f64> {
        let values: Vec<f64> = self.samples(workers).into_iter().filter_map(figure).collect();
        median(&values)
    }

    /// CPU seconds per second that the work used at the largest count, with all that the rounds
    /// need before and after their windows. `None` with nodes, each of which has CPUs of its own.
    pub(super) fn cpus_used_at_the_largest(&self) -> Option<f64> {
        let largest = self.rounds.iter().map(|round| round.sample.cell.workers).max()?;
        let samples = self.samples(largest as f64).into_iter();
        let here = samples.filter(|sample| sample.nodes.is_empty());
        let total = Ledger::total(here.filter_map(|sample| sample.ledger.as_ref()))?;
        (total.wall > 0.0).then(|| total.own_cpu / total.wall)
    }

    /// The median of a figure over all rounds, where known.
    pub(super) fn median(&self, figure: impl Fn(&Sample) -> Option<f64>) -> Option<f64> {
        let rounds = self.rounds.iter().map(|round| round.sample);
        let values: Vec<f64> = rounds.filter_map(figure).collect();
        median(&values)
    }

    /// What was seen at each count, ascending.
    pub(super) fn witnesses(&self) -> Vec<Witness> {
        let mut counts: Vec<f64> = self.observations().iter().map(|o| o.workers).collect();
        counts.sort_by(f64::total_cmp);
        counts.dedup();
        counts.into_iter().map(|workers| self.witness(workers)).collect()
    }

    /// The curve; for the serial mode, its only point.
    pub(super) fn curve(
        &self,
        serial: Vec<Observation>,
        evidence: Evidence,
        tolerance: f64,
        seed: u64,
    ) -> Curve {
        let observations = self.observations();
        let name = self.mode.name().to_owned();
        let (noise, observations) = (None, observations);
        let mut curve =
            analyse(&Input { name, observations, serial, evidence, tolerance, noise, seed });
        for point in &mut curve.points {
            self.fill(point);
        }
        if let Some(knee) = &mut curve.knee
            && let Some(more) = &mut knee.more
        {
            more.p99 = longer(&curve.points, knee.workers, more.workers).rounded();
        }
        curve
    }

    fn witness(&self, workers: f64) -> Witness {
        let of = |figure: &dyn Fn(&Sample) -> Option<f64>| self.median_of(workers, figure);
        // A single round may be shorter than one tick of the counters that tell what others took.
        let ledgers = self.samples(workers).into_iter().filter_map(|s| s.ledger.as_ref());
        let ledger = Ledger::total(ledgers);
        let taken = |share: fn(&Ledger) -> Option<f64>| Some(share(ledger.as_ref()?)?.max(0.0));
        Witness {
            workers,
            cpu: of(&cpu),
            system: of(&|s| {
                let both = s.usage.user + s.usage.system;
                (both > 0.0).then(|| s.usage.system / both)
            }),
            cpu_per_unit: of(&cpu_per_unit),
            queued: of(&|s| Some(s.usage.run_queue? / span(s)?))
                // knee cannot see how long programs wait for CPUs.
                .filter(|_| self.mode != Mode::Copies),
            voluntary: of(&voluntary),
            client: of(&|s| {
                let load = s.load.as_ref().filter(|load| load.threads > 0)?;
                Some(load.cpu / load.threads as f64)
            }),
            io_pressure: of(&|s| s.ledger.as_ref()?.io_pressure),
            throttled: of(&|s| s.ledger.as_ref()?.throttled),
            gpu: of(&|s| busiest(s)?.busy),
            gpu_at_rest: of(&|s| busiest(s)?.at_rest),
            foreign: taken(Ledger::certain_foreign),
            stolen: taken(Ledger::certain_steal),
        }
    }

    /// Fills in the figures of a point besides its throughput.
    fn fill(&self, point: &mut Point) {
        let of = |figure: &dyn Fn(&Sample) -> Option<f64>| self.median_of(point.workers, figure);
        let samples = self.samples(point.workers);
        let latency = Latencies::of(samples.iter().copied()).map(|all| Latency {
            mean: all.mean().rounded(),
            p50: all.quantile(0.5),
            p90: all.quantile(0.9),
            p95: Some(all.quantile(0.95)),
            p99: all.quantile(0.99),
            p999: all.quantile(0.999),
            max: all.max(),
        });
        let (cpu, cpu_per_unit) = (of(&cpu), of(&cpu_per_unit));
        let (voluntary, involuntary) = (of(&voluntary), of(&involuntary));
        let memory = of(&|s| s.usage.peak_memory.map(|bytes| bytes as f64));
        let makespans: Vec<f64> = samples.iter().filter_map(|sample| sample.makespan).collect();
        point.makespan = batch::makespan(&makespans);
        point.latency = latency;
        point.at_rate = at_rate::of(&samples);
        point.printed_p99 = of(&|s| s.printed_p99).rounded();
        point.cpu = cpu.rounded();
        point.cpu_per_unit = cpu_per_unit.rounded();
        point.voluntary_switches = voluntary.rounded();
        point.involuntary_switches = involuntary.rounded();
        point.peak_memory = memory;
        point.gpu_busy = of(&|s| busiest(s)?.busy).rounded();
        point.gpu_memory = of(&|s| Some(busiest(s)?.memory? as f64));
        point.unfairness = of(&unfairness).rounded();
        point.outliers = point.outliers.iter().map(|&at| self.rounds[at].place).collect();
        point.disturbed = samples.iter().filter(|sample| sample.is_disturbed()).count();
    }
}

fn observation(sample: &Sample) -> Observation {
    Observation {
        workers: sample.cell.workers as f64,
        throughput: sample.throughput,
        block: Some(sample.block),
        confirms: sample.confirms,
        launch: sample.crew,
    }
}

/// The 99th percentile of latency with `more` workers, relative to that with `few`.
fn longer(points: &[Point], few: f64, more: f64) -> Option<f64> {
    let p99 = |workers: f64| {
        let point = points.iter().find(|point| (point.workers - workers).abs() < 1e-9)?;
        point.p99().filter(|p99| *p99 > 0.0)
    };
    Some(p99(more)? / p99(few)?)
}

fn span(sample: &Sample) -> Option<f64> {
    Some(sample.usage.span).filter(|span| *span > 0.0)
}

/// The GPU that was busiest in a round.
fn busiest(sample: &Sample) -> Option<&GpuUse> {
    let gpus = sample.ledger.as_ref()?.gpus.iter();
    gpus.max_by(|a, b| a.busy.unwrap_or(-1.0).total_cmp(&b.busy.unwrap_or(-1.0)))
}

/// CPU seconds per second of wall time.
fn cpu(sample: &Sample) -> Option<f64> {
    Some((sample.usage.user + sample.usage.system) / span(sample)?)
}

/// CPU seconds per unit: the ratio of two rates over the same time.
fn cpu_per_unit(sample: &Sample) -> Option<f64> {
    let throughput = Some(sample.throughput).filter(|throughput| *throughput > 0.0)?;
    Some(cpu(sample)? / throughput)
}

/// Voluntary switches per task: switches per second over tasks per second.
fn voluntary(sample: &Sample) -> Option<f64> {
    let per_task = sample.units as f64 / sample.tasks as f64;
    let tasks = sample.throughput / per_task;
    let switches = sample.usage.voluntary? as f64 / span(sample)?;
    Some(switches / tasks).filter(|value| value.is_finite())
}

fn involuntary(sample: &Sample) -> Option<f64> {
    Some(sample.usage.involuntary? as f64 / span(sample)?)
}

/// The largest difference of a worker's rate from the mean, as a share of the mean.
fn unfairness(sample: &Sample) -> Option<f64> {
    let mean = sample.rates.iter().sum::<f64>() / sample.rates.len() as f64;
    let away = sample.rates.iter().map(|rate| (rate / mean - 1.0).abs()).fold(0.0, f64::max);
    (mean > 0.0).then_some(away)
}
