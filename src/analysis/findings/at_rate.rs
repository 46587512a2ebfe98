//! What is known where tasks came at a rate.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plan::{Arrivals, Tail};

/// What a cell made of tasks that came at a rate. Latencies count from when a task was due.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AtRate {
    /// Tasks per second that came on average in its windows.
    pub came: f64,
    /// Tasks per second that it began: less than came where the queue grew.
    pub held: f64,
    /// Whether that is all of them, but for 2 %.
    pub reached: bool,
    /// How many tasks were waiting at the end of a window: the median over rounds.
    pub backlog: f64,
    /// The 99th percentile of the latency is at most this with 95 % confidence, over windows; in
    /// seconds. `None` where there are too few tasks or windows to say so.
    pub p99_at_most: Option<f64>,
    /// The same of the median.
    #[serde(default)]
    pub p50_at_most: Option<f64>,
    /// The same of the 90th percentile.
    #[serde(default)]
    pub p90_at_most: Option<f64>,
    /// The same of the 95th percentile.
    #[serde(default)]
    pub p95_at_most: Option<f64>,
    /// The same of the percentile 99.9.
    #[serde(default)]
    pub p999_at_most: Option<f64>,
    /// Seconds of service per task, without what it waited.
    pub service: f64,
    /// By how much these differ: the square of their coefficient of variation (1 is exponential).
    /// `None` where that cannot be seen from outside, as with servers.
    #[serde(default)]
    pub service_variation: Option<f64>,
    /// Seconds that a task waited on average.
    pub waited: Option<f64>,
    /// The same by the theory of queues (M/M/n: exponential gaps and services, one queue); `None`
    /// where the workers could not keep up by that.
    pub theory: Option<Waiting>,
    /// Whether it holds what was asked for: the rate, and the limit on the 99th percentile with
    /// 95 % confidence.
    pub holds: bool,
}

impl AtRate {
    /// This percentile of the latency is at most so many seconds, with 95 % confidence.
    pub fn at_most(&self, tail: Tail) -> Option<f64> {
        match tail {
            Tail::P50 => self.p50_at_most,
            Tail::P90 => self.p90_at_most,
            Tail::P95 => self.p95_at_most,
            Tail::P99 => self.p99_at_most,
            Tail::P999 => self.p999_at_most,
        }
    }
}

/// Waiting in theory.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Waiting {
    /// The share of their time in which workers are busy.
    pub busy: f64,
    /// The probability that a task waits.
    pub probability: f64,
    /// Seconds that a task waits on average.
    pub mean: f64,
    /// The same for times of service that differ as these do (M/G/n); `None` where that is not
    /// known.
    #[serde(default)]
    pub general: Option<Bounds>,
}

/// Between what a mean wait lies, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Bounds {
    /// It is at least this.
    pub low: f64,
    /// About this (Allen and Cunneen).
    pub about: f64,
    /// It is at most this.
    pub high: f64,
}

/// A limit on a percentile of the latency.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TailLimit {
    /// Which: `p99`.
    pub percentile: String,
    /// Seconds.
    pub most: f64,
}

/// The answer where a rate was asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RateAnswer {
    /// How tasks came.
    pub asked: Arrivals,
    /// The limit on the 99th percentile of the latency, in seconds.
    pub max_p99: Option<f64>,
    /// All limits on percentiles of the latency.
    #[serde(default)]
    pub limits: Vec<TailLimit>,
    /// The smallest count that holds it; `None` where none does.
    pub found: Option<RateCell>,
    /// Where none does: the cell that held the most.
    pub most: Option<RateCell>,
    /// Whether more rounds would hardly change the answer.
    pub sure: bool,
    /// The answer in one sentence.
    pub sentence: String,
}

/// A cell that tasks came to at a rate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RateCell {
    /// The mode.
    pub mode: String,
    /// How many workers.
    pub workers: f64,
    /// Tasks per second that it held.
    pub held: f64,
    /// The 99th percentile of the latency, in seconds.
    pub p99: Option<f64>,
    /// The same at most, with 95 % confidence.
    pub p99_at_most: Option<f64>,
}
