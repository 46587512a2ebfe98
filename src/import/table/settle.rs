//! Guesses that depend on the figures. They are made when all curves of a table are complete.

use super::super::guess::About;
use super::super::layouts::cell::{self, Cell};
use super::super::layouts::{Row, Table};
use super::super::words::axis;
use super::super::words::units::Unit;
use super::super::{Fault, Request, Series};
use super::columns::Column;
use super::figures::Rule;
use super::{Layout, direction};

/// Guesses what only the figures can show.
pub(super) fn guess(
    series: &mut [Series],
    table: &Table,
    layout: &Layout,
    columns: &[&Column],
    request: Request<'_>,
) -> Result<(), Fault> {
    let mut guesses = layout.figures.guesses.clone();
    if layout.figures.is_open {
        let names = layout.figures.list.iter().map(|figure| columns[figure.column].name.as_str());
        let names: Vec<&str> = names.collect();
        let column = match names.as_slice() {
            [one] => format!("column {one:?}"),
            some => format!("each of the columns {}", axis::list(some.iter().copied())),
        };
        guesses.retain(|guess| guess.about != About::Direction);
        guesses.extend(direction::decide(series, &column, layout.is_bare)?);
    }
    let timed = layout.figures.list.iter().all(|figure| {
        matches!(figure.rule, Rule::Unit(Unit::Time { .. })) && figure.work.is_none()
    });
    for one in series.iter_mut() {
        one.guessed.extend(guesses.iter().cloned());
        if timed && !request.work_per_worker {
            let efficiencies = efficiencies(table, layout, columns);
            let grows = direction::weak(one, &efficiencies);
            one.guessed.extend(grows);
        }
    }
    Ok(())
}

fn efficiencies(table: &Table, layout: &Layout, columns: &[&Column]) -> Vec<(f64, f64)> {
    let Some(at) = layout.efficiency else { return Vec::new() };
    let number =
        |row: Row<'_>, at: usize| match cell::parse(row.field(at), columns[at].facts.decimal) {
            Cell::Number(figure) => Some(figure.value),
            _ => None,
        };
    let rows = table.rows_from(layout.first).take(4096);
    let pairs: Vec<(f64, f64)> = rows
        .filter_map(|row| Some((number(row, layout.axis.workers)?, number(row, at)?)))
        .collect();
    // Percentages without a sign.
    let percent = pairs.iter().map(|pair| pair.1).fold(0.0, f64::max) > 5.0;
    pairs.into_iter().map(|(n, e)| (n, if percent { e / 100.0 } else { e })).collect()
}

/// If a second number of workers separates the curves, reports the best of all pairs.
pub(super) fn best_pair(series: &mut [Series], axis: &str) {
    let levels = series
        .iter()
        .flat_map(|one| direction::levels(one).into_iter().map(|level| (one.name.clone(), level)));
    let best = levels.max_by(|a, b| a.1.1.total_cmp(&b.1.1));
    let Some((name, (workers, _))) = best else { return };
    let text = format!("the best pair is {axis}={workers} with {name}");
    for one in series {
        one.warnings.push(text.clone());
    }
}
