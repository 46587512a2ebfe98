//! What a comparison of machines or runs says: the types that reports and other programs read.
//!
//! Everything is in SI base units. A figure that does not exist is `None` (`null`), never `inf` or
//! `NaN`. Ratios are relative to the first side, the baseline: above 1 is faster, or dearer where
//! it is a ratio of costs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::findings::{Curve, Estimate, Warning};

/// Two to many sides, set against the first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// The version of this JSON, that of [`findings`](super::findings::SCHEMA_VERSION).
    pub schema_version: u32,
    /// What is compared; the first is the baseline.
    pub sides: Vec<Side>,
    /// Standard deviation by which runs of one machine were taken to differ (0.02 = 2 %), where a
    /// side has only one run.
    pub assumed_run_to_run: Option<f64>,
    /// One entry per workload that the baseline shares with another side.
    pub workloads: Vec<ComparedWorkload>,
    /// One entry per side but the baseline: all its workloads in one figure.
    pub index: Vec<Index>,
    /// What could not be compared, and why.
    pub left_out: Vec<LeftOut>,
    /// What a reader must know.
    pub warnings: Vec<Warning>,
    /// The answer, one sentence per side but the baseline.
    pub sentences: Vec<String>,
}

/// One machine, setting or build.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Side {
    /// What the user calls it.
    pub name: String,
    /// One line that names the machine.
    pub machine: String,
    /// The runs behind it, by name.
    pub runs: Vec<String>,
    /// CPU seconds per second that its runs could use.
    pub usable_cpus: f64,
    /// Physical cores that its runs could use; `None` where the machine does not say.
    pub cores: Option<f64>,
    /// Hardware threads that its runs could use.
    pub threads: Option<f64>,
    /// What it costs per second, in the user's currency.
    pub price: Option<f64>,
}

/// One workload on every side that has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ComparedWorkload {
    /// As the user would type it.
    pub label: String,
    /// What it counts: one of them.
    pub unit_one: String,
    /// What it counts: several.
    pub unit_many: String,
    /// Each side at its own best, the baseline first.
    pub sides: Vec<AtOptimum>,
    /// Sides at the same mode and worker count.
    pub equal: Vec<AtEqual>,
}

/// A side at its own best mode and worker count.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AtOptimum {
    /// Which side.
    pub side: String,
    /// Its best mode.
    pub mode: String,
    /// Its best count in that mode.
    pub workers: f64,
    /// Units per second.
    pub throughput: Estimate,
    /// Units per second and physical core.
    pub per_core: Option<f64>,
    /// Units per second and hardware thread.
    pub per_thread: Option<f64>,
    /// What one unit costs, in the user's currency.
    pub cost_per_unit: Option<f64>,
    /// Against the baseline; `None` for the baseline itself and where no interval can be given.
    pub against: Option<Against>,
    /// Cost of a unit relative to the baseline's.
    pub cost_ratio: Option<Estimate>,
    /// Its curve, for a plot.
    pub curve: Option<Curve>,
}

/// A side against the baseline.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Against {
    /// Throughput relative to the baseline's, with its 95 % interval.
    pub ratio: Estimate,
    /// Whether there is a difference.
    pub difference: Difference,
    /// The probability of a ratio so far from 1 if there were no difference.
    pub p: f64,
    /// The smallest change that this comparison would have seen in four of five cases, as a share.
    pub detectable: f64,
}

/// Whether two sides differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Difference {
    /// It does more than the baseline.
    Faster,
    /// It does less than the baseline.
    Slower,
    /// No difference is shown: there may be none, or one too small to be seen.
    NotShown,
}

/// A side and the baseline at the same mode and count.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AtEqual {
    /// Which side.
    pub side: String,
    /// The mode.
    pub mode: String,
    /// The count.
    pub workers: f64,
    /// Throughput relative to the baseline's, with its 95 % interval.
    pub ratio: Estimate,
}

/// All workloads of a side in one figure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Index {
    /// Which side.
    pub side: String,
    /// Geometric mean of the ratios at each side's own best. It says nothing about workloads
    /// outside the list.
    pub ratio: Estimate,
    /// Smallest ratio.
    pub lowest: f64,
    /// Largest ratio.
    pub highest: f64,
    /// How many workloads are in it.
    pub workloads: usize,
    /// Cost of the work relative to the baseline's.
    pub cost_ratio: Option<Estimate>,
}

/// Something that could not be compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeftOut {
    /// Which side.
    pub side: String,
    /// Which run or workload; `None` for the whole side.
    pub what: Option<String>,
    /// Why.
    pub reason: String,
}
