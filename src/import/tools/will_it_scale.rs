//! will-it-scale's CSV: operations per second of 1 to N copies, as processes and as threads.

use super::super::gather::Gather;
use super::super::layouts::Table;
use super::super::{Fault, Observation, Request, Series, positive};

/// Whether it is a table of runtest.py.
pub(super) fn is_table(table: &Table) -> bool {
    table.has(&["tasks", "processes", "processes_idle"])
        || table.has(&["tasks", "threads", "threads_idle"])
}

/// Reads the table. Its columns of idle time and of linear scaling are not throughputs.
pub(super) fn read(table: &Table, _: Request<'_>) -> Result<Vec<Series>, Fault> {
    let missing = |name: &str| Fault::at("line 1", format!("has no column {name:?}"));
    let tasks = table.column("tasks").ok_or_else(|| missing("tasks"))?;
    let curves: Vec<(&str, usize)> = ["processes", "threads"]
        .iter()
        .filter_map(|&name| Some((name, table.column(name)?)))
        .collect();
    if curves.is_empty() {
        return Err(missing("processes"));
    }
    let mut gather = Gather::default();
    for (name, column) in curves {
        let mut failed = Vec::new();
        let mut observations = Vec::new();
        for row in table.rows_from(1) {
            let workers =
                table.number(row.field(tasks)).map_err(|what| row.fault("tasks", what))?;
            // The first row is the origin of the tool's own plot, not a measurement.
            if workers.total_cmp(&0.0).is_eq() {
                continue;
            }
            let workers = positive(workers).map_err(|what| row.fault("tasks", what))?;
            let rate = table.number(row.field(column)).map_err(|what| row.fault(name, what))?;
            if rate.total_cmp(&-1.0).is_eq() {
                failed.push(row.field(tasks).to_owned());
                continue;
            }
            observations.push((row, Observation { workers, throughput: rate, repetition: None }));
        }
        // A test that exists only as processes has zeros for its threads, and vice versa.
        if observations.iter().all(|(_, one)| one.throughput.abs() <= 0.0) {
            continue;
        }
        for (row, one) in observations {
            positive(one.throughput).map_err(|what| row.fault(name, what))?;
            gather.add(name, "operations", one);
        }
        if !failed.is_empty() {
            let text =
                format!("failed with {} tasks (-1 in the file); left out", failed.join(", "));
            gather.series(name, "operations").warnings.push(text);
        }
    }
    Ok(gather.finish(&[]))
}
