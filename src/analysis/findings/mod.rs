//! What a record says, once it has been thought about: the types that plots, reports and other
//! programs read.
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
    /// One entry per thing that was swept over a second axis beside the workers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub axes: Vec<Axis>,
    /// How quiet the machine was.
    pub quiet: Quiet,
    /// What a reader must know before using a figure, each with its remedy.
    pub warnings: Vec<Warning>,
    /// What to type, or to do, to settle what is not settled; `None` where everything is.
    #[serde(default)]
    pub to_settle: Option<String>,
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
    /// What a knee may cost against the optimum, as a share of throughput.
    #[serde(default = "default_tolerance")]
    pub tolerance: f64,
    /// Rounds measured, and how many of them were disturbed.
    pub rounds: u64,
    /// Rounds marked as disturbed.
    pub disturbed: u64,
}

/// What runs went by before it could be chosen.
fn default_tolerance() -> f64 {
    crate::plan::TOLERANCE
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
    /// The ways to do the same work, where the user named several. Then each has curves of its own
    /// under that name, and workload and parameters are those of the recommended one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<Alternative>,
    /// Which mode at how many workers.
    pub verdict: Option<Verdict>,
    /// Whether it is one value of an axis whose pairs were searched together. Then the pair is what
    /// was settled, and this value by itself was not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_pairs: bool,
    /// What holds the rate, where tasks came at one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_rate: Option<RateAnswer>,
    /// The best throughput in terms people know: `2.5 x 1080p25 streams`.
    pub equivalent: Option<Equivalent>,
    /// The best throughput against what the cores can do by design.
    pub ceiling: Option<CeilingShare>,
    /// The best worker count by the textbook, to be shown beside the measured one.
    pub textbook_optimum: Option<f64>,
    /// How each mode did against serial on tasks of other lengths, the shortest first; empty where
    /// only one length was measured.
    #[serde(default)]
    pub lengths: Vec<TaskLength>,
    /// Remarks that belong beside these figures (file system, page cache, loopback).
    pub notes: Vec<Remark>,
    /// Cells that gave no figure, with the reason in words.
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
    /// The axis: `t`, `env:OMP_NUM_THREADS`, `size`.
    pub name: String,
    /// Whether a value is a number of workers within each worker, so that both multiply to the
    /// workers in all.
    pub multiplies: bool,
    /// The values in the order given, each with its place among the workloads.
    pub values: Vec<AxisValue>,
    /// The pair with the highest throughput.
    pub best: Option<Pair>,
    /// Every pair that is as good as far as the data tell: those with the fewest workers in all
    /// first.
    pub set: Vec<Pair>,
    /// The recommended pair: of those that cost at most the tolerance against the best, the one
    /// with the fewest workers in all.
    pub knee: Option<Pair>,
    /// No other pair is more than this share better than the recommended one, with 95 % confidence.
    pub regret: Option<f64>,
    /// Whether that settles it.
    #[serde(default)]
    pub conclusive: bool,
    /// Where it is not settled: so many times the rounds would do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times_the_rounds: Option<f64>,
    /// What each node gave, where the axis is the number of nodes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<NodeFindings>,
    /// The law over the workers in all, where the axis is the number of nodes and there are enough
    /// pairs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usl: Option<Usl>,
}

/// A host over which crews were spread.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NodeFindings {
    /// What its launcher calls it.
    pub name: String,
    /// One line that names its machine.
    pub machine: String,
    /// CPUs that it could use.
    pub usable_cpus: f64,
    /// Rounds in which it took part.
    pub rounds: u64,
    /// Those of them in which it was disturbed.
    pub disturbed: u64,
    /// Its rate against the median of the others, in rounds of several nodes (median; 1 = equal).
    pub share: Option<f64>,
    /// Smallest and largest share of its own best that one of its cores reached in the burn
    /// control.
    pub burn: Option<[f64; 2]>,
    /// How much later than agreed its window opened at worst, in seconds.
    pub latest: Option<f64>,
    /// By how much its moment may have differed from ours at worst, in seconds.
    pub clock_error: Option<f64>,
}

/// One value of a second axis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AxisValue {
    /// The value.
    pub value: String,
    /// The index of its workload in the findings.
    pub workload: usize,
    /// Of nodes: the best throughput over what as many times the smallest number would give.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub efficiency: Option<f64>,
}

/// A worker count with a value of the second axis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Pair {
    /// The value.
    pub value: String,
    /// How many workers.
    pub workers: f64,
    /// In which mode.
    pub mode: String,
    /// The workers in all, where both multiply.
    pub in_all: Option<f64>,
    /// Units per second.
    pub throughput: Estimate,
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
    #[serde(serialize_with = "curve::whole_if_whole")]
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
    /// No other count or mode is more than this share better (0.02 = 2 %), with 95 % confidence;
    /// `None` where nothing was compared.
    #[serde(default)]
    pub regret: Option<f64>,
    /// Where it is not settled: so many times the rounds would do.
    #[serde(default)]
    pub times_the_rounds: Option<f64>,
    /// What belongs beside the answer: `one copy already uses 1.9 of 2 CPUs`.
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
