//! The price of a unit of work, for people: `$0.031 per million requests`.

use super::words;
use crate::analysis::findings::{Cost, Curve, WorkloadFindings};
use crate::plot::{Chart, View};
use crate::units::{Quantity, workers};

/// Numbers of units, one of which makes the price easy to read.
const MULTIPLES: [(f64, &str); 5] =
    [(1.0, ""), (1e3, "thousand"), (1e6, "million"), (1e9, "billion"), (1e12, "trillion")];
/// The smallest amount that is easy to read.
const READABLE: f64 = 0.01;
/// Two amounts are equal if the smaller is more than this part of the larger.
const ALIKE: f64 = 0.98;

/// A price per number of units.
pub(super) fn text(cost: &Cost) -> String {
    let (times, word) = multiple(cost);
    let sum = amount(cost, times);
    if word.is_empty() { format!("{sum} each") } else { format!("{sum} per {word}") }
}

/// The price with the name of the unit.
pub(super) fn sentence(cost: &Cost, workload: &WorkloadFindings) -> String {
    let (times, word) = multiple(cost);
    let sum = amount(cost, times);
    if word.is_empty() {
        format!("{sum} per {}", workload.unit_one)
    } else {
        format!("{sum} per {word} {}", workload.unit_many)
    }
}

/// The price at the recommended count, and at the cheapest count if that is another one.
pub(super) fn remark(curve: &Curve, workload: &WorkloadFindings) -> Option<String> {
    let knee = words::best_point(curve)?;
    let own = knee.cost.as_ref()?;
    let text = format!("{} with {}", sentence(own, workload), workers(knee.workers));
    let priced = curve.points.iter().filter_map(|point| Some((point, point.cost.as_ref()?)));
    let cheapest = priced.min_by(|(_, a), (_, b)| a.per_unit.total_cmp(&b.per_unit));
    let cheaper = cheapest.filter(|(_, cost)| cost.per_unit < ALIKE * own.per_unit);
    Some(match cheaper {
        Some((point, cost)) => {
            format!("{text}; least with {}: {}", workers(point.workers), sentence(cost, workload))
        }
        None => text,
    })
}

/// The plot of the price, per number of units that makes it easy to read; empty if no price was
/// given.
pub(super) fn chart(workload: &WorkloadFindings, view: &View<'_>) -> Chart {
    let points = workload.curves.iter().flat_map(|curve| &curve.points);
    let costs = points.filter_map(|point| point.cost.as_ref());
    let Some(least) = costs.min_by(|a, b| a.per_unit.total_cmp(&b.per_unit)) else {
        return view.cost("Cost over workers", 1.0);
    };
    let (times, word) = multiple(least);
    let units = match word {
        "" => workload.unit_one.clone(),
        word => format!("{word} {}", workload.unit_many),
    };
    let title = format!("{} per {units} over workers", currency(least));
    view.cost(&title, times)
}

fn currency(cost: &Cost) -> &str {
    if cost.currency.is_empty() { "Cost" } else { &cost.currency }
}

fn multiple(cost: &Cost) -> (f64, &'static str) {
    let readable = |(times, _): &&(f64, &str)| cost.per_unit * times >= READABLE;
    *MULTIPLES.iter().find(readable).unwrap_or(&MULTIPLES[MULTIPLES.len() - 1])
}

/// Currency signs stand before the figure, words after it.
fn amount(cost: &Cost, times: f64) -> String {
    let figure = Quantity::Number.text(cost.per_unit * times);
    if cost.currency.is_empty() {
        figure
    } else if cost.currency.chars().all(char::is_alphabetic) {
        format!("{figure} {}", cost.currency)
    } else {
        format!("{}{figure}", cost.currency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_of_so_many_units_that_they_can_be_read() {
        for (per_unit, currency, says) in [
            (2.0, "$", "$2.00 each"),
            (0.031e-6, "$", "$0.0310 per million"),
            (3.5e-5, "EUR", "0.0350 EUR per thousand"),
            (1e-15, "", "0.00100 per trillion"),
        ] {
            let cost = Cost { per_unit, currency: currency.into() };
            assert_eq!(text(&cost), says);
        }
    }
}
