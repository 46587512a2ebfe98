//! Nodes in words: the gain of a further node, and how each node did.

use std::fmt::Write as _;

use crate::analysis::findings::{Axis, NodeFindings};
use crate::units::{Quantity, plural};

/// The most nodes that are named. Of more nodes, those that differ most are named.
const NAMED: usize = 8;

/// `efficiency over nodes: 1: 100 %, 2: 97 %`, with an explanation.
pub(super) fn efficiency(axis: &Axis) -> Option<String> {
    let known = axis.values.iter().filter_map(|value| Some((&value.value, value.efficiency?)));
    let known: Vec<_> = known.collect();
    let (fewest, _) = known.iter().min_by_key(|(value, _)| value.parse::<u64>().ok())?;
    let all: Vec<String> = known
        .iter()
        .map(|(value, share)| format!("{value}: {}", Quantity::Share.text(*share)))
        .collect();
    Some(format!(
        "efficiency over nodes: {} (the best throughput per node, against that of {fewest})",
        all.join(", ")
    ))
}

/// The law over all workers: where more of them gain nothing.
pub(super) fn law(axis: &Axis) -> Option<String> {
    let usl = axis.usl.as_ref().filter(|usl| usl.adequate)?;
    let peak = usl.peak_workers.map_or_else(
        || "no peak within reach".to_owned(),
        |peak| format!("its peak is at {} workers in all", Quantity::Count.text(peak)),
    );
    Some(format!(
        "over all workers the Universal Scalability Law fits (contention {}, coherency {}); {peak}",
        Quantity::Share.text(usl.sigma),
        Quantity::Share.text(usl.kappa)
    ))
}

/// How each node did against the others, and how exactly their windows opened together.
pub(super) fn each(axis: &Axis) -> Vec<String> {
    let mut nodes: Vec<&NodeFindings> = axis.nodes.iter().collect();
    if nodes.is_empty() {
        return Vec::new();
    }
    let off = |node: &NodeFindings| node.share.map_or(0.0, |share| (share - 1.0).abs());
    let more = nodes.len().saturating_sub(NAMED);
    if more > 0 {
        nodes.sort_by(|a, b| off(b).total_cmp(&off(a)));
        nodes.truncate(NAMED);
    }
    let told = |node: &&NodeFindings| {
        let mut figures = Vec::new();
        figures.extend(
            node.share.map(|share| format!("{} of the others", Quantity::Share.text(share))),
        );
        if node.disturbed > 0 {
            let rounds = plural(node.rounds, "round", "rounds");
            figures.push(format!("{} of {rounds} disturbed", node.disturbed));
        }
        if figures.is_empty() {
            node.name.clone()
        } else {
            format!("{} ({})", node.name, figures.join(", "))
        }
    };
    let mut line = format!("nodes: {}", nodes.iter().map(told).collect::<Vec<_>>().join(", "));
    if more > 0 {
        let _ = write!(line, " and {more} more");
    }
    let worst =
        |of: fn(&NodeFindings) -> Option<f64>| axis.nodes.iter().filter_map(of).reduce(f64::max);
    let exact = worst(|node| node.latest).zip(worst(|node| node.clock_error));
    let exact = exact.map(|(late, error)| {
        let time = |seconds| Quantity::Duration.text(seconds);
        format!(
            "windows opened at one moment, at worst {} late and known to {}",
            time(late),
            time(error)
        )
    });
    [Some(line), exact].into_iter().flatten().collect()
}
