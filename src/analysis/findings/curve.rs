//! What is known about one curve: its points, the optimum, the laws, the bound and the price of the
//! mode.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::AtRate;
use crate::plan::Tail;

/// Throughput over workers, for one workload in one mode.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Curve {
    /// The mode; for measurements from elsewhere, the name of the series.
    pub name: String,
    /// One point per worker count, ascending.
    pub points: Vec<Point>,
    /// The best count, with its set and a probability.
    pub optimum: Option<Optimum>,
    /// The smallest count that costs at most the tolerance. This is the recommended count.
    pub knee: Option<Knee>,
    /// The Universal Scalability Law fitted to the points.
    pub usl: Option<Usl>,
    /// All laws that were fitted, the best one first.
    pub laws: Vec<Law>,
    /// What limits it, with the evidence.
    pub bound: Option<Bound>,
    /// The limits that the user set, and the count that keeps them.
    pub limits: Option<LimitedOptimum>,
    /// What the mode itself costs, and from what task length on it pays.
    pub price: Option<Price>,
    /// What a reader must know.
    pub warnings: Vec<String>,
    /// What a reader of the coefficients and intervals must know besides.
    #[serde(default)]
    pub fit_remarks: Vec<String>,
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

impl Estimate {
    /// The same estimate, with the interval widened by this factor on logarithms.
    pub(in crate::analysis) fn widened(self, factor: f64) -> Self {
        let end = |end: f64| self.median * (end / self.median).powf(factor);
        Self { low: end(self.low), high: end(self.high), ..self }
    }
}

/// One cell of a curve.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Point {
    /// The worker count; it can be fractional for loads measured elsewhere.
    #[serde(serialize_with = "whole_if_whole")]
    pub workers: f64,
    /// Units per second.
    pub throughput: Estimate,
    /// The number of rounds.
    pub samples: usize,
    /// The number of launches in which they were measured; 0 if not known.
    #[serde(default)]
    pub launches: usize,
    /// Throughput relative to the serial cell, or to one worker if there is no serial cell.
    pub speedup: Option<Estimate>,
    /// Speed-up per worker.
    pub efficiency: Option<Estimate>,
    /// For a batch: seconds from the first submit to the last join.
    #[serde(default)]
    pub makespan: Option<Estimate>,
    /// Task latency over all rounds.
    pub latency: Option<Latency>,
    /// The 99th percentile of latency that programs printed about themselves, in seconds: the
    /// median over rounds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub printed_p99: Option<f64>,
    /// How it did with tasks at a rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_rate: Option<AtRate>,
    /// CPU seconds used per second of wall time, by all workers.
    pub cpu: Option<f64>,
    /// CPU seconds per unit of work.
    pub cpu_per_unit: Option<f64>,
    /// The price of a unit of work, if prices were given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
    /// Voluntary context switches per task.
    pub voluntary_switches: Option<f64>,
    /// Involuntary context switches per second.
    pub involuntary_switches: Option<f64>,
    /// Peak memory of all workers together, in bytes.
    pub peak_memory: Option<f64>,
    /// Share of the time in which the busiest GPU worked, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu_busy: Option<f64>,
    /// Memory in use on that GPU, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu_memory: Option<f64>,
    /// The largest difference of a worker's rate from the mean, as a share (0 = perfectly fair).
    pub unfairness: Option<f64>,
    /// Indices (in order of time) of outliers: samples far from the others. They are kept.
    pub outliers: Vec<usize>,
    /// Samples that the ledger marked as disturbed.
    pub disturbed: usize,
}

impl Point {
    /// The 99th percentile of latency in seconds: of the measured tasks, or as programs printed it.
    pub fn p99(&self) -> Option<f64> {
        self.latency.map(|latency| latency.p99).or(self.printed_p99)
    }

    /// A percentile of latency, in seconds.
    pub fn tail(&self, tail: Tail) -> Option<f64> {
        match tail {
            Tail::P50 => self.latency.map(|latency| latency.p50),
            Tail::P90 => self.latency.map(|latency| latency.p90),
            Tail::P95 => self.latency?.p95,
            Tail::P99 => self.p99(),
            Tail::P999 => self.latency.map(|latency| latency.p999),
        }
    }
}

/// Money per unit of work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cost {
    /// The amount.
    pub per_unit: f64,
    /// The currency, as the user wrote it; empty if none was named.
    pub currency: String,
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
    /// 95 % were faster; `None` in older findings.
    #[serde(default)]
    pub p95: Option<f64>,
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
    /// The probability that it is the best of the measured counts.
    pub probability: f64,
    /// Whether the answer is settled well enough to act on.
    pub conclusive: bool,
    /// Whether it is the largest measured count and throughput still rose there by more than the
    /// tolerance. A larger count may then be better.
    #[serde(default)]
    pub rising: bool,
    /// No other count is more than this share better (0.02 = 2 %), with 95 % confidence.
    #[serde(default, alias = "bound")]
    pub regret: Option<f64>,
    /// If it is not conclusive: what would settle it.
    pub remedy: Option<String>,
}

