//! Turns what the user asked for into what will be measured. This layer is pure: it starts nothing,
//! reads nothing and waits for nothing.

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

/// The share of throughput that a user would not miss, unless told otherwise.
pub const TOLERANCE: f64 = 0.05;

/// Why no plan could be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// The request names something that does not exist or cannot be. The text is one line that says
    /// what would be right.
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
    /// Seed of the order of cells, of the work, and of resampling.
    pub seed: u64,
    /// How long everything may take, in seconds.
    pub budget: f64,
    /// Number of tasks in a batch, if its makespan is measured instead of a rate.
    pub batch: Option<u64>,
    /// How tasks arrive, if they arrive at a rate instead of whenever a worker is free.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrivals: Option<Arrivals>,
    /// Whether each worker is bound to one CPU.
    pub pin: bool,
    /// What a recommended count must keep.
    #[serde(default)]
    pub limits: Limits,
    /// The share of throughput that a recommended count may cost against the best count.
    #[serde(default = "default_tolerance")]
    pub tolerance: f64,
    /// Prices of the machine and its workers, if the user gave them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tariff: Option<Tariff>,
    /// Processes that knee did not start but that belong to the work.
    #[serde(default, skip_serializing_if = "Outside::is_empty")]
    pub outside: Outside,
    /// One entry for each workload with its parameters.
    pub entries: Vec<Entry>,
}

fn default_tolerance() -> f64 {
    TOLERANCE
}

/// One workload with its parameters, under several modes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Entry {
    /// Its label, as the user would type it: parameters with default values are left out. Example:
    /// `file:op=sync`.
    pub label: String,
    /// The workload's name.
    pub workload: String,
    /// Values of all its parameters.
    #[schemars(with = "std::collections::BTreeMap<String, String>")]
    pub params: Params,
    /// What limits its speed, as its author claims.
    #[schemars(with = "String")]
    pub kind: Kind,
    /// Name of one unit of its work.
    pub unit_one: String,
    /// Name of several units of its work.
    pub unit_many: String,
    /// A better-known measure that equals this many units per second.
    pub equivalent: Option<(String, f64)>,
    /// The best count according to the textbook.
    pub textbook_optimum: Option<f64>,
    /// The entry with the same work in longer tasks. Such a pair shows from what task length on a
    /// mode pays.
    #[serde(default)]
    pub shorter_of: Option<usize>,
    /// Its value on a second axis, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub also: Option<Also>,
    /// Whether it is one of several ways to do the same work, which are compared with each other.
    /// Its label is then the user's name for that way.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub alternative: bool,
    /// Number of nodes over which its crews are spread; `None` where crews live on one host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<usize>,
    /// One series per mode.
    pub series: Vec<Series>,
}

impl Entry {
    /// Whether its counts are searched for instead of listed.
    pub fn is_searched(&self) -> bool {
        let searched = |one: &Series| matches!(one.candidates, Candidates::Search { .. });
        self.series.iter().any(searched)
    }

    /// Whether its value multiplies with the workers, and its counts are searched for in one mode.
    fn is_searched_in_pairs(&self) -> bool {
        let multiplies = self.also.as_ref().is_some_and(|also| also.multiplies);
        multiplies && self.nodes.is_none() && self.series.len() == 1 && self.is_searched()
    }
}

/// One workload in one mode, over worker counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Series {
    /// How tasks are run.
    pub mode: Mode,
    /// The counts that may be measured.
    pub candidates: Candidates,
}

/// The thing measured: a workload with its parameters in one mode at one worker count.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub struct Cell {
    /// Index of the entry in the plan.
    pub entry: usize,
    /// How tasks are run.
    pub mode: Mode,
    /// How many tasks may run at once.
    pub workers: usize,
}

impl Plan {
    /// The budget as a duration.
    pub fn budget(&self) -> Duration {
        Duration::from_secs_f64(self.budget)
    }

    /// The entries that do the same work as this one, including itself, ascending.
    pub fn ways(&self, entry: usize) -> Vec<usize> {
        self.alike(entry, |own, other| own.alternative && other.alternative)
    }

    /// The entries that are measured in the same blocks as this one, including itself, ascending.
    /// These are ways to do the same work, and in two cases the values of a second axis: if each
    /// value is a server, because starting servers anew for each value takes longer than keeping
    /// all of them idle; and if the best pair of count and value is searched for.
    pub fn company(&self, entry: usize) -> Vec<usize> {
        let is_server = |one: &Entry| one.series.iter().all(|series| series.mode == Mode::Server);
        let is_joint = |one: &Entry| is_server(one) || one.is_searched_in_pairs();
        let axis = |one: &Entry| one.also.as_ref().map(|also| also.axis).filter(|_| is_joint(one));
        self.alike(entry, |own, other| {
            (own.alternative && other.alternative)
                || axis(own).is_some_and(|axis_of| axis(other) == Some(axis_of))
        })
    }

    /// Whether the best pair of a count and a value is searched for, instead of a curve for each
    /// value. This is so where both multiply to the workers in all and no counts are listed.
    pub fn is_searched_in_pairs(&self, entry: usize) -> bool {
        let company = self.company(entry);
        company.len() > 1 && company.iter().all(|at| self.entries[*at].is_searched_in_pairs())
    }

    fn alike(&self, entry: usize, are_alike: impl Fn(&Entry, &Entry) -> bool) -> Vec<usize> {
        let Some(own) = self.entries.get(entry) else { return vec![entry] };
        let all = self.entries.iter().enumerate();
        let alike = all.filter(|(at, other)| *at == entry || are_alike(own, other));
        alike.map(|(at, _)| at).collect()
    }

    /// The entries with findings of their own, in order. The first of several compared entries
    /// stands for all of them, and shorter tasks belong to the entry with the longer ones.
    pub fn subjects(&self) -> Vec<usize> {
        let is_subject = |at: &usize| {
            self.entries[*at].shorter_of.is_none() && self.ways(*at).first() == Some(at)
        };
        (0..self.entries.len()).filter(is_subject).collect()
    }

    /// What the hosts and workers of an entry cost together.
    pub fn tariff_of(&self, entry: &Entry) -> Option<Tariff> {
        Some(self.tariff.as_ref()?.of_nodes(entry.nodes.unwrap_or(1)))
    }

    /// Puts the value of the second axis before each label, unless the label already shows it as a
    /// parameter.
    pub fn name_values(&mut self) {
        for entry in &mut self.entries {
            let Some(told) = entry.also.as_ref().map(Also::told) else { continue };
            let params = entry.label.strip_prefix(&entry.workload).unwrap_or_default();
            if !params.trim_start_matches(':').split(',').any(|pair| pair == told) {
                entry.label = format!("{told} {}", entry.label);
            }
        }
    }

    /// Every cell that is certain to be measured, in the order of the entries.
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
