//! The findings of a record: the types that plots, reports and other programs read.
//!
//! Everything is in SI base units (seconds, bytes, units per second). A figure that does not exist
//! is `None` (`null`), never `inf` or `NaN`.

mod at_rate;
mod curve;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use at_rate::{AtRate, Bounds, RateAnswer, RateCell, TailLimit, Waiting};
pub use curve::{
    Bound, Cost, Curve, Estimate, Knee, Latency, Law, LimitedOptimum, More, Optimum, Point, Price,
    Usl, UslIntervals,
};

/// The JSON version of findings, comparisons and fits.
pub const SCHEMA_VERSION: u32 = 1;

/// Everything derived from one record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Findings {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The run that the findings are about.
    pub run: RunSummary,
    /// One entry per workload (with its parameters), in the order of the plan.
    pub workloads: Vec<WorkloadFindings>,
    /// One entry for each second axis that was swept beside the workers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub axes: Vec<Axis>,
    /// How quiet the machine was.
    pub quiet: Quiet,
    /// What a reader must know before using a figure, with remedies.
    pub warnings: Vec<Warning>,
    /// What would settle everything that is open: a command to type, or something to do. `None` if
    /// all is settled.
    #[serde(default)]
    pub to_settle: Option<String>,
}

/// The run that the findings are about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunSummary {
    /// The name of the run's directory.
    pub name: String,
    /// The command line that repeats the run.
    pub command: String,
    /// The version of knee that measured.
    pub knee: String,
    /// The seed of the order of cells, of the work and of resampling.
    pub seed: u64,
    /// When it started, in UTC, as RFC 3339.
    pub started: String,
    /// How long it took, in seconds.
    pub wall: f64,
    /// Whether it was interrupted before the plan was finished.
    pub interrupted: bool,
    /// One line that names the machine: model, cores, memory.
    pub machine: String,
    /// CPUs that this run could use. A quota can make it a fraction.
    pub usable_cpus: f64,
    /// What a knee may cost against the optimum, as a share of throughput.
    #[serde(default = "default_tolerance")]
    pub tolerance: f64,
    /// Rounds measured, including the disturbed ones.
    pub rounds: u64,
    /// Rounds marked as disturbed.
    pub disturbed: u64,
}

/// The tolerance of runs from before it could be chosen.
fn default_tolerance() -> f64 {
    crate::plan::TOLERANCE
}

/// The findings for one workload with one set of parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WorkloadFindings {
    /// The label, as the user would type it: `pi`, `file:op=sync`.
    pub label: String,
    /// The workload's name.
    pub workload: String,
    /// Every parameter with its value.
    pub params: BTreeMap<String, String>,
    /// What its author claims it is bound by: `cpu`, `memory`, `sync`, `io`, `ipc`.
    pub kind: String,
    /// Name of one unit of its work.
    pub unit_one: String,
    /// Name of several units of its work.
    pub unit_many: String,
    /// The serial cell, if it was measured. Speed-ups are relative to it.
    pub serial: Option<Point>,
    /// One curve per mode other than serial.
    pub curves: Vec<Curve>,
    /// The ways to do the same work, if the user named several. Each way then has curves under its
    /// name; workload and parameters are those of the recommended way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<Alternative>,
    /// The recommended mode and count.
    pub verdict: Option<Verdict>,
    /// Whether it is one value of an axis whose pairs were searched together. The pair is then
    /// settled, but not this value alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_pairs: bool,
    /// The answer to `--rate`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_rate: Option<RateAnswer>,
    /// The best throughput in a better-known measure: `2.5 x 1080p25 streams`.
    pub equivalent: Option<Equivalent>,
    /// The best throughput as a share of what the cores could do by their design.
    pub ceiling: Option<CeilingShare>,
    /// The best count according to the textbook, shown beside the measured one.
    pub textbook_optimum: Option<f64>,
    /// How each mode did against serial with tasks of other lengths, the shortest first. Empty if
    /// only one length was measured.
    #[serde(default)]
    pub lengths: Vec<TaskLength>,
    /// Remarks that belong beside these figures (file system, page cache, loopback).
    pub notes: Vec<Remark>,
    /// Cells that gave no result, with the reason in words.
    pub failures: Vec<CellFailure>,
}

/// One of several ways to do the same work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Alternative {
    /// The user's name for it.
    pub name: String,
    /// The workload's name.
    pub workload: String,
    /// Every parameter with its value.
    pub params: BTreeMap<String, String>,
}

/// A second axis beside the worker count.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Axis {
    /// What was swept, as the user would type it.
    pub of: String,
    /// The name of the axis: `t`, `env:OMP_NUM_THREADS`, `size`.
    pub name: String,
    /// Whether a value is a number of workers inside each worker. The workers in all are then the
    /// product of both.
    pub multiplies: bool,
    /// The values in the order given, each with the index of its workload.
    pub values: Vec<AxisValue>,
    /// The pair with the highest throughput.
    pub best: Option<Pair>,
    /// Every pair that is not shown to be worse than the best. Pairs with the fewest workers in all
    /// come first.
    pub set: Vec<Pair>,
    /// The recommended pair: of the pairs that cost at most the tolerance against the best, the one
    /// with the fewest workers in all.
    pub knee: Option<Pair>,
    /// No other pair is more than this share better than the recommended one, with 95 % confidence.
    pub regret: Option<f64>,
    /// Whether the recommended pair is settled.
    #[serde(default)]
    pub conclusive: bool,
    /// If it is not settled: the factor by which rounds must grow to settle it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times_the_rounds: Option<f64>,
    /// The results of each node, if the axis is the number of nodes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<NodeFindings>,
    /// The law over the workers in all, if the axis is the number of nodes and there are enough
    /// pairs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usl: Option<Usl>,
}

