//! Simulated runs with known truth, for the tests of comparisons and checks.

use std::collections::BTreeMap;

use super::{Contender, Run};
use crate::analysis::findings::{
    Curve, Estimate, Findings, Knee, Optimum, Point, Quiet, RunSummary, SCHEMA_VERSION, Verdict,
    WorkloadFindings,
};
use crate::machine::Machine;
use crate::plan::Plan;
use crate::record::{Header, Record};
use crate::rng::Rng;
use crate::stats::median;

/// How a simulated run is made.
#[derive(Debug, Clone)]
pub(super) struct Planted {
    /// Units per second of one worker.
    pub(super) rate: f64,
    /// Standard deviation of rounds, as a share.
    pub(super) noise: f64,
    /// A factor on all figures of this run.
    pub(super) run: f64,
    /// Rounds per cell.
    pub(super) rounds: usize,
    pub(super) labels: Vec<&'static str>,
    pub(super) name: String,
    /// Throughput of 1, 2 and 4 workers relative to one.
    pub(super) curve: [f64; 3],
}

impl Default for Planted {
    fn default() -> Self {
        Self {
            rate: 1000.0,
            noise: 0.03,
            run: 1.0,
            rounds: 12,
            labels: vec!["pi"],
            name: "run".into(),
            curve: [1.0, 1.9, 1.8],
        }
    }
}

impl Planted {
    /// Makes a run with new noise.
    pub(super) fn run(&self, rng: &mut Rng) -> Run {
        let workloads = self.labels.iter().map(|label| self.workload(label, rng)).collect();
        Run { record: self.record(rng), findings: self.findings(workloads) }
    }

    fn point(&self, workers: f64, factor: f64, rng: &mut Rng) -> Point {
        let level = self.rate * factor * self.run;
        let rounds: Vec<f64> =
            (0..self.rounds).map(|_| level * (self.noise * rng.normal()).exp()).collect();
        let sorted = median::ascending(&rounds);
        let (low, high) =
            median::interval(&sorted).unwrap_or((sorted[0], sorted[sorted.len() - 1]));
        let middle = median::median(&rounds).unwrap();
        Point {
            workers,
            throughput: Estimate { median: middle, low, high },
            samples: self.rounds,
            launches: 0,
            speedup: None,
            efficiency: None,
            makespan: None,
            latency: None,
            printed_p99: None,
            at_rate: None,
            cpu: None,
            cpu_per_unit: None,
            cost: None,
            voluntary_switches: None,
            involuntary_switches: None,
            peak_memory: None,
            gpu_busy: None,
            gpu_memory: None,
            unfairness: None,
            outliers: Vec::new(),
            disturbed: 0,
        }
    }

    fn workload(&self, label: &str, rng: &mut Rng) -> WorkloadFindings {
        let serial = self.point(1.0, self.curve[0], rng);
        let counts = [1.0, 2.0, 4.0].into_iter().zip(self.curve);
        let points: Vec<Point> =
            counts.map(|(count, factor)| self.point(count, factor, rng)).collect();
        // The true best count, so that tests of ratios do not depend on how an optimum is found.
        let best = if self.curve[1] >= self.curve[2] { 2.0 } else { 4.0 };
        let optimum = Optimum {
            workers: best,
            set: vec![best],
            probability: 0.99,
            conclusive: true,
            rising: false,
            regret: None,
            remedy: None,
        };
        let curve = Curve {
            name: "threads".into(),
            points,
            optimum: Some(optimum),
            knee: Some(Knee {
                workers: best,
                loss: None,
                regret: None,
                as_good: vec![best],
                more: None,
            }),
            usl: None,
            laws: Vec::new(),
            bound: None,
            limits: None,
            price: None,
            warnings: Vec::new(),
            fit_remarks: Vec::new(),
        };
        WorkloadFindings {
            label: label.into(),
            workload: label.split(':').next().unwrap_or(label).into(),
            params: BTreeMap::from([("n".into(), label.split(':').nth(1).unwrap_or("1").into())]),
            kind: "cpu".into(),
            unit_one: "digit".into(),
            unit_many: "digits".into(),
            serial: Some(serial),
            curves: vec![curve],
            in_pairs: false,
            verdict: Some(Verdict {
                mode: "threads".into(),
                workers: best,
                speedup: None,
                others: Vec::new(),
                conclusive: true,
                regret: None,
                times_the_rounds: None,
                asides: Vec::new(),
                sentence: String::new(),
            }),
            alternatives: Vec::new(),
            at_rate: None,
            equivalent: None,
            ceiling: None,
            textbook_optimum: None,
            lengths: Vec::new(),
            notes: Vec::new(),
            failures: Vec::new(),
        }
    }

    /// Each record is different, as real runs are.
    fn record(&self, rng: &mut Rng) -> Record {
        let plan = Plan {
            limits: crate::plan::Limits::default(),
            tolerance: 0.05,
            tariff: None,
            outside: crate::plan::Outside::default(),
            seed: rng.next_u64(),
            budget: 60.0,
            batch: None,
            arrivals: None,
            pin: false,
            entries: Vec::new(),
        };
        let mut machine = Machine { cpu_model: Some("Test CPU".into()), ..Machine::default() };
        machine.budget.affinity = Some((0..4).collect());
        let header = Header {
            schema_version: crate::record::SCHEMA_VERSION,
            name: self.name.clone(),
            knee: "0.1.0".into(),
            optimised: true,
            command: vec!["knee".into()],
            started: "2026-11-23T15:00:00Z".into(),
            machine,
            plan,
            nodes: Vec::new(),
        };
        Record::begun(header)
    }

    fn findings(&self, workloads: Vec<WorkloadFindings>) -> Findings {
        Findings {
            schema_version: SCHEMA_VERSION,
            run: RunSummary {
                name: self.name.clone(),
                command: "knee run".into(),
                knee: "0.1.0".into(),
                seed: 1,
                started: "2026-11-23T15:00:00Z".into(),
                wall: 60.0,
                interrupted: false,
                machine: "Test CPU".into(),
                usable_cpus: 4.0,
                tolerance: 0.05,
                rounds: 100,
                disturbed: 0,
            },
            workloads,
            axes: Vec::new(),
            quiet: Quiet {
                sentence: String::new(),
                trusted: true,
                foreign_cpu: None,
                steal: None,
                burn: None,
            },
            warnings: Vec::new(),
            to_settle: None,
        }
    }
}

/// A side of several runs. `make` makes each run from its number.
pub(super) fn side(name: &str, runs: usize, mut make: impl FnMut(usize) -> Run) -> Contender {
    Contender { name: name.into(), runs: (0..runs).map(&mut make).collect(), price: None }
}

/// A side of `runs` runs of these workloads, for the tests of reports.
pub(crate) fn planted(name: &str, runs: usize, labels: &[&'static str]) -> Contender {
    let mut rng = Rng::labelled(1, name);
    side(name, runs, |_| Planted { labels: labels.to_vec(), ..Planted::default() }.run(&mut rng))
}
