//! What the user asked for, turned into what will be measured. Pure: nothing here starts, reads or
//! waits.

mod arrivals;
mod axis;
mod candidates;
pub mod climb;
mod expand;
pub mod hold;
mod limits;
mod mode;
pub mod nodes;
mod outside;
pub mod parse;
mod registry;
pub mod search;
mod tariff;

use std::time::Duration;

use knee_workloads::{Kind, Params};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use arrivals::Arrivals;
pub use axis::{Also, Axis};
pub use candidates::{Candidates, Cores};
pub use expand::{Request, expand};
pub use limits::{Limits, Objective, Tail};
pub use mode::{Description, Language, Mode, Subject, Workers};
pub use outside::Outside;
pub use parse::{Counts, MOST_WORKERS, Named};
pub use registry::Registry;
pub use tariff::Tariff;

/// What a user would not miss of the throughput, unless told otherwise: 5 %.
pub const TOLERANCE: f64 = 0.05;

/// Why no plan could be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// The user asked for something that does not exist; one line that says what would be right.
    #[error("{0}")]
    Usage(String),
}

impl From<knee_workloads::Error> for PlanError {
    fn from(error: knee_workloads::Error) -> Self {
        Self::Usage(error.to_string())
    }
}

/// What will be measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// The seed of the order, the work and the resampling.
    pub seed: u64,
    /// How long everything may take, in seconds.
    pub budget: f64,
    /// Tasks per measurement where the makespan of a batch is asked for instead of a rate.
    pub batch: Option<u64>,
    /// How tasks come where they come by themselves, rather than when a worker is free.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrivals: Option<Arrivals>,
    /// Whether each worker is bound to one CPU.
    pub pin: bool,
    /// What a recommended count must keep.
    #[serde(default)]
    pub limits: Limits,
    /// What a recommended count may cost against the best, as a share of throughput.
    #[serde(default = "default_tolerance")]
    pub tolerance: f64,
    /// What the machine and its workers cost, where the user said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tariff: Option<Tariff>,
    /// Processes outside of knee whose use belongs to the work.
    #[serde(default, skip_serializing_if = "Outside::is_empty")]
    pub outside: Outside,
    /// One entry per workload with its parameters.
    pub entries: Vec<Entry>,
}

fn default_tolerance() -> f64 {
    TOLERANCE
}

/// One workload with its parameters, under several modes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Entry {
    /// As the user would type it, without what is the default anyway: `file:op=sync`.
    pub label: String,
    /// The workload's name.
    pub workload: String,
    /// All its parameters.
    #[schemars(with = "std::collections::BTreeMap<String, String>")]
    pub params: Params,
    /// What its author claims it is bound by.
    #[schemars(with = "String")]
    pub kind: Kind,
    /// What it counts: one of them.
    pub unit_one: String,
    /// What it counts: several.
    pub unit_many: String,
    /// How many units per second make one of something people know.
    pub equivalent: Option<(String, f64)>,
    /// The best count by the textbook.
    pub textbook_optimum: Option<f64>,
    /// The entry of which this is the same work in shorter tasks, measured only to see from which
    /// task length a mode pays.
    #[serde(default)]
    pub shorter_of: Option<usize>,
    /// Where on a second axis it stands, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub also: Option<Also>,
    /// Whether it is one of several ways to do the same work, which are compared with each other;
    /// its label is then the user's name for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub alternative: bool,
    /// Over how many nodes its crews are spread; `None` where they live on one host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<usize>,
    /// One series per mode.
    pub series: Vec<Series>,
}

/// One workload in one mode, over worker counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Series {
    /// How its tasks are run.
    pub mode: Mode,
    /// Which counts may be measured.
    pub candidates: Candidates,
}

/// The thing measured: a workload with its parameters in one mode at one worker count.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub struct Cell {
    /// Which of the plan's entries.
    pub entry: usize,
    /// How its tasks are run.
    pub mode: Mode,
    /// How many may run at once.
    pub workers: usize,
}

impl Plan {
    /// The budget as a duration.
    pub fn budget(&self) -> Duration {
        Duration::from_secs_f64(self.budget)
    }

    /// The entries that are ways to do the same work as this one, itself among them, ascending.
    pub fn ways(&self, entry: usize) -> Vec<usize> {
        self.alike(entry, |own, other| own.alternative && other.alternative)
    }

    /// The entries that are measured in the same blocks as this one, itself among them, ascending:
    /// ways to do the same work, and the values of a second axis where each is a server, since
    /// starting servers anew for each value takes longer than letting all of them idle.
    pub fn company(&self, entry: usize) -> Vec<usize> {
        let is_server = |one: &Entry| one.series.iter().all(|series| series.mode == Mode::Server);
        let axis = |one: &Entry| one.also.as_ref().map(|also| also.axis).filter(|_| is_server(one));
        self.alike(entry, |own, other| {
            (own.alternative && other.alternative)
                || axis(own).is_some_and(|axis_of| axis(other) == Some(axis_of))
        })
    }

    fn alike(&self, entry: usize, are_alike: impl Fn(&Entry, &Entry) -> bool) -> Vec<usize> {
        let Some(own) = self.entries.get(entry) else { return vec![entry] };
        let all = self.entries.iter().enumerate();
        let alike = all.filter(|(at, other)| *at == entry || are_alike(own, other));
        alike.map(|(at, _)| at).collect()
    }

    /// The entries that have findings of their own, in order: the first of those that are compared
    /// with each other stands for them all, and shorter tasks belong to the longer ones.
    pub fn subjects(&self) -> Vec<usize> {
        let is_subject = |at: &usize| {
            self.entries[*at].shorter_of.is_none() && self.ways(*at).first() == Some(at)
        };
        (0..self.entries.len()).filter(is_subject).collect()
    }

    /// What the hosts and workers of an entry cost.
    pub fn tariff_of(&self, entry: &Entry) -> Option<Tariff> {
        Some(self.tariff.as_ref()?.of_nodes(entry.nodes.unwrap_or(1)))
    }

    /// Puts the value of the second axis before each label in which it does not stand already, as a
    /// parameter does.
    pub fn name_values(&mut self) {
        for entry in &mut self.entries {
            let Some(told) = entry.also.as_ref().map(Also::told) else { continue };
            let params = entry.label.strip_prefix(&entry.workload).unwrap_or_default();
            if !params.trim_start_matches(':').split(',').any(|pair| pair == told) {
                entry.label = format!("{told} {}", entry.label);
            }
        }
    }

    /// Every cell that is sure to be measured, in the order of the entries.
    pub fn cells(&self) -> Vec<Cell> {
        let mut cells = Vec::new();
        for (entry, planned) in self.entries.iter().enumerate() {
            for series in &planned.series {
                let mode = series.mode;
                cells.extend(series.candidates.first().iter().map(|&workers| Cell {
                    entry,
                    mode,
                    workers,
                }));
            }
        }
        cells
    }
}
