//! A crew that is spread over nodes: an ordinary crew on each node. All of them open their windows
//! at one moment.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use hdrhistogram::Histogram;
use knee_workloads::Figure;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::cluster::{ANSWER_WITHIN, Cluster};
use super::fleet::Fault;
use super::message::{Answer, Laps, Order, Trial};
use crate::clock;
use crate::machine::Ledger;
use crate::mode::{Crew, Extent, Job, Lap, ModeError, Round, Usage, Window};

/// How often a round is tried while a node is late.
const TRIES: u32 = 6;
/// A node is late if it opens its window later than this share of the window: it did not measure
/// the same time as the others.
const LATE: f64 = 0.01;
/// A smaller delay, in seconds, never counts as late: any system may cause it.
const LATE_AT_LEAST: f64 = 2e-3;
/// Time that a node gets for its answer, beyond the time of the round.
const SLACK: Duration = Duration::from_secs(2);
/// The longest that a void round may go on at a node.
const ENDS_WITHIN: Duration = Duration::from_secs(600);
/// The longest round, whatever is allowed.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// The result of one node in a round.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NodeRound {
    /// The number of the node in the record.
    pub node: usize,
    /// Units per second: the sum of its workers' own rates.
    pub throughput: f64,
    /// How many whole tasks were counted.
    pub tasks: u64,
    /// How many seconds after the agreed moment its window opened.
    pub late: f64,
    /// By how many seconds its moment may differ from ours: half of the shortest round trip.
    pub clock_error: f64,
    /// What else its machine did meanwhile; `None` where that cannot be seen.
    pub ledger: Option<Ledger>,
    /// What its part of the crew used; `None` in older records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
}

/// A crew on several nodes.
#[derive(Debug)]
pub(super) struct Spread {
    cluster: Arc<Cluster>,
    crew: u64,
    nodes: Vec<usize>,
    /// Whether its members live in a helper.
    helped: bool,
    allowed: Duration,
}

impl Spread {
    pub(super) fn new(cluster: Arc<Cluster>, crew: u64, nodes: Vec<usize>, job: &Job) -> Self {
        let helped = job.workload == "function";
        Self { cluster, crew, nodes, helped, allowed: LONGEST }
    }

    /// Whether some of its nodes share a machine.
    fn shares_machines(&self) -> bool {
        self.nodes.iter().any(|node| self.cluster.shares_its_machine(*node))
    }

    /// Orders one round for a common moment.
    fn measure(&self, active: usize, window: Window) -> Result<Vec<Laps>, ModeError> {
        let (length, batch) = match window.extent {
            Extent::Time(length) => (length, None),
            Extent::Tasks(tasks) => (Duration::ZERO, Some(tasks)),
            Extent::Arrivals { .. } => {
                return Err(ModeError::Launch {
                    what: "the round could not be begun",
                    reason: "nodes cannot be given tasks at a rate".to_owned(),
                });
            }
        };
        let mut fleet = self.cluster.fleet();
        fleet.sync(&self.nodes).map_err(|fault| self.cluster.told(fault))?;
        let lead = fleet.lead(self.nodes.iter().copied());
        let now = clock::shared_nanos();
        let at = now + lead.as_nanos() as u64;
        // Who warms up says when that is done, and is told the moment then.
        let warms_up = !window.warm_up.is_zero() && (self.helped || batch.is_none());
        let count = self.nodes.len() as u64;
        let mut orders = Vec::with_capacity(self.nodes.len());
        for (number, &node) in (0..).zip(&self.nodes) {
            let share = |tasks: u64| tasks / count + u64::from(number < tasks % count);
            let trial = Trial {
                crew: self.crew,
                active,
                warm_ns: window.warm_up.as_nanos() as u64,
                window_ns: length.as_nanos() as u64,
                tasks: batch.map(share),
                at_ns: (!warms_up).then(|| fleet.peers[node].offset.there(at).unwrap_or(at)),
                limit_ns: self.allowed.as_nanos() as u64,
            };
            orders.push((node, Order::Round(trial)));
        }
        let within = lead + window.warm_up + self.allowed + SLACK;
        let answers = fleet.ask("round", &orders, within);
        let errors: Vec<f64> =
            self.nodes.iter().map(|node| fleet.peers[*node].offset.error(now) * 1e-9).collect();
        drop(fleet);
        let answers = answers.map_err(|fault| self.cluster.told(fault))?;
        let all = self.nodes.iter().zip(errors).zip(answers);
        all.map(|((&node, error), answer)| {
            let Answer::Laps(mut laps) = answer else { return Err(self.cluster.odd(node)) };
            if !laps.is_sound() {
                return Err(self.cluster.odd(node));
            }
            laps.node.node = node;
            laps.node.clock_error = error;
            if self.cluster.shares_its_machine(node) {
                laps.node.ledger = None;
            }
            Ok(*laps)
        })
        .collect()
    }
}

