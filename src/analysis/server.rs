//! Remarks beside the figures of a server: how it was loaded, what the client used, and which
//! requests failed.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::findings::{Curve, Remark};
use crate::mode::server::Load;
use crate::plan::Mode;
use crate::record::Record;
use crate::stats::median::median;
use crate::units::{Quantity, workers};

/// The remarks on entry `at` of the plan. Empty if it is not a server.
pub(super) fn remarks(record: &Record, at: usize, curves: &[Curve]) -> Vec<Remark> {
    let rounds = || {
        let own = record.samples.iter().filter(move |sample| sample.cell.entry == at);
        own.filter_map(|sample| Some((sample, sample.load.as_ref()?)))
    };
    let own = |load: &Load| load.connections > 0;
    let mut remarks = Vec::new();
    let mut used: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
    for (sample, load) in rounds().filter(|(_, load)| own(load)) {
        let span = used.entry(sample.cell.workers).or_insert((usize::MAX, 0));
        *span = (span.0.min(load.connections), span.1.max(load.connections));
    }
    if !used.is_empty() {
        let told = |(count, (low, high)): (&usize, &(usize, usize))| {
            if low == high {
                format!("{high} at {count}")
            } else {
                format!("{low}-{high} at {count}")
            }
        };
        let all: Vec<String> = used.iter().map(told).collect();
        remarks.push(remark(false, format!("connections of the client: {}", all.join(", "))));
    }
    let curve = curves.iter().find(|curve| curve.name == Mode::Server.name());
    let formula = record.header.plan.entries[at].textbook_optimum;
    remarks.extend(curve.zip(formula).and_then(|(curve, formula)| beside(curve, formula)));
    if let Some(knee) = curve.and_then(|curve| curve.knee.as_ref()) {
        let there = rounds().filter(|(sample, load)| {
            own(load) && (sample.cell.workers as f64 - knee.workers).abs() < 1e-9
        });
        let shares: Vec<f64> = there
            .filter_map(|(sample, load)| {
                let server = sample.usage.cpu() / sample.usage.span.max(1e-9);
                Some(load.cpu / (load.cpu + server)).filter(|share| share.is_finite())
            })
            .collect();
        if let Some(share) = median(&shares) {
            let text = format!(
                "the client took {} of the CPU time of both at {}; a server that is bound by CPUs \
                 does better without it",
                Quantity::Share.text(share),
                workers(knee.workers)
            );
            remarks.push(remark(false, text));
        }
    }
    let mut failed: BTreeMap<String, u64> = BTreeMap::new();
    for (reason, count) in rounds().flat_map(|(_, load)| &load.failed) {
        *failed.entry(reason.clone()).or_default() += count;
    }
    let all: u64 = rounds().map(|(sample, _)| sample.tasks).sum();
    if !failed.is_empty() {
        let count: u64 = failed.values().sum();
        let reasons: Vec<String> =
            failed.iter().map(|(reason, count)| format!("{count} x {reason}")).collect();
        let text =
            format!("{count} of {all} requests failed ({}); they do not count", reasons.join(", "));
        remarks.push(remark(true, text));
    }
    remarks
}

/// The count from the usual formula, compared with the recommended count.
fn beside(curve: &Curve, formula: f64) -> Option<Remark> {
    let at = |count: f64| curve.points.iter().find(|point| (point.workers - count).abs() < 0.5);
    let knee = curve.knee.as_ref()?.workers;
    let mut text = format!("the usual formula, 2 x CPUs + 1, gives {}", workers(formula.round()));
    if let Some((there, here)) = at(formula).zip(at(knee)).filter(|_| (formula - knee).abs() > 0.5)
    {
        let share = there.throughput.median / here.throughput.median - 1.0;
        let side = if share < 0.0 { "less" } else { "more" };
        let share = Quantity::Share.text(share.abs());
        let _ = write!(text, ": {share} {side} than the recommended {}", workers(knee));
    }
    Some(remark(false, text))
}

fn remark(warning: bool, text: String) -> Remark {
    Remark { warning, text, remedy: String::new() }
}
