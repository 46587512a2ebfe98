//! What one round yields, in the form in which the record keeps it.

use hdrhistogram::Histogram;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::machine::Ledger;
use crate::mode::helper::Handover;
use crate::mode::node::NodeRound;
use crate::mode::server::Load;
use crate::mode::{Arrived, Extent, Usage, Window};
use crate::plan::hold::Seen;
use crate::plan::{Cell, Limits};

use super::crews::Measured;

/// One round of one cell, in SI base units.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sample {
    /// What was measured.
    pub cell: Cell,
    /// Number of its block, from 0.
    pub block: u32,
    /// Its number in the run, from 0: the order in time.
    pub round: u32,
    /// When the round began, in seconds since the beginning of the run.
    pub at: f64,
    /// Units per second: the sum of the workers' own rates. For a batch: units per second of
    /// makespan.
    pub throughput: f64,
    /// How many whole tasks were counted.
    pub tasks: u64,
    /// How many units those tasks did.
    pub units: u64,
    /// Each worker's own rate, in units per second.
    pub rates: Vec<f64>,
    /// Task latencies as pairs `[nanoseconds, how many]`, each value within 1 %.
    pub latency: Vec<(u64, u64)>,
    /// The 99th percentile of latency, in seconds, where programs print it about themselves. Of
    /// several workers, the longest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub printed_p99: Option<f64>,
    /// What the crew used, including processes that knee did not start but that belong to the work.
    pub usage: Usage,
    /// What those other processes used, where the user named any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outside: Option<Usage>,
    /// Seconds from the first submit to the last join, for a batch.
    pub makespan: Option<f64>,
    /// Number of the launch of its crew in this run, from 0. `None` in older records, where each
    /// round had its own crew.
    #[serde(default)]
    pub crew: Option<u32>,
    /// How many members the crew had. `None` in older records, where it had as many as workers.
    #[serde(default)]
    pub members: Option<usize>,
    /// Seconds that launching the crew took. Only the first round of a crew has this.
    #[serde(default)]
    pub launch: Option<f64>,
    /// The cost of handing over an empty task, where the crew lives in a helper.
    #[serde(default)]
    pub handover: Option<Handover>,
    /// How a server was kept under load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load: Option<Load>,
    /// How tasks arrived and were done, where they arrive at a rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrived: Option<Arrived>,
    /// Seconds of warm-up, until the last worker was warm.
    pub warm_up: f64,
    /// The disturbed round that this one replaces.
    pub repeats: Option<u32>,
    /// Whether it was measured to decide among counts that were already chosen.
    pub confirms: bool,
    /// What else the machine did meanwhile; `None` where that cannot be seen. With nodes, the
    /// ledger of the most disturbed node.
    pub ledger: Option<Ledger>,
    /// The result of each node, where the crew was spread over nodes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<NodeRound>,
}

/// Task latencies, read back from samples.
#[derive(Debug, Clone)]
pub struct Latencies(Histogram<u64>);

impl Sample {
    /// Builds the sample of one round of a cell.
    pub(super) fn new(cell: Cell, window: Window, measured: &Measured, place: Place) -> Self {
        let Measured { round, crew } = measured;
        let mut latency: Option<Histogram<u64>> = None;
        for lap in &round.laps {
            match &mut latency {
                None => latency = Some(lap.latency.clone()),
                Some(all) => all.add(&lap.latency).expect("all laps have the same bounds"),
            }
        }
        let tasks = round.laps.iter().map(|lap| lap.tasks).sum();
        let units = round.laps.iter().map(|lap| lap.units).sum();
        let rates = if round.nodes.is_empty() {
            round.laps.iter().map(|lap| lap.rate).collect()
        } else {
            round.rates.clone()
        };
        let makespan =
            matches!(window.extent, Extent::Tasks(_)).then_some(round.span.as_secs_f64());
        let warm_up = round.laps.iter().map(|lap| lap.warm_up).max().unwrap_or_default();
        let printed = round.laps.iter().flat_map(|lap| &lap.printed);
        let printed_p99 = printed.filter_map(|figure| figure.p99).reduce(f64::max);
        Self {
            cell,
            block: place.block,
            round: place.round,
            at: place.at,
            throughput: makespan.map_or_else(|| round.rate(), |span| units as f64 / span),
            tasks,
            units,
            rates,
            latency: latency
                .iter()
                .flat_map(|all| all.iter_recorded())
                .map(|step| (step.value_iterated_to(), step.count_at_value()))
                .collect(),
            printed_p99,
            usage: round.usage,
            outside: None,
            makespan,
            crew: Some(crew.number),
            members: Some(crew.members),
            launch: crew.launch,
            handover: round.handover,
            load: round.load.clone(),
            arrived: round.arrived,
            warm_up: warm_up.as_secs_f64(),
            repeats: place.repeats,
            confirms: place.confirms,
            ledger: worst(&round.nodes),
            nodes: round.nodes.clone(),
        }
    }