/// A host over which crews were spread.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NodeFindings {
    /// The name that its launcher gives it.
    pub name: String,
    /// One line that names its machine.
    pub machine: String,
    /// CPUs that it could use.
    pub usable_cpus: f64,
    /// Rounds in which it took part.
    pub rounds: u64,
    /// Rounds in which it was disturbed.
    pub disturbed: u64,
    /// Its rate relative to the median of the other nodes, in rounds of several nodes (median; 1 =
    /// equal).
    pub share: Option<f64>,
    /// The smallest and the largest share of its own best that one of its cores reached in the burn
    /// controls.
    pub burn: Option<[f64; 2]>,
    /// The longest time after the agreed moment at which its window opened, in seconds.
    pub latest: Option<f64>,
    /// The largest possible difference between its moment and ours, in seconds.
    pub clock_error: Option<f64>,
}

/// One value of a second axis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AxisValue {
    /// The value.
    pub value: String,
    /// The index of its workload in the findings.
    pub workload: usize,
    /// For nodes: the best throughput over that of perfect scaling from the smallest number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub efficiency: Option<f64>,
}

/// A worker count with a value of the second axis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Pair {
    /// The value.
    pub value: String,
    /// The worker count.
    pub workers: f64,
    /// The mode.
    pub mode: String,
    /// The workers in all, if both multiply.
    pub in_all: Option<f64>,
    /// Units per second.
    pub throughput: Estimate,
}

/// The same work in tasks of one length.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TaskLength {
    /// The label, as the user would type it: `pi:digits=50`.
    pub label: String,
    /// Seconds that one task takes serially.
    pub task: f64,
    /// The results of each mode.
    pub modes: Vec<LengthResult>,
}

/// One mode with tasks of one length.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LengthResult {
    /// The mode.
    pub mode: String,
    /// The knee, at which the mode is compared.
    #[serde(serialize_with = "curve::whole_if_whole")]
    pub workers: f64,
    /// Throughput relative to the serial cell of the same length.
    pub speedup: Estimate,
}

/// The recommended mode and count.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// The recommended mode.
    pub mode: String,
    /// The recommended count.
    pub workers: f64,
    /// The speed-up there against serial.
    pub speedup: Option<Estimate>,
    /// The other modes, each at its own knee.
    pub others: Vec<Other>,
    /// Whether the answer is settled.
    pub conclusive: bool,
    /// No other count or mode is more than this share better (0.02 = 2 %), with 95 % confidence.
    /// `None` if nothing was compared.
    #[serde(default)]
    pub regret: Option<f64>,
    /// If it is not settled: the factor by which rounds must grow to settle it.
    #[serde(default)]
    pub times_the_rounds: Option<f64>,
    /// Remarks beside the answer: `one copy already uses 1.9 of 2 CPUs`.
    #[serde(default)]
    pub asides: Vec<String>,
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
    /// Its throughput at its knee relative to the recommended mode's (1 = equal).
    pub ratio: Estimate,
}

/// The best throughput in a better-known measure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Equivalent {
    /// The measure: `1080p25 streams`.
    pub name: String,
    /// The amount.
    pub count: f64,
}

/// The best throughput as a share of what the cores could do by their design.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CeilingShare {
    /// Units per second that all usable cores could do.
    pub units_per_second: f64,
    /// The share that is reached at the optimum (1 = all of it).
    pub share: f64,
    /// Where the figure comes from.
    pub source: String,
}

/// A remark beside a figure.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Remark {
    /// Whether the remark warns that the figure does not mean what its name says.
    pub warning: bool,
    /// The remark.
    pub text: String,
    /// What to do about it; empty if nothing needs to be done.
    pub remedy: String,
}

/// A cell that gave no result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CellFailure {
    /// The mode.
    pub mode: String,
    /// The worker count.
    pub workers: f64,
    /// The reason, in words.
    pub reason: String,
}

/// How quiet the machine was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Quiet {
    /// One line: `quiet: others used 0.4 % of the CPUs, no steal, no throttling`.
    pub sentence: String,
    /// Whether the figures can be trusted.
    pub trusted: bool,
    /// Share of the CPUs used by others during the rounds (median).
    pub foreign_cpu: Option<f64>,
    /// Share of the CPU time stolen by the hypervisor, over all rounds.
    pub steal: Option<f64>,
    /// The smallest and the largest share of its own best that a core reached in the burn controls.
    pub burn: Option<[f64; 2]>,
}

/// What a reader must know before using a figure.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Warning {
    /// A stable word for programs: `tmpfs`, `quota`, `debug-build`.
    pub code: String,
    /// What is wrong.
    pub text: String,
    /// What to do about it.
    pub remedy: String,
}