impl Laps {
    /// Whether its figures are valid numbers.
    fn is_sound(&self) -> bool {
        let figures = self.rates.iter().chain([&self.node.throughput, &self.node.late]);
        figures.into_iter().all(|figure| figure.is_finite() && *figure >= 0.0)
    }
}

impl Crew for Spread {
    fn round(&mut self, active: NonZeroUsize, window: Window) -> Result<Round, ModeError> {
        let most = match window.extent {
            Extent::Time(length) => (LATE * length.as_secs_f64()).max(LATE_AT_LEAST),
            // The time of a batch counts from the moment, even for nodes that were late.
            _ => f64::INFINITY,
        };
        let mut tries = 0;
        loop {
            tries += 1;
            let laps = self.measure(active.get(), window)?;
            let latest = laps.iter().max_by(|a, b| a.node.late.total_cmp(&b.node.late));
            if let Some((node, task)) = differing(&laps) {
                let first = &self.cluster.nodes()[self.nodes[0]].name;
                let why = format!("task {task} returned another checksum than on node {first}");
                return Err(self.cluster.told(Fault::Failed { node, why }));
            }
            match latest.map(|laps| &laps.node).filter(|node| node.late > most) {
                None => {
                    self.cluster.fleet().in_time();
                    return Ok(merged(laps));
                }
                // Nodes that share a machine delay each other by nature, so this is only reported.
                Some(_) if tries > 1 && self.shares_machines() => return Ok(merged(laps)),
                Some(node) if tries == TRIES => {
                    let (late, node) = (node.late, node.node);
                    let why = format!(
                        "it opened its window {:.1} ms late, {TRIES} times; is something else \
                         running there?",
                        late * 1e3
                    );
                    return Err(self.cluster.told(Fault::Failed { node, why }));
                }
                Some(_) => self.cluster.fleet().late(),
            }
        }
    }

    fn allow(&mut self, limit: Duration) {
        self.allowed = limit.min(LONGEST);
    }

    fn dismiss(self: Box<Self>) -> Result<(), ModeError> {
        let mut fleet = self.cluster.fleet();
        let alive = fleet.alive();
        let orders: Vec<(usize, Order)> = self
            .nodes
            .iter()
            .filter(|node| alive.contains(node))
            .map(|node| (*node, Order::Dismiss { crew: self.crew }))
            .collect();
        // A node that does not answer is lost; that is reported when it is needed again. A node in
        // the middle of a void round ends the round first.
        let within = ANSWER_WITHIN + self.allowed.min(ENDS_WITHIN);
        let _ = fleet.ask("dismiss", &orders, within);
        Ok(())
    }
}

/// The first node on which a task returned another checksum than on the first node, and the number
/// of that task.
fn differing(all: &[Laps]) -> Option<(usize, u64)> {
    let (first, others) = all.split_first()?;
    let known = |task: u64| first.checks.iter().find(|(of, _)| *of == task).map(|(_, sum)| *sum);
    others.iter().find_map(|laps| {
        let wrong = |(task, sum): &&(u64, u64)| known(*task).is_some_and(|known| known != *sum);
        laps.checks.iter().find(wrong).map(|(task, _)| (laps.node.node, *task))
    })
}

/// The result of all nodes together. Rates add up: each is measured by its node's own clock, and
/// clocks differ only by millionths.
fn merged(all: Vec<Laps>) -> Round {
    let mut latency: Histogram<u64> = Lap::histogram();
    let (mut lap, mut usage) = (Lap::nothing(), None);
    let (mut nodes, mut rates, mut span) = (Vec::new(), Vec::new(), Duration::ZERO);
    let mut handover = None;
    for laps in all {
        for (nanos, count) in laps.latency {
            latency.saturating_record_n(nanos.max(1), count);
        }
        lap.tasks += laps.tasks;
        lap.units = lap.units.saturating_add(laps.units);
        lap.rate += laps.node.throughput;
        lap.warm_up = lap.warm_up.max(Duration::from_nanos(laps.warm_ns));
        lap.checks.extend(laps.checks);
        lap.printed.extend(laps.printed_p99.map(|p99| Figure { rate: 0.0, p99: Some(p99) }));
        span = span.max(Duration::from_nanos(laps.span_ns));
        usage = Some(usage.map_or(laps.usage, |all: Usage| all.and(laps.usage)));
        handover = handover.or(laps.handover);
        rates.extend(laps.rates);
        nodes.push(laps.node);
    }
    lap.latency = latency;
    (lap.wall, lap.ended) = (span, span);
    let usage = usage.unwrap_or_default();
    Round { handover, nodes, rates, ..Round::new(vec![lap], usage, span) }
}
