//! What is known where tasks arrived at a rate.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plan::{Arrivals, Tail};

/// How a cell did with tasks at a rate. Latencies count from when a task was due.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AtRate {
    /// Tasks per second that arrived, on average over its windows.
    pub came: f64,
    /// Tasks per second that it began. This is less than arrived if the queue grew.
    pub held: f64,
    /// Whether it began all of them, within 2 %.
    pub reached: bool,
    /// Tasks waiting at the end of a window: the median over rounds.
    pub backlog: f64,
    /// The 99th percentile of latency is at most this, in seconds, with 95 % confidence over
    /// windows. `None` if there are too few tasks or windows.
    pub p99_at_most: Option<f64>,
    /// The median of latency is at most this, in the same way.
    #[serde(default)]
    pub p50_at_most: Option<f64>,
    /// The 90th percentile of latency is at most this, in the same way.
    #[serde(default)]
    pub p90_at_most: Option<f64>,
    /// The 95th percentile of latency is at most this, in the same way.
    #[serde(default)]
    pub p95_at_most: Option<f64>,
    /// The 99.9th percentile of latency is at most this, in the same way.
    #[serde(default)]
    pub p999_at_most: Option<f64>,
    /// Mean seconds of service per task, without waiting.
    pub service: f64,
    /// How much service times vary: the square of their coefficient of variation (1 is
    /// exponential). `None` if that cannot be seen from outside, as with servers.
    #[serde(default)]
    pub service_variation: Option<f64>,
    /// Mean seconds that a task waited.
    pub waited: Option<f64>,
    /// The waiting time according to queueing theory (M/M/n: exponential gaps and services, one
    /// queue). `None` if, in theory, the workers could not keep up.
    pub theory: Option<Waiting>,
    /// Whether it holds the rate, and the limits on latency with 95 % confidence.
    pub holds: bool,
}

impl AtRate {
    /// The limit in seconds that this percentile of latency keeps, with 95 % confidence.
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

/// Waiting according to queueing theory.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Waiting {
    /// The share of time in which workers are busy.
    pub busy: f64,
    /// The probability that a task waits.
    pub probability: f64,
    /// Mean seconds that a task waits.
    pub mean: f64,
    /// The mean wait for service times that vary as these do (M/G/n); `None` if their variation is
    /// not known.
    #[serde(default)]
    pub general: Option<Bounds>,
}

/// Bounds of a mean wait, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Bounds {
    /// The mean is at least this.
    pub low: f64,
    /// The mean is about this (Allen and Cunneen).
    pub about: f64,
    /// The mean is at most this.
    pub high: f64,
}

/// A limit on a percentile of latency.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TailLimit {
    /// The percentile: `p99`.
    pub percentile: String,
    /// The limit in seconds.
    pub most: f64,
}

/// The answer to `--rate`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RateAnswer {
    /// The rate and the kind of gaps.
    pub asked: Arrivals,
    /// The limit on the 99th percentile of latency, in seconds.
    pub max_p99: Option<f64>,
    /// All limits on percentiles of latency.
    #[serde(default)]
    pub limits: Vec<TailLimit>,
    /// The smallest count that holds the rate; `None` if none does.
    pub found: Option<RateCell>,
    /// If none holds it: the cell that held the most.
    pub most: Option<RateCell>,
    /// Whether more rounds would hardly change the answer.
    pub sure: bool,
    /// The answer in one sentence.
    pub sentence: String,
}

/// A cell that was given tasks at a rate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RateCell {
    /// The mode.
    pub mode: String,
    /// The worker count.
    pub workers: f64,
    /// Tasks per second that it held.
    pub held: f64,
    /// The 99th percentile of the latency, in seconds.
    pub p99: Option<f64>,
    /// The 99th percentile of latency is at most this, with 95 % confidence.
    pub p99_at_most: Option<f64>,
}
