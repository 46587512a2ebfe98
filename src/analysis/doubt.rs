//! What is not settled, and what would settle it. Where others had the machine, answers are
//! withdrawn.

use super::findings::{Axis, WorkloadFindings};
use crate::record::{Advice, Record};
use crate::units::Quantity;

/// If a larger share of the rounds was disturbed, there is no answer.
const MOST: f64 = 0.5;
/// Budgets that people would type, in seconds.
const BUDGETS: [f64; 12] =
    [30.0, 60.0, 90.0, 120.0, 180.0, 300.0, 600.0, 900.0, 1200.0, 1800.0, 2700.0, 3600.0];
/// The assumed factor on the time if the answer rests on too few rounds to compute one.
const UNKNOWN: f64 = 3.0;

/// Withdraws the conclusions about a workload if most of its rounds were disturbed.
pub(super) fn withdraw(record: &Record, entry: usize, found: &mut WorkloadFindings) {
    if !is_disturbed(record, entry) {
        return;
    }
    for optimum in found.curves.iter_mut().filter_map(|curve| curve.optimum.as_mut()) {
        optimum.conclusive = false;
        optimum.remedy = None;
    }
    if let Some(verdict) = &mut found.verdict {
        verdict.conclusive = false;
        verdict.times_the_rounds = None;
    }
}

/// Whether most rounds of a workload were disturbed.
pub(super) fn is_disturbed(record: &Record, entry: usize) -> bool {
    let company = record.header.plan.ways(entry);
    let rounds = || record.samples.iter().filter(|sample| company.contains(&sample.cell.entry));
    let disturbed = rounds().filter(|sample| sample.is_disturbed()).count();
    disturbed as f64 > MOST * rounds().count() as f64
}

/// What to do to settle everything; `None` if everything is settled.
pub(super) fn settle(
    record: &Record,
    workloads: &mut [WorkloadFindings],
    axes: &[Axis],
) -> Option<String> {
    let places = record.header.plan.subjects();
    let open_pairs: Vec<&Axis> = axes.iter().filter(|axis| is_open_pair(axis, workloads)).collect();
    let open: Vec<(usize, &mut WorkloadFindings)> =
        places.iter().copied().zip(workloads.iter_mut()).filter(|(_, one)| is_open(one)).collect();
    if open.is_empty() && open_pairs.is_empty() {
        return None;
    }
    let of_pairs = open_pairs.iter().flat_map(|axis| &axis.values);
    let of_pairs = of_pairs.filter_map(|value| places.get(value.workload).copied());
    let mut all_open = open.iter().map(|(at, _)| *at).chain(of_pairs);
    if all_open.any(|at| is_disturbed(record, at)) {
        let who = record.warnings.iter().rfind(|warning| warning.code == NEIGHBOUR);
        return Some(who.map_or_else(
            || "a quiet machine: most rounds were disturbed".to_owned(),
            |who| {
                let Advice { text, remedy, .. } = who;
                format!(
                    "a quiet machine: most rounds were disturbed: {text}; {remedy}, and \
                     measure again"
                )
            },
        ));
    }
    // A workload had about its part of the whole budget. What it still needs is added.
    let part = 1.0 / workloads_of(record) as f64;
    let times = |found: &WorkloadFindings| {
        found.verdict.as_ref().and_then(|verdict| verdict.times_the_rounds).unwrap_or(UNKNOWN)
    };
    let more: f64 = open.iter().map(|(_, found)| (times(found) - 1.0) * part).sum();
    // The values of an axis share their time.
    let of_pair = |axis: &&Axis| {
        (axis.times_the_rounds.unwrap_or(UNKNOWN) - 1.0) * part * axis.values.len() as f64
    };
    let more = more + open_pairs.iter().map(of_pair).sum::<f64>();
    let given = whole(record.header.plan.budget);
    let wanted = given * (1.0 + more);
    let budget = BUDGETS.into_iter().find(|one| *one >= 0.95 * wanted && *one > 1.1 * given);
    let told = budget.map_or_else(
        || "a quieter machine: no budget within an hour would do".to_owned(),
        |budget| format!("--budget {}", typed(budget)),
    );
    for curve in open.into_iter().flat_map(|(_, found)| &mut found.curves) {
        if let Some(optimum) = curve.optimum.as_mut().filter(|optimum| optimum.remedy.is_some()) {
            optimum.remedy = Some(told.clone());
        }
    }
    Some(told)
}

/// The code of the advice that names other programs on the CPUs.
pub(crate) const NEIGHBOUR: &str = "neighbour";

fn is_open(found: &WorkloadFindings) -> bool {
    !found.in_pairs && found.verdict.as_ref().is_some_and(|verdict| !verdict.conclusive)
}

/// Whether the only answer is a recommended pair, and that pair is not settled.
fn is_open_pair(axis: &Axis, workloads: &[WorkloadFindings]) -> bool {
    let mut values = axis.values.iter().filter_map(|value| workloads.get(value.workload));
    axis.knee.is_some() && !axis.conclusive && values.any(|found| found.in_pairs)
}

fn workloads_of(record: &Record) -> usize {
    record.header.plan.subjects().len().max(1)
}

/// The budget as typed. The plan holds only the part that is left for measuring.
fn whole(measuring: f64) -> f64 {
    BUDGETS
        .into_iter()
        .find(|typed| (measuring..measuring + 3.0).contains(typed))
        .unwrap_or(measuring)
}

/// Seconds as people type them: `90s`, `3m`, `1h`.
fn typed(seconds: f64) -> String {
    let count = |by: f64| Quantity::Count.text(seconds / by);
    match seconds {
        hours if hours % 3600.0 == 0.0 => format!("{}h", count(3600.0)),
        minutes if minutes >= 120.0 && minutes % 60.0 == 0.0 => format!("{}m", count(60.0)),
        _ => format!("{}s", count(1.0)),
    }
}

#[test]
fn budgets_are_typed_as_people_type_them() {
    assert_eq!(BUDGETS.map(typed)[..5], ["30s", "60s", "90s", "2m", "3m"]);
    assert_eq!(typed(3600.0), "1h");
}
