//! What is known of one curve: its points, the optimum, the laws, what limits it and what the mode
//! costs.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::AtRate;
use crate::plan::Tail;

/// Throughput over workers, for one workload in one mode.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Curve {
    /// The mode, or the name of the series where it was measured elsewhere.
    pub name: String,
    /// One point per worker count, ascending.
    pub points: Vec<Point>,
    /// The best count, as a set with a probability.
    pub optimum: Option<Optimum>,
    /// The smallest count that costs at most the tolerance: what we recommend.
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
    /// The same with an interval so many times as wide, on logarithms.
    pub(in crate::analysis) fn widened(self, factor: f64) -> Self {
        let end = |end: f64| self.median * (end / self.median).powf(factor);
        Self { low: end(self.low), high: end(self.high), ..self }
    }
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
    /// In how many launches of the crew they were measured; 0 where that is not known.
    #[serde(default)]
    pub launches: usize,
    /// Throughput relative to the serial cell (or to one worker where there is no serial cell).
    pub speedup: Option<Estimate>,
    /// Speed-up per worker.
    pub efficiency: Option<Estimate>,
    /// How long the whole batch took, from the first submit to the last join, in seconds; where one
    /// was asked for.
    #[serde(default)]
    pub makespan: Option<Estimate>,
    /// Task latency over all rounds.
    pub latency: Option<Latency>,
    /// The 99th percentile of the latency that programs printed about themselves, in seconds: the
    /// median over rounds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub printed_p99: Option<f64>,
    /// What it made of tasks that came at a rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_rate: Option<AtRate>,
    /// CPU seconds used per second of wall time, by all workers.
    pub cpu: Option<f64>,
    /// CPU seconds per unit of work.
    pub cpu_per_unit: Option<f64>,
    /// What a unit of work costs, where prices were named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
    /// Voluntary context switches per task.
    pub voluntary_switches: Option<f64>,
    /// Involuntary context switches per second.
    pub involuntary_switches: Option<f64>,
    /// Peak memory of all workers together, in bytes.
    pub peak_memory: Option<f64>,
    /// Share of the time in which the busiest GPU worked, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu_busy: Option<f64>,
    /// How much of that GPU's memory was in use, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu_memory: Option<f64>,
    /// Largest share of the workers' rates above or below their mean (0 = perfectly fair).
    pub unfairness: Option<f64>,
    /// Indices (in order of time) of samples that lie far from the others; they are kept.
    pub outliers: Vec<usize>,
    /// Samples that the ledger marked as disturbed.
    pub disturbed: usize,
}

impl Point {
    /// The time within which 99 % ended: of the tasks that were measured, or as programs said of
    /// themselves. In seconds.
    pub fn p99(&self) -> Option<f64> {
        self.latency.map(|latency| latency.p99).or(self.printed_p99)
    }

    /// A percentile of the latency, in seconds.
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
    /// How much.
    pub per_unit: f64,
    /// Of which currency, as the user wrote it; empty where none was named.
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
    /// The time within which 95 % ended; `None` in older findings.
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
    /// The probability that it is the best of the measured counts, from 0 to 1.
    pub probability: f64,
    /// Whether the data settle the question well enough to act on.
    pub conclusive: bool,
    /// Whether it is the largest count measured and throughput was still rising there by more than
    /// the tolerance: then a larger one may be better.
    #[serde(default)]
    pub rising: bool,
    /// No other count is more than this share better (0.02 = 2 %), with 95 % confidence.
    #[serde(default, alias = "bound")]
    pub regret: Option<f64>,
    /// Where it is not conclusive, what would settle it.
    pub remedy: Option<String>,
}

/// The recommended count.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Knee {
    /// The smallest count that costs at most the tolerance against the optimum, as far as the data
    /// tell.
    #[serde(serialize_with = "whole_if_whole")]
    pub workers: f64,
    /// What it costs against the optimum by the middle of what is known (0.02 = 2 %).
    #[serde(default)]
    pub loss: Option<f64>,
    /// No other count is more than this share better than the knee, with 95 % confidence.
    #[serde(default, alias = "bound")]
    pub regret: Option<f64>,
    /// Every count that is not shown to cost more than the tolerance, ascending.
    #[serde(default, serialize_with = "all_whole_if_whole")]
    pub as_good: Vec<f64>,
    /// What more workers are sure to gain, and what that takes; `None` where nothing is sure.
    #[serde(default)]
    pub more: Option<More>,
}

/// A count that does more than the knee.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct More {
    /// How many workers.
    #[serde(serialize_with = "whole_if_whole")]
    pub workers: f64,
    /// How much more throughput they give, as a share of the knee's.
    pub gain: f64,
    /// The 99th percentile of their task latency relative to the knee's.
    pub p99: Option<f64>,
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
    /// Share of the variance explained: 1 - (sum of squared residuals) / (sum of squared distances
    /// from the mean), on the throughputs as given.
    pub r_squared: f64,
    /// 95 % intervals of the coefficients.
    pub intervals: UslIntervals,
    /// Whether the curve is of this form at all.
    pub adequate: bool,
}

/// 95 % intervals of the coefficients, each `[low, high]`; `None` where as many coefficients as
/// measurements leave nothing to judge by.
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
    /// `cpu`, `memory`, `sync`, `io`, `ipc`, `gpu`, `gil`, `event-loop`, `quota`, `harness`, or
    /// `unclear`.
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
    /// What a helper adds to each task by measuring it: that is in every figure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measuring: Option<f64>,
}

/// Worker counts are whole numbers nearly always, and are written as such.
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