/// The recommended count.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Knee {
    /// The smallest count that costs at most the tolerance against the optimum, as far as the data
    /// tell.
    #[serde(serialize_with = "whole_if_whole")]
    pub workers: f64,
    /// What it costs against the optimum: the middle estimate (0.02 = 2 %).
    #[serde(default)]
    pub loss: Option<f64>,
    /// No other count is more than this share better than the knee, with 95 % confidence.
    #[serde(default, alias = "bound")]
    pub regret: Option<f64>,
    /// Every count that is not shown to cost more than the tolerance, ascending.
    #[serde(default, serialize_with = "all_whole_if_whole")]
    pub as_good: Vec<f64>,
    /// The gain from more workers that is certain; `None` if none is certain.
    #[serde(default)]
    pub more: Option<More>,
}

/// A larger count that certainly does more than the knee.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct More {
    /// The worker count.
    #[serde(serialize_with = "whole_if_whole")]
    pub workers: f64,
    /// Its gain in throughput, as a share of the knee's.
    pub gain: f64,
    /// The 99th percentile of its latency, relative to the knee's.
    pub p99: Option<f64>,
}

/// The Universal Scalability Law: X(N) = lambda N / (1 + sigma (N-1) + kappa N (N-1)).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Usl {
    /// Contention: the share of the work that only one worker at a time can do, from 0 to 1.
    pub sigma: f64,
    /// Coherency: the cost of each pair of workers, at least 0.
    pub kappa: f64,
    /// Throughput of one worker, in units per second.
    pub lambda: f64,
    /// The count at which it peaks; `None` if it has no peak or the data cannot tell.
    pub peak_workers: Option<f64>,
    /// The throughput at the peak.
    pub peak_throughput: Option<f64>,
    /// Share of the variance that is explained: 1 - (sum of squared residuals) / (sum of squared
    /// distances from the mean), on the throughputs as given.
    pub r_squared: f64,
    /// 95 % intervals of the coefficients.
    pub intervals: UslIntervals,
    /// Whether the curve has the form of this law.
    pub adequate: bool,
}

/// 95 % intervals of the coefficients, each `[low, high]`. `None` if there are as many coefficients
/// as measurements, so that nothing is left to judge by.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UslIntervals {
    /// Interval of sigma.
    pub sigma: Option<[f64; 2]>,
    /// Interval of kappa.
    pub kappa: Option<[f64; 2]>,
    /// Interval of lambda.
    pub lambda: Option<[f64; 2]>,
}

/// One law fitted to a curve.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Law {
    /// `usl`, `amdahl`, `linear`, `flat`, `saturation`, `saturation-decline`.
    pub name: String,
    /// The formula as text, to be retyped.
    pub formula: String,
    /// Each coefficient by name, with its 95 % interval.
    pub coefficients: BTreeMap<String, Estimate>,
    /// The corrected Akaike criterion (smaller is better); `None` if there are too few points.
    pub aicc: Option<f64>,
    /// Largest relative residual.
    pub max_residual: f64,
    /// Whether the curve has the form of this law.
    pub adequate: bool,
    /// Whether this law was chosen.
    pub chosen: bool,
    /// The law over the measured range: workers, throughput, and the ends of its 95 % band.
    pub band: Vec<[f64; 4]>,
}

/// What limits a curve.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Bound {
    /// `cpu`, `memory`, `sync`, `io`, `ipc`, `gpu`, `gil`, `event-loop`, `quota`, `harness`, or
    /// `unclear`.
    pub label: String,
    /// The evidence, in words with figures.
    pub evidence: Vec<String>,
}

/// The best count that keeps the user's limits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LimitedOptimum {
    /// The limits as text: `p99 <= 20ms`.
    pub asked: Vec<String>,
    /// The best count that keeps all limits; `None` if no measured count does.
    pub workers: Option<f64>,
    /// The price of keeping them, as a share of the throughput at the optimum.
    pub cost: Option<f64>,
    /// The counts that break a limit, in words: which limit, and by how much.
    pub broken: Vec<String>,
}

/// What a mode itself costs, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Price {
    /// To launch a crew of one worker until it is ready.
    pub launch: Option<f64>,
    /// To send a task to a worker and take its reply.
    pub dispatch: Option<f64>,
    /// The task length from which this mode, at its knee, beats serial.
    pub break_even: Option<f64>,
    /// What a helper adds to each task by measuring it. Every figure includes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measuring: Option<f64>,
}

/// Writes worker counts as whole numbers where they are whole, which is nearly always.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
pub(super) fn whole_if_whole<S: serde::Serializer>(
    value: &f64,
    serializer: S,
) -> Result<S::Ok, S::Error> {
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
