//! JSON of no known tool: records, lines of records, columns of arrays. They become a table.

use serde_json::Value;

use super::super::layouts::records::{self, Found};
use super::super::words;
use super::super::{Fault, Request, Series, table};

/// Whether it holds records or columns, and one of their fields counts workers.
pub(super) fn is_json(value: &Value) -> bool {
    records::find(value).is_some_and(|found| counts(&found))
}

pub(super) fn are_lines(lines: &[(usize, Value)]) -> bool {
    records::of_lines(lines).is_some_and(|found| counts(&found))
}

fn counts(found: &Found) -> bool {
    found.names.iter().any(|name| words::counts_workers(name)) || found.states_counts()
}

/// Reads a document.
pub(super) fn read(json: &Value, request: Request<'_>) -> Result<Vec<Series>, Fault> {
    take(records::find(json), request)
}

/// Reads a record per line.
pub(super) fn read_lines(
    lines: &[(usize, Value)],
    request: Request<'_>,
) -> Result<Vec<Series>, Fault> {
    take(records::of_lines(lines), request)
}

fn take(found: Option<Found>, request: Request<'_>) -> Result<Vec<Series>, Fault> {
    let found =
        found.ok_or_else(|| Fault::whole("holds neither records nor columns of numbers"))?;
    table::read(&found.table()?, request)
}