    /// Seconds that launching one worker of its crew took, where this round reports it.
    pub fn launch_per_worker(&self) -> Option<f64> {
        Some(self.launch? / self.members.unwrap_or(self.cell.workers).max(1) as f64)
    }

    /// How many tasks were due at the rate, how many of them were done, and how many exceeded each
    /// limit. `None` where tasks do not arrive at a rate.
    pub fn at_rate(&self, limits: &Limits) -> Option<Seen> {
        let arrived = self.arrived?;
        let late = |limit: f64| {
            let limit = (limit * 1e9) as u64;
            let late = self.latency.iter().filter(|(nanos, _)| *nanos > limit);
            late.map(|(_, count)| *count).fold(0, u64::saturating_add) as f64
        };
        let grown = arrived.waiting as f64 - arrived.waiting_before as f64;
        let tails = limits.tails().into_iter();
        Some(Seen {
            due: arrived.due as f64,
            done: arrived.due as f64 - grown,
            exceeding: tails.map(|(tail, limit)| (tail.beyond(), late(limit))).collect(),
        })
    }

    /// Whether knee itself was stopped for a while during the round.
    pub fn was_stopped(&self) -> bool {
        self.ledger.as_ref().is_some_and(|ledger| ledger.stopped > 0)
    }

    /// Whether the machine did so much else that the throughput is too low to be trusted.
    pub fn is_disturbed(&self) -> bool {
        self.ledger.as_ref().is_some_and(Ledger::is_disturbed)
    }
}

/// The ledger of the most disturbed node.
fn worst(nodes: &[NodeRound]) -> Option<Ledger> {
    let ledgers = || nodes.iter().filter_map(|node| node.ledger.as_ref());
    let disturbed = ledgers().find(|ledger| ledger.is_disturbed());
    disturbed.or_else(|| ledgers().next()).cloned()
}

/// Where a round stands in its run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) block: u32,
    pub(super) round: u32,
    pub(super) at: f64,
    pub(super) repeats: Option<u32>,
    pub(super) confirms: bool,
}

impl Latencies {
    /// All tasks of these samples together; `None` if they hold none.
    pub fn of<'s>(samples: impl IntoIterator<Item = &'s Sample>) -> Option<Self> {
        let mut all = Histogram::<u64>::new(2).ok()?;
        for sample in samples {
            for &(nanos, count) in &sample.latency {
                // Damaged records may hold absurd values; they count as the largest value that
                // fits.
                let _ = all.record_n(nanos.min(1 << 62), count);
            }
        }
        (!all.is_empty()).then_some(Self(all))
    }

    /// The latency, in seconds, that a share `quantile` (0 to 1) of the tasks kept.
    pub fn quantile(&self, quantile: f64) -> f64 {
        self.0.value_at_quantile(quantile) as f64 * 1e-9
    }

    /// The mean latency, in seconds.
    pub fn mean(&self) -> f64 {
        self.0.mean() * 1e-9
    }

    /// The longest latency, in seconds.
    pub fn max(&self) -> f64 {
        self.0.max() as f64 * 1e-9
    }
}

/// A cell that gave no result in a round.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// The cell; `None` where the whole workload could not be prepared.
    pub cell: Option<Cell>,
    /// Which of the plan's entries.
    pub entry: usize,
    /// The number of its block.
    pub block: u32,
    /// The reason, in words.
    pub reason: String,
}
