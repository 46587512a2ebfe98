//! What a worker count must keep to, and what is wanted of it.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::PlanError;

/// Limits that a recommended count must keep, and the wish that chooses among those that do. SI
/// base units.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Limits {
    /// 99 % of the tasks take no longer than this, in seconds.
    pub max_p99: Option<f64>,
    /// All workers together hold no more memory than this, in bytes.
    pub max_memory: Option<f64>,
    /// Speed-up per worker is at least this; from 0 to 1.
    pub min_efficiency: Option<f64>,
    /// What is wanted among the counts that keep the limits.
    pub objective: Objective,
}

/// What is wanted of a count.
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
    /// Whether the user asked for anything but the plain optimum.
    pub fn is_set(&self) -> bool {
        *self != Self::default()
    }
}

impl Objective {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Throughput, Self::Latency, Self::Efficiency, Self::Cost];

    /// Its word on the command line and in files.
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
                "{text:?} is no objective; there are throughput, latency, efficiency and cost"
            ))
        })
    }
}
