//! The tables of a comparison as text, the same for the terminal, Markdown and the page; and its
//! plots.

use crate::analysis::comparison::{
    AtOptimum, ComparedWorkload, Comparison, Difference, Index, LeftOut,
};
use crate::analysis::findings::{Curve, Estimate};
use crate::plot::{Chart, View};
use crate::units::{ABSENT, Quantity};

/// A table: a row of headings, and rows with as many cells. The first column holds names; the
/// others hold figures, unless `names` says otherwise.
pub(super) struct Table {
    pub(super) heads: Vec<String>,
    /// Whether each column holds names.
    pub(super) names: Vec<bool>,
    pub(super) rows: Vec<Vec<String>>,
}

/// The name of the first side.
pub(super) fn baseline(comparison: &Comparison) -> &str {
    comparison.sides.first().map_or("", |side| &side.name)
}

/// Each side at its own best.
pub(super) fn at_optimum(workload: &ComparedWorkload, comparison: &Comparison) -> Table {
    let against = format!("against {}", baseline(comparison));
    let heads: Vec<String> = [
        "side",
        "mode",
        "workers",
        "throughput",
        &against,
        "difference",
        "per core",
        "per CPU",
        "cost",
        "cost ratio",
    ]
    .map(str::to_owned)
    .to_vec();
    let names = vec![true, true, false, false, false, true, false, false, false, false];
    let rows = workload.sides.iter().map(|side| row(side, &workload.unit_many, &workload.unit_one));
    without_empty(&Table { heads, names, rows: rows.collect() })
}

fn row(at: &AtOptimum, unit_many: &str, unit_one: &str) -> Vec<String> {
    let rate = Quantity::rate(unit_many);
    let absent = || ABSENT.to_owned();
    let each = |figure: Option<f64>| figure.map_or_else(absent, |figure| rate.text(figure));
    let Estimate { median, low, high } = at.throughput;
    let ratio = at.against.map_or_else(absent, |against| interval(against.ratio));
    let difference = at.against.map_or("", |against| difference(against.difference));
    vec![
        at.side.clone(),
        at.mode.clone(),
        Quantity::Count.text(at.workers),
        rate.interval(median, low, high),
        ratio,
        difference.to_owned(),
        each(at.per_core),
        each(at.per_thread),
        at.cost_per_unit.map_or_else(absent, |cost| cost_text(cost, unit_one, unit_many)),
        at.cost_ratio.map_or_else(absent, interval),
    ]
}

/// A price per number of units, chosen so that the figure has at most three zeros after its point:
/// `0.0042 per million digits`.
fn cost_text(cost: f64, unit_one: &str, unit_many: &str) -> String {
    let steps =
        [(1.0, ""), (1e3, "thousand "), (1e6, "million "), (1e9, "billion "), (1e12, "trillion ")];
    let (factor, word) = steps
        .into_iter()
        .find(|(factor, _)| cost * factor >= 1e-3)
        .unwrap_or(steps[steps.len() - 1]);
    let unit = if factor > 1.0 { unit_many } else { unit_one };
    format!("{} per {word}{unit}", crate::units::coefficient(cost * factor))
}

/// A table of all modes and counts that the baseline shares with another side.
pub(super) fn at_equal(workload: &ComparedWorkload, comparison: &Comparison) -> Table {
    let others: Vec<&str> =
        comparison.sides.iter().skip(1).map(|side| side.name.as_str()).collect();
    let mut cells: Vec<(&str, f64)> = Vec::new();
    for at in &workload.equal {
        if !cells.contains(&(at.mode.as_str(), at.workers)) {
            cells.push((&at.mode, at.workers));
        }
    }
    let mut heads = vec!["mode".to_owned(), "workers".to_owned()];
    heads.extend(others.iter().map(|other| format!("{other} against {}", baseline(comparison))));
    let mut names = vec![false; heads.len()];
    names[0] = true;
    let rows = cells.iter().map(|(mode, workers)| {
        let figure = |other: &&str| {
            let mut found =
                workload.equal.iter().filter(|at| at.side == **other && at.mode == *mode);
            let at = found.find(|at| (at.workers - workers).abs() < 1e-9);
            at.map_or_else(|| ABSENT.to_owned(), |at| interval(at.ratio))
        };
        let mut row = vec![(*mode).to_owned(), Quantity::Count.text(*workers)];
        row.extend(others.iter().map(figure));
        row
    });
    Table { heads, names, rows: rows.collect() }
}

/// All workloads of each side combined into one figure. It has no rows if there is only one
/// workload, whose own table shows it.
pub(super) fn index(comparison: &Comparison) -> Table {
    let heads = ["side", "workloads", "geometric mean", "smallest", "largest", "cost ratio"];
    let row = |index: &Index| {
        vec![
            index.side.clone(),
            index.workloads.to_string(),
            interval(index.ratio),
            Quantity::Ratio.text(index.lowest),
            Quantity::Ratio.text(index.highest),
            index.cost_ratio.map_or_else(|| ABSENT.to_owned(), interval),
        ]
    };
    let several = comparison.index.iter().filter(|index| index.workloads > 1);
    let names = vec![true, false, false, false, false, false];
    let heads = heads.map(str::to_owned).to_vec();
    without_empty(&Table { heads, names, rows: several.map(row).collect() })
}

/// The name and the description of each side.
pub(super) fn sides(comparison: &Comparison) -> Vec<(String, String)> {
    let line = |side: &crate::analysis::comparison::Side| {
        let runs = side.runs.join(", ");
        let cpus = Quantity::Count.text(side.usable_cpus);
        let noun = if (side.usable_cpus - 1.0).abs() < 1e-9 { "CPU" } else { "CPUs" };
        let runs = if runs == side.name { String::new() } else { format!("; {runs}") };
        (side.name.clone(), format!("{}; {cpus} usable {noun}{runs}", side.machine))
    };
    comparison.sides.iter().map(line).collect()
}

