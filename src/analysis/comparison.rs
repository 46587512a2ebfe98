//! The results of comparing machines or runs: the types that reports and other programs read.
//!
//! Everything is in SI base units. A figure that does not exist is `None` (`null`), never `inf` or
//! `NaN`. Ratios are relative to the first side, the baseline: a ratio above 1 means faster, or
//! more expensive if it is a ratio of costs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::findings::{Curve, Estimate, Warning};

/// Several sides, compared with the first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// The version of this JSON, that of [`findings`](super::findings::SCHEMA_VERSION).
    pub schema_version: u32,
    /// The sides; the first is the baseline.
    pub sides: Vec<Side>,
    /// The assumed standard deviation between runs of one machine (0.02 = 2 %), where a side has
    /// only one run.
    pub assumed_run_to_run: Option<f64>,
    /// One entry per workload that the baseline shares with another side.
    pub workloads: Vec<ComparedWorkload>,
    /// One entry for each side but the baseline: all its workloads combined into one figure.
    pub index: Vec<Index>,
    /// What could not be compared, and why.
    pub left_out: Vec<LeftOut>,
    /// What a reader must know.
    pub warnings: Vec<Warning>,
    /// The answer: one sentence for each side but the baseline.
    pub sentences: Vec<String>,
}

/// One machine, setting or build.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Side {
    /// The user's name for it.
    pub name: String,
    /// One line that names the machine.
    pub machine: String,
    /// The names of its runs.
    pub runs: Vec<String>,
    /// CPUs that its runs could use. A quota can make it a fraction.
    pub usable_cpus: f64,
    /// Physical cores that its runs could use; `None` if not known.
    pub cores: Option<f64>,
    /// Hardware threads that its runs could use.
    pub threads: Option<f64>,
    /// What it costs per second, in the user's currency.
    pub price: Option<f64>,
}

/// One workload on every side that has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ComparedWorkload {
    /// The label, as the user would type it.
    pub label: String,
    /// Name of one unit of its work.
    pub unit_one: String,
    /// Name of several units of its work.
    pub unit_many: String,
    /// Each side at its own best, the baseline first.
    pub sides: Vec<AtOptimum>,
    /// Sides at the same mode and worker count.
    pub equal: Vec<AtEqual>,
}

/// A side at its own best mode and worker count.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AtOptimum {
    /// The name of the side.
    pub side: String,
    /// Its best mode.
    pub mode: String,
    /// Its best count in that mode.
    pub workers: f64,
    /// Units per second there.
    pub throughput: Estimate,
    /// Units per second for each physical core.
    pub per_core: Option<f64>,
    /// Units per second for each hardware thread.
    pub per_thread: Option<f64>,
    /// The price of one unit, in the user's currency.
    pub cost_per_unit: Option<f64>,
    /// Relative to the baseline. `None` for the baseline itself, and where there is no interval.
    pub against: Option<Against>,
    /// The price of a unit relative to the baseline's.
    pub cost_ratio: Option<Estimate>,
    /// Its curve, for a plot.
    pub curve: Option<Curve>,
}

/// A side against the baseline.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Against {
    /// Throughput relative to the baseline's, with its 95 % interval.
    pub ratio: Estimate,
    /// Whether the sides differ.
    pub difference: Difference,
    /// The probability of a ratio this far from 1 if there were no difference.
    pub p: f64,
    /// The smallest change that this comparison detects in four of five cases, as a share.
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
    /// No difference is shown: there is none, or it is too small to be detected.
    NotShown,
}

/// A side and the baseline at the same mode and count.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AtEqual {
    /// The name of the side.
    pub side: String,
    /// The mode.
    pub mode: String,
    /// The count.
    pub workers: f64,
    /// Throughput relative to the baseline's, with its 95 % interval.
    pub ratio: Estimate,
}

/// All workloads of a side combined into one figure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Index {
    /// The name of the side.
    pub side: String,
    /// Geometric mean of the ratios, each side at its own best. It says nothing about workloads
    /// that are not in the list.
    pub ratio: Estimate,
    /// The smallest of the ratios.
    pub lowest: f64,
    /// The largest of the ratios.
    pub highest: f64,
    /// How many workloads it combines.
    pub workloads: usize,
    /// The price of the work relative to the baseline's.
    pub cost_ratio: Option<Estimate>,
}

/// Something that could not be compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeftOut {
    /// The name of the side.
    pub side: String,
    /// The run or workload; `None` for the whole side.
    pub what: Option<String>,
    /// The reason.
    pub reason: String,
}
