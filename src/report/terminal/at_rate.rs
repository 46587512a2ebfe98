//! The table of a workload with tasks at a rate: one row per mode and count.

use super::pen::{Style, Tone};
use super::table::Column;
use crate::analysis::findings::{AtRate, Point, WorkloadFindings};
use crate::report::{at_rate, words};
use crate::units::{ABSENT, Quantity};

/// The columns.
pub(super) fn columns(workload: &WorkloadFindings, style: &Style) -> Vec<Column> {
    let mut columns = [
        Column::names(words::kind_of_curve(workload), 0),
        Column::figures("workers", 0),
        Column::figures("held", 0),
        Column::figures("waiting", 0),
        Column::figures("p50", 4),
        Column::figures("p99", 0),
        Column::figures("at most", 0),
        Column::names("holds", 1),
        Column::figures("mean wait", 2),
        Column::figures("by M/M/n", 3),
        Column::figures("CPUs", 5),
    ];
    let best = workload.at_rate.as_ref().and_then(|answer| answer.found.as_ref());
    for (mode, point) in at_rate::cells(workload) {
        let is_best = best
            .is_some_and(|best| best.mode == mode && (best.workers - point.workers).abs() < 1e-9);
        let tone = if is_best { Tone::Strong } else { Tone::Plain };
        for (column, cell) in columns.iter_mut().zip(row(mode, point)) {
            column.cells.push((tone, style.cut(&cell, 24)));
        }
    }
    columns.to_vec()
}

/// With too few tasks or windows it is unknown whether a limit is kept.
fn holds(seen: AtRate) -> &'static str {
    match seen {
        AtRate { holds: true, .. } => "yes",
        AtRate { reached: true, p99_at_most: None, .. } => "not known",
        _ => "no",
    }
}

fn row(mode: &str, point: &Point) -> [String; 11] {
    let absent = || ABSENT.to_owned();
    let time =
        |seconds: Option<f64>| seconds.map_or_else(absent, |value| Quantity::Duration.text(value));
    let count = |value: f64| Quantity::Count.text(value);
    let seen = point.at_rate;
    let rate = |seen: AtRate| {
        let held = if seen.reached { seen.came } else { seen.held };
        format!("{}/s", count(if held < 100.0 { held } else { held.round() }))
    };
    [
        mode.to_owned(),
        count(point.workers),
        seen.map_or_else(absent, rate),
        seen.map_or_else(absent, |seen| count(seen.backlog)),
        time(point.latency.map(|latency| latency.p50)),
        time(point.p99()),
        time(seen.and_then(|seen| seen.p99_at_most)),
        seen.map_or_else(absent, |seen| holds(seen).to_owned()),
        time(seen.and_then(|seen| seen.waited)),
        time(seen.and_then(|seen| seen.theory).map(|theory| theory.mean)),
        point.cpu.map_or_else(absent, count),
    ]
}
