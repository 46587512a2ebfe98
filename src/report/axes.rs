//! A second axis in words and as a heat map: the recommended pair, the pairs that are as good, and
//! the figure of each measured pair.

use std::fmt::Write as _;

use super::nodes;
use super::program;
use super::words;
use crate::analysis::findings::{Axis, Findings, Pair, WorkloadFindings};
use crate::plot::heat::{Heat, Square};
use crate::units::{Quantity, workers};

/// The most pairs that are named beside the recommended one.
const NAMED: usize = 6;

/// Whether the recommended pair is not settled.
pub(super) fn is_open(axis: &Axis) -> bool {
    axis.knee.is_some() && !axis.conclusive
}

/// The recommended pair with its certainty: `2 workers x t=8 (335 requests/s, 16 in all), at most 4
/// % better elsewhere`.
pub(super) fn answer(findings: &Findings, axis: &Axis) -> Option<String> {
    let knee = axis.knee.as_ref()?;
    let mut text = told(axis, knee);
    let mut figures = vec![rate(findings, axis).text(knee.throughput.median)];
    figures.extend(knee.in_all.map(|all| format!("{} in all", Quantity::Count.text(all))));
    let regret = axis.regret.filter(|share| *share >= 0.005);
    figures.extend(
        regret.map(|share| format!("at most {} better elsewhere", Quantity::Share.text(share))),
    );
    let _ = write!(text, " ({})", figures.join(", "));
    Some(text)
}

/// The pairs that are as good as the recommended one, and the pair with the highest measured
/// figure.
pub(super) fn others(findings: &Findings, axis: &Axis) -> Vec<String> {
    let mut lines = Vec::new();
    let Some(knee) = &axis.knee else { return lines };
    let others: Vec<String> =
        axis.set.iter().filter(|pair| *pair != knee).map(|pair| told(axis, pair)).collect();
    if !others.is_empty() {
        let more = others.len().saturating_sub(NAMED);
        let mut named = others[..others.len() - more].join(", ");
        if more > 0 {
            let _ = write!(named, " and {more} more");
        }
        lines.push(format!("as good as far as the data tell: {named}"));
    }
    if let Some(best) = axis.best.as_ref().filter(|best| *best != knee) {
        let figure = rate(findings, axis).text(best.throughput.median);
        lines.push(format!("highest measured: {} ({figure})", told(axis, best)));
    }
    lines.extend(nodes::efficiency(axis));
    lines.extend(nodes::law(axis));
    lines.extend(nodes::each(axis));
    lines
}

/// `2 workers x t=8`.
fn told(axis: &Axis, pair: &Pair) -> String {
    let name = axis.name.strip_prefix("env:").unwrap_or(&axis.name);
    format!("{} x {name}={}", workers(pair.workers), pair.value)
}

/// The findings of the workload at the recommended value.
pub(super) fn chosen<'f>(findings: &'f Findings, axis: &Axis) -> Option<&'f WorkloadFindings> {
    let knee = axis.knee.as_ref()?;
    let value = axis.values.iter().find(|value| value.value == knee.value)?;
    findings.workloads.get(value.workload)
}

/// The recommended pair as a command line to type, with both values.
pub(super) fn settings(findings: &Findings, axis: &Axis) -> Option<String> {
    let (knee, workload) = (axis.knee.as_ref()?, chosen(findings, axis)?);
    let line = program::filled_in(workload, &Quantity::Count.text(knee.workers))?;
    Some(match axis.name.strip_prefix("env:") {
        Some(name) => {
            format!("{name}={} {line}", shlex::try_quote(&knee.value).unwrap_or_default())
        }
        None => line,
    })
}

fn rate(findings: &Findings, axis: &Axis) -> Quantity {
    let first = axis.values.first().and_then(|value| findings.workloads.get(value.workload));
    first.map_or(Quantity::Number, words::rate)
}

/// The heat map; `None` where nothing was measured.
pub(super) fn map(findings: &Findings, axis: &Axis) -> Option<Heat> {
    let of = |place: usize| findings.workloads.get(place);
    let all = || axis.values.iter().filter_map(|value| Some((value, of(value.workload)?)));
    let mode = |found: &WorkloadFindings| {
        let named = found.verdict.as_ref().map(|verdict| verdict.mode.clone());
        named.or_else(|| found.curves.first().map(|curve| curve.name.clone()))
    };
    let mut counts: Vec<f64> = all()
        .flat_map(|(_, found)| found.curves.iter().flat_map(|curve| &curve.points))
        .map(|point| point.workers)
        .collect();
    counts.sort_by(f64::total_cmp);
    counts.dedup();
    let row = |found: &WorkloadFindings, value: &str| -> Vec<Square> {
        let mode = mode(found);
        let curve = found.curves.iter().find(|curve| Some(&curve.name) == mode.as_ref());
        let square = |count: &f64| {
            let same = |workers: f64| (workers - count).abs() < 1e-9;
            let is = |pair: &Pair| same(pair.workers) && pair.value == value;
            let points = curve.into_iter().flat_map(|curve| &curve.points);
            match points.into_iter().find(|point| same(point.workers)) {
                Some(point) => Square::Figure {
                    value: point.throughput.median,
                    as_good: axis.set.iter().any(is),
                    chosen: axis.knee.as_ref().is_some_and(is),
                },
                None if found.failures.iter().any(|failure| same(failure.workers)) => {
                    Square::Failed
                }
                None => Square::Empty,
            }
        };
        counts.iter().map(square).collect()
    };
    let rows = all().map(|(value, found)| (value.value.clone(), row(found, &value.value)));
    let map = Heat {
        title: format!("{}: throughput over workers and {}", axis.of, axis.name),
        axis: axis.name.clone(),
        quantity: rate(findings, axis),
        rows: rows.collect(),
        counts: counts.clone(),
    };
    map.is_a_map().then_some(map)
}
