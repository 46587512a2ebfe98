//! What a record says, once it has been thought about: the types that plots, reports and other programs read.
//!
//! Everything is in SI base units (seconds, bytes, units per second). A figure that does not exist is `None` (`null`), never `inf` or `NaN`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The version of the JSON that findings, comparisons and fits are written in.
pub const SCHEMA_VERSION: u32 = 1;

/// Everything derived from one record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Findings {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Which run this is about.
    pub run: RunSummary,
    /// One entry per workload (with its parameters), in the order of the plan.
    pub workloads: Vec<WorkloadFindings>,
    /// How quiet the machine was.
    pub quiet: Quiet,
    /// What a reader must know before using a figure, each with its remedy.
    pub warnings: Vec<Warning>,
}

/// Which run the findings are about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunSummary {
    /// The name of the run's directory.
    pub name: String,
    /// The command line that repeats it.
    pub command: String,
    /// The version of knee that measured.
    pub knee: String,
    /// The seed of orders, work and resampling.
    pub seed: u64,
    /// When it started, as RFC 3339 in UTC.
    pub started: String,
    /// How long it took, in seconds.
    pub wall: f64,
    /// Whether it was interrupted before its plan was done.
    pub interrupted: bool,
    /// One line that names the machine: model, cores, memory.
    pub machine: String,
    /// CPUs that this run could use, as a fraction where a quota says so.
    pub usable_cpus: f64,
    /// Rounds measured, and how many of them were disturbed.
    pub rounds: u64,
    /// Rounds marked as disturbed.
    pub disturbed: u64,
}

/// What was found for one workload with one set of parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WorkloadFindings {
    /// As the user would type it: `pi`, `file:op=sync`.
    pub label: String,
    /// The workload's name.
    pub workload: String,
    /// Every parameter with its value.
    pub params: BTreeMap<String, String>,
    /// What its author claims it is bound by: `cpu`, `memory`, `sync`, `io`, `ipc`.
    pub kind: String,
    /// What it counts: one of them.
    pub unit_one: String,
    /// What it counts: several.
    pub unit_many: String,
    /// The serial cell, if it was measured: what every speed-up is relative to.
    pub serial: Option<Point>,
    /// One curve per mode other than serial.
    pub curves: Vec<Curve>,
    /// Which mode at how many workers.
    pub verdict: Option<Verdict>,
    /// The best throughput in terms people know: `2.5 x 1080p25 streams`.
    pub equivalent: Option<Equivalent>,
    /// The best throughput against what the cores can do by design.
    pub ceiling: Option<CeilingShare>,
    /// The best worker count by the textbook, to be shown beside the measured one.
    pub textbook_optimum: Option<f64>,
    /// How each mode did against serial on tasks of other lengths, the shortest first; empty where only one length was measured.
    #[serde(default)]
    pub lengths: Vec<TaskLength>,
    /// Remarks that belong beside these figures (file system, page cache, loopback).
    pub notes: Vec<Remark>,
    /// Cells that gave no figure, with the reason in words.
    pub failures: Vec<CellFailure>,
}

/// Throughput over workers, for one workload in one mode.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Curve {
    /// The mode, or the name of the series where it was measured elsewhere.
    pub name: String,
    /// One point per worker count, ascending.
    pub points: Vec<Point>,
    /// The best count, as a set with a probability.
    pub optimum: Option<Optimum>,
    /// The smallest count of the set: what we recommend.
    pub knee: Option<Knee>,
    /// The Universal Scalability Law fitted to the points.
    pub usl: Option<Usl>,
    /// All laws that were fitted, best criterion first.
    pub laws: Vec<Law>,
    /// What limits it, with the evidence.
    pub bound: Option<Bound>,
    /// What the user asked the count to keep, and which count keeps it.
    pub limits: Option<LimitedOptimum>,
    /// What a mode itself costs and from which task length it pays.
    pub price: Option<Price>,
    /// What a reader must know.
    pub warnings: Vec<String>,
}

