//! Limits that a recommended count must keep, and the objective that chooses among the counts.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::PlanError;

/// Limits that a recommended count must keep, and the objective that chooses among the counts that
/// keep them. All in SI base units.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Limits {
    /// 99 % of the tasks take no longer than this, in seconds.
    pub max_p99: Option<f64>,
    /// 50 % of the tasks take no longer than this, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_p50: Option<f64>,
    /// 90 % of the tasks take no longer than this, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_p90: Option<f64>,
    /// 95 % of the tasks take no longer than this, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_p95: Option<f64>,
    /// 99.9 % of the tasks take no longer than this, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_p999: Option<f64>,
    /// All workers together use no more memory than this, in bytes.
    pub max_memory: Option<f64>,
    /// Speed-up divided by workers is at least this, from 0 to 1.
    pub min_efficiency: Option<f64>,
    /// What is maximised or minimised among the counts that keep the limits.
    pub objective: Objective,
}

/// A percentile of latency that can have a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tail {
    /// The median.
    P50,
    /// The 90th percentile.
    P90,
    /// The 95th percentile.
    P95,
    /// The 99th percentile.
    P99,
    /// The 99.9th percentile.
    P999,
}

impl Tail {
    /// All percentiles.
    pub const ALL: [Self; 5] = [Self::P50, Self::P90, Self::P95, Self::P99, Self::P999];

    /// Its name: `p99`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::P50 => "p50",
            Self::P90 => "p90",
            Self::P95 => "p95",
            Self::P99 => "p99",
            Self::P999 => "p99.9",
        }
    }

    /// The share of tasks that may take longer.
    pub const fn beyond(self) -> f64 {
        match self {
            Self::P50 => 0.5,
            Self::P90 => 0.1,
            Self::P95 => 0.05,
            Self::P99 => 0.01,
            Self::P999 => 0.001,
        }
    }
}

/// The goal by which a count is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Objective {
    /// The most units per second.
    #[default]
    Throughput,
    /// The shortest time within which 99 % of the tasks end.
    Latency,
    /// The most units per second and worker.
    Efficiency,
    /// The least money per unit.
    Cost,
}

impl Limits {
    /// The limits on latency, each with its percentile, in seconds.
    pub fn tails(&self) -> Vec<(Tail, f64)> {
        let of = |tail: Tail| match tail {
            Tail::P50 => self.max_p50,
            Tail::P90 => self.max_p90,
            Tail::P95 => self.max_p95,
            Tail::P99 => self.max_p99,
            Tail::P999 => self.max_p999,
        };
        Tail::ALL.into_iter().filter_map(|tail| Some((tail, of(tail)?))).collect()
    }

    /// Whether the user asked for more than the plain optimum.
    pub fn is_set(&self) -> bool {
        *self != Self::default()
    }
}

impl Objective {
    /// All objectives.
    pub const ALL: [Self; 4] = [Self::Throughput, Self::Latency, Self::Efficiency, Self::Cost];

    /// Its name on the command line and in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Throughput => "throughput",
            Self::Latency => "latency",
            Self::Efficiency => "efficiency",
            Self::Cost => "cost",
        }
    }
}

impl fmt::Display for Objective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Objective {
    type Err = PlanError;

    fn from_str(text: &str) -> Result<Self, PlanError> {
        Self::ALL.into_iter().find(|objective| objective.name() == text).ok_or_else(|| {
            PlanError::Usage(format!(
                "{text:?} is not an objective; write throughput, latency, efficiency or cost"
            ))
        })
    }
}
