//! The comparison in words.

use super::super::comparison::{Comparison, Difference, Index, LeftOut};
use super::super::findings::Warning;
use super::Entrant;
use crate::units::{Quantity, plural};

/// One sentence for each side, except the baseline.
pub(super) fn sentences(comparison: &Comparison) -> Vec<String> {
    let baseline = &comparison.sides[0].name;
    comparison.index.iter().map(|index| sentence(comparison, index, baseline)).collect()
}

fn sentence(comparison: &Comparison, index: &Index, baseline: &str) -> String {
    let found = |wanted: Difference| {
        let sides = comparison.workloads.iter().flat_map(|workload| &workload.sides);
        let against = sides.filter(|at| at.side == index.side).filter_map(|at| at.against);
        against.filter(|against| against.difference == wanted).count() as u64
    };
    let (faster, slower) = (found(Difference::Faster), found(Difference::Slower));
    let ratio = Quantity::Ratio.interval(index.ratio.median, index.ratio.low, index.ratio.high);
    let over = plural(index.workloads as u64, "workload", "workloads");
    let what = match (faster, slower) {
        (0, 0) => format!("no difference is shown between {} and {baseline}", index.side),
        (faster, 0) => format!("{} is faster than {baseline} in {faster} of {over}", index.side),
        (0, slower) => format!("{} is slower than {baseline} in {slower} of {over}", index.side),
        (faster, slower) => {
            format!(
                "{} is faster than {baseline} in {faster} and slower in {slower} of {over}",
                index.side
            )
        }
    };
    let cost = index.cost_ratio.map_or_else(String::new, |cost| {
        format!(
            "; the same work costs {}",
            Quantity::Ratio.interval(cost.median, cost.low, cost.high)
        )
    });
    match index.workloads {
        1 => format!("{what}: it does {ratio} of its work{cost}"),
        _ => format!("{what}; over all of them it does {ratio} of its work{cost}"),
    }
}

/// What was left out, with the reason, in one clause.
pub(super) fn left_out(item: &LeftOut) -> String {
    match &item.what {
        Some(what) => format!("{}, {what}: {}", item.side, item.reason),
        None => format!("{}: {}", item.side, item.reason),
    }
}

/// What a reader must know about the sides.
pub(super) fn warnings(sides: &[Entrant<'_>], assumed: Option<f64>) -> Vec<Warning> {
    let mut found = Vec::new();
    if let Some(spread) = assumed {
        found.push(Warning {
            code: "one-run".into(),
            text: format!(
                "run-to-run variation is not known where a side has one run; a standard deviation \
                 of {} is assumed, so a difference below about {} is not evidence",
                Quantity::Share.text(spread),
                Quantity::Share.text((1.96 * spread * 2.0_f64.sqrt()).exp_m1()),
            ),
            remedy:
                "measure each side at least three times, at different times, and name all runs \
                of a side"
                    .into(),
        });
    }
    for side in sides {
        let runs = || side.runs.iter();
        let name = &side.name;
        let mut warn = |code: &str, text: String, remedy: &str| {
            found.push(Warning { code: code.into(), text, remedy: remedy.into() });
        };
        if runs().any(|run| !run.record.header.optimised) {
            warn(
                "debug-build",
                format!("{name} was measured with a debug build"),
                "build with --release",
            );
        }
        if runs().any(|run| !run.findings.quiet.trusted) {
            let text = format!("{name} was measured on a machine that was not quiet");
            warn("disturbed", text, "measure it again when nothing else runs there");
        }
        if runs().any(|run| run.findings.run.interrupted) {
            let text = format!("a run of {name} was interrupted");
            warn("interrupted", text, "finish it with `knee run --resume`");
        }
    }
    let pins = |side: &Entrant<'_>| side.runs[0].record.header.plan.pin;
    if sides.iter().any(|side| pins(side) != pins(&sides[0])) {
        found.push(Warning {
            code: "pin".into(),
            text: "some sides were pinned and others were not".into(),
            remedy: "compare runs with the same placement, unless that is the question".into(),
        });
    }
    found
}
