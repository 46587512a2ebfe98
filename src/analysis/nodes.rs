//! Nodes: how each of them did against the others, and what a further node gains.

use super::findings::{AxisValue, NodeFindings, Warning, WorkloadFindings};
use crate::machine::Ledger;
use crate::mode::node::{Node, NodeRound};
use crate::record::Record;
use crate::run::Sample;
use crate::units::Quantity;

/// With fewer rounds, a node's share is down to chance.
const FEW: usize = 5;
/// A node with less than this share of the others' rate is slow.
const SLOW: f64 = 0.9;
/// A node is named if this share of its rounds was disturbed.
const OFTEN: f64 = 0.2;

/// How each node did in the rounds of these entries.
pub(super) fn nodes(record: &Record, entries: &[usize]) -> Vec<NodeFindings> {
    let samples: Vec<&Sample> =
        record.samples.iter().filter(|sample| entries.contains(&sample.cell.entry)).collect();
    let known = record.header.nodes.iter().enumerate();
    known.map(|(at, node)| of_node(record, at, node, &samples)).collect()
}

fn of_node(record: &Record, at: usize, node: &Node, samples: &[&Sample]) -> NodeFindings {
    let own = || samples.iter().flat_map(|sample| &sample.nodes).filter(|one| one.node == at);
    let mut shares: Vec<f64> = samples.iter().filter_map(|sample| share(at, sample)).collect();
    let most = |of: fn(&NodeRound) -> f64| own().map(of).reduce(f64::max);
    let is_disturbed = |ledger: &&Ledger| ledger.is_disturbed();
    NodeFindings {
        name: node.name.clone(),
        machine: node.machine.summary(),
        usable_cpus: node.machine.budget.usable(),
        rounds: own().count() as u64,
        disturbed: own().filter_map(|one| one.ledger.as_ref()).filter(is_disturbed).count() as u64,
        share: Some(shares.len()).filter(|count| *count >= FEW).and_then(|_| median(&mut shares)),
        burn: burn(record, at),
        latest: most(|one| one.late),
        clock_error: most(|one| one.clock_error),
    }
}

/// The smallest and the largest share of its own best that a core of a node gave in the burn
/// controls.
fn burn(record: &Record, at: usize) -> Option<[f64; 2]> {
    let own = record.burns.iter().filter(|burn| burn.node == Some(at));
    let shares: Vec<f64> =
        own.flat_map(|burn| &burn.cores).map(|core| core.share_of_best).collect();
    let least = shares.iter().copied().reduce(f64::min)?;
    Some([least, shares.iter().copied().reduce(f64::max)?])
}

/// A node's rate in a round, relative to the median of the others.
fn share(at: usize, sample: &Sample) -> Option<f64> {
    let own = sample.nodes.iter().find(|one| one.node == at)?.throughput;
    let others = sample.nodes.iter().filter(|one| one.node != at);
    let mut others: Vec<f64> = others.map(|one| one.throughput).collect();
    let others = median(&mut others).filter(|rate| *rate > 0.0)?;
    Some(own / others)
}

fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(values[middle]),
        _ => Some(f64::midpoint(values[middle - 1], values[middle])),
    }
}

/// The nodes that were slow or disturbed, over the whole run.
pub(super) fn warnings(record: &Record) -> Vec<Warning> {
    let all: Vec<usize> = (0..record.header.plan.entries.len()).collect();
    let mut warnings = Vec::new();
    for node in nodes(record, &all) {
        if let Some(share) = node.share.filter(|share| *share < SLOW) {
            warnings.push(Warning {
                code: "slow-node".to_owned(),
                text: format!("node {} gives {} of the others", node.name, percent(share)),
                remedy: "look what else it does, and whether it is the same hardware; or leave it \
                         out"
                .to_owned(),
            });
        }
        let disturbed = node.disturbed as f64 / node.rounds.max(1) as f64;
        if disturbed > OFTEN {
            warnings.push(Warning {
                code: "disturbed-node".to_owned(),
                text: format!(
                    "node {} was disturbed in {} of its rounds",
                    node.name,
                    percent(disturbed)
                ),
                remedy: "have the whole host to yourself (srun --exclusive)".to_owned(),
            });
        }
    }
    warnings
}

fn percent(share: f64) -> String {
    Quantity::Share.text(share)
}

/// The efficiency of each number of nodes: its best throughput over that of perfect scaling from
/// the smallest number.
pub(super) fn efficiencies(values: &mut [AxisValue], workloads: &[WorkloadFindings]) {
    let best = |value: &AxisValue| {
        let found = workloads.get(value.workload)?;
        let points = found.curves.iter().flat_map(|curve| &curve.points).chain(&found.serial);
        let best = points.map(|point| point.throughput.median).reduce(f64::max)?;
        let count: f64 = value.value.parse().ok()?;
        (best > 0.0 && count > 0.0).then_some((count, best))
    };
    let known: Vec<Option<(f64, f64)>> = values.iter().map(best).collect();
    let base = known.iter().flatten().min_by(|a, b| a.0.total_cmp(&b.0)).copied();
    let Some((fewest, base)) = base else { return };
    for (value, known) in values.iter_mut().zip(known) {
        value.efficiency = known.map(|(count, best)| best / count / (base / fewest));
    }
}

/// The entries that are spread over nodes on this axis.
pub(super) fn entries(record: &Record, axis: usize) -> Vec<usize> {
    let entries = record.header.plan.entries.iter().enumerate();
    let of = entries.filter(|(_, entry)| {
        entry.nodes.is_some() && entry.also.as_ref().is_some_and(|also| also.axis == axis)
    });
    of.map(|(at, _)| at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::compare::planted;

    fn found(rate: f64) -> WorkloadFindings {
        let mut found = planted("run", 1, &["pi"]).runs.remove(0).findings.workloads.remove(0);
        found.serial = None;
        found.curves[0].points.truncate(1);
        found.curves[0].points[0].throughput.median = rate;
        found.curves.truncate(1);
        found
    }

    #[test]
    fn efficiency_is_against_the_smallest_number() {
        let workloads = [found(200.0), found(380.0), found(500.0)];
        let value = |(workload, value): (usize, &str)| AxisValue {
            value: value.to_owned(),
            workload,
            efficiency: None,
        };
        let mut values: Vec<AxisValue> =
            [(0, "2"), (1, "4"), (2, "8")].into_iter().map(value).collect();
        efficiencies(&mut values, &workloads);
        let all: Vec<f64> = values.iter().filter_map(|value| value.efficiency).collect();
        assert_eq!(all, [1.0, 0.95, 0.625]);
    }

    #[test]
    fn medians_are_of_the_middle() {
        assert_eq!(median(&mut []), None);
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&mut [4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }
}