/// A median with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Estimate {
    /// The median.
    pub median: f64,
    /// The lower end of the 95 % interval.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// One cell of a curve.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Point {
    /// How many workers; fractional for loads measured elsewhere.
    #[serde(serialize_with = "whole_if_whole")]
    pub workers: f64,
    /// Units per second.
    pub throughput: Estimate,
    /// How many rounds stand behind it.
    pub samples: usize,
    /// Throughput relative to the serial cell (or to one worker where there is no serial cell).
    pub speedup: Option<Estimate>,
    /// Speed-up per worker.
    pub efficiency: Option<Estimate>,
    /// How long the whole batch took, from the first submit to the last join, in seconds; where one was asked for.
    #[serde(default)]
    pub makespan: Option<Estimate>,
    /// Task latency over all rounds.
    pub latency: Option<Latency>,
    /// CPU seconds used per second of wall time, by all workers.
    pub cpu: Option<f64>,
    /// CPU seconds per unit of work.
    pub cpu_per_unit: Option<f64>,
    /// Voluntary context switches per task.
    pub voluntary_switches: Option<f64>,
    /// Involuntary context switches per second.
    pub involuntary_switches: Option<f64>,
    /// Peak memory of all workers together, in bytes.
    pub peak_memory: Option<f64>,
    /// Largest share of the workers' rates above or below their mean (0 = perfectly fair).
    pub unfairness: Option<f64>,
    /// Indices (in order of time) of samples that lie far from the others; they are kept.
    pub outliers: Vec<usize>,
    /// Samples that the ledger marked as disturbed.
    pub disturbed: usize,
}

/// How long a task took, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Latency {
    /// The mean.
    pub mean: f64,
    /// Half of the tasks were faster.
    pub p50: f64,
    /// 90 % were faster.
    pub p90: f64,
    /// 99 % were faster.
    pub p99: f64,
    /// 99.9 % were faster.
    pub p999: f64,
    /// The slowest.
    pub max: f64,
}

/// The best worker count of a curve.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Optimum {
    /// The count with the highest estimated throughput.
    #[serde(serialize_with = "whole_if_whole")]
    pub workers: f64,
    /// Every count that cannot be told apart from it, ascending.
    #[serde(serialize_with = "all_whole_if_whole")]
    pub set: Vec<f64>,
    /// The probability that it is the best of the measured counts, from 0 to 1.
    pub probability: f64,
    /// Whether the data settle the question well enough to act on.
    pub conclusive: bool,
    /// No other count is more than this share better (0.02 = 2 %), with 95 % confidence.
    pub bound: Option<f64>,
    /// Where inconclusive: what would settle it.
    pub remedy: Option<String>,
}

/// The recommended count.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Knee {
    /// The smallest count in the optimum's set.
    #[serde(serialize_with = "whole_if_whole")]
    pub workers: f64,
    /// No other count is more than this share better than the knee, with 95 % confidence.
    pub bound: Option<f64>,
}

/// The Universal Scalability Law: X(N) = lambda N / (1 + sigma (N-1) + kappa N (N-1)).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Usl {
    /// Contention, from 0 to 1.
    pub sigma: f64,
    /// Coherency, at least 0.
    pub kappa: f64,
    /// Throughput of one worker, units per second.
    pub lambda: f64,
    /// Where it peaks; `None` where it does not, or nowhere that these data could tell.
    pub peak_workers: Option<f64>,
    /// The throughput there.
    pub peak_throughput: Option<f64>,
    /// Share of the variance explained: 1 - (sum of squared residuals) / (sum of squared distances from the mean), on the throughputs as given.
    pub r_squared: f64,
    /// 95 % intervals of the coefficients.
    pub intervals: UslIntervals,
    /// Whether the curve is of this form at all.
    pub adequate: bool,
}

/// 95 % intervals of the coefficients, each `[low, high]`; `None` where as many coefficients as measurements leave nothing to judge by.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UslIntervals {
    /// Of the contention.
    pub sigma: Option<[f64; 2]>,
    /// Of the coherency.
    pub kappa: Option<[f64; 2]>,
    /// Of the throughput of one worker.
    pub lambda: Option<[f64; 2]>,
}

/// One law fitted to a curve.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Law {
    /// `usl`, `amdahl`, `linear`, `flat`, `saturation`, `saturation-decline`.
    pub name: String,
    /// The formula in words a reader can retype.
    pub formula: String,
    /// Each coefficient by name, with its 95 % interval.
    pub coefficients: BTreeMap<String, Estimate>,
    /// Corrected Akaike criterion (smaller is better); `None` where there are too few points.
    pub aicc: Option<f64>,
    /// Largest relative residual.
    pub max_residual: f64,
    /// Whether the curve is of this form.
    pub adequate: bool,
    /// Whether this is the law that was chosen.
    pub chosen: bool,
    /// The law drawn over the measured range: workers, throughput, low and high of its 95 % band.
    pub band: Vec<[f64; 4]>,
}