/// What was left out, with the reason.
pub(super) fn left_out(item: &LeftOut) -> String {
    match &item.what {
        Some(what) => format!("{}, {what}: {}", item.side, item.reason),
        None => format!("{}: {}", item.side, item.reason),
    }
}

/// The curves of all sides in one plot; `None` if no side has a curve.
pub(super) fn chart(workload: &ComparedWorkload) -> Option<Chart> {
    let named: Vec<(String, &Curve)> = workload
        .sides
        .iter()
        .filter_map(|at| {
            at.curve.as_ref().map(|curve| (format!("{} ({})", at.side, curve.name), curve))
        })
        .collect();
    let curves: Vec<(&str, &Curve)> =
        named.iter().map(|(name, curve)| (name.as_str(), *curve)).collect();
    let chart = View::plain(&workload.label, &workload.unit_many, curves).comparison();
    let drawn = chart.dots().next().is_some();
    drawn.then_some(chart)
}

/// The difference in one word, so that an interval that includes 1 is not read as a difference.
fn difference(found: Difference) -> &'static str {
    match found {
        Difference::Faster => "faster",
        Difference::Slower => "slower",
        Difference::NotShown => "none shown",
    }
}

fn interval(ratio: Estimate) -> String {
    Quantity::Ratio.interval(ratio.median, ratio.low, ratio.high)
}

/// The table without columns that are empty in every row.
fn without_empty(table: &Table) -> Table {
    let says = |column: usize| {
        table.rows.iter().any(|row| !row[column].is_empty() && row[column] != ABSENT)
    };
    let kept: Vec<usize> =
        (0..table.heads.len()).filter(|&column| column == 0 || says(column)).collect();
    let pick = |row: &Vec<String>| kept.iter().map(|&column| row[column].clone()).collect();
    Table {
        heads: pick(&table.heads),
        names: kept.iter().map(|&column| table.names[column]).collect(),
        rows: table.rows.iter().map(pick).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::compare::{Contender, RUN_TO_RUN, compare, planted};
    use crate::report::terminal::{self, Style};
    use crate::report::{html, markdown};

    /// Two sides whose names try to be markup and to control a terminal.
    fn hostile() -> Comparison {
        let side = |name: &str, runs: usize| -> Contender {
            let mut side = planted(name, runs, &["pi", "file:1"]);
            side.price = Some(0.4 / 3600.0);
            side
        };
        let sides = [side("a|<script>alert(1)</script>", 1), side("b\u{1b}[2J\u{202e}`*", 3)];
        compare(&sides, RUN_TO_RUN).unwrap()
    }

    #[test]
    fn names_of_sides_are_text_everywhere() {
        let comparison = hostile();
        let page = html::comparison(&comparison);
        assert_eq!(page.matches("<script").count(), 1, "only our own script");
        assert!(page.contains("&lt;script&gt;"), "the name is shown");
        let text = markdown::comparison(&comparison);
        assert!(text.contains("a\\|&lt;script&gt;"), "{text}");
        for width in [40, 80, 160] {
            let style = Style { width: Some(width), color: false, unicode: true };
            let mut out = Vec::new();
            terminal::comparison(&mut out, &comparison, &style).unwrap();
            let text = String::from_utf8(out).unwrap();
            assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text}");
            assert!(text.contains("pi"), "{text}");
        }
        assert!(!page.contains('\u{202e}') && !text.contains('\u{202e}'));
    }

    #[test]
    fn on_a_terminal_long_names_are_told_once_and_then_called_by_a_letter() {
        let names = ["the-machine-in-the-cellar", "the-machine-in-the-attic"];
        let sides = names.map(|name| planted(name, 2, &["pi"]));
        let comparison = compare(&sides, RUN_TO_RUN).unwrap();
        let style = Style { width: Some(80), color: false, unicode: true };
        let mut out = Vec::new();
        terminal::comparison(&mut out, &comparison, &style).unwrap();
        let text = String::from_utf8(out).unwrap();
        for (letter, name) in ["A", "B"].into_iter().zip(names) {
            assert!(text.contains(&format!("{letter}  {name}\n")), "{text}");
        }
        assert!(text.contains("B against A") && !text.contains('…'), "{text}");
    }

    #[test]
    fn every_table_has_a_cell_under_every_head() {
        let comparison = hostile();
        let workload = &comparison.workloads[0];
        for table in
            [at_optimum(workload, &comparison), at_equal(workload, &comparison), index(&comparison)]
        {
            assert_eq!(table.names.len(), table.heads.len());
            assert!(!table.rows.is_empty());
            assert!(table.rows.iter().all(|row| row.len() == table.heads.len()));
        }
        let best = at_optimum(workload, &comparison);
        assert!(best.heads.contains(&"cost ratio".to_owned()), "{:?}", best.heads);
        assert!(!best.heads.contains(&"per core".to_owned()), "no side tells its cores");
        assert!(chart(workload).is_some());
    }

    #[test]
    fn costs_are_told_per_so_many_units_that_they_can_be_read() {
        assert_eq!(cost_text(0.25, "frame", "frames"), "0.25 per frame");
        assert_eq!(cost_text(4.2e-9, "digit", "digits"), "0.0042 per million digits");
        assert_eq!(cost_text(1e-20, "flop", "flops"), "1e-8 per trillion flops");
    }
}
