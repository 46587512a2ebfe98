//! JMH's CSV: one line per benchmark, with its score only.

use super::super::gather::Gather;
use super::super::layouts::Table;
use super::super::words::units::Unit;
use super::super::words::words;
use super::super::{Fault, Observation, Request, Series, positive};

/// The warning about scores.
const SCORES: &str = "only the score of each benchmark is in the file, so nothing is known of the \
    spread; write JSON (-rf json) to keep the iterations";

/// Whether it is such a table.
pub(super) fn is_table(table: &Table) -> bool {
    table.has(&["benchmark", "mode", "threads", "samples", "score", "unit"])
}

/// Reads the table. `thrpt` includes all threads; in the other modes each thread makes operations
/// of its own.
pub(super) fn read(table: &Table, request: Request<'_>) -> Result<Vec<Series>, Fault> {
    let missing = |name: &str| Fault::at("line 1", format!("has no column {name:?}"));
    let column = |name: &str| table.column(name).ok_or_else(|| missing(name));
    let (benchmark, mode) = (column("Benchmark")?, column("Mode")?);
    let (threads, score, unit) = (column("Threads")?, column("Score")?, column("Unit")?);
    let header = table.row(0);
    let params: Vec<(usize, &str)> = (0..header.len())
        .filter_map(|at| Some((at, header.field(at).strip_prefix("Param: ")?)))
        .collect();
    let axis = match request.param {
        Some(asked) if words(asked) != ["threads"] => {
            let found = params.iter().find(|(_, name)| words(name) == words(asked));
            found.ok_or_else(|| missing(&format!("Param: {asked}")))?.0
        }
        _ => threads,
    };
    let several_modes = table.rows_from(1).any(|row| row.field(mode) != table.row(1).field(mode));
    let mut gather = Gather::default();
    for row in table.rows_from(1) {
        let others = params.iter().filter(|(at, _)| *at != axis && !row.field(*at).is_empty());
        let mut parts: Vec<String> =
            others.map(|(at, name)| format!("{name}={}", row.field(*at))).collect();
        if several_modes {
            parts.push(row.field(mode).to_owned());
        }
        let parts =
            if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) };
        let name = format!("{}{parts}", row.field(benchmark));
        let given = Unit::parse(row.field(unit));
        let given = given.ok_or_else(|| row.fault("Unit", "is neither a throughput nor a time"))?;
        let figure = table.positive(row, score, "Score")?;
        let throughput = given.throughput(figure, 1.0, table.positive(row, threads, "Threads")?);
        positive(throughput)
            .map_err(|what| row.fault("Score", format!("as a throughput {what}")))?;
        let workers = table.positive(row, axis, header.field(axis))?;
        gather.add(&name, &given.counted(), Observation { workers, throughput, repetition: None });
    }
    Ok(gather.finish(&[SCORES.to_owned()]))
}