/// What limits a curve.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Bound {
    /// `cpu`, `memory`, `sync`, `io`, `ipc`, `quota`, `harness`, or `unclear`.
    pub label: String,
    /// The evidence, in words and figures.
    pub evidence: Vec<String>,
}

/// The best count that keeps what the user asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LimitedOptimum {
    /// The limits, as the user gave them: `p99 <= 20ms`.
    pub asked: Vec<String>,
    /// The best count that keeps them all; `None` where no measured count does.
    pub workers: Option<f64>,
    /// What keeping them costs, as a share of the throughput at the optimum.
    pub cost: Option<f64>,
    /// The counts that break a limit, with which and by how much, in words.
    pub broken: Vec<String>,
}

/// What a mode itself costs, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Price {
    /// To launch a crew of one worker, ready to work.
    pub launch: Option<f64>,
    /// To send a task to a worker and take its reply, per task.
    pub dispatch: Option<f64>,
    /// The task length from which this mode at its knee beats serial.
    pub break_even: Option<f64>,
}

/// The same work in tasks of one length.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TaskLength {
    /// The work as the user would type it: `pi:digits=50`.
    pub label: String,
    /// Seconds that one task takes serially.
    pub task: f64,
    /// What each mode made of it.
    pub modes: Vec<LengthResult>,
}

/// One mode on tasks of one length.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LengthResult {
    /// The mode.
    pub mode: String,
    /// At its knee, which is this count.
    #[serde(serialize_with = "whole_if_whole")]
    pub workers: f64,
    /// Throughput relative to the serial cell of the same length.
    pub speedup: Estimate,
}

/// Which mode at how many workers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// The recommended mode.
    pub mode: String,
    /// The recommended count.
    pub workers: f64,
    /// Speed-up against serial there.
    pub speedup: Option<Estimate>,
    /// The other modes at their own knees: throughput relative to the recommended one.
    pub others: Vec<Other>,
    /// Whether the data settle it.
    pub conclusive: bool,
    /// The answer in one sentence.
    pub sentence: String,
}

/// Another mode beside the recommended one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Other {
    /// The mode.
    pub mode: String,
    /// Its own knee.
    pub workers: f64,
    /// Its throughput there relative to the recommended one's (1 = equal).
    pub ratio: Estimate,
}

/// The best throughput in terms people know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Equivalent {
    /// What it makes: `1080p25 streams`.
    pub name: String,
    /// How many of them.
    pub count: f64,
}

/// The best throughput against what the cores can do by design.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CeilingShare {
    /// Units per second of all usable cores.
    pub units_per_second: f64,
    /// Achieved share at the optimum (1 = all of it).
    pub share: f64,
    /// Where the figure comes from.
    pub source: String,
}

/// A remark beside a figure.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Remark {
    /// Whether the figure means something else than its name says.
    pub warning: bool,
    /// What is so.
    pub text: String,
    /// What to do about it; empty where nothing is.
    pub remedy: String,
}

/// A cell that gave no figure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CellFailure {
    /// The mode.
    pub mode: String,
    /// How many workers.
    pub workers: f64,
    /// Why, in words.
    pub reason: String,
}

/// How quiet the machine was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Quiet {
    /// One line: `quiet: others used 0.4 % of the CPUs, no steal, no throttling`.
    pub sentence: String,
    /// Whether figures can be trusted as they stand.
    pub trusted: bool,
    /// Share of the CPUs used by others during the rounds (median).
    pub foreign_cpu: Option<f64>,
    /// Share of the CPU time stolen by the hypervisor, over all rounds.
    pub steal: Option<f64>,
    /// Smallest and largest share of its own best that a core reached in the burn control.
    pub burn: Option<[f64; 2]>,
}

/// What a reader must know before using a figure.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Warning {
    /// A stable word for programs: `tmpfs`, `quota`, `debug-build`.
    pub code: String,
    /// What is so.
    pub text: String,
    /// What to do about it.
    pub remedy: String,
}

/// Worker counts are whole numbers nearly always, and are written as such.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
fn whole_if_whole<S: serde::Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        serializer.serialize_i64(*value as i64)
    } else {
        serializer.serialize_f64(*value)
    }
}

fn all_whole_if_whole<S: serde::Serializer>(
    values: &[f64],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    use serde::ser::SerializeSeq;
    #[derive(Serialize)]
    struct Whole(#[serde(serialize_with = "whole_if_whole")] f64);
    let mut seq = serializer.serialize_seq(Some(values.len()))?;
    for value in values {
        seq.serialize_element(&Whole(*value))?;
    }
    seq.end()
}
