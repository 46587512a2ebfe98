//! hyperfine's CSV of both versions: one line per command, with a column for each parameter.

use super::super::layouts::{Row, Table};
use super::super::words::units as rate;
use super::super::{Fault, Request, Series};
use super::hyperfine::{Run, assemble};

/// Whether it is such a table.
pub(super) fn is_table(table: &Table) -> bool {
    table.has(&["command", "mean", "median"]) || table.has(&["command", "time_wall_clock_mean"])
}

/// Reads the table; it holds summaries only.
pub(super) fn read(table: &Table, request: Request<'_>) -> Result<Vec<Series>, Fault> {
    let missing = |name: &str| Fault::at("line 1", format!("has no column {name:?}"));
    let label = table.column("name").or_else(|| table.column("command"));
    let label = label.ok_or_else(|| missing("command"))?;
    let figure = ["median", "time_wall_clock_median", "mean", "time_wall_clock_mean"];
    let figure = figure.iter().find_map(|name| table.column(name));
    let figure = figure.ok_or_else(|| missing("median"))?;
    let unit = table.column("time_wall_clock_unit");
    let header = table.row(0);
    let runs: Result<Vec<Run>, Fault> = table
        .rows_from(1)
        .map(|row| {
            let seconds = table.positive(row, figure, header.field(figure))? * scale(row, unit)?;
            Ok(Run {
                place: format!("line {}", row.line()),
                label: row.field(label).to_owned(),
                parameters: parameters(header, row),
                seconds: vec![seconds],
                failed: 0,
                is_summary: true,
            })
        })
        .collect();
    assemble(&runs?, request)
}

fn scale(row: Row<'_>, unit: Option<usize>) -> Result<f64, Fault> {
    let Some(column) = unit else { return Ok(1.0) };
    let text = row.field(column);
    rate::seconds(text)
        .ok_or_else(|| row.fault("time_wall_clock_unit", format!("{text:?} is not a unit of time")))
}

/// Columns called `parameter_NAME`.
fn parameters(header: Row<'_>, row: Row<'_>) -> std::collections::BTreeMap<String, String> {
    let columns = header.fields().enumerate();
    columns
        .filter_map(|(at, name)| {
            let name = name.strip_prefix("parameter_")?;
            Some((name.to_owned(), row.field(at).to_owned()))
        })
        .collect()
}
